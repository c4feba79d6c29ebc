"""What is judged is the loss that was trained, at the parameters that the run left."""

from __future__ import annotations

import numpy as np
import pytest

import saddlescape as ss
from saddlescape.curvature import penalty
from saddlescape.diagnosis.case import history_of

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 4))
Y = (X[:, 0] + 0.5 * RNG.standard_normal(40) > 0.7).astype(np.int64)  # few of class 1
W = RNG.random(40)

WEIGHTED = {
    "nothing": {},
    "weights": {"sample_weight": W},
    "classes": {"class_weight": {0: 1.0, 1: 3.0}},
    "balanced, and weights": {"class_weight": "balanced", "sample_weight": W},
    "l2": {"l2": 0.1},
    "l1": {"l1": 0.02},
    "all": {"class_weight": {1: 3.0}, "sample_weight": W, "l1": 0.01, "l2": 0.1},
    "held out": {"sample_weight": W, "l2": 0.1, "validation": 0.25},
}


def factors(y, given):
    """A weight for each sample by its definition."""
    weight, classes = np.ones(len(y)), given.get("class_weight")
    if classes == "balanced":
        weight = len(y) / (2 * np.bincount(y)[y])
    elif classes:
        weight = np.array([classes.get(int(label), 1.0) for label in y])
    return weight


@pytest.mark.parametrize("name", WEIGHTED)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_loss_is_the_one_that_was_trained(name, dtype):
    given = WEIGHTED[name]
    net = ss.MLP((4, 5, 2), seed=1, dtype=dtype)
    run = ss.train(net, X, Y, epochs=30, lr=0.02, batch_size="full", **given)
    point = ss.diagnose(run).point
    weight = factors(run.y, given)
    if "sample_weight" in given:
        rows = [int(np.flatnonzero((row == X).all(axis=1))[0]) for row in run.X]
        weight = weight * W[rows]
    wide = ss.MLP((4, 5, 2), dtype="float64")
    wide.theta = net.theta
    term = penalty(wide, l1=given.get("l1", 0.0), l2=given.get("l2", 0.0))
    close = 1e-6 if dtype == "float32" else 1e-12  # the weights are kept in the network's dtype
    loss = wide.loss(run.X, run.y, sample_weight=weight) + term.loss()
    assert point.loss == pytest.approx(loss, rel=close)
    g = wide.gradient(run.X, run.y, sample_weight=weight) + term.gradient()
    assert point.gradient.norm == pytest.approx(np.linalg.norm(g), rel=10 * close)
    H = wide.hessian(run.X, run.y, sample_weight=weight) + term.dense()
    np.testing.assert_allclose(point.spectrum, np.linalg.eigvalsh(H), atol=10 * close)


@pytest.mark.parametrize("name", WEIGHTED)
def test_the_next_step_would_see_what_is_judged(name):
    """With full batches the first loss of a run that goes on is the diagnosed one."""
    given = {"epochs": 5, "batch_size": "full", "lr": 0.02, **WEIGHTED[name]}
    net = ss.MLP((4, 5, 2), seed=1, dtype="float64")
    run = ss.train(net, X, Y, **given)
    point = ss.diagnose(run).point
    more = ss.train(net, X, Y, **{**given, "epochs": 1})
    assert more.history.loss[0] == pytest.approx(point.loss, rel=1e-12)
    assert more.history.gradient_norm[0] == pytest.approx(point.gradient.norm, rel=1e-12)


def test_what_was_trained_is_said():
    net = ss.MLP((4, 5, 2), seed=1)
    run = ss.train(net, X, Y, epochs=3, sample_weight=W, l1=0.02, l2=0.5)
    found = ss.diagnose(run)
    assert "on 40 weighted samples, adam, lr 0.001, l1 0.02, l2 0.5, batches of 32" in found.subject
    assert any("the l1 penalty is piecewise linear" in text for text in found.not_checked)
    plain = ss.diagnose(ss.train(ss.MLP((4, 5, 2), seed=1), X, Y, epochs=3))
    assert "on 40 samples, adam, lr 0.001, batches of 32, 6 steps" in plain.subject


def test_a_minimum_of_the_penalised_loss_is_one():
    """Of the loss alone it is no critical point: the penalty holds against its gradient."""
    net = ss.MLP((4, 2), seed=1, dtype="float64")
    run = ss.train(
        net, X, Y, optimizer="sgd", lr=0.5, epochs=3000, batch_size="full", l2=0.3, sample_weight=W
    )
    assert ss.diagnose(run).verdict == "degenerate_minimum"  # biases of a softmax: a flat direction
    assert np.linalg.norm(net.gradient(X, Y)) > 0.05


def stopped(**more):
    """Nothing to be learned: the validation loss has its best early."""
    rng = np.random.default_rng(1)
    X, y = rng.standard_normal((60, 4)), rng.integers(0, 2, 60)
    kept = {}
    given = {"epochs": 300, "early_stopping": 6, "lr": 0.02, **more}
    run = ss.train(
        ss.MLP((4, 16, 2), seed=0), X, y, batch_size=14, validation=0.3, **given,
        epoch_callback=lambda state: kept.update({state.epoch: state.net.theta.copy()}),
    )  # fmt: skip
    return run, kept


def test_after_early_stopping_the_steps_up_to_the_best_epoch_are_judged():
    run, kept = stopped()
    assert run.epochs == run.best_epoch + 7
    assert run.restored == 3 * (run.best_epoch + 1)
    found = ss.diagnose(run)
    twin = ss.MLP((4, 16, 2), dtype="float64")
    twin.theta = kept[run.best_epoch]
    assert found.point.gradient.norm == pytest.approx(
        np.linalg.norm(twin.gradient(run.X, run.y)), rel=1e-12
    )
    assert found.step == run.restored
    steps = f"{run.history.steps} steps; its parameters are those after {run.restored} steps, the "
    assert found.subject.endswith(steps + "best epoch's")
    assert any(f"the 18 steps after step {run.restored}" in text for text in found.not_checked)
    judged = history_of(run)
    assert judged.steps == run.restored
    assert judged.epochs.rows == run.best_epoch + 1
    for name in judged:
        expected = run.history[name][: run.restored]
        assert np.array_equal(judged[name], expected, equal_nan=True), name
    for name in judged.epochs:
        assert np.array_equal(judged.epochs[name], run.history.epochs[name][: run.best_epoch + 1])


def test_the_rate_that_is_named_is_the_one_at_the_judged_step():
    rate = ss.schedule.exponential(0.02, 0.9)
    run, _ = stopped(lr=rate)
    found = ss.diagnose(run)
    last = run.history["learning_rate"][run.restored - 1]
    assert f", lr {last:g}, " in found.subject
    assert last > run.history["learning_rate"][-1]


def test_parameters_that_were_not_put_back_are_the_last_steps():
    run, _ = stopped(early_stopping=ss.EarlyStopping(6, restore_best=False))
    assert run.restored is None
    assert ss.diagnose(run).subject.endswith(f"{run.history.steps} steps")
    best_is_last, _ = stopped(epochs=1)
    assert best_is_last.best_epoch == 0
    assert best_is_last.restored is None


def test_what_went_wrong_after_the_best_epoch_is_not_where_the_parameters_are():
    def explode(state):
        if state.epoch == 8:
            state.net.theta[:] = 1e30

    net = ss.MLP((4, 8, 1), "relu", loss="mse", seed=1)
    run = ss.train(
        net, X, X[:, 1].copy(), epochs=30, validation=0.2, early_stopping=20, callback=explode
    )
    assert run.outcome is ss.RunOutcome.NOT_FINITE
    found = ss.diagnose(run)
    assert found.verdict == "not finite"
    assert f"At step {run.history.steps - 1} the loss" in found.statement
    assert f"put back to those of the best epoch, after {run.restored} steps" in found.remedy
