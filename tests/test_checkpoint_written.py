"""When a checkpoint is written, and what of a run it keeps."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

import saddlescape as ss
from checkpoint_samples import LAYERED, STEPS, Case, attributes
from saddlescape import _files
from saddlescape.train import RunOutcome, checkpoint_file


def test_written_at_the_end_of_epochs_and_every_so_many_steps(tmp_path):
    path, seen = tmp_path / "run", []

    def callback(state):
        held = len(checkpoint_file.read(path)["history"]["loss"]) if path.exists() else 0
        seen.append(held)

    Case(callback=callback).train(path)  # five steps to an epoch
    assert seen == [0] * 5 + [5] * 5 + [10] * 5 + [15] * 5
    path.unlink()
    seen.clear()
    Case(callback=callback).train(path, checkpoint_every=3)
    assert seen[:12] == [0, 0, 0, 3, 3, 5, 6, 6, 6, 9, 10, 10]


def test_an_interrupt_leaves_the_last_one(tmp_path):
    def callback(state):
        if state.step == 8:
            raise KeyboardInterrupt

    case = Case()
    whole = case.train(tmp_path / "whole")
    run = case.train(tmp_path / "run", callback=callback)
    assert run.outcome is RunOutcome.INTERRUPTED
    assert run.history.steps == 8
    assert len(checkpoint_file.read(tmp_path / "run")["history"]["loss"]) == 5
    assert attributes(case.resume(tmp_path / "run")) == attributes(whole)


@pytest.mark.parametrize("moment", ["fsync", "replace", "token_hex"])
def test_an_interrupt_while_it_is_written(tmp_path, monkeypatch, moment):
    case = Case()
    whole = case.train(tmp_path / "whole")
    calls = []

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) >= 3:  # the first epoch's is the second
            raise KeyboardInterrupt
        return original(*arguments)

    where = {"fsync": _files.os, "replace": Path, "token_hex": _files.secrets}[moment]
    original = getattr(where, moment)
    monkeypatch.setattr(_files, "_sync_folder", lambda _: None)  # it would count, too
    monkeypatch.setattr(where, moment, interrupted)
    run = case.train(tmp_path / "run")
    assert run.outcome is RunOutcome.INTERRUPTED
    monkeypatch.undo()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run", "whole"]
    assert len(checkpoint_file.read(tmp_path / "run")["history"]["loss"]) == 5
    assert run.history.steps == 10
    assert attributes(case.resume(tmp_path / "run")) == attributes(whole)


def test_what_a_callback_raises_leaves_the_last_one(tmp_path):
    def callback(state):
        if state.step == 8:
            raise RuntimeError("no more")

    case = Case()
    whole = case.train(tmp_path / "whole")
    with pytest.raises(RuntimeError, match="no more"):
        case.train(tmp_path / "run", callback=callback)
    assert attributes(case.resume(tmp_path / "run")) == attributes(whole)


def test_a_checkpoint_changes_no_bit_of_the_run(tmp_path):
    case = Case(net=LAYERED["all"])
    plain, kept = case.train(None), case.train(tmp_path / "run", checkpoint_every=1)
    assert attributes(plain) == attributes(kept)


def test_arguments_of_train_are_in_the_file_or_in_resume(tmp_path):
    """Whoever adds an argument to `train` decides here where it is kept."""
    Case().train(tmp_path / "run")
    kept = set(checkpoint_file.read(tmp_path / "run")["arguments"])
    told = set(inspect.signature(ss.resume).parameters) - {"path"}
    of_the_optimizer = {"optimizer", "lr", "schedule", "settings"}
    asked = set(inspect.signature(ss.train).parameters) - {"net"}
    assert asked == kept | told | of_the_optimizer
    assert kept & told == {"early_stopping", "epochs", "validation"}


def stopping(**arguments):
    """A run that learns noise: the validation loss is best early on."""
    rule = {"patience": 3, **arguments}
    return Case(
        net=LAYERED["batch normalisation"], lr=0.005, epochs=40, validation=0.3, batch_size=6,
        early_stopping=ss.EarlyStopping(**rule),
    )  # fmt: skip


@pytest.mark.parametrize("restore", [True, False])
def test_early_stopping(tmp_path, restore):
    case = stopping(restore_best=restore)
    whole = case.train(tmp_path / "whole", checkpoint_every=3)
    assert whole.outcome is RunOutcome.EARLY
    assert 0 < whole.best_epoch < whole.epochs - 1
    batches = whole.history.steps // whole.epochs
    ends = whole.history.steps
    for stop in (batches, (whole.best_epoch + 1) * batches, ends - batches, ends - 1, ends):
        case.stopped(tmp_path / "run", stop, checkpoint_every=3)
        run = case.resume(tmp_path / "run")
        assert run.history == whole.history
        assert attributes(run) == attributes(whole)
        assert (tmp_path / "run").read_bytes() == (tmp_path / "whole").read_bytes()


def test_a_run_that_stopped_early_has_stopped(tmp_path):
    """Killed after the last checkpoint, before the best parameters were put back."""
    whole = (case := stopping()).train(tmp_path / "run")
    for epochs in (None, 99):
        run = case.resume(tmp_path / "run", epochs=epochs)
        assert run.outcome is RunOutcome.EARLY
        assert attributes(run) == attributes(whole)
    kept = checkpoint_file.read(tmp_path / "run")
    assert kept["theta"].tobytes() != whole.net.theta.tobytes()
    assert kept["best"]["theta"].tobytes() == whole.net.theta.tobytes()


def test_best_parameters_are_put_back_after_the_last_checkpoint(tmp_path):
    """A finished run goes on from where it was, not from its best epoch."""
    case = stopping(patience=50)
    whole = case.train(tmp_path / "whole", epochs=12)
    assert case.train(tmp_path / "run", epochs=7).best_epoch < 6
    run = case.resume(tmp_path / "run", epochs=12)
    assert attributes(run) == attributes(whole)


@pytest.mark.parametrize("name", ["run.csv", "run.jsonl"])
def test_logs_go_on(tmp_path, name):
    case = Case(validation=0.2, metrics=("accuracy",))
    for folder in ("whole", "parts"):
        (tmp_path / folder).mkdir()
    case.train(tmp_path / "whole/kept", log=tmp_path / "whole" / name)
    log = tmp_path / "parts" / name
    path = tmp_path / "parts/kept"
    for stop in (1, 7, 13):
        (case.resume if path.exists() else case.train)(
            path, log=log, callback=lambda state, stop=stop: state.step == stop
        )
    case.resume(path, log=log)
    assert log.read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_progress(tmp_path, capsys):
    case = Case()
    case.stopped(tmp_path / "run", 7)
    case.resume(tmp_path / "run", progress=True)
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith("epoch 4/4")
    assert len(lines) < 10


def test_another_place(tmp_path):
    case = Case()
    whole = case.train(tmp_path / "whole")
    case.stopped(tmp_path / "run", 7)
    before = (tmp_path / "run").read_bytes()
    case.resume(str(tmp_path / "run"), checkpoint=str(tmp_path / "other"))
    assert (tmp_path / "run").read_bytes() == before
    assert (tmp_path / "other").read_bytes() == (tmp_path / "whole").read_bytes()
    assert whole.history.steps == STEPS
