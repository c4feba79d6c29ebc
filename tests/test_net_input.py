"""Samples, targets and vectors that are refused: the whole text, and that nothing changes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import saddlescape as ss

Array = NDArray[Any]

X = np.linspace(-1, 1, 15).reshape(5, 3)
Y = np.array([0, 1, 1, 0, 1])
SOFT = np.full((5, 2), 0.5)
ARRAY = "expected a NumPy array of float32 or float64"


def put(array: Array, place: Any, value: Any) -> Array:
    changed = array.copy()
    changed[place] = value
    return changed


def unaligned(array: Array) -> Array:
    buffer = np.zeros(array.nbytes + 1, np.uint8)
    view = buffer[1:].view(array.dtype).reshape(array.shape)
    view[...] = array
    return view


INPUTS: list[tuple[Any, type[Exception], str]] = [
    (X.tolist(), TypeError, f"X: list, {ARRAY}"),
    (None, TypeError, f"X: NoneType, {ARRAY}"),
    (3.0, TypeError, f"X: float, {ARRAY}"),
    ("X", TypeError, f"X: str, {ARRAY}"),
    (X.astype(np.int64), TypeError, "X: dtype int64, expected float32 or float64"),
    (X.astype(bool), TypeError, "X: dtype bool, expected float32 or float64"),
    (X.astype(np.float16), TypeError, "X: dtype float16, expected float32 or float64"),
    (X.astype(complex), TypeError, "X: dtype complex128, expected float32 or float64"),
    (X.astype(object), TypeError, "X: dtype object, expected float32 or float64"),
    (X.astype(">f8"), TypeError, "X: dtype >f8, expected float32 or float64"),
    (X.astype(str), TypeError, "X: dtype <U32, expected float32 or float64"),
    (X[0], ValueError, "X: shape (3,), expected (any, 3)"),
    (X[None], ValueError, "X: shape (1, 5, 3), expected (any, 3)"),
    (np.array(1.0), ValueError, "X: shape (), expected (any, 3)"),
    (np.ones((5, 4)), ValueError, "X: shape (5, 4), expected (any, 3)"),
    (np.ones((3, 5)), ValueError, "X: shape (3, 5), expected (any, 3)"),
    (np.ones((5, 0)), ValueError, "X: shape (5, 0), expected (any, 3)"),
    (np.ones((0, 3)), ValueError, "X: shape (0, 3), expected at least one sample"),
    (put(X, (2, 1), np.nan), ValueError, "X: NaN at (2, 1), expected finite numbers"),
    (put(X, (4, 2), np.inf), ValueError, "X: infinite at (4, 2), expected finite numbers"),
    (put(X, (0, 0), -np.inf), ValueError, "X: -infinite at (0, 0), expected finite numbers"),
    (
        np.asfortranarray(X),
        ValueError,
        "X: strides (8, 40), expected a C-contiguous array; copy it with np.ascontiguousarray",
    ),
    (
        np.repeat(X, 2, axis=0)[::2],
        ValueError,
        "X: strides (48, 8), expected a C-contiguous array; copy it with np.ascontiguousarray",
    ),
    (
        unaligned(X),
        ValueError,
        "X: its elements are not aligned in memory, expected an aligned array; "
        "copy it with np.array(array)",
    ),
]


def refused(net: ss.MLP, call: Any, error: type[Exception], text: str) -> None:
    before = net.theta.copy()
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error
    assert str(caught.value) == text
    assert net.theta.tobytes() == before.tobytes()


def calls(net: ss.MLP, inputs: Any, targets: Any, V: Any = None) -> list[Any]:
    V = np.ones(net.parameters) if V is None else V
    return [
        lambda: net.loss(inputs, targets),
        lambda: net.gradient(inputs, targets),
        lambda: net.loss_and_gradient(inputs, targets),
        lambda: net.hvp(inputs, targets, V),
        lambda: net.hessian(inputs, targets),
    ]


@pytest.mark.parametrize(("inputs", "error", "text"), INPUTS)
def test_inputs_refused(inputs: Any, error: type[Exception], text: str) -> None:
    net = ss.MLP((3, 4, 2), dtype="float64")
    N = len(inputs) if isinstance(inputs, np.ndarray) and inputs.ndim == 2 else 5
    refused(net, lambda: net.predict(inputs), error, text)
    for call in calls(net, inputs, np.zeros(N, int)):
        refused(net, call, error, text)


def test_inputs_beyond_float32_refused() -> None:
    net = ss.MLP((3, 4, 2))
    text = "X: infinite at (1, 2), expected finite numbers"
    refused(net, lambda: net.predict(put(X, (1, 2), 1e300)), ValueError, text)


SHAPES = "expected (5,) or (5, 2)"
RANGE = "expected probabilities from 0 to 1 (loss cross_entropy)"
TARGETS: list[tuple[Any, type[Exception], str]] = [
    (Y.tolist(), TypeError, "y: list, expected a NumPy array"),
    (None, TypeError, "y: NoneType, expected a NumPy array"),
    (Y[:4], ValueError, f"y: shape (4,), {SHAPES}"),
    (np.zeros(6, int), ValueError, f"y: shape (6,), {SHAPES}"),
    (np.zeros(0, int), ValueError, f"y: shape (0,), {SHAPES}"),
    (np.array(1), ValueError, f"y: shape (), {SHAPES}"),
    (Y[:, None], ValueError, f"y: shape (5, 1), {SHAPES}"),
    (np.zeros((5, 3)), ValueError, f"y: shape (5, 3), {SHAPES}"),
    (np.zeros((2, 5)), ValueError, f"y: shape (2, 5), {SHAPES}"),
    (np.zeros((5, 2, 1)), ValueError, f"y: shape (5, 2, 1), {SHAPES}"),
    (
        Y.astype(float),
        TypeError,
        "y: float64 of shape (5,), expected integer classes 0 to 1, or targets of shape (5, 2)",
    ),
    (put(Y, 3, -1), ValueError, "y[3]: class -1, expected 0 to 1"),
    (put(Y, 0, 2), ValueError, "y[0]: class 2, expected 0 to 1"),
    (
        put(Y.astype(np.uint64), 1, 2**64 - 1),
        ValueError,
        "y[1]: class 18446744073709551615, expected 0 to 1",
    ),
    (put(SOFT, (4, 1), np.nan), ValueError, f"y: nan at (4, 1), {RANGE}"),
    (put(SOFT, (0, 1), np.inf), ValueError, f"y: inf at (0, 1), {RANGE}"),
    (put(SOFT, (1, 0), 1.5), ValueError, f"y: 1.5 at (1, 0), {RANGE}"),
    (put(SOFT, (2, 0), -0.25), ValueError, f"y: -0.25 at (2, 0), {RANGE}"),
    (np.full((5, 2), 2), ValueError, f"y: 2 at (0, 0), {RANGE}"),
    (Y.astype(str), TypeError, "y: dtype <U21, expected integer classes or float targets"),
    (Y.astype(object), TypeError, "y: dtype object, expected integer classes or float targets"),
    (
        SOFT.astype(complex),
        TypeError,
        "y: dtype complex128, expected integer classes or float targets",
    ),
]


@pytest.mark.parametrize(("targets", "error", "text"), TARGETS)
def test_targets_refused(targets: Any, error: type[Exception], text: str) -> None:
    net = ss.MLP((3, 4, 2), dtype="float64")
    for call in calls(net, X, targets):
        refused(net, call, error, text)


@pytest.mark.parametrize(
    ("loss", "targets", "text"),
    [
        (
            "bce",
            np.array([0, 1, 2, 0, 1]),
            "y: 2 at (2, 0), expected probabilities from 0 to 1 (loss bce)",
        ),
        (
            "bce",
            np.full(5, -0.5),
            "y: -0.5 at (0, 0), expected probabilities from 0 to 1 (loss bce)",
        ),
        ("mse", put(np.zeros(5), 4, np.nan), "y: nan at (4, 0), expected finite targets"),
        ("mae", put(np.zeros((5, 1)), 1, -np.inf), "y: -inf at (1, 0), expected finite targets"),
        ("mse", put(np.zeros(5), 4, 1e300), "y: inf at (4, 0), expected finite targets"),
        ("mse", np.zeros((5, 2)), "y: shape (5, 2), expected (5,) or (5, 1)"),
    ],
)
def test_targets_of_one_output_refused(loss: str, targets: Array, text: str) -> None:
    net = ss.MLP((3, 4, 1), loss=loss)
    refused(net, lambda: net.loss(X, targets), ValueError, text)
    refused(net, lambda: net.gradient(X, targets), ValueError, text)


P = 26
VECTOR, MATRIX = np.ones(P), np.ones((P, 2))
VECTORS: list[tuple[Any, type[Exception], str]] = [
    (VECTOR.tolist(), TypeError, "V: list, expected a NumPy array of shape (26,)"),
    (None, TypeError, "V: NoneType, expected a NumPy array of shape (26,)"),
    (np.ones(25), ValueError, "V: shape (25,), expected (26,)"),
    (np.ones(0), ValueError, "V: shape (0,), expected (26,)"),
    (np.array(1.0), ValueError, "V: shape (), expected (26,)"),
    (np.ones((2, P)), ValueError, "V: shape (2, 26), expected (26, k)"),
    (np.ones((P, 2, 1)), ValueError, "V: shape (26, 2, 1), expected (26,)"),
    (VECTOR.astype(complex), TypeError, "V: dtype complex128, expected floats"),
    (VECTOR.astype(object), TypeError, "V: dtype object, expected floats"),
    (VECTOR.astype(str), TypeError, "V: dtype <U32, expected floats"),
    (put(VECTOR, 3, np.nan), ValueError, "V: nan at (3,), expected finite numbers in float64"),
    (
        put(MATRIX, (3, 1), np.inf),
        ValueError,
        "V: inf at (3, 1), expected finite numbers in float64",
    ),
]


@pytest.mark.parametrize(("V", "error", "text"), VECTORS)
def test_vectors_refused(V: Any, error: type[Exception], text: str) -> None:
    net = ss.MLP((3, 4, 2), dtype="float64")
    refused(net, lambda: net.hvp(X, Y, V), error, text)


def test_inputs_are_left_alone_and_may_be_read_only() -> None:
    net = ss.MLP((3, 4, 2), dtype="float64")
    arrays = [X.copy(), SOFT.copy(), np.ones((P, 9))]
    kept = [a.copy() for a in arrays]
    for a in arrays:
        a.flags.writeable = False
    for call in calls(net, arrays[0], arrays[1], arrays[2]):
        call()
    for a, b in zip(arrays, kept, strict=True):
        np.testing.assert_array_equal(a, b)
