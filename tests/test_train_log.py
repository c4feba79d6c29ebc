"""Logs of a run: CSV, JSON lines, TensorBoard's event files."""

from __future__ import annotations

import csv
import json
import os
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

import saddlescape as ss
from saddlescape.train.log import LinesLog
from saddlescape.train.task import Task
from saddlescape.train.trainer import perform
from saddlescape.train.watches import watches_of
from train_samples import make_data, make_net

STEP = ["loss", "gradient_norm", "gradient_cosine", "update_norm", "learning_rate"]


def table(path):
    """A CSV file's numbers as they were written; pandas' own reading may round."""
    with path.open(newline="") as file:
        header, *rows = csv.reader(file)
    return pd.DataFrame([[float(cell or "nan") for cell in row] for row in rows], columns=header)


def trained(path, **arguments):
    X, y = make_data()
    given = {"batch_size": 7, "epochs": 4, "validation": (X, y), "metrics": ("f1",), **arguments}
    return ss.train(make_net(), X, y, log=path, **given)


@pytest.mark.parametrize("size", [7, "full"])
@pytest.mark.parametrize("validation", [True, False])
def test_csv_has_every_number(tmp_path, size, validation):
    given = {} if validation else {"validation": None, "metrics": ()}
    run = trained(tmp_path / "run.csv", batch_size=size, **given)
    frame = table(tmp_path / "run.csv")
    held = ["f1", "validation_loss", "validation_accuracy", "validation_f1"] if validation else []
    assert list(frame) == ["step", "epoch", *STEP, "epoch_loss", *held]
    for name in ["step", *STEP]:
        assert np.array_equal(frame[name], run.history[name], equal_nan=True), name
    batches = 3 if size == 7 else 1
    assert frame["epoch"].tolist() == [step // batches for step in range(4 * batches)]
    last = frame[frame["step"] % batches == batches - 1]
    for name in held:
        assert last[name].tolist() == run.history.epochs[name].tolist()
    assert last["epoch_loss"].tolist() == run.history.epochs["loss"].tolist()
    assert frame[frame["step"] % batches != batches - 1]["epoch_loss"].isna().all()


def test_json_lines_have_every_number(tmp_path):
    run = trained(tmp_path / "run.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "run.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == list(range(12))
    assert [row["loss"] for row in rows] == run.history.loss.tolist()
    assert rows[0]["gradient_cosine"] is None
    assert [row["epoch"] for row in rows if "epoch_loss" in row] == [0, 1, 2, 3]
    assert rows[2]["validation_f1"] == run.history.epochs["validation_f1"][0]


def test_every_burst_is_written_as_it_goes(tmp_path):
    paths = [tmp_path / "run.csv", tmp_path / "run.jsonl"]
    seen = []

    def look(state):
        time.sleep(0.06)  # longer than the pause between two writings
        seen.append([path.read_text() for path in paths])

    trained(paths, callback=look)
    for steps, texts in enumerate(seen):
        for text, header in zip(texts, (1, 0), strict=True):
            assert text.count("\n") == steps + header
            assert text.endswith("\n") or not text


def test_a_run_without_steps_leaves_the_header(tmp_path):
    trained([tmp_path / "run.csv", tmp_path / "run.jsonl"], epochs=0)
    assert (tmp_path / "run.csv").read_text().count("\n") == 1
    assert (tmp_path / "run.jsonl").read_text() == ""


def test_what_was_not_finite_is_logged(tmp_path):
    X, y = np.ones((4, 1)), np.ones(4)
    paths = [tmp_path / "run.csv", tmp_path / "run.jsonl"]
    net = ss.MLP((1, 4, 1), loss="mse", dtype="float64")
    run = ss.train(net, X, y, optimizer="sgd", lr=1e200, batch_size="full", epochs=9, log=paths)
    frame = table(paths[0])
    assert len(frame) == run.history.steps
    assert np.array_equal(frame["loss"], run.history.loss, equal_nan=True)
    rows = [json.loads(line) for line in paths[1].read_text().splitlines()]
    assert rows[-1]["loss"] is None
    assert "epoch_loss" not in rows[-1]


def test_what_a_callback_raises_leaves_whole_files(tmp_path):
    def look(state):
        if state.step == 8:
            raise LookupError

    paths = [tmp_path / "run.csv", tmp_path / "run.jsonl"]
    with pytest.raises(LookupError):
        trained(paths, callback=look)
    assert paths[0].read_text().count("\n") == 9
    assert paths[1].read_text().count("\n") == 8


CODE = """
import signal, sys, numpy as np, saddlescape as ss
signal.signal(signal.SIGINT, signal.default_int_handler)  # no shell's
rng = np.random.default_rng(0)
X, y = rng.normal(size=(600, 64)), rng.integers(0, 10, 600)
net = ss.MLP((64, 32, 10), seed=0)
print("ready", flush=True)
run = ss.train(net, X, y, batch_size=32, epochs=10**6, validation=0.1, log=sys.argv[1:])
columns = [*run.history.values()], [*run.history.epochs.values()]
assert all(len({len(c) for c in table}) == 1 for table in columns)
print(run.outcome.name, run.history.steps, run.history.epochs.rows, run.optimizer.steps)
"""


def started(paths):
    command = [sys.executable, "-c", CODE, *map(str, paths)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - ours
    assert process.stdout.readline() == "ready\n"
    return process


def test_an_interrupt_behind_a_write_writes_nothing_twice(tmp_path, monkeypatch):
    path, write, calls = tmp_path / "run.csv", os.write, []

    def interrupted(file, content):
        count = write(file, content)
        calls.append(len(content))
        if len(calls) == 2:  # the header was the first
            raise KeyboardInterrupt
        return count

    monkeypatch.setattr(os, "write", interrupted)
    X, y = make_data()
    run = ss.train(
        make_net(), X, y, batch_size=5, epochs=3, log=path, callback=lambda _: time.sleep(0.3)
    )
    monkeypatch.undo()
    assert len(calls) > 2
    assert len(table(path)) == run.history.steps


@pytest.mark.parametrize("delay", [0.05, 0.31, 0.6])
def test_ctrl_c_keeps_all(tmp_path, delay):
    paths = [tmp_path / "run.csv", tmp_path / "run.jsonl"]
    process = started(paths)
    while not paths[1].exists() or not paths[1].stat().st_size:
        time.sleep(0.01)
    time.sleep(delay)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=30)
    outcome, *counts = said.split()
    steps, epochs, taken = map(int, counts)
    assert process.returncode == 0
    assert outcome == "INTERRUPTED"
    assert steps == taken > 0
    assert epochs == steps // 17
    frame = table(paths[0])
    rows = [json.loads(line) for line in paths[1].read_text().splitlines()]
    assert len(frame) == len(rows) == steps
    assert frame["epoch_loss"].notna().sum() == epochs


@pytest.mark.parametrize("delay", [0.11, 0.5])
def test_a_killed_run_leaves_whole_lines(tmp_path, delay):
    paths = [tmp_path / "run.csv", tmp_path / "run.jsonl"]
    process = started(paths)
    while not paths[1].exists() or not paths[1].stat().st_size:
        time.sleep(0.01)
    time.sleep(delay)
    process.kill()
    process.communicate()
    assert paths[0].read_text().endswith("\n")
    assert paths[1].read_text().endswith("\n")
    assert len(table(paths[0])) > 0


def test_a_full_disk_ends_the_run_and_leaves_whole_lines(tmp_path):
    """The size of files that a process may write stands for a disk that is full."""
    path = tmp_path / "run.csv"
    X, y = make_data()
    net = make_net()
    states = []
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, before[1]))
        with pytest.raises(OSError, match=str(path)):
            ss.train(net, X, y, batch_size="full", epochs=10**6, log=path, callback=states.append)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    text = path.read_text()
    assert text.endswith("\n")
    assert 0 < len(text) <= 3000
    twin = make_net()
    ss.train(twin, X, y, batch_size="full", epochs=states[-1].step)
    assert net.theta.tobytes() == twin.theta.tobytes()


def resumed(path, epochs, done):
    """Go on after `done` steps of a run whose history is that of another that stopped there."""
    X, y = make_data()
    before = ss.train(
        make_net(), X, y, batch_size=7, epochs=epochs, callback=lambda s: s.step == done
    )
    task = Task.of(
        before.net, X, y, optimizer=before.optimizer, lr=None, schedule=None, batch_size=7,
        epochs=epochs,
        validation=None, sample_weight=None, class_weight=None, metrics=(), early_stopping=None,
        seed=0, shuffle=True, l1=0.0, l2=0.0, settings={},
    )  # fmt: skip
    watches = watches_of(task, None, None, path, False, resumed=True)
    return perform(task, watches, task.plan.position(done), before.history)


@pytest.mark.parametrize("name", ["run.csv", "run.jsonl"])
@pytest.mark.parametrize("written", [None, 0, 3, 5, 7])
def test_a_run_that_goes_on_has_the_file_of_one_that_never_stopped(tmp_path, name, written):
    """With fewer lines than the history, with more of them, with a torn one, with no file."""
    X, y = make_data()
    whole, path = tmp_path / f"whole_{name}", tmp_path / name
    ss.train(make_net(), X, y, batch_size=7, epochs=4, log=whole)
    if written is not None:
        lines = whole.read_text().splitlines(keepends=True)
        header = name.endswith("csv")
        path.write_text("".join(lines[: written + header]) + "12,3,0." * (written == 7))
    run = resumed(path, 4, 5)
    assert run.history.steps == 12
    # the first step that goes on knows no gradient before it
    strip = lambda text: [line.replace("null", "nan") for line in text.splitlines()]  # noqa: E731
    ours, theirs = strip(path.read_text()), strip(whole.read_text())
    at = 5 + name.endswith("csv")
    assert len(ours) == len(theirs)
    assert ours[:at] == theirs[:at]
    assert ours[at + 1 :] == theirs[at + 1 :]


def test_another_runs_file_is_left_alone(tmp_path):
    for name, text in (("run.csv", "a,b\n1,2\n"), ("run.jsonl", '{"a": 1}\n')):
        path = tmp_path / name
        path.write_text(text)
        with pytest.raises(ValueError, match="is of another run"):
            resumed(path, 4, 5)
        assert path.read_text() == text


def test_files_are_as_others_are(tmp_path):
    trained(tmp_path / "run.csv")
    mask = os.umask(0)
    os.umask(mask)
    assert (tmp_path / "run.csv").stat().st_mode & 0o777 == 0o666 & ~mask


def test_a_log_that_can_not_be_made_changes_nothing(tmp_path):
    (tmp_path / "taken.csv").symlink_to(tmp_path / "gone" / "away.csv")
    X, y = make_data()
    net = make_net()
    before = net.theta.tobytes()
    with pytest.raises(OSError, match=r"taken\.csv"):
        ss.train(net, X, y, log=tmp_path / "taken.csv")
    assert net.theta.tobytes() == before
    assert LinesLog(tmp_path / "a.csv").csv
