"""Standardised inputs: the statistics, and that nothing else differs from standardised data."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from math import isqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import saddlescape as ss
from saddlescape import curvature
from saddlescape.metrics.quality import accuracy
from saddlescape.net import Draw, store
from saddlescape.net.standardise import column_moments

Array = NDArray[Any]
GENERATOR = np.random.default_rng(0)
TRAINED = GENERATOR.standard_normal((40, 3)) * [1e-3, 1.0, 1e4] + [0.0, -5.0, 1e5]
X = GENERATOR.standard_normal((23, 3)) * [2e-3, 0.5, 1e4] + [0.0, -5.0, 1e5]
Y = np.arange(23) % 2


def raw(**arguments: Any) -> ss.MLP:
    net = ss.MLP(**{"sizes": (3, 5, 2), "seed": 4, **arguments})
    net.standardise(TRAINED)
    return net


def by_hand(net: ss.MLP, samples: Array) -> Array:
    assert net.standardisation is not None
    mean, deviation = net.standardisation
    return (samples.astype(np.float64) - mean) / deviation


def exact(column: Array) -> tuple[float, float]:
    """Mean and standard deviation in fractions, each rounded once."""
    numbers = [Fraction(float(x)) for x in column]
    mean = sum(numbers) / len(numbers)
    variance = sum((x - mean) ** 2 for x in numbers) / len(numbers)
    if not variance:
        return float(mean), 1.0
    # 120 bits of the root of p / q = root of p q, over q
    p, q = variance.numerator, variance.denominator
    return float(mean), float(Fraction(isqrt((p * q) << 240), q << 120))


def with_noise(middle: float, width: float, n: int = 101) -> Array:
    return middle + width * np.random.default_rng(1).uniform(-1, 1, n)


COLUMNS: dict[str, Array] = {
    "plain": with_noise(0.0, 1.0),
    "far from zero": with_noise(1e8, 1.0),
    "very far": with_noise(1e15, 1.0),
    "below": with_noise(-1e8, 1e-3),
    "squares overflow": with_noise(0.0, 1e300),
    "squares vanish": with_noise(0.0, 1e-300),
    "sums overflow": np.array([1.7e308, 1.6e308, 1.5e308, 1.7e308]),
    "differences overflow": np.array([1.7e308, -1.7e308, 1.6e308]),
    "subnormal": np.array([3e-323, 5e-323, 4e-323, 1e-322]),
    "constant": np.full(77, 0.1),
    "constant, long": np.full(70_001, 0.1),
    "constant zero": np.zeros(5),
    "constant, negative": np.full(1001, -1e22 / 3),
    "one neighbour": np.array([0.1] * 9 + [np.nextafter(0.1, 1)]),
    "two values": np.array([0.0, 1.0]),
    "one sample": np.array([-3.5]),
    "long": with_noise(100.0, 1.0, 70_000),
    "outlier": np.array([1e12, *np.linspace(0, 1, 50)]),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_statistics_are_the_exact_ones(name: str) -> None:
    column = COLUMNS[name]
    mean, deviation = column_moments(column[:, None])[:, 0]
    wanted_mean, wanted = exact(column)
    half_span = np.ptp(column / 2)
    # a rounding of the mean itself, and of the sums of what is left of it
    assert abs(mean - wanted_mean) <= np.spacing(abs(wanted_mean)) + 2e-16 * half_span
    if name in ("one neighbour", "subnormal"):  # the mean's own rounding is as wide as the numbers
        assert 0 < deviation <= 2 * np.ptp(column)
    else:
        # a rounding of the mean, squared, over the variance is far below 1e-13 in all of these
        assert deviation == pytest.approx(wanted, rel=1e-13 if name != "very far" else 2e-4)


def test_columns_do_not_disturb_each_other() -> None:
    columns = [column for column in COLUMNS.values() if len(column) == 101]
    together = column_moments(np.stack(columns, axis=1))
    for j, column in enumerate(columns):
        # of a single column NumPy adds up the numbers in pairs, of several row by row
        alone = column_moments(np.stack([column, column], axis=1))
        np.testing.assert_array_equal(together[:, j], alone[:, 0])


def test_standardised_data_have_mean_0_and_deviation_1() -> None:
    net = raw(dtype="float64")
    Z = net.cast(TRAINED)
    np.testing.assert_allclose(Z.mean(axis=0), 0, atol=1e-14)
    np.testing.assert_allclose(Z.std(axis=0), 1, rtol=1e-14)
    assert net.cast(np.float32(TRAINED)).dtype == np.float64
    np.testing.assert_array_equal(net.cast(X), by_hand(net, X))
    assert raw().cast(X).tobytes() == by_hand(net, X).astype(np.float32).tobytes()
    many = np.tile(X, (3000, 1))  # more than a block
    np.testing.assert_array_equal(net.cast(many), by_hand(net, many))


V = np.random.default_rng(2).standard_normal((32, 3))
CALLS: dict[str, Callable[[ss.MLP, Array], Any]] = {
    "predict": lambda net, X: net.predict(X),
    "training": lambda net, X: net.predict(X, Draw(1, 2)),
    "loss": lambda net, X: net.loss(X, Y),
    "gradient": lambda net, X: net.gradient(X, Y),
    "hvp": lambda net, X: net.hvp(X, Y, V),
    "hessian": lambda net, X: net.hessian(X, Y),
    "block": lambda net, X: net.hessian(X, Y, "gauss_newton", layer=2),
    "diagonal": lambda net, X: net.hessian_diagonal(X, Y),
    "accuracy": lambda net, X: accuracy(net, X, Y),
    "curvature": lambda net, X: curvature.of(net, X, Y) @ V[:, 0],
    "curvature's gradient": lambda net, X: curvature.of(net, X, Y).gradient(),
    "curvature's matrix": lambda net, X: curvature.of(net, X, Y).dense(),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("call", CALLS)
def test_every_call_has_the_bits_of_standardised_data(call: str, dtype: str) -> None:
    net = raw(dtype=dtype, dropout=0.3 if call == "training" else 0.0)
    plain = ss.MLP(**store.architecture(net))
    assert plain.theta.tobytes() == net.theta.tobytes()
    found, wanted = CALLS[call](net, X), CALLS[call](plain, by_hand(net, X))
    assert np.asarray(found).tobytes() == np.asarray(wanted).tobytes()
    assert np.asarray(CALLS[call](plain, X)).tobytes() != np.asarray(found).tobytes()


TRAINING: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "in the core": ({}, {}),
    "full batches": ({}, {"batch_size": "full"}),
    "lars": ({}, {"optimizer": "lars", "lr": 1.0}),
    "dropout": ({"dropout": 0.2}, {}),
    "batch normalisation": ({"normalisation": "batch"}, {"batch_size": 8}),
    "callbacks": ({}, {"callback": lambda _: False}),
    "a share held out": ({}, {"validation": 0.3, "early_stopping": 1}),
    "metrics": ({}, {"metrics": ("accuracy", "balanced_accuracy")}),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", TRAINING)
def test_training_has_the_bits_of_standardised_data(name: str, dtype: str) -> None:
    made, arguments = TRAINING[name]
    net = raw(dtype=dtype, **made)
    plain = ss.MLP(**store.architecture(net))
    runs = [
        ss.train(one, data(X), Y, epochs=4, **{
            "batch_size": 7, "validation": (data(TRAINED), np.arange(40) % 2), **arguments
        })
        for one, data in ((net, lambda x: x), (plain, lambda x: by_hand(net, x)))
    ]  # fmt: skip
    assert plain.theta.tobytes() == net.theta.tobytes()
    assert plain.running.tobytes() == net.running.tobytes()
    for column in runs[0].history:
        assert runs[0].history[column].tobytes() == runs[1].history[column].tobytes(), column
    epochs = [run.history.epochs for run in runs]
    assert epochs[0] == epochs[1]
    assert "validation_loss" in epochs[0]
    assert runs[0].outcome is runs[1].outcome
    assert np.isin(runs[0].X, X).all()
    told = [ss.diagnose(run) for run in runs]
    assert told[0].verdict == told[1].verdict
    assert net.standardisation is not None


def test_diagnosis_of_a_saddle_sees_standardised_inputs() -> None:
    net = raw(init="zeros", dtype="float64")
    plain = ss.MLP((3, 5, 2), init="zeros", dtype="float64")
    runs = [ss.train(net, X, Y, epochs=0), ss.train(plain, by_hand(net, X), Y, epochs=0)]
    assert str(ss.diagnose(runs[0])) == str(ss.diagnose(runs[1]))


def test_kept_by_copies_and_files(tmp_path: Path) -> None:
    net = raw(normalisation="batch")
    net.theta[0] = np.nan
    for twin in (net.copy(), ss.MLP.load(net.save(tmp_path / "net"))):
        assert twin.standardisation is not None
        assert np.stack(twin.standardisation).tobytes() == np.stack(net.standardisation).tobytes()
        assert twin.cast(X).tobytes() == net.cast(X).tobytes()
        assert twin.running.tobytes() == net.running.tobytes()
        assert "standardised inputs" in repr(twin)
    twin.standardise(X)
    assert twin.cast(X).tobytes() != net.cast(X).tobytes()
    assert net.save(tmp_path / "a").read_bytes() == net.copy().save(tmp_path / "b").read_bytes()


def test_the_numbers_cannot_be_written_to() -> None:
    for numbers in raw().standardisation or ():
        with pytest.raises(ValueError, match="read-only"):
            numbers[0] = 1.0
    assert ss.MLP((3, 2)).standardisation is None


def test_the_network_behind_shares_the_parameters() -> None:
    net = raw(normalisation="batch")
    behind = net.after_standardisation()
    assert behind.theta is net.theta
    assert behind.running is net.running
    assert behind.standardisation is None
    assert net.standardisation is not None
    assert behind.after_standardisation() is behind
    assert behind.loss(by_hand(net, X), Y) == net.loss(X, Y)


def test_taken_again_it_is_that_of_the_raw_data() -> None:
    net = raw()
    net.standardise(X)
    once = ss.MLP((3, 5, 2))
    once.standardise(X)
    assert net.cast(X).tobytes() == once.cast(X).tobytes()


def put(place: tuple[int, int], value: float) -> Array:
    changed = TRAINED.copy()
    changed[place] = value
    return changed


ARRAY = "expected a NumPy array of float32 or float64"
REFUSED: list[tuple[Any, type[Exception], str]] = [
    (None, TypeError, f"X: NoneType, {ARRAY}"),
    (TRAINED.tolist(), TypeError, f"X: list, {ARRAY}"),
    (3.0, TypeError, f"X: float, {ARRAY}"),
    (TRAINED.astype(np.int64), TypeError, "X: dtype int64, expected float32 or float64"),
    (np.ones((4, 3), np.float16), TypeError, "X: dtype float16, expected float32 or float64"),
    (TRAINED.astype(object), TypeError, "X: dtype object, expected float32 or float64"),
    (TRAINED[0], ValueError, "X: shape (3,), expected (any, 3)"),
    (TRAINED[:, :2].copy(), ValueError, "X: shape (40, 2), expected (any, 3)"),
    (np.ones((3, 4)), ValueError, "X: shape (3, 4), expected (any, 3)"),
    (np.ones((0, 3)), ValueError, "X: shape (0, 3), expected at least one sample"),
    (
        TRAINED[:, ::-1],
        ValueError,
        "X: strides (24, -8), expected a C-contiguous array; copy it with np.ascontiguousarray",
    ),
    (put((2, 1), np.nan), ValueError, "X: nan at (2, 1), expected finite numbers"),
    (put((0, 2), np.inf), ValueError, "X: inf at (0, 2), expected finite numbers"),
    (put((39, 0), -np.inf), ValueError, "X: -inf at (39, 0), expected finite numbers"),
]


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize(("samples", "error", "text"), REFUSED)
def test_refused(samples: Any, error: type[Exception], text: str, before: bool) -> None:
    net = raw() if before else ss.MLP((3, 5, 2), seed=4)
    kept, theta = net.standardisation, net.theta.tobytes()
    with pytest.raises(error) as caught:
        net.standardise(samples)
    assert type(caught.value) is error
    assert str(caught.value) == text
    assert net.theta.tobytes() == theta
    assert str(net.standardisation) == str(kept)


def test_raw_samples_are_checked_as_before() -> None:
    net = raw()
    for samples, text in (
        (put((2, 1), np.nan), "X: NaN at (2, 1), expected finite numbers"),
        (put((2, 1), np.inf), "X: infinite at (2, 1), expected finite numbers"),
        (put((2, 1), 1e300), "X: infinite at (2, 1), expected finite numbers"),
        (TRAINED[:, :2].copy(), "X: shape (40, 2), expected (any, 3)"),
    ):
        with pytest.raises(ValueError, match="^" + re.escape(text) + "$"):
            net.predict(samples)
    with pytest.raises(TypeError, match="X: list, expected a NumPy array of float32 or float64"):
        net.predict(TRAINED.tolist())
