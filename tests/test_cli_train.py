"""`saddlescape train`, `resume`, `predict` and `spectrum`: files, lines, refusals, same bits."""

# ruff: noqa: F811 - fixtures by their names

from __future__ import annotations

import json
import re
import shutil

import numpy as np
import pytest

import saddlescape as ss
from cli_samples import FILES, LABELS, check_refused, folder, status, table, trained  # noqa: F401 - fixtures
from saddlescape import data
from saddlescape.cli.record import Record
from saddlescape.data.encode import LabelCode, NumberCode
from saddlescape.train.held_out import held_out

TRAIN = "train houses.csv --target price --out new"
# command line -> the one line, or how it begins
BAD = {
    "train": "the following arguments are required: DATA",
    "train houses.csv": "houses.csv: no target given (--target COLUMN); the columns are",
    "train nosuch.csv --target y": "nosuch.csv: no such file",
    "train houses.csv --target price --out h": (
        "--out h: holds a run already (run.json, checkpoint.safetensors, model.safetensors, "
        "history.csv): name another folder, or --force to replace it"
    ),
    "train houses.csv --target price --out houses.csv": (
        "--out houses.csv: a file, expected a directory"
    ),
    f"{TRAIN} --loss cross_entropy": (
        "--loss cross_entropy: target 'price' of houses.csv holds numbers, expected mse or mae or "
        "huber"
    ),
    "train pets.csv --target kind --loss mse --out new": (
        "--loss mse: target 'kind' of pets.csv holds classes, expected cross_entropy or bce"
    ),
    "train digits --loss bce --out new": (
        "--loss bce: is for 2 classes, target 'digit' of digits has 10: cross_entropy"
    ),
    f"{TRAIN} --loss hinge": "argument --loss: 'hinge', expected one of cross_entropy, bce, mse",
    f"{TRAIN} --dropout 1": "argument --dropout: '1', expected a number from 0 up to below 1",
    f"{TRAIN} --l1 -1": "argument --l1: '-1', expected a number of at least 0",
    f"{TRAIN} --l2 nan": "argument --l2: 'nan', expected a number of at least 0",
    f"{TRAIN} --validation 1": "argument --validation: '1', expected a number between 0 and 1",
    f"{TRAIN} --validation 0": "argument --validation: '0', expected a number between 0 and 1",
    f"{TRAIN} --patience 5": "--patience: needs --validation SHARE, the data to judge by",
    f"{TRAIN} --patience 0 --validation 0.2": "argument --patience: '0', expected an integer of",
    f"{TRAIN} --schedule step": "argument --schedule: 'step', expected one of constant, cosine",
    f"{TRAIN} --normalisation group": "argument --normalisation: 'group', expected one of batch,",
    f"{TRAIN} --normalise-after": "--normalise-after: needs --normalisation KIND, batch or layer",
    f"{TRAIN} --device gpu": "argument --device: 'gpu', expected one of cpu, cuda",
    f"{TRAIN} --threads 0": "argument --threads: '0', expected an integer of at least 1",
    f"{TRAIN} --normalisation batch --batch-size 1": (
        "--batch-size: 1 leaves a batch of 1 of 48 samples, expected at least 2 in each"
    ),
    "resume": "the following arguments are required: DIR",
    "resume nosuch": "nosuch: no such folder, expected what train --out wrote",
    "resume houses.csv": "houses.csv: a file, expected the folder that train --out wrote",
    "resume .": ".: no run in it (no run.json), expected what train --out wrote",
    "resume h --epochs 59": "--epochs: 59, expected at least 60, those begun in h/checkpoint.",
    "resume h --epochs 0": "argument --epochs: '0', expected an integer of at least 1",
    "resume h --data pets.csv": "pets.csv: not the data that the run was trained on: SHA-256 ",
    "resume h --data gone.csv": "gone.csv: no such file",
    "predict h": "the following arguments are required: DATA",
    "predict h nosuch.csv": "nosuch.csv: no such file",
    "predict h paris.csv": (
        f"paris.csv: column 'town', row 2: 'Paris', {LABELS} (1 more such rows)"
    ),
    "predict h nowhere.csv": f"nowhere.csv: column 'town', row 2: no label, {LABELS}",
    "predict h words.csv": (
        "words.csv: column 'rooms', row 2: 'many', expected a number as in training"
    ),
    "predict h endless.csv": ("endless.csv: column 'rooms', row 2: inf, expected a finite number"),
    "predict h roomless.csv": (
        "roomless.csv: no column 'rooms', which was there in training; the columns are 'town', "
        "'size'"
    ),
    "predict h pets.csv": "pets.csv: no column 'rooms', which was there in training; the columns",
    "predict h new.csv --target price": "new.csv: no column 'price'; the columns are 'town', ",
    "predict h strange.csv --target price": (
        "strange.csv: target 'price': holds labels ('dear'), expected numbers as in training"
    ),
    "predict p birds.csv --target kind": (
        "birds.csv: target 'kind', row 2: 'bird', expected one of 'cat', 'dog' as in training"
    ),
    "predict a four.npz": "four.npz: 4 columns, expected 3 as in training",
    "predict a only_x.npz --target y": "only_x.npz: no array 'y'; the file holds 'X'",
    "predict a only_x.npz --target z": "only_x.npz: target 'z': the target of these data is 'y'",
    "predict h new.csv --out new.csv --force": (
        "--out new.csv: the data or a file of the run, expected another name"
    ),
    "predict h new.csv --out h/run.json --force": "--out h/run.json: the data or a file of the run",
    "predict h new.csv --out pets.csv": "--out pets.csv: there already: another name, or --force",
    "predict h new.csv --out h": "--out h: a directory, expected a file",
    "predict h new.csv --out no/p.csv": "--out no/p.csv: no directory no",
    "spectrum nosuch": "nosuch: no such folder, expected what train --out wrote",
    "spectrum h --ends 0": "argument --ends: '0', expected an integer of at least 1",
    "spectrum h --data pets.csv": "pets.csv: not the data that the run was trained on: SHA-256 ",
}


@pytest.mark.parametrize("line", BAD)
def test_a_wrong_command_is_one_line_and_changes_nothing(line, folder, capsys):
    check_refused(line, BAD[line], folder, capsys)


def cut(name, share=2):
    def do(folder):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // share])

    return do


def without(name):
    return lambda folder: (folder / name).unlink()


def altered(key, value):
    def do(folder):
        content = json.loads((folder / "run.json").read_text())
        content[key] = value
        (folder / "run.json").write_text(json.dumps(content))

    return do


# what happened to the folder h, the command, how the line begins
HARMED = [
    (cut("run.json"), "predict h new.csv", "h/run.json: damaged ("),
    (cut("run.json", 10**6), "resume h", "h/run.json: damaged ("),
    (altered("format", "x/2"), "predict h new.csv", "h/run.json: format 'x/2', expected"),
    (altered("columns", 3), "predict h new.csv", "h/run.json: damaged (3, expected list)"),
    (altered("columns", [{}]), "predict h new.csv", "h/run.json: damaged ('kind')"),
    (altered("arguments", {"data": "houses.csv"}), "resume h", "h/run.json: no argument "),
    (altered("scale", {"mean": 1}), "predict h new.csv", "h/run.json: damaged ("),
    (cut("model.safetensors"), "predict h new.csv", "h/model.safetensors: "),
    (cut("model.safetensors"), "spectrum h", "h/model.safetensors: "),
    (without("model.safetensors"), "predict h new.csv", "h/model.safetensors: not there, the "
     "training was cut off before its end: saddlescape resume h"),
    (without("model.safetensors"), "spectrum h", "h/model.safetensors: not there, the training"),
    (cut("checkpoint.safetensors"), "resume h --epochs 70", "h/checkpoint.safetensors: damaged"),
    (without("../houses.csv"), "resume h", "houses.csv: no such file; the run was trained on it. "
     "Where it is now: --data FILE"),
    (without("../houses.csv"), "spectrum h", "houses.csv: no such file; the run was trained on"),
    (lambda folder: shutil.copy("p/model.safetensors", folder), "predict h new.csv",
     "run.json encodes 3 features, model.safetensors has 2 inputs: they are of two runs"),
]  # fmt: skip


@pytest.mark.parametrize(("harm", "line", "said"), HARMED)
def test_a_harmed_folder_is_one_line(harm, line, said, folder, capsys):
    harm(folder / "h")
    check_refused(line, said, folder, capsys)


# --- what is kept ---------------------------------------------------------------------------------


def test_the_folder_of_a_run(trained):
    assert {path.name for path in (trained / "h").iterdir()} == FILES
    content = json.loads((trained / "h" / "run.json").read_text())
    assert content["arguments"]["data"] == "houses.csv"
    assert content["arguments"]["epochs"] == 60
    assert str(trained) not in (trained / "h" / "run.json").read_text()
    assert content["version"] == ss.__version__
    rows = table((trained / "h" / "history.csv").read_text())
    assert len(rows) == 60 * 2  # 60 rows: 12 to test, 10 of 48 to validate, 38 in batches of 32
    assert float(rows[-1]["validation_loss"]) < float(rows[1]["validation_loss"])


def test_standardisation_is_of_the_training_part_alone(trained):
    """As fitted by hand, on neither the test's rows nor those held out."""
    table = data.load(trained / "houses.csv", target="price")
    split = data.prepare(table, seed=0, standardise=False)
    kept, out = held_out(0.2, len(split.train), None, 0)
    net = ss.MLP.load(trained / "h" / "model.safetensors")
    mean, deviation = net.standardisation
    np.testing.assert_allclose(mean, split.train.X[kept].mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(deviation, split.train.X[kept].std(axis=0), rtol=1e-14)
    scale = Record.read(trained / "h" / "run.json").scale
    np.testing.assert_allclose(scale.mean, split.train.y[kept].mean(), rtol=1e-14)
    assert len(out) == 10


def test_a_record_is_read_as_it_was_written(tmp_path):
    record = Record(
        {"data": "ä.csv", "epochs": 3}, None, "y", "classification", ("1", "2"),
        (NumberCode("x", 0.1), LabelCode("t", ("a", None))), data.Scale(3, 0.1, 1 / 3), 2,
    )  # fmt: skip
    record.write(tmp_path / "run.json")
    assert Record.read(tmp_path / "run.json") == record


def test_what_is_said_at_the_end(folder, capsys):
    line = "train pets.csv --target kind --out new --epochs 30 --validation 0.25 --patience 30"
    assert status(line) == 0
    out, err = capsys.readouterr()
    assert max(map(len, (out + err).splitlines())) <= 80
    text = " ".join(out.split())
    assert "30 epochs, 30 steps. All epochs were trained. The best epoch, " in text
    for row in ("training", "validation", "test"):
        assert re.search(rf"^  {row} +[\d.e-]+ +[\d.]+ %   \d+", out, re.MULTILINE)
    for name in FILES:
        assert f"  {name} " in out
    assert "saddlescape predict new DATA" in out
    assert len(err.splitlines()) == 10  # a line of progress for each tenth


def test_divergence_is_status_2(folder, capsys):
    line = "train houses.csv --target price --out new --raw --optimizer sgd --lr 10 --epochs 99"
    assert status(line) == 2
    out = capsys.readouterr().out
    assert "infinite or NaN" in out
    assert "Traceback" not in out


def test_force_replaces_the_run_and_nothing_else(folder, capsys):
    (folder / "h" / "notes.txt").write_text("mine")
    assert status("spectrum h") == 0
    assert status("train pets.csv --target kind --out h --epochs 2 --force") == 0
    assert {path.name for path in (folder / "h").iterdir()} == FILES | {"notes.txt"}
    assert Record.read(folder / "h" / "run.json").target == "kind"


@pytest.mark.parametrize(
    "options",
    [
        "--loss huber --activation relu --layers 8,8 --residual --l1 1e-3 --l2 1e-3",
        "--loss mae --normalisation layer --optimizer sgd --lr 0.01 --schedule linear",
        "--normalisation batch --dropout 0.2 --schedule cosine --batch-size full",
        "--normalisation layer --normalise-after --activation relu",
        "--raw --init orthogonal --threads 1 --task regression",
    ],
)
def test_every_option_trains_and_what_follows_works(options, folder, capsys):
    line = f"train houses.csv --target price --out new --epochs 4 {options}"
    assert status(line) == 0
    assert status("predict new new.csv") == 0
    assert status("spectrum new --steps 20") == 0
