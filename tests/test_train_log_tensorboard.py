"""TensorBoard's event files: of a run, and of one that goes on."""

from __future__ import annotations

import csv
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import saddlescape as ss
from saddlescape.train.log_tensorboard import EventLog
from train_samples import make_data, make_net

pytest.importorskip("tensorboard")
from tensorboard.backend.event_processing import event_accumulator as reader
from tensorboard.backend.event_processing import (
    plugin_event_accumulator as servers,
)
from tensorboard.backend.event_processing.event_file_loader import (
    LegacyEventFileLoader,
)
from tensorboard.util.tensor_util import make_ndarray

X, Y = make_data()
GIVEN = {"batch_size": 7, "epochs": 4, "validation": (X, Y), "metrics": ("f1",)}


def train(**more):
    return ss.train(make_net(), X, Y, **{**GIVEN, **more})


def resume(path, **more):
    return ss.resume(path, X, Y, validation=(X, Y), **more)


def curves(folder):
    """What TensorBoard's two readers find, alike: steps and values of each name."""
    read = reader.EventAccumulator(str(folder), {"scalars": 0})
    read.Reload()
    found = {
        name: ([e.step for e in read.Scalars(name)], [e.value for e in read.Scalars(name)])
        for name in read.Tags()["scalars"]
    }
    server = servers.EventAccumulator(str(folder), {"tensors": 0})
    server.Reload()
    for name, (steps, values) in found.items():
        events = server.Tensors(name)
        assert [e.step for e in events] == steps
        assert [make_ndarray(e.tensor_proto).item() for e in events] == values
    return found


def test_event_files_are_read_back(tmp_path):
    run = train(log=[tmp_path / "run.csv", tmp_path / "events"])
    with (tmp_path / "run.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    found = curves(tmp_path / "events")
    assert set(found) == set(header) - {"step", "epoch"}
    for name, (steps, values) in found.items():
        column = [row[header.index(name)] for row in rows]
        there = [(i, float(cell)) for i, cell in enumerate(column) if cell not in ("", "nan")]
        assert steps == [i for i, _ in there]
        # event files hold float32
        assert values == [float(np.float32(value)) for _, value in there]
    assert run.history.steps == len(found["loss"][0])


def stopped(path, step, **more):
    return train(checkpoint=path, callback=lambda state: state.step == step, **more)


# what the folder holds when a run goes on after 5 steps of 12
BEFORE = {
    "nothing: the run had no log": None,
    "nothing but a file's head": 0,
    "a part": 3,
    "the same": 5,
    "more, of a run that was killed after its checkpoint": 8,
    "all": 12,
}


@pytest.mark.parametrize("case", BEFORE)
def test_a_run_that_goes_on_has_the_curves_of_one_that_never_stopped(case, tmp_path):
    train(log=tmp_path / "whole")
    written = BEFORE[case]
    if written is not None:
        # a log of so many steps of this very run
        epochs = 0 if written == 0 else 4
        train(log=tmp_path / "events", epochs=epochs, callback=lambda s: s.step == written)
    stopped(tmp_path / "run", 5)
    resume(tmp_path / "run", log=tmp_path / "events")
    assert curves(tmp_path / "events") == curves(tmp_path / "whole")


@pytest.mark.parametrize("case", BEFORE)
def test_a_run_that_has_not_begun_knows_its_own_folder(case, tmp_path):
    train(log=tmp_path / "whole")
    written = BEFORE[case]
    if written is not None:
        epochs = 0 if written == 0 else 4
        train(log=tmp_path / "events", epochs=epochs, callback=lambda s: s.step == written)
    train(checkpoint=tmp_path / "run", epochs=0)
    resume(tmp_path / "run", log=tmp_path / "events", epochs=4)
    assert curves(tmp_path / "events") == curves(tmp_path / "whole")


def test_it_may_go_on_many_times(tmp_path):
    """The last file's name comes last: readers go by that."""
    train(log=tmp_path / "whole")
    stopped(tmp_path / "run", 2, log=tmp_path / "events")
    for step in (3, 7, 8):
        resume(tmp_path / "run", log=tmp_path / "events", callback=lambda s, n=step: s.step == n)
    resume(tmp_path / "run", log=tmp_path / "events")
    assert curves(tmp_path / "events") == curves(tmp_path / "whole")
    files = sorted((tmp_path / "events").iterdir(), key=lambda file: file.stat().st_mtime_ns)
    assert files == sorted(files)


def test_every_step_is_written_once(tmp_path):
    """Not only to a reader: no file has what another has, where nothing was taken back."""
    stopped(tmp_path / "run", 5, log=tmp_path / "events")
    resume(tmp_path / "run", log=tmp_path / "events")
    files = sorted((tmp_path / "events").iterdir())
    events = [event for file in files for event in LegacyEventFileLoader(str(file)).Load()]
    assert [event.step for event in events if event.summary.value] == list(range(12))


def test_a_torn_file_is_read_up_to_there(tmp_path):
    train(log=tmp_path / "whole")
    stopped(tmp_path / "run", 5, log=tmp_path / "events")
    (file,) = (tmp_path / "events").iterdir()
    file.write_bytes(file.read_bytes()[:-9])
    resume(tmp_path / "run", log=tmp_path / "events")
    assert curves(tmp_path / "events") == curves(tmp_path / "whole")


def test_a_folder_that_says_of_no_start_is_gone_on_with(tmp_path, monkeypatch):
    """As other versions wrote them: one of the readers takes a single start for no restart."""
    train(log=tmp_path / "whole")
    with monkeypatch.context() as context:
        add = EventLog._add
        context.setattr(
            EventLog, "_add",
            lambda log, step, **given: "session_log" in given or add(log, step, **given),
        )  # fmt: skip
        train(log=tmp_path / "events", callback=lambda s: s.step == 8)
    stopped(tmp_path / "run", 5)
    resume(tmp_path / "run", log=tmp_path / "events")
    assert curves(tmp_path / "events") == curves(tmp_path / "whole")


@pytest.mark.parametrize("step", [0, 5])
def test_another_runs_folder_is_left_alone(step, tmp_path):
    train(log=tmp_path / "events", seed=5)
    stopped(tmp_path / "run", step, **({} if step else {"epochs": 0}))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match="is of another run, expected this one's first step"):
        resume(tmp_path / "run", log=[tmp_path / "new.csv", tmp_path / "events"], epochs=4)
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert after == before


CODE = """
import sys, time
sys.path.insert(0, sys.argv[2])
import saddlescape as ss
from train_samples import make_data, make_net
X, y = make_data()
folder = sys.argv[1]
ss.train(make_net(), X, y, batch_size=7, epochs=40, log=folder + "/events",
         checkpoint=folder + "/run", callback=lambda state: time.sleep(0.01))
"""


def test_a_killed_run_goes_on(tmp_path):
    here = str(Path(__file__).parent)
    process = subprocess.Popen([sys.executable, "-c", CODE, str(tmp_path), here])  # noqa: S603
    while sum(file.stat().st_size for file in tmp_path.glob("events/*")) < 4000:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    ss.resume(tmp_path / "run", X, Y, log=tmp_path / "events")
    ss.train(make_net(), X, Y, batch_size=7, epochs=40, log=tmp_path / "whole")
    assert curves(tmp_path / "events") == curves(tmp_path / "whole")
