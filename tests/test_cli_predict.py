"""`saddlescape predict`: the same columns, the same encodings."""

# ruff: noqa: F811 - fixtures by their names

from __future__ import annotations

import os
import re
import sys

import numpy as np
import pytest

import saddlescape as ss
from cli_samples import folder, status, table, trained, write  # noqa: F401 - fixtures
from saddlescape.cli.glance import glance
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
    assert out.endswith("told.csv: 40 rows of row, kind, probability, p(cat), p(dog)\n")
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


def test_what_was_filled_or_not_used_is_said(folder, capsys):
    """Beside the table, not in it; the truth is no column that somebody forgot."""
    assert status("predict h new.csv") == 0
    out, err = capsys.readouterr()
    assert len(table(out)) == 2
    median = Record.read(folder / "h" / "run.json").codes[0].median
    assert " ".join(err.split()) == (
        f"note: column 'rooms': 1 missing value, filled with the training median {median:.6g} "
        "note: not used, the network was trained without: 'note'"
    )
    assert status("predict h houses.csv") == 0
    assert capsys.readouterr().err == ""
    write(folder / "cost.csv", "rooms,town,cost", [(1, "Oslo", 3000)])
    assert status("predict h cost.csv --target cost --out told.csv") == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "note" not in out
    assert "(root mean square, in units of 'price')" in out
    assert out.endswith("told.csv: 1 row of row, price\n")


@pytest.mark.parametrize("columns", [80, 120])
def test_a_terminal_shows_the_first_rows(columns, folder, capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((columns, 24)))
    assert status("predict p pets.csv --target kind") == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0].split() == ["row", "kind", "probability", "next", "probability"]
    assert [line.split()[1] for line in lines[1:21]] == ["cat", "dog"] * 10
    for line in lines[1:21]:
        assert float(line.split()[2]) + float(line.split()[-2]) == pytest.approx(100, abs=0.11)
    assert lines[21:] == ["... 20 more rows; all, with every class: --out FILE.csv"]
    assert "accuracy" in err
    assert status("predict h new.csv") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["row", "1", "2"]
    assert len({len(line) for line in lines}) == 1
    assert status("predict p pets.csv --out told.csv") == 0
    assert len(table((folder / "told.csv").read_text())) == 40


LONG = "a name that is far too long for a column beside others " * 3


@pytest.mark.parametrize("classes", [("a", "b"), ("a", LONG, "c\x1b[2J"), ("a",), ()])
@pytest.mark.parametrize("rows", [0, 1, 20, 21, 1_020])
@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_glance_fits_the_terminal(classes, rows, width):
    header = ["row", LONG, "probability", *classes] if classes else ["row", LONG]
    rng = np.random.default_rng(0)
    made = []
    for i in range(rows):
        shares = rng.dirichlet(np.ones(len(classes))) if classes else [rng.normal() * 1e9]
        best = [classes[int(np.argmax(shares))], str(max(shares))] if classes else []
        made.append([str(i + 1), *best, *map(str, shares)])
    lines = glance(header, made, classes, width)
    assert max(map(len, lines)) <= width
    assert len(lines) == 1 + min(rows, 20) + (rows > 20)
    assert "\x1b" not in "".join(lines)
