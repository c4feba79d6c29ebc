"""The same fits as scikit-learn's own, number by number: start, batches, steps, stopping, curves.

Without shuffling the batches are the same, and where batches have all the same size so is the
penalty. What is left is the order of sums in float64: 1e-16 in a step, which some hundred steps of
a small network don't blow up; L-BFGS's line search multiplies it.
"""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import neural_network
from sklearn.exceptions import ConvergenceWarning

import saddlescape.sklearn
from sklearn_samples import CLASSES, TARGETS, X60

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

BASE = {
    "hidden_layer_sizes": (5, 4), "random_state": 3, "shuffle": False, "batch_size": 20,
    "max_iter": 30, "alpha": 0.3, "tol": 0.0, "n_iter_no_change": 1000,
}  # fmt: skip
INVSCALING = {
    "solver": "sgd", "nesterovs_momentum": False, "learning_rate": "invscaling",
    "learning_rate_init": 0.1,
}  # fmt: skip
ADAPTIVE = {
    "solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.1, "tol": 1e-2,
    "n_iter_no_change": 2, "max_iter": 100,
}  # fmt: skip
EARLY = {
    "early_stopping": True,
    "n_iter_no_change": 3,
    "max_iter": 200,
    "validation_fraction": 1 / 3,
}
CASES = {
    "adam": {},
    "adam's betas": {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3},
    "sgd": {"solver": "sgd"},
    "no momentum": {"solver": "sgd", "momentum": 0},
    "invscaling": INVSCALING,
    "adaptive": ADAPTIVE,
    "stops": {"tol": 1e-3, "n_iter_no_change": 2, "max_iter": 300, "learning_rate_init": 0.03},
    "early stopping": EARLY,
    "full batch": {"batch_size": 60},
    "auto": {"batch_size": "auto"},
    "logistic": {"activation": "logistic"},
    "tanh": {"activation": "tanh"},
    "identity": {"activation": "identity"},
    "no hidden layer": {"hidden_layer_sizes": ()},
    "one number": {"hidden_layer_sizes": 3},
    "lbfgs": {"solver": "lbfgs", "max_iter": 20},
    "RandomState": {"random_state": "state"},
}


def both(kind, **given):
    """scikit-learn's estimator and ours, with the same arguments."""
    name = "MLPClassifier" if kind in CLASSES else "MLPRegressor"
    for module in (neural_network, saddlescape.sklearn):
        arguments = {**BASE, **given}
        if arguments["random_state"] == "state":
            arguments["random_state"] = np.random.RandomState(5)
        yield getattr(module, name)(**arguments)


def close(found, expected, tolerance):
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance)


# The split of several classes, the loss of several outputs: see what is tested of them below.
OTHERWISE = {("multi", "early stopping"), ("two", "lbfgs"), ("two", "stops")}
PAIRS = [(kind, case) for kind in TARGETS for case in CASES if (kind, case) not in OTHERWISE]


@pytest.mark.parametrize(("kind", "case"), PAIRS)
def test_the_same_fit(kind, case):
    theirs, ours = both(kind, **CASES[case])
    theirs.fit(X60, TARGETS[kind])
    ours.fit(X60, TARGETS[kind])
    tolerance = 1e-9 if case == "lbfgs" else 1e-12
    close(ours.coefs_, theirs.coefs_, tolerance)
    close(ours.intercepts_, theirs.intercepts_, tolerance)
    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_"):
        assert getattr(ours, name) == getattr(theirs, name), name
    if kind != "two":  # its penalty is shown otherwise
        close([ours.loss_], [theirs.loss_], tolerance)
    if case != "lbfgs" and kind != "two":
        close(ours.loss_curve_, theirs.loss_curve_, tolerance)
        if theirs.best_loss_ is not None:
            close([ours.best_loss_], [theirs.best_loss_], tolerance)
    if case == "early stopping":
        close(ours.validation_scores_, theirs.validation_scores_, tolerance)
        close([ours.best_validation_score_], [theirs.best_validation_score_], tolerance)
    close(ours.predict(X60), theirs.predict(X60), 1e-8)
    if kind in CLASSES:
        close(ours.predict_proba(X60), theirs.predict_proba(X60), 1e-8)
        close(ours.predict_log_proba(X60), theirs.predict_log_proba(X60), 1e-7)


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("case", ["adam", "invscaling", "adaptive"])
def test_the_same_one_epoch_at_a_time(kind, case):
    theirs, ours = both(kind, **CASES[case])
    classes = np.arange(2 if kind == "binary" else 3)
    known = {"classes": classes} if kind in CLASSES else {}
    for _ in range(12):
        theirs.partial_fit(X60, TARGETS[kind], **known)
        ours.partial_fit(X60, TARGETS[kind], **known)
        known = {}
    close(ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, 1e-12)
    assert (ours.n_iter_, ours.t_) == (theirs.n_iter_, theirs.t_)
    assert len(ours.loss_curve_) == 12


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("case", ["adam", "sgd"])
def test_the_same_in_a_warm_start(kind, case):
    theirs, ours = both(kind, warm_start=True, **CASES[case])
    for _ in range(2):
        theirs.fit(X60, TARGETS[kind])
        ours.fit(X60, TARGETS[kind])
    close(ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, 1e-12)
    assert (ours.n_iter_, ours.t_) == (theirs.n_iter_, theirs.t_) == (30, 3600)
    assert len(ours.loss_curve_) == len(theirs.loss_curve_) == 60


@pytest.mark.parametrize("kind", TARGETS)
def test_the_same_in_float32(kind):
    X = X60.astype(np.float32)
    theirs, ours = both(kind, max_iter=10)
    theirs.fit(X, TARGETS[kind])
    ours.fit(X, TARGETS[kind])
    assert {w.dtype for w in ours.coefs_ + ours.intercepts_} == {np.dtype(np.float32)}
    assert {w.dtype for w in theirs.coefs_} == {np.dtype(np.float32)}
    # 30 steps of Adam, each of 1e-3, off by some units of 2^-24 in the gradients' ratio
    close(ours.coefs_, theirs.coefs_, 30 * 1e-3 * 1e-3)


def test_the_penalty_of_several_outputs_in_the_curve():
    """Ours is the loss that is descended, over the outputs; theirs adds all of the penalty."""
    theirs, ours = both("two", max_iter=1, batch_size=60)
    _, first = both("two", max_iter=1, batch_size=60, learning_rate_init=1e-30)
    first.fit(X60, TARGETS["two"])
    theirs.fit(X60, TARGETS["two"])
    ours.fit(X60, TARGETS["two"])
    penalty = 0.3 / 2 * sum(np.sum(w**2) for w in first.coefs_) / 60
    assert theirs.loss_ - ours.loss_ == pytest.approx(penalty / 2, rel=1e-9)


def test_lbfgs_of_several_outputs_is_ridge_regression():
    """Without a hidden layer: ``(Xc^T Xc + alpha I) W = Xc^T Yc``, X and Y less their means.

    scikit-learn's is given the gradient of this with the value of another loss, and stops where its
    line search finds no way down.
    """
    _, ours = both("two", hidden_layer_sizes=(), solver="lbfgs", max_iter=500, tol=1e-9)
    Y = TARGETS["two"]
    ours.fit(X60, Y)
    Xc, Yc = X60 - X60.mean(axis=0), Y - Y.mean(axis=0)
    W = np.linalg.solve(Xc.T @ Xc + 0.3 * np.eye(4), Xc.T @ Yc)
    # the gradient is below 1e-9, or the loss moves by less than SciPy's ftol, 2e-9 of it: its root
    np.testing.assert_allclose(ours.coefs_[0], W, atol=1e-4)
    np.testing.assert_allclose(
        ours.intercepts_[0], Y.mean(axis=0) - X60.mean(axis=0) @ W, atol=1e-4
    )


def test_a_smaller_last_batch_has_the_penalty_of_the_others():
    """scikit-learn divides alpha by that batch's samples: here it is a quarter of the size."""
    given = {"batch_size": 16, "solver": "sgd", "momentum": 0, "max_iter": 1, "alpha": 5.0}
    theirs, ours = both("one", **given)
    theirs.fit(X60[:20], TARGETS["one"][:20])
    ours.fit(X60[:20], TARGETS["one"][:20])
    # the step over the last 4 samples: lr (5 / 4 - 5 / 16) w
    for found, other in zip(ours.coefs_, theirs.coefs_, strict=True):
        before = other / (1 - 1e-3 * 5 / 4)  # but for the gradient of the loss in it
        np.testing.assert_allclose(found - other, 1e-3 * (5 / 4 - 5 / 16) * before, atol=2e-5)


def test_both_warn_of_max_iter():
    for made in both("binary", max_iter=2):
        with pytest.warns(ConvergenceWarning):
            made.fit(X60, TARGETS["binary"])
