"""What the estimators refuse: a fitted one is then as it was, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from saddlescape import _core
from saddlescape.sklearn.arguments import solvers
from sklearn_samples import TARGETS, X60, model

pytestmark = pytest.mark.filterwarnings("ignore:.*max_iter:sklearn.exceptions.ConvergenceWarning")

ACTIVATIONS = ", ".join(sorted(["identity", "logistic", *_core.net.activations()]))
NUMBER, ABOVE = "a finite number >= 0", "a finite number > 0"
INTEGER, FLAG = "an integer of at least 1", "True or False"
AS_BEFORE = "as in the fitted network, with which warm_start and partial_fit go on"
SOLVERS = ", ".join(solvers())
FRACTION = "a number >= 0 and < 1"

# kind of target, arguments, type of the error, text
ARGUMENTS = [
    ("one", {"hidden_layer_sizes": 0}, ValueError, f"hidden_layer_sizes: 0, expected {INTEGER}"),
    ("one", {"hidden_layer_sizes": (5, 0)}, ValueError,
     f"hidden_layer_sizes[1]: 0, expected {INTEGER}"),
    ("one", {"hidden_layer_sizes": (5, 2.0)}, TypeError,
     f"hidden_layer_sizes[1]: float, expected {INTEGER}"),
    ("one", {"hidden_layer_sizes": "ten"}, TypeError,
     f"hidden_layer_sizes: str, expected {INTEGER}"),
    ("one", {"hidden_layer_sizes": None}, TypeError,
     f"hidden_layer_sizes: NoneType, expected {INTEGER}"),
    ("one", {"activation": "sine"}, ValueError,
     f"activation: 'sine', expected one of {ACTIVATIONS}"),
    ("one", {"activation": 3}, TypeError, f"activation: int, expected one of {ACTIVATIONS}"),
    ("one", {"solver": "adamx"}, ValueError, f"solver: 'adamx', expected one of {SOLVERS}"),
    ("one", {"solver": "muon"}, ValueError, f"solver: 'muon', expected one of {SOLVERS}"),
    ("one", {"solver": "schedule_free_adamw"}, ValueError, None),
    ("one", {"solver": None}, TypeError, f"solver: NoneType, expected one of {SOLVERS}"),
    ("one", {"alpha": -1.0}, ValueError, f"alpha: -1.0, expected {NUMBER}"),
    ("one", {"alpha": "small"}, TypeError, f"alpha: str, expected {NUMBER}"),
    ("one", {"alpha": float("nan")}, ValueError, f"alpha: nan, expected {NUMBER}"),
    ("one", {"batch_size": 0}, ValueError, f"batch_size: 0, expected {INTEGER}"),
    ("one", {"batch_size": "full"}, ValueError,
     f"batch_size: 'full', expected one of auto, {INTEGER}"),
    ("one", {"batch_size": 2.5}, TypeError, f"batch_size: float, expected {INTEGER}"),
    ("one", {"batch_size": 59, "normalisation": "batch"}, ValueError, None),
    ("one", {"learning_rate": "cosine"}, ValueError,
     "learning_rate: 'cosine', expected one of adaptive, constant, invscaling"),
    ("one", {"learning_rate_init": 0.0}, ValueError, f"learning_rate_init: 0.0, expected {ABOVE}"),
    ("one", {"learning_rate_init": "auto"}, TypeError,
     f"learning_rate_init: str, expected {ABOVE}"),
    ("one", {"power_t": -0.5}, ValueError, f"power_t: -0.5, expected {NUMBER}"),
    ("one", {"max_iter": 0}, ValueError, f"max_iter: 0, expected {INTEGER}"),
    ("one", {"max_iter": 10.0}, TypeError, f"max_iter: float, expected {INTEGER}"),
    ("one", {"shuffle": "yes"}, TypeError, f"shuffle: str, expected {FLAG}"),
    ("one", {"random_state": "seed"}, ValueError,
     "random_state: 'seed', expected an integer, a RandomState or None"),
    ("one", {"tol": -1e-4}, ValueError, f"tol: -0.0001, expected {NUMBER}"),
    ("one", {"verbose": "loud"}, TypeError, "verbose: str, expected an integer of at least 0"),
    ("one", {"verbose": -1}, ValueError, "verbose: -1, expected an integer of at least 0"),
    ("one", {"warm_start": 1}, TypeError, f"warm_start: int, expected {FLAG}"),
    ("one", {"momentum": -0.1}, ValueError, f"momentum: -0.1, expected {NUMBER}"),
    ("one", {"nesterovs_momentum": None}, TypeError,
     f"nesterovs_momentum: NoneType, expected {FLAG}"),
    ("one", {"early_stopping": 0}, TypeError, f"early_stopping: int, expected {FLAG}"),
    ("one", {"validation_fraction": 0.0}, ValueError,
     "validation_fraction: 0.0, expected a number > 0 and < 1"),
    ("one", {"validation_fraction": 1.0}, ValueError,
     f"validation_fraction: 1.0, expected {FRACTION}"),
    ("one", {"early_stopping": True, "validation_fraction": 0.01}, ValueError,
     "validation_fraction: 0.01 of 60 samples leaves 59 to train on and 1 to validate, expected "
     "at least 1 and 2"),
    ("one", {"beta_1": 1.0}, ValueError, f"beta_1: 1.0, expected {FRACTION}"),
    ("one", {"beta_2": -0.1}, ValueError, f"beta_2: -0.1, expected {FRACTION}"),
    ("one", {"epsilon": 0.0}, ValueError, f"epsilon: 0.0, expected {ABOVE}"),
    ("one", {"n_iter_no_change": 0}, ValueError, f"n_iter_no_change: 0, expected {INTEGER}"),
    ("one", {"n_iter_no_change": 2.5}, TypeError, f"n_iter_no_change: float, expected {INTEGER}"),
    ("one", {"max_fun": 0}, ValueError, f"max_fun: 0, expected {INTEGER}"),
    ("one", {"init": "uniform"}, ValueError, None),
    ("one", {"init": None}, TypeError, None),
    ("one", {"init": "constant"}, ValueError,
     "init_scale: left out, expected the weights' value (init 'constant')"),
    ("one", {"init_scale": 0.1}, ValueError,
     "init_scale: given with init 'glorot_uniform', expected only with constant, normal, "
     "orthogonal"),
    ("one", {"init": "he", "init_scale": 0.1}, ValueError,
     "init_scale: given with init 'he', expected only with constant, normal, orthogonal"),
    ("one", {"init": "normal", "init_scale": 0}, ValueError,
     "init_scale: 0, expected a finite number > 0"),
    ("one", {"init": "constant", "init_scale": "1"}, TypeError,
     "init_scale: str, expected a finite number"),
    ("one", {"normalisation": "group"}, ValueError,
     "normalisation: 'group', expected None, 'batch' or 'layer'"),
    ("one", {"normalise_after": 1}, TypeError, f"normalise_after: int, expected {FLAG}"),
    ("one", {"normalise_after": True}, ValueError,
     "normalise_after: True without normalisation, expected normalisation 'batch' or 'layer'"),
    ("one", {"residual": 2}, TypeError, f"residual: int, expected {FLAG}"),
    ("one", {"dropout": 1.0}, ValueError, f"dropout: 1.0, expected {FRACTION}"),
    ("one", {"solver_params": 3}, TypeError, "solver_params: int, expected a dict or None"),
    ("one", {"solver_params": {"lr": 0.1}}, TypeError, None),
    ("one", {"solver": "sgd", "solver_params": {"betas": (0, 0)}}, TypeError, None),
    ("one", {"solver_params": {"betas": (2, 0)}}, ValueError, f"betas[0]: 2, expected {FRACTION}"),
    ("one", {"solver": "lbfgs", "dropout": 0.5}, ValueError, None),
    ("one", {"solver": "lbfgs", "normalisation": "batch"}, ValueError, None),
    ("one", {"solver": "lbfgs", "solver_params": {"history": 5}}, ValueError,
     "solver_params: given with solver 'lbfgs', expected tol and max_fun"),
    ("one", {"loss": "poisson"}, ValueError, None),
    ("one", {"loss": None}, TypeError, None),
    ("multi", {"label_smoothing": 1.0}, ValueError, f"label_smoothing: 1.0, expected {FRACTION}"),
    ("multi", {"label_smoothing": None}, TypeError,
     f"label_smoothing: NoneType, expected {FRACTION}"),
    ("one", {"loss": "huber", "huber_delta": 0.0}, ValueError, None),
    ("multi", {"class_weight": "even"}, ValueError, None),
    ("one", {"warm_start": True, "hidden_layer_sizes": (6, 4)}, ValueError,
     f"hidden_layer_sizes: sizes (4, 6, 4, 1), expected (4, 5, 4, 1) {AS_BEFORE}"),
    ("one", {"warm_start": True, "activation": "tanh"}, ValueError,
     f"activation: 'tanh', expected 'relu' {AS_BEFORE}"),
    ("one", {"warm_start": True, "loss": "absolute_error"}, ValueError,
     f"loss: 'mae', expected 'mse' {AS_BEFORE}"),
    ("one", {"warm_start": True, "normalisation": "layer", "normalise_after": True}, ValueError,
     f"normalisation: 'layer', expected None {AS_BEFORE}"),
    ("one", {"warm_start": True, "dropout": 0.5}, ValueError,
     f"dropout: 0.5, expected 0.0 {AS_BEFORE}"),
]  # fmt: skip


def with_nan(X):
    X = X.copy()
    X[3, 1] = np.nan
    return X


Y = TARGETS["multi"]
# what is called, with what, type of the error, text
DATA = [
    ("fit", (sparse.csr_matrix(X60), Y), TypeError,
     "Sparse data was passed for X, but dense data is required"),
    ("predict", (sparse.csr_matrix(X60),), TypeError, "Sparse data was passed for X"),
    ("fit", (with_nan(X60), Y), ValueError, "Input X contains NaN"),
    ("fit", (X60[:, :0], Y), ValueError, "0 feature"),
    ("fit", (X60[0], Y), ValueError, "Expected 2D array"),
    ("fit", (X60, Y[:5]), ValueError, "inconsistent numbers of samples"),
    ("fit", (X60, None), ValueError, "requires y to be passed"),
    ("fit", (X60, TARGETS["one"]), ValueError, "Unknown label type: continuous"),
    ("fit", (X60, np.c_[Y, Y]), ValueError, "Multioutput target data is not supported"),
    ("fit", (X60 + 1j, Y), ValueError, "Complex data not supported"),
    ("predict", (X60[:, :3],), ValueError, "X has 3 features, but MLPClassifier is expecting 4"),
    ("partial_fit", (X60[:, :3], Y), ValueError,
     "X has 3 features, but MLPClassifier is expecting 4"),
    ("partial_fit", (X60, Y + 1), ValueError, "y: classes [1 2 3], expected some of [0 1 2]"),
    ("partial_fit", (X60, Y, None, [0, 1]), ValueError,
     "classes: [0, 1], expected [0 1 2] as in the fits before"),
    ("diagnose", (X60, Y + 1), ValueError, "y: classes [1 2 3]"),
    ("diagnose", (X60, Y, -np.ones(60)), ValueError, "sample_weight: -1 at 0"),
    ("diagnose", (None, None, np.ones(60)), ValueError, "sample_weight: given without X"),
    ("fit", (X60, Y, np.ones(5)), ValueError, "sample_weight: shape (5,), expected (60,)"),
    ("fit", (X60, Y, np.ones((60, 1))), ValueError, "sample_weight: shape (60, 1), expected (60,)"),
    ("fit", (X60, Y, -np.ones(60)), ValueError, "sample_weight: -1 at 0, expected numbers >= 0"),
    ("fit", (X60, Y, np.zeros(60)), ValueError,
     "sample_weight: all zero, expected at least one number > 0"),
    ("fit", (X60, Y, np.full(60, np.nan)), ValueError, "Input sample_weight contains NaN"),
    ("fit", (X60, Y, "heavy"), ValueError, "could not convert string to float"),
]  # fmt: skip


def state(estimator):
    kept = {name: id(value) for name, value in vars(estimator).items()}
    return (
        kept,
        estimator.net_.theta.tobytes(),
        len(estimator.loss_curve_),
        estimator.history_.steps,
    )


@pytest.mark.parametrize(("kind", "given", "error", "text"), ARGUMENTS)
def test_arguments(kind, given, error, text):
    fitted = model(kind).fit(X60, TARGETS[kind])
    fitted.set_params(**given)
    before = state(fitted)
    with pytest.raises(error) as refused:
        fitted.fit(X60, TARGETS[kind])
    assert state(fitted) == before
    said = str(refused.value)
    assert said.startswith(text) if text else any(name in said for name in given)
    fresh = model(kind, **given)
    if not fresh.warm_start:
        with pytest.raises(error):
            fresh.fit(X60, TARGETS[kind])
        assert vars(fresh) == fresh.get_params()


@pytest.mark.parametrize(("method", "given", "error", "text"), DATA)
def test_data(method, given, error, text):
    fitted = model("multi").fit(X60, Y)
    before = state(fitted)
    with pytest.raises(error) as refused:
        getattr(fitted, method)(*given)
    assert text in str(refused.value)
    assert state(fitted) == before


def test_first_part_without_classes():
    with pytest.raises(ValueError, match="classes: None, expected all classes at the first call"):
        model("multi").partial_fit(X60, Y)


def test_first_part_of_other_classes():
    with pytest.raises(ValueError, match=r"y: classes \[0 1 2\], expected some of \[0 1\]"):
        model("multi").partial_fit(X60, Y, classes=[0, 1])


def test_parts_with_early_stopping():
    with pytest.raises(ValueError, match="early_stopping: True, expected False for partial_fit"):
        model("one", early_stopping=True).partial_fit(X60, TARGETS["one"])


def test_there_are_no_parts_for_lbfgs():
    assert not hasattr(model("one", solver="lbfgs"), "partial_fit")


def test_fewer_classes_in_a_warm_start():
    fitted = model("multi", warm_start=True).fit(X60, Y)
    before = state(fitted)
    with pytest.raises(ValueError, match=r"y: classes \[0 1\], expected all of \[0 1 2\]"):
        fitted.fit(X60[Y < 2], Y[Y < 2])
    assert state(fitted) == before


def test_numbers_beyond_float32():
    X = X60.astype(np.float32)
    with pytest.raises(ValueError, match="y: inf at"):
        model("one").fit(X, np.full(60, 1e300))


def test_other_outputs_in_the_next_part():
    fitted = model("two").fit(X60, TARGETS["two"])
    before = state(fitted)
    with pytest.raises(ValueError, match="y: 1 outputs, expected 2 as in the fitted network"):
        fitted.partial_fit(X60, TARGETS["one"])
    assert state(fitted) == before


def test_balanced_parts():
    with pytest.raises(ValueError, match="class_weight: 'balanced', expected a dict or None"):
        model("multi", class_weight="balanced").partial_fit(X60, Y, classes=[0, 1, 2])
