"""Early stopping: when, and what is put back."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

import saddlescape as ss
from saddlescape.train import RunOutcome
from saddlescape.train.early import Best, EarlyStopping

NAN, INF = math.nan, math.inf

# monitor, min_delta, patience; values; epoch at whose end the run stops (None: never), best epoch
STOPS = {
    "falls": ("loss", 0, 2, [3, 2, 1], None, 2),
    "patience 1": ("loss", 0, 1, [3, 2, 2, 1], 2, 1),
    "patience 2": ("loss", 0, 2, [3, 2, 2, 1, 5, 5], 5, 3),
    "too little": ("loss", 0.5, 2, [3, 2.6, 2.5], 2, 0),
    "just as much is not enough": ("loss", 0.5, 2, [3, 2.25, 2, 1.75, 1], 3, 1),
    "by little, then by enough": ("loss", 0.5, 3, [3, 2.6, 2.4, 2.3], None, 2),
    "rises": ("validation_accuracy", 0, 1, [0.1, 0.2, 0.2], 2, 1),
    "r2": ("r2", 0.1, 2, [-5, 0.2, 0.25, 0.3], 3, 1),
    "NaN is never better": ("validation_loss", 0, 2, [NAN, 1, NAN, NAN], 3, 1),
    "NaN alone": ("validation_loss", 0, 3, [NAN] * 4, 2, None),
    "infinite": ("validation_loss", 0, 2, [INF, INF, 1, 2], None, 2),
}


@pytest.mark.parametrize("case", STOPS)
def test_when_it_stops(case):
    monitor, delta, patience, values, stop, best = STOPS[case]
    rule = EarlyStopping(patience, monitor, delta)
    net = ss.MLP((1, 2))
    watched = Best(rule, net)
    history = ss.History(["loss"], ["loss", "validation_accuracy", "validation_loss", "r2"])
    ended = None
    for epoch, value in enumerate(values):
        history.epochs.fill(epoch, {monitor: [value]}, 1)
        state = SimpleNamespace(history=history, epoch=epoch, _bring=lambda: None)
        if watched.look(state) is RunOutcome.EARLY:
            ended = epoch
            break
    assert ended == stop
    assert watched.epoch == best


def noise(n=60):
    """Nothing to be learned: the validation loss has its best early."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, 4)), rng.integers(0, 2, n)


@pytest.mark.parametrize("layers", [{}, {"normalisation": "batch"}, {"dropout": 0.2}])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_the_best_weights_come_back_bit_for_bit(layers, optimizer):
    X, y = noise()
    net = ss.MLP((4, 16, 2), seed=0, **layers)
    kept = {}

    def keep(state):
        kept[state.epoch] = (net.theta.tobytes(), net.running.tobytes())

    run = ss.train(
        net, X, y, optimizer=optimizer, epochs=500, lr=0.02, batch_size=8, validation=0.3,
        early_stopping=4, epoch_callback=keep,
    )  # fmt: skip
    assert run.outcome is RunOutcome.EARLY
    losses = run.history.epochs["validation_loss"]
    assert run.best_epoch == int(losses.argmin()) == run.epochs - 5
    assert (net.theta.tobytes(), net.running.tobytes()) == kept[run.best_epoch]
    assert kept[run.best_epoch] != kept[run.epochs - 1]


def ends(how):
    def callback(state):
        if state.epoch == 12 and how != "finished":
            if how == "interrupted":
                raise KeyboardInterrupt
            return True
        return False

    return callback


@pytest.mark.parametrize("how", ["finished", "stopped", "interrupted"])
@pytest.mark.parametrize("restore", [True, False])
def test_they_come_back_however_the_run_ends(how, restore):
    X, y = noise()
    net, kept = ss.MLP((4, 16, 2), seed=0), {}
    rule = ss.EarlyStopping(100, restore_best=restore)
    run = ss.train(
        net, X, y, epochs=14, lr=0.02, batch_size=8, validation=0.3, early_stopping=rule,
        callback=ends(how),
        epoch_callback=lambda state: kept.update({state.epoch: net.theta.tobytes()}),
    )  # fmt: skip
    assert run.outcome.name == how.upper()
    assert run.best_epoch < run.epochs - 1
    assert (net.theta.tobytes() == kept[run.best_epoch]) == restore


def test_without_early_stopping_there_is_no_best_epoch():
    X, y = noise()
    assert ss.train(ss.MLP((4, 2)), X, y, epochs=1).best_epoch is None
    assert (
        ss.train(ss.MLP((4, 2)), X, y, epochs=0, validation=0.5, early_stopping=1).best_epoch
        is None
    )


def test_any_column_of_the_epochs_can_be_monitored():
    X, y = noise()
    for monitor in ("loss", "f1", "validation_f1", "validation_accuracy", "validation_loss"):
        run = ss.train(
            ss.MLP((4, 8, 2)), X, y, epochs=300, lr=0.05, validation=0.3, metrics=("f1",),
            early_stopping=ss.EarlyStopping(3, monitor),
        )  # fmt: skip
        values = run.history.epochs[monitor]
        best = values.argmin() if "loss" in monitor else values.argmax()
        assert run.best_epoch == best
