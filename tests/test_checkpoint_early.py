"""A run goes on from its checkpoint with another early stopping."""

from __future__ import annotations

import re

import numpy as np
import pytest

import saddlescape as ss
from checkpoint_samples import mappings_equal
from saddlescape import schedule
from saddlescape.train import EarlyStopping, RunOutcome

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((60, 4)), RNG.integers(0, 2, 60)  # nothing to be learned
GIVEN = {"epochs": 60, "lr": 0.02, "batch_size": 14, "validation": 0.3}
LOSS = "validation_loss"


def train(path=None, early=4, **more):
    net = ss.MLP((4, 16, 2), seed=0)
    return ss.train(net, X, Y, checkpoint=path, early_stopping=early, **{**GIVEN, **more})


def same(one, other):
    assert one.net.theta.tobytes() == other.net.theta.tobytes()
    assert one.outcome is other.outcome
    assert one.best_epoch == other.best_epoch
    assert one.restored == other.restored
    assert mappings_equal(one.history, other.history)
    assert mappings_equal(one.history.epochs, other.history.epochs)


@pytest.mark.parametrize("early", [9, EarlyStopping(9), EarlyStopping(400, restore_best=False)])
def test_more_patience_is_as_if_it_had_been_there_from_the_start(tmp_path, early):
    """A run that ended early goes on to the same bits: the count of epochs goes on, too."""
    ended = train(tmp_path / "run")
    assert ended.outcome is RunOutcome.EARLY
    more = ss.resume(tmp_path / "run", X, Y, early_stopping=early)
    assert more.epochs > ended.epochs
    same(more, train(early=early))
    again = ss.resume(tmp_path / "run", X, Y)  # the file knows the new rule
    same(again, more)


def test_a_number_is_the_patience_alone(tmp_path):
    early = EarlyStopping(3, "loss", 0.5, restore_best=False)
    ended = train(tmp_path / "run", early)
    assert ended.outcome is RunOutcome.EARLY
    more = ss.resume(tmp_path / "run", X, Y, early_stopping=6)
    same(more, train(early=EarlyStopping(6, "loss", 0.5, restore_best=False)))


def test_less_patience_than_was_waited_ends_the_run_at_once(tmp_path):
    path = tmp_path / "run"
    whole = train(early=4)
    stop = whole.best_epoch + 3  # the end of the second epoch that is no better
    train(path, 50, epoch_callback=lambda state: state.epoch + 1 == stop)
    more = ss.resume(path, X, Y, early_stopping=2)
    assert more.outcome is RunOutcome.EARLY
    assert more.epochs == stop
    assert more.net.theta.tobytes() == whole.net.theta.tobytes()


def test_another_value_is_looked_at_from_here_on(tmp_path):
    path = tmp_path / "run"
    early = EarlyStopping(3, "validation_accuracy")
    ended = train(path)
    before = ended.epochs
    more = ss.resume(path, X, Y, early_stopping=early)
    assert more.best_epoch >= before
    values = more.history.epochs["validation_accuracy"][before:]
    assert more.best_epoch == before + int(values.argmax())


def test_a_run_without_any_can_be_given_one(tmp_path):
    path = tmp_path / "run"
    train(path, None, epochs=5)
    more = ss.resume(path, X, Y, epochs=60, early_stopping=4)
    assert more.outcome is RunOutcome.EARLY
    values = more.history.epochs[LOSS][5:]
    assert more.best_epoch == 5 + int(values.argmin())


def test_what_is_no_longer_to_be_put_back_is_not(tmp_path):
    path = tmp_path / "run"
    train(path, 50, epochs=20)
    rule = EarlyStopping(50, restore_best=False)
    more = ss.resume(path, X, Y, epochs=22, early_stopping=rule)
    same(more, train(early=rule, epochs=22))
    assert more.restored is None


PATIENCE = "expected an integer of at least 1 epochs, an EarlyStopping, or None"
COLUMNS = "loss, validation_loss, validation_accuracy"
# of the file "restored", "kept" (no parameters of the best epoch) or "plain": what is given, error
REFUSED = {
    "patience 0": ("restored", 0, ValueError, f"early_stopping: 0, {PATIENCE}"),
    "patience True": ("restored", True, TypeError, f"early_stopping: bool, {PATIENCE}"),
    "patience 2.5": ("plain", 2.5, TypeError, f"early_stopping: float, {PATIENCE}"),
    "text": ("restored", "9", TypeError, f"early_stopping: str, {PATIENCE}"),
    "monitor": (
        "restored", EarlyStopping(3, "f1"), ValueError,
        f"early_stopping: monitors 'f1', expected one of {COLUMNS}",
    ),
    "parameters that are not there": (
        "kept", EarlyStopping(3), ValueError,
        "early_stopping: restore_best True, expected False as before: FOLDER/kept does not hold "
        "the best epoch's parameters",
    ),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    train(tmp_path / "restored", epochs=3)
    train(tmp_path / "kept", EarlyStopping(4, restore_best=False), epochs=3)
    train(tmp_path / "plain", None, epochs=3)
    return tmp_path


@pytest.mark.parametrize("case", REFUSED)
def test_refused_before_anything_changes(case, folder):
    name, given, kind, text = REFUSED[case]
    before = {path: path.read_bytes() for path in folder.iterdir()}
    logs = [folder / "a.csv", folder / "events"]
    with pytest.raises(kind) as caught:
        ss.resume(folder / name, X, Y, epochs=9, early_stopping=given, log=logs[0])
    assert str(caught.value) == text.replace("FOLDER", str(folder))
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_a_log_of_another_run_is_refused_before_anything_changes(tmp_path):
    """Also before the logs beside it are made, and a schedule of the caller's has learnt."""

    def observe(state):
        state.optimizer.groups[0].schedule.observe(1.0)

    train(tmp_path / "run", lr=schedule.reduce_on_plateau(0.1), epoch_callback=observe, epochs=4)
    (tmp_path / "b.csv").write_text("a,b\n1,2\n")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    logs, lr = [tmp_path / "a.csv", tmp_path / "b.csv"], schedule.reduce_on_plateau(0.1)
    with pytest.raises(ValueError, match=rf"^log: {re.escape(repr(str(logs[1])))} is of another"):
        ss.resume(tmp_path / "run", X, Y, epochs=9, log=logs, lr=lr)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert lr == schedule.reduce_on_plateau(0.1)
