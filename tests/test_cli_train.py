"""`saddlescape train`, `resume`, `predict` and `spectrum`: files, lines, refusals, same bits."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import saddlescape as ss
from saddlescape import data
from saddlescape.cli import main
from saddlescape.cli.record import Record
from saddlescape.data.encode import LabelCode, NumberCode
from saddlescape.eig import eigvalsh
from saddlescape.train.held_out import held_out
from saddlescape.train.progress import ProgressOfRun

for package in ("matplotlib", "pandas", "plotly", "rich", "sklearn"):
    pytest.importorskip(package)

FILES = {"run.json", "checkpoint.safetensors", "model.safetensors", "history.csv"}
LABELS = "expected one of 'Oslo', 'Rome' as in training"


def write(path, header, rows):
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")


def make_data(folder):
    rng = np.random.default_rng(0)
    towns = rng.choice(["Oslo", "Rome"], 60)
    rows = [(f"{x:.3f}", t, f"{1000 * x + 500 * (t == 'Rome') + 3000:.2f}")
            for x, t in zip(rng.standard_normal(60), towns, strict=True)]  # fmt: skip
    write(folder / "houses.csv", "rooms,town,price", rows)
    write(folder / "new.csv", "town,note,rooms", [("Rome", "x", 0.5), ("Oslo", "y", "")])
    write(folder / "paris.csv", "town,rooms", [("Oslo", 1), ("Paris", 2), ("Paris", 3)])
    write(folder / "nowhere.csv", "town,rooms", [("Oslo", 1), ("", 2)])
    write(folder / "words.csv", "town,rooms", [("Oslo", 1), ("Oslo", "many")])
    write(folder / "endless.csv", "town,rooms", [("Oslo", 1), ("Oslo", "inf")])
    write(folder / "huge.csv", "town,rooms", [("Oslo", "1e308"), ("Oslo", "-1e308")])
    write(folder / "roomless.csv", "town,size", [("Oslo", 1)])
    write(folder / "strange.csv", "rooms,town,price", [(1, "Oslo", "dear")])
    pets = [(4 + 20 * (i % 2) + i / 50, i % 7, ["cat", "dog"][i % 2]) for i in range(40)]
    write(folder / "pets.csv", "weight,age,kind", pets)
    write(folder / "birds.csv", "weight,age,kind", [(4, 1, "cat"), (5, 1, "bird")])
    X = rng.standard_normal((40, 3))
    np.savez(folder / "three.npz", X=X, y=X @ [1.0, 2.0, 3.0])
    np.savez(folder / "four.npz", X=np.ones((4, 4)))
    np.savez(folder / "only_x.npz", X=X[:4])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with data, and a run of houses, pets and arrays each."""
    folder = tmp_path_factory.mktemp("cli")
    make_data(folder)
    before = Path.cwd()
    os.chdir(folder)
    try:
        for line in (
            "train houses.csv --target price --out h --epochs 60 --lr 0.02 --validation 0.2",
            "train pets.csv --target kind --out p --epochs 60 --lr 0.05",
            "train three.npz --out a --epochs 3",
        ):
            assert main(line.split()) == 0
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def folder(trained, tmp_path, monkeypatch):
    """A copy of its own to stand in."""
    shutil.copytree(trained, tmp_path / "x")
    monkeypatch.chdir(tmp_path / "x")
    return tmp_path / "x"


def status(line):
    try:
        return main(line.split())
    except SystemExit as end:
        return end.code


def contents(folder):
    return {path.relative_to(folder): path.read_bytes()
            for path in sorted(folder.rglob("*")) if path.is_file()}  # fmt: skip


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
    before = contents(folder)
    assert status(line) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith(f"saddlescape: {BAD[line]}")
    assert contents(folder) == before


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
    assert status(line) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith(f"saddlescape: {said}")


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
        "--raw --init orthogonal --threads 1 --task regression",
    ],
)
def test_every_option_trains_and_what_follows_works(options, folder, capsys):
    line = f"train houses.csv --target price --out new --epochs 4 {options}"
    assert status(line) == 0
    assert status("predict new new.csv") == 0
    assert status("spectrum new --steps 20") == 0


# --- on from where it was -------------------------------------------------------------------------

PLAIN = "--epochs 40 --lr 0.02 --seed 3"
LAYERED = f"{PLAIN} --normalisation batch --dropout 0.3 --validation 0.2 --schedule cosine"
STOPPED = f"{PLAIN} --validation 0.3 --patience 2 --lr 0.5"


def stop_after(epochs, monkeypatch):
    """An interrupt from the keyboard at the end of so many epochs."""
    look = ProgressOfRun.look

    def interrupted(self, state):
        look(self, state)
        if state.epoch_ended and state.epoch + 1 == epochs:
            raise KeyboardInterrupt

    monkeypatch.setattr(ProgressOfRun, "look", interrupted)


@pytest.mark.parametrize("options", [PLAIN, LAYERED, STOPPED])
@pytest.mark.parametrize("epochs", [1, 3])
def test_an_interrupted_run_ends_with_the_same_bits(options, epochs, folder, capsys, monkeypatch):
    words = f"train houses.csv --target price {options}"
    assert status(f"{words} --out whole") == 0
    with monkeypatch.context() as context:
        stop_after(epochs, context)
        assert status(f"{words} --out cut") == 130
    err = capsys.readouterr().err
    assert err.endswith(
        f"saddlescape: interrupted in epoch {epochs} of 40; to go on: saddlescape resume cut\n"
    )
    assert status("predict cut new.csv") == 0  # what there is can be used
    assert status("resume cut") == 0
    for name in FILES - {"checkpoint.safetensors"}:
        assert (folder / "cut" / name).read_bytes() == (folder / "whole" / name).read_bytes(), name


def test_more_epochs_and_a_moved_file(folder, capsys):
    words = "train houses.csv --target price --lr 0.02"
    assert status(f"{words} --epochs 9 --out whole") == 0
    assert status(f"{words} --epochs 4 --out more") == 0
    (folder / "houses.csv").rename("elsewhere.csv")
    assert status("resume more --epochs 9 --data elsewhere.csv --threads 1") == 0
    for name in ("model.safetensors", "history.csv", "run.json"):
        assert (folder / "more" / name).read_bytes() == (folder / "whole" / name).read_bytes()


def test_a_schedule_that_has_ended_has_no_more_epochs(folder, capsys):
    assert status("train houses.csv --target price --epochs 4 --schedule cosine --out new") == 0
    assert "--epochs" not in capsys.readouterr().out
    assert status("resume new --epochs 9") == 1
    assert "the run's cosine schedule goes over" in capsys.readouterr().err


@pytest.mark.parametrize("lost", [{"model.safetensors"}, FILES - {"run.json"}])
def test_what_was_cut_off_is_trained_again(lost, folder, capsys):
    """Killed before the network was written; killed before the first checkpoint was."""
    before = contents(folder / "h")
    for name in lost:
        (folder / "h" / name).unlink()
    if "checkpoint.safetensors" in lost:
        (folder / "h" / "history.csv").write_text("step,epoch\n")
    assert status("resume h") == 0
    after = contents(folder / "h")
    assert after.keys() == before.keys()
    for path in before:
        assert path.name == "checkpoint.safetensors" or after[path] == before[path]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_program_goes_on(number, folder):
    words = "train digits --layers 32 --epochs 60 --seed 1 --out"
    program = [sys.executable, "-m", "saddlescape", *words.split()]
    process = subprocess.Popen(  # noqa: S603 - our own program
        [*program, "cut"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    history = folder / "cut" / "history.csv"
    while not history.exists() or history.stat().st_size < 20_000:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(number)
    err = process.communicate(timeout=60)[1]
    assert process.returncode == (-9 if number == signal.SIGKILL else 130), err
    assert "Traceback" not in err
    assert status("resume cut") == 0
    assert status(f"{words} whole") == 0
    for name in FILES - {"checkpoint.safetensors"}:
        assert (folder / "cut" / name).read_bytes() == (folder / "whole" / name).read_bytes(), name


# --- predictions ----------------------------------------------------------------------------------


def table(text):
    return list(csv.DictReader(text.splitlines()))


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


# --- spectra --------------------------------------------------------------------------------------


def test_the_spectrum_is_that_of_the_hessian(folder, capsys):
    assert status("spectrum h --ends 3") == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert max(map(len, out.splitlines())) <= 80
    net = ss.MLP.load(folder / "h" / "model.safetensors")
    split = data.prepare(data.load("houses.csv", target="price"), standardise=False)
    kept, _ = held_out(0.2, len(split.train), None, 0)
    y = Record.read(folder / "h" / "run.json").scale.apply(split.train.y[kept])
    values = eigvalsh(net.hessian(split.train.X[kept], y))
    shown = [float(line.split()[0]) for line in out.splitlines() if line.endswith("1  yes")]
    assert len(shown) == 6
    np.testing.assert_allclose(shown, [*values[:3], *values[-3:]], rtol=1e-5)
    assert f"{(values > 1e-9).sum()} positive" in out
    assert "VERDICT" in out
    assert (folder / "h" / "spectrum.png").read_bytes().startswith(b"\x89PNG")
    rows = table((folder / "h" / "spectrum.csv").read_text())
    share = np.array([float(row["share_up_to_x"]) for row in rows])
    x = np.array([float(row["x"]) for row in rows])
    exact = (values[None, :] <= x[:, None]).mean(axis=1)
    near = np.abs(x[:, None] - values).min(axis=1) < 1e-9
    np.testing.assert_allclose(share[~near], exact[~near], atol=1e-12)
    assert all(float(r["share_low"]) - 1e-12 <= s <= float(r["share_high"]) + 1e-12
               for r, s in zip(rows, share, strict=True))  # fmt: skip


def test_a_spectrum_that_is_estimated_has_its_interval(folder, capsys):
    words = "train pets.csv --target kind --layers 60,50 --epochs 5 --activation relu --l2 0.1"
    assert status(f"{words} --out wide") == 0
    capsys.readouterr()
    assert status("spectrum wide --steps 20 --probes 2 --ends 2") == 0
    out = capsys.readouterr().out
    assert "share, 95 % interval" in out
    assert "signs        not counted: 3,332 parameters, the Hessian is assembled up to 3,000" in out
    assert "penalties --l1, --l2 are not in it" in out
    assert "relu" in out
    assert max(map(len, out.splitlines())) <= 80


def test_a_diverged_run_has_no_spectrum(folder, capsys):
    net = ss.MLP.load(folder / "h" / "model.safetensors")
    net._theta[0] = np.nan
    net.save(folder / "h" / "model.safetensors")
    assert status("spectrum h") == 1
    err = capsys.readouterr().err
    assert err.endswith("where a run diverged: a parameter is not finite\n")
