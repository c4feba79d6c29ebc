"""`saddlescape predict`: the same columns, the same encodings."""

# ruff: noqa: F811 - fixtures by their names

from __future__ import annotations

import re

import numpy as np

import saddlescape as ss
from cli_samples import folder, status, table, trained, write  # noqa: F401 - fixtures
from saddlescape.cli.record import Record


def test_values_are_in_the_targets_own_unit(folder, capsys):
    assert status("predict h houses.csv") == 0
    rows = table(capsys.readouterr().out)
    assert list(rows[0]) == ["row", "price"]
    true = [float(row["price"]) for row in table((folder / "houses.csv").read_text())]
    guess = [float(row["price"]) for row in rows]
    assert np.corrcoef(true, guess)[0, 1] > 0.95
    assert abs(np.mean(guess) - np.mean(true)) < 0.2 * np.std(true)


def test_columns_in_another_order_and_a_gap_give_what_they_must(folder, capsys):
    assert status("predict h new.csv") == 0
    rows = table(capsys.readouterr().out)
    record = Record.read(folder / "h" / "run.json")
    net = ss.MLP.load(folder / "h" / "model.safetensors")
    median = record.codes[0].median
    outputs = net.predict(np.array([[0.5, 0.0, 1.0], [median, 1.0, 0.0]]))[:, 0]
    wanted = outputs * record.scale.deviation + record.scale.mean
    np.testing.assert_allclose([float(row["price"]) for row in rows], wanted, rtol=1e-9)


def test_classes_have_names_and_probabilities(folder, capsys):
    for loss in ("cross_entropy", "bce"):
        words = f"train pets.csv --target kind --out {loss} --loss {loss} --epochs 300 --lr 0.05"
        assert status(words) == 0
        capsys.readouterr()
        assert status(f"predict {loss} pets.csv --target kind") == 0
        out, err = capsys.readouterr()
        rows = table(out)
        assert list(rows[0]) == ["row", "kind", "probability", "p(cat)", "p(dog)"]
        assert [row["kind"] for row in rows] == ["cat", "dog"] * 20
        for row in rows:
            shares = [float(row["p(cat)"]), float(row["p(dog)"])]
            assert abs(sum(shares) - 1) < 1e-5
            assert float(row["probability"]) == max(shares) == float(row[f"p({row['kind']})"])
        assert re.search(r"^accuracy +100.0 %$", err, re.MULTILINE)
        assert re.search(
            r"^scored on +40 rows, those of the training among them$", err, re.MULTILINE
        )


def test_a_table_in_a_file(folder, capsys):
    assert status("predict p pets.csv --target kind --out told.csv") == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.endswith("40 rows: told.csv\n")
    assert len(table((folder / "told.csv").read_text())) == 40
    assert status("predict p pets.csv --out told.csv") == 1
    assert status("predict p pets.csv --out told.csv --force") == 0


def test_arrays_and_labels_that_look_like_numbers(folder, capsys):
    assert status("predict a only_x.npz") == 0
    assert len(table(capsys.readouterr().out)) == 4
    assert status("predict a three.npz --target y") == 0
    assert "R squared" in capsys.readouterr().err
    write(folder / "zips.csv", "zip,kind",
          [(["01", "02", "x3"][i % 3], "ab"[i % 3 > 0]) for i in range(40)])  # fmt: skip
    assert status("train zips.csv --target kind --out z --epochs 3") == 0
    write(folder / "one.csv", "zip", [("02",), ("01",)])
    capsys.readouterr()
    assert status("predict z one.csv") == 0
    assert len(table(capsys.readouterr().out)) == 2
    write(folder / "one.csv", "zip", [("2",)])
    assert status("predict z one.csv") == 1
    assert "row 1: '2', expected one of '01', '02', 'x3'" in capsys.readouterr().err


def test_rows_without_the_truth_are_left_out_of_the_score(folder, capsys):
    write(folder / "some.csv", "weight,age,kind", [(4, 1, "cat"), (24, 1, ""), (24, 2, "dog")])
    assert status("predict p some.csv --target kind") == 0
    out, err = capsys.readouterr()
    assert len(table(out)) == 3
    assert "scored on      2 rows, 1 more without a value" in err
