"""Options of `saddlescape train` that reach the network and its loss, and what follows."""

# ruff: noqa: F811 - fixtures by their names

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

import saddlescape as ss
from cli_samples import check_refused, folder, status, table, trained  # noqa: F401 - fixtures
from saddlescape import data
from saddlescape.eig import eigvalsh

PETS = "train pets.csv --target kind --epochs 20 --lr 0.05 --out new"


def few_dogs(folder):
    """Leave 20 cats and 6 dogs."""
    rows = (folder / "pets.csv").read_text().splitlines()
    dogs = [row for row in rows if row.endswith("dog")]
    text = [rows[0], *(row for row in rows[1:] if row.endswith("cat")), *dogs[:6]]
    (folder / "pets.csv").write_text("\n".join(text) + "\n")


def training(run):
    """What a run in a folder was trained on."""
    record = json.loads((run / "run.json").read_text())
    split = data.prepare(
        data.load("pets.csv", target=record["target"]["name"]), standardise=False, seed=0
    )
    return split.train.X, split.train.y


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype(dtype, folder, capsys):
    assert status(f"{PETS} --dtype {dtype}") == 0
    net = ss.MLP.load(folder / "new" / "model.safetensors")
    assert net.dtype == dtype
    assert json.loads((folder / "new" / "run.json").read_text())["arguments"]["dtype"] == dtype
    for line in ("resume new --epochs 22", "predict new pets.csv --target kind", "spectrum new"):
        assert status(line) == 0, line
    assert ss.MLP.load(folder / "new" / "model.safetensors").dtype == dtype


def test_normalise_after(folder, capsys):
    """Where it stands is kept, and the network is the one that the library makes of it."""
    assert status(f"{PETS} --normalisation batch --normalise-after --batch-size full") == 0
    kept = ss.MLP.load(folder / "new" / "model.safetensors")
    assert (kept.normalisation, kept.normalise_after) == ("batch", True)
    assert "batch normalisation behind the activation" in capsys.readouterr().out
    X, y = training(folder / "new")
    net = ss.MLP((2, 16, 2), dtype="float64", seed=0, normalisation="batch", normalise_after=True)
    net.standardise(X)
    ss.train(net, X, y, epochs=20, lr=0.05, batch_size="full", seed=0)
    assert np.array_equal(kept.theta, net.theta)
    before = PETS.replace("new", "before")
    assert status(f"{before} --normalisation batch --batch-size full") == 0
    assert not ss.MLP.load(folder / "before" / "model.safetensors").normalise_after


def test_class_weight_is_in_the_loss(folder, capsys):
    few_dogs(folder)
    assert status(f"{PETS} --class-weight balanced --batch-size full") == 0
    X, y = training(folder / "new")
    net = ss.MLP((2, 16, 2), dtype="float64", seed=0)
    net.standardise(X)
    run = ss.train(
        net, X, y, epochs=20, lr=0.05, batch_size="full", class_weight="balanced", seed=0
    )
    rows = table((folder / "new" / "history.csv").read_text())
    assert [float(row["loss"]) for row in rows] == run.history.loss.tolist()
    assert status(f"{PETS} --force --batch-size full") == 0
    rows = table((folder / "new" / "history.csv").read_text())
    assert float(rows[0]["loss"]) != run.history.loss[0]


def test_a_resumed_run_has_its_class_weights(folder):
    few_dogs(folder)
    assert status(f"{PETS} --class-weight balanced") == 0
    more = PETS.replace("20", "10")
    assert status(f"{more}2 --class-weight balanced") == 0
    assert status("resume new2 --epochs 20") == 0
    for name in ("model.safetensors", "history.csv"):
        assert (folder / "new2" / name).read_bytes() == (folder / "new" / name).read_bytes()


def test_metrics(folder):
    names = ["f1", "recall"]
    assert status(f"{PETS} --metrics f1,recall --validation 0.2") == 0
    with (folder / "new" / "history.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    held = ["loss", "accuracy", *names]
    assert header[8:] == [*names, *(f"validation_{name}" for name in held)]
    assert rows[-1][header.index("f1")] != ""
    assert status("train houses.csv --target price --epochs 2 --metrics mae,rmse --out h2") == 0
    assert "epoch_loss,mae,rmse\n" in (folder / "h2" / "history.csv").read_text()


BAD = {
    f"{PETS} --dtype float16": "argument --dtype: 'float16', expected one of float32, float64",
    f"{PETS} --class-weight even": "argument --class-weight: 'even', expected one of balanced",
    "train houses.csv --target price --class-weight balanced --out new": (
        "--class-weight: target 'price' of houses.csv holds numbers, expected classes"
    ),
    f"{PETS} --metrics f1,f1": (
        "argument --metrics: 'f1,f1', expected some of accuracy, balanced_accuracy, f1, precision, "
        "recall, mae, mse, r2, rmse, each once, with commas between"
    ),
    f"{PETS} --metrics acc": "argument --metrics: 'acc', expected some of accuracy, balanced_",
    f"{PETS} --metrics r2": "--metrics: 'r2' with the loss cross_entropy, expected one of accurac",
    "train houses.csv --target price --metrics f1 --out new": "--metrics: 'f1' needs classes, ",
    "resume p --patience 0": "argument --patience: '0', expected an integer of at least 1",
    "resume p --patience 3": (
        "--patience: p has no validation data, expected a run that was trained with --validation "
        "SHARE"
    ),
    "resume h --patience 3 --epochs 3": "--epochs: 3, expected at least 60, those begun in h/check",
}


@pytest.mark.parametrize("line", BAD)
def test_a_wrong_option_is_one_line_and_changes_nothing(line, folder, capsys):
    check_refused(line, BAD[line], folder, capsys)


PENALISED = [
    ("--l2 0.3", 0.0, 0.3, "with --l2 0.3, as trained: on the diagonal, for each weight"),
    ("--l1 0.02", 0.02, 0.0, "with --l1 0.02, as trained: in the gradient"),
    ("--l1 0.02 --l2 0.3 --class-weight balanced", 0.02, 0.3, "with --class-weight balanced, as"),
]


@pytest.mark.parametrize(("options", "l1", "l2", "said"), PENALISED)
def test_the_spectrum_is_that_of_the_loss_that_was_trained(options, l1, l2, said, folder, capsys):
    few_dogs(folder)
    assert status(f"{PETS} --layers 3 {options}") == 0
    capsys.readouterr()
    assert status("spectrum new --ends 3") == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    X, y = training(folder / "new")
    net = ss.MLP.load(folder / "new" / "model.safetensors")
    weight = np.ones(len(y))
    if "balanced" in options:
        weight = len(y) / (2 * np.bincount(y)[y])
    weights = np.concatenate([np.ones(6), np.zeros(3), np.ones(6), np.zeros(2)])
    H = net.hessian(X, y, sample_weight=weight) + np.diag(l2 * weights)
    g = net.gradient(X, y, sample_weight=weight)
    g += weights * (l1 * np.sign(net.theta) + l2 * net.theta)
    values = eigvalsh(H)
    shown = [float(line.split()[0]) for line in out.splitlines() if line.endswith("1  yes")]
    np.testing.assert_allclose(shown, [*values[:3], *values[-3:]], rtol=1e-5, atol=1e-12)
    assert f"|g| = {np.linalg.norm(g):.3g}" in out
    assert said in out
    unseen = "the l1 penalty is piecewise linear: it adds nothing to H where a weight is not 0"
    assert (unseen in " ".join(out.split())) == (l1 > 0)


def test_a_run_of_an_earlier_version_goes_on(folder):
    """Whose run.json has not the options that came later."""
    path = folder / "p" / "run.json"
    content = json.loads(path.read_text())
    for name in ("class_weight", "dtype", "metrics", "normalise_after"):
        del content["arguments"][name]
    path.write_text(json.dumps(content))
    for line in ("spectrum p", "predict p pets.csv", "resume p --epochs 61"):
        assert status(line) == 0, line


def test_predictions_for_a_parquet_file(folder, capsys):
    parquet = pytest.importorskip("pyarrow.parquet")
    import pyarrow

    assert status("predict h houses.csv --target price") == 0
    expected = capsys.readouterr()
    rows = table((folder / "houses.csv").read_text())
    columns = {
        "price": [float(row["price"]) for row in rows],
        "town": [row["town"] for row in rows],
        "rooms": [float(row["rooms"]) for row in rows],
    }
    parquet.write_table(pyarrow.table(columns), folder / "houses.parquet")
    assert status("predict h houses.parquet --target price") == 0
    found = capsys.readouterr()
    assert found.out == expected.out
    assert found.err == expected.err.replace(", those of the training among them", "")
    columns["town"][3] = "Paris"
    parquet.write_table(pyarrow.table(columns), folder / "houses.parquet")
    assert status("predict h houses.parquet") == 1
    assert "houses.parquet: column 'town', row 4: 'Paris', expected" in capsys.readouterr().err


def test_a_run_trained_on_a_parquet_file(folder, capsys):
    parquet = pytest.importorskip("pyarrow.parquet")
    import pyarrow

    rows = table((folder / "houses.csv").read_text())
    columns = {
        "rooms": [float(row["rooms"]) for row in rows],
        "town": [row["town"] for row in rows],
        "price": [float(row["price"]) for row in rows],
    }
    parquet.write_table(pyarrow.table(columns), folder / "houses.parquet")
    words = "--target price --epochs 60 --lr 0.02 --validation 0.2 --out new"
    assert status(f"train houses.parquet {words}") == 0
    names = ("model.safetensors", "history.csv")
    for name in names:
        assert (folder / "new" / name).read_bytes() == (folder / "h" / name).read_bytes(), name
    assert status("resume new --epochs 62") == 0
