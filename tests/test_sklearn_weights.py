"""What weighs more counts more: as so many samples, and as in scikit-learn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn import neural_network

import saddlescape.sklearn
from sklearn_samples import CLASSES, TARGETS, X60, model

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

TIMES = np.random.default_rng(1).integers(0, 4, 60)
WEIGHTS = np.random.default_rng(2).random(60)
SOLVERS = ["adam", "sgd", "lbfgs"]
# Sums of other terms, 1e-16 in a step of 20; L-BFGS multiplies it where its line search looks.
TOLERANCE = {"adam": 1e-12, "sgd": 1e-12, "lbfgs": 1e-7}


def near(one, other, solver):
    np.testing.assert_allclose(one.net_.theta, other.net_.theta, rtol=0, atol=TOLERANCE[solver])
    assert one.loss_ == pytest.approx(other.loss_, rel=10 * TOLERANCE[solver])


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("layers", [{}, {"normalisation": "layer"}])  # in the core, and in Python
def test_a_weight_is_so_many_samples(kind, solver, layers):
    """Also for the penalty: it is alpha over what the samples weigh."""
    given = {"solver": solver, "alpha": 2.0, "max_iter": 20, **layers}
    y = TARGETS[kind]
    weighed = model(kind, **given).fit(X60, y, sample_weight=TIMES)
    repeated = model(kind, **given).fit(np.repeat(X60, TIMES, axis=0), np.repeat(y, TIMES, axis=0))
    near(weighed, repeated, solver)


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("solver", SOLVERS)
def test_as_in_scikit_learn(kind, solver):
    """Of full batches, whose weights are all weights."""
    given = {"solver": solver, "alpha": 2.0, "max_iter": 20, "random_state": 3}
    given |= {"hidden_layer_sizes": (5, 4), "shuffle": False}
    name = "MLPClassifier" if kind in CLASSES else "MLPRegressor"
    theirs = getattr(neural_network, name)(**given)
    ours = getattr(saddlescape.sklearn, name)(**given)
    for estimator in (theirs, ours):
        estimator.fit(X60, TARGETS[kind], sample_weight=pd.Series(WEIGHTS))
    if (kind, solver) == ("two", "lbfgs"):  # theirs is given a gradient of another loss
        return
    for one, other in zip(ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_,
                          strict=True):  # fmt: skip
        np.testing.assert_allclose(one, other, rtol=0, atol=TOLERANCE[solver])


def test_weights_of_one_are_none():
    plain = model("multi", batch_size=16).fit(X60, TARGETS["multi"])
    ones = model("multi", batch_size=16).fit(X60, TARGETS["multi"], sample_weight=3 * np.ones(60))
    third = model("multi", batch_size=16, alpha=3e-4)
    third.fit(X60, TARGETS["multi"], sample_weight=3 * np.ones(60))
    assert not np.array_equal(plain.net_.theta, ones.net_.theta)  # a third of the penalty
    np.testing.assert_allclose(third.net_.theta, plain.net_.theta, rtol=0, atol=1e-13)


def test_the_score_is_weighed():
    given = {
        "early_stopping": True, "random_state": 3, "shuffle": False, "max_iter": 60,
        "learning_rate_init": 0.02, "validation_fraction": 0.4, "n_iter_no_change": 100,
    }  # fmt: skip
    theirs, ours = (
        module.MLPClassifier((5, 4), **given).fit(X60, X60[:, 0] > 0, sample_weight=WEIGHTS)
        for module in (neural_network, saddlescape.sklearn)
    )
    np.testing.assert_allclose(ours.validation_scores_, theirs.validation_scores_, rtol=1e-12)
    assert ours.best_validation_score_ == pytest.approx(theirs.best_validation_score_, rel=1e-12)
    assert len(set(ours.validation_scores_)) > 5


@pytest.mark.parametrize("kind", ["binary", "multi"])
def test_classes_weigh_too(kind):
    y = TARGETS[kind]
    balanced = 60 / len(np.unique(y)) / np.bincount(y)[y]
    cases = [("balanced", balanced), ({0: 4.0}, np.where(y == 0, 4.0, 1.0))]
    for given, weights in cases:
        by_class = model(kind, class_weight=given).fit(X60, y, sample_weight=WEIGHTS)
        by_sample = model(kind).fit(X60, y, sample_weight=WEIGHTS * weights)
        np.testing.assert_allclose(by_class.net_.theta, by_sample.net_.theta, rtol=0, atol=1e-13)
    assert not np.array_equal(
        model(kind).fit(X60, y).net_.theta,
        model(kind, class_weight={0: 4.0}).fit(X60, y).net_.theta,
    )


def test_huber_far_from_its_threshold_is_half_the_square():
    square = model("one", max_iter=20).fit(X60, TARGETS["one"])
    huber = model("one", loss="huber", huber_delta=1e6, max_iter=20).fit(X60, TARGETS["one"])
    np.testing.assert_allclose(huber.net_.theta, square.net_.theta, rtol=0, atol=1e-12)
    np.testing.assert_allclose(huber.loss_curve_, square.loss_curve_, rtol=1e-12)


def test_absolute_error_finds_the_median():
    y = np.repeat([0.0, 1.0, 10.0], [10, 30, 20])
    fitted = model(
        "one", loss="absolute_error", hidden_layer_sizes=(), alpha=0.0, solver="sgd",
        learning_rate="invscaling", learning_rate_init=0.5, max_iter=2000, tol=0.0, momentum=0.0,
        n_iter_no_change=10**6,
    ).fit(np.ones((60, 1)), y)  # fmt: skip
    assert fitted.predict(np.ones((1, 1)))[0] == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("solver", SOLVERS)
def test_diagnosed_is_the_loss_that_was_fitted(kind, solver):
    """Of full batches: what the next step sees."""
    y = TARGETS[kind]
    fitted = model(kind, solver=solver, alpha=2.0, max_iter=3, batch_size=60)
    fitted.fit(X60, y, sample_weight=WEIGHTS)
    point, before = fitted.diagnose().point, fitted.history_.steps
    twin = fitted.diagnose(X60, y, WEIGHTS).point
    assert (twin.loss, twin.gradient.norm) == (point.loss, point.gradient.norm)
    assert fitted.diagnose(X60, y).point.loss != point.loss
    fitted.set_params(warm_start=True).fit(X60, y, sample_weight=WEIGHTS)
    assert fitted.history_["loss"][before] == pytest.approx(point.loss, rel=1e-12)
    norm = fitted.history_["gradient_norm"][before]
    assert norm == pytest.approx(point.gradient.norm, rel=1e-9)


def test_diagnosed_are_the_weights_of_classes_too():
    y = TARGETS["multi"]
    fitted = model("multi", class_weight="balanced", alpha=2.0).fit(X60, y)
    loss = fitted.diagnose().point.loss
    assert loss == fitted.diagnose(X60, y).point.loss
    assert fitted.set_params(class_weight=None).diagnose(X60, y).point.loss != loss


def test_after_early_stopping_the_best_epoch_is_diagnosed():
    fitted = model("multi", early_stopping=True, max_iter=40, n_iter_no_change=5, batch_size=10,
                   learning_rate_init=0.05).fit(X60, TARGETS["multi"])  # fmt: skip
    best = int(np.argmax(fitted.validation_scores_)) + 1
    assert best < fitted.n_iter_
    found = fitted.diagnose()
    steps = fitted.history_.steps // fitted.n_iter_ * best
    assert found.step == steps
    assert f"its parameters are those after {steps} steps, the best epoch's" in found.subject
    fitted.set_params(warm_start=True, learning_rate_init=1e3).fit(X60, TARGETS["multi"])
    # nothing was better than its start: the first fit's best, without what that fit undid
    assert fitted.diagnose(curvature=False).step == steps
