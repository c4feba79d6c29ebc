"""`saddlescape resume`: on from where a run was, with the same bits."""

# ruff: noqa: F811 - fixtures by their names

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from cli_samples import FILES, contents, folder, status, trained  # noqa: F401 - fixtures
from saddlescape.cli.ending import further
from saddlescape.train import RunOutcome
from saddlescape.train.checkpoint import Checkpoint
from saddlescape.train.progress import ProgressOfRun

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
    words = "train digits --layers 32 --epochs 600 --seed 1 --out"
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


def same_files(folder, one, other):
    for name in FILES - {"checkpoint.safetensors"}:
        assert (folder / one / name).read_bytes() == (folder / other / name).read_bytes(), name


def test_a_program_that_was_given_more_epochs_and_killed_goes_on_to_them(folder, capsys):
    words = "train digits --layers 32 --seed 1"
    assert status(f"{words} --epochs 2 --out cut") == 0
    history = folder / "cut" / "history.csv"
    before = history.stat().st_size
    program = [sys.executable, "-m", "saddlescape", *["resume", "cut", "--epochs", "600"]]
    process = subprocess.Popen(  # noqa: S603 - our own program
        program, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while history.stat().st_size < 2 * before:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.kill()
    assert process.wait(60) == -9
    assert json.loads((folder / "cut" / "run.json").read_text())["arguments"]["epochs"] == 600
    assert status("resume cut") == 0
    assert status(f"{words} --epochs 600 --out whole") == 0
    same_files(folder, "cut", "whole")


def test_killed_between_the_two_files_it_goes_on_too(folder, capsys, monkeypatch):
    words = "train houses.csv --target price --lr 0.02"
    assert status(f"{words} --epochs 4 --out cut") == 0
    with monkeypatch.context() as context:
        context.setattr(Checkpoint, "begin", interrupt)
        assert status("resume cut --epochs 9") == 130
    assert status("resume cut") == 0
    assert status(f"{words} --epochs 9 --out whole") == 0
    same_files(folder, "cut", "whole")


def interrupt(*_):
    raise KeyboardInterrupt


def test_more_patience(folder, capsys):
    words = "train houses.csv --target price --epochs 60 --validation 0.3 --lr 0.5"
    assert status(f"{words} --patience 2 --out more") == 0
    short = (folder / "more" / "history.csv").read_bytes()
    assert status("resume more --patience 9") == 0
    assert status(f"{words} --patience 9 --out whole") == 0
    assert len((folder / "whole" / "history.csv").read_bytes()) > len(short)
    same_files(folder, "more", "whole")


def test_more_patience_outlasts_a_kill(folder, capsys, monkeypatch):
    words = "train houses.csv --target price --epochs 60 --validation 0.3 --lr 0.5"
    assert status(f"{words} --patience 2 --out more") == 0
    with monkeypatch.context() as context:
        context.setattr(Checkpoint, "begin", interrupt)
        assert status("resume more --patience 9") == 130
    assert status("resume more") == 0
    assert status(f"{words} --patience 9 --out whole") == 0
    same_files(folder, "more", "whole")


@pytest.mark.parametrize("error", [ValueError, TypeError])
def test_what_goes_wrong_inside_is_not_taken_for_a_wrong_option(error, folder, monkeypatch):
    def broken(*_):
        raise error("epochs: a fault of ours")

    monkeypatch.setattr(ProgressOfRun, "look", broken)
    with pytest.raises(error, match=r"^epochs: a fault of ours$"):
        status("resume p --epochs 70")
    with pytest.raises(error, match=r"^epochs: a fault of ours$"):
        status("train pets.csv --target kind --epochs 3 --out new")


@pytest.mark.parametrize("fault", ["f() got 2 values: none", "can not add", "'a' is none: b"])
def test_nor_what_goes_wrong_before_and_names_no_argument(fault, folder, monkeypatch):
    def broken(*_):
        raise TypeError(fault)

    monkeypatch.setattr(Checkpoint, "watch", broken)
    with pytest.raises(TypeError, match=re.escape(fault)):
        status("resume p --epochs 70")


def test_a_history_of_another_run_is_one_line(folder, capsys):
    (folder / "p" / "history.csv").write_text("a,b\n1,2\n")
    before = contents(folder)
    assert status("resume p --epochs 70") == 1
    err = capsys.readouterr().err
    assert err == (
        "saddlescape: log: 'p/history.csv' is of another run, expected this one's columns and "
        "first step\n"
    )
    assert contents(folder) == before


def test_what_is_offered_goes_on(folder, capsys):
    """Where it stopped in its last epoch more patience alone has no epoch left to use it in."""
    words = "train houses.csv --target price --validation 0.3 --lr 0.5 --patience 2 --out new"

    def epochs():
        last = (folder / "new" / "history.csv").read_text().splitlines()[-1]
        return int(last.split(",")[1]) + 1

    assert status(f"{words} --epochs 60") == 0
    stopped = epochs()
    assert stopped < 60
    capsys.readouterr()
    for planned, options in (
        (60, "--patience 4"),
        (stopped, f"--patience 4 --epochs {2 * stopped}"),
    ):
        assert status(f"{words} --epochs {planned} --force") == 0
        assert epochs() == stopped
        offered = re.findall(r"  saddlescape (resume .*?)  look", capsys.readouterr().out)
        assert offered == [f"resume new {options}"]
        assert status(offered[0]) == 0
        assert epochs() > stopped
        capsys.readouterr()


FINISHED, EARLY = RunOutcome.FINISHED, RunOutcome.EARLY
OFFERED = [
    # how it ended, in which epoch of 10, schedule, what goes on
    (FINISHED, 10, "constant", "--epochs 20"),
    (FINISHED, 10, "cosine", ""),  # whose rate is at its end
    (EARLY, 7, "constant", "--patience 6"),
    (EARLY, 7, "cosine", "--patience 6"),
    (EARLY, 10, "constant", "--patience 6 --epochs 20"),
    (EARLY, 10, "cosine", ""),
    (RunOutcome.NOT_FINITE, 7, "constant", ""),
]


@pytest.mark.parametrize(("outcome", "epochs", "schedule", "options"), OFFERED)
def test_what_would_go_on(outcome, epochs, schedule, options):
    run = SimpleNamespace(outcome=outcome, epochs=epochs)
    asked = {"epochs": 10, "patience": 3, "schedule": schedule}
    assert further(run, SimpleNamespace(arguments=asked))[0] == options


def test_a_run_that_ended_early_has_its_end_in_the_checkpoint(folder, capsys):
    """However short a time it took: fewer epochs than it had are refused."""
    words = "train houses.csv --target price --epochs 60 --validation 0.3 --lr 0.5 --patience 2"
    assert status(f"{words} --out new") == 0
    assert "resume new --patience 4  look further" in capsys.readouterr().out
    lines = (folder / "new" / "history.csv").read_text().splitlines()
    epochs = int(lines[-1].split(",")[1]) + 1
    assert epochs < 60
    before = contents(folder)
    assert status(f"resume new --epochs {epochs - 1}") == 1
    assert f"--epochs: {epochs - 1}, expected at least {epochs}, those" in capsys.readouterr().err
    assert contents(folder) == before
