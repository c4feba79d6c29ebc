"""Architectures and parameters that are refused: the whole text, and that nothing changes."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import saddlescape as ss

Array = NDArray[Any]

NAMES = (
    "elu, gelu, hard_sigmoid, hard_swish, hard_tanh, leaky_relu, linear, relu, sigmoid, silu, "
    "softplus, tanh"
)
INITS = "he, lecun, normal, xavier, zeros"
ONE = "an integer of at least 1"
NONNEGATIVE = "an integer of at least 0"

CONSTRUCTOR: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"sizes": ()}, ValueError, "sizes: 0 given, expected at least 2, inputs and outputs"),
    ({"sizes": (3,)}, ValueError, "sizes: 1 given, expected at least 2, inputs and outputs"),
    ({"sizes": (3, 0, 2)}, ValueError, f"sizes[1]: 0, expected {ONE}"),
    ({"sizes": (-3, 2)}, ValueError, f"sizes[0]: -3, expected {ONE}"),
    ({"sizes": (3, 2.0)}, TypeError, f"sizes[1]: float, expected {ONE}"),
    ({"sizes": (3, "2")}, TypeError, f"sizes[1]: str, expected {ONE}"),
    ({"sizes": (3, True)}, TypeError, f"sizes[1]: bool, expected {ONE}"),
    ({"sizes": (3, None)}, TypeError, f"sizes[1]: NoneType, expected {ONE}"),
    ({"sizes": "32"}, TypeError, "sizes: str, expected a sequence of layer sizes"),
    ({"sizes": b"32"}, TypeError, "sizes: bytes, expected a sequence of layer sizes"),
    ({"sizes": 3}, TypeError, "sizes: int, expected a sequence of layer sizes"),
    ({"sizes": {3, 2}}, TypeError, "sizes: set, expected a sequence of layer sizes"),
    ({"sizes": np.array(3)}, ValueError, "sizes: shape (), expected (layers + 1,)"),
    ({"sizes": np.eye(2, dtype=int)}, ValueError, "sizes: shape (2, 2), expected (layers + 1,)"),
    ({"sizes": np.ones(2)}, TypeError, f"sizes[0]: float64, expected {ONE}"),
    (
        {"sizes": (2, 2**31)},
        ValueError,
        "sizes[1]: 2147483648, expected below 2^31 (BLAS counts in 32 bits)",
    ),
    (
        {"sizes": (2, 2**62)},
        ValueError,
        f"sizes[1]: {2**62}, expected below 2^31 (BLAS counts in 32 bits)",
    ),
    (
        {"sizes": (2**31 - 1, 2**31 - 1)},
        ValueError,
        "sizes: more parameters than 64-bit addresses reach, expected fewer",
    ),
    (
        {"sizes": (3, 1)},
        ValueError,
        "sizes: 1 output with loss 'cross_entropy', expected at least 2 "
        "(or loss 'bce' for one logit)",
    ),
    ({"activation": "swish"}, ValueError, f"activation: 'swish', expected one of {NAMES}"),
    ({"activation": "Tanh"}, ValueError, f"activation: 'Tanh', expected one of {NAMES}"),
    ({"activation": None}, TypeError, f"activation: NoneType, expected one of {NAMES}"),
    ({"activation": np.tanh}, TypeError, f"activation: ufunc, expected one of {NAMES}"),
    ({"loss": "l2"}, ValueError, "loss: 'l2', expected one of bce, cross_entropy, huber, mae, mse"),
    ({"loss": 2}, TypeError, "loss: int, expected one of bce, cross_entropy, huber, mae, mse"),
    ({"init": "ones"}, ValueError, f"init: 'ones', expected one of {INITS}"),
    ({"init": 0.1}, TypeError, f"init: float, expected one of {INITS}"),
    ({"bias": 1}, TypeError, "bias: int, expected True or False"),
    ({"bias": "no"}, TypeError, "bias: str, expected True or False"),
    ({"bias": None}, TypeError, "bias: NoneType, expected True or False"),
    ({"dtype": "float16"}, ValueError, "dtype: 'float16', expected float32 or float64"),
    ({"dtype": int}, ValueError, "dtype: <class 'int'>, expected float32 or float64"),
    ({"dtype": None}, ValueError, "dtype: None, expected float32 or float64"),
    ({"dtype": ">f8"}, ValueError, "dtype: '>f8', expected float32 or float64"),
    (
        {"dtype": "double precision"},
        ValueError,
        "dtype: 'double precision', expected float32 or float64",
    ),
    ({"dtype": {"a": 1}}, ValueError, "dtype: {'a': 1}, expected float32 or float64"),
    ({"seed": -1}, ValueError, f"seed: -1, expected {NONNEGATIVE}"),
    ({"seed": 0.5}, TypeError, f"seed: float, expected {NONNEGATIVE}"),
    ({"seed": None}, TypeError, f"seed: NoneType, expected {NONNEGATIVE}"),
]


@pytest.mark.parametrize(("arguments", "error", "text"), CONSTRUCTOR)
def test_constructor_refuses(arguments: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        ss.MLP(**{"sizes": (3, 4, 2), **arguments})
    assert type(caught.value) is error
    assert str(caught.value) == text


def put(array: Array, place: Any, value: Any) -> Array:
    changed = array.copy()
    changed[place] = value
    return changed


def refused(net: ss.MLP, call: Any, error: type[Exception], text: str) -> None:
    before = net.theta.copy()
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error
    assert str(caught.value) == text
    assert net.theta.tobytes() == before.tobytes()


P = 26
VECTOR = np.ones(P)
THETA: list[tuple[Any, type[Exception], str]] = [
    (VECTOR.tolist(), TypeError, "theta: list, expected a NumPy array of shape (26,)"),
    (1.0, TypeError, "theta: float, expected a NumPy array of shape (26,)"),
    (np.array(1.0), ValueError, "theta: shape (), expected (26,)"),
    (np.ones(27), ValueError, "theta: shape (27,), expected (26,)"),
    (np.ones(1), ValueError, "theta: shape (1,), expected (26,)"),
    (np.ones((1, P)), ValueError, "theta: shape (1, 26), expected (26,)"),
    (VECTOR.astype(complex), TypeError, "theta: dtype complex128, expected floats"),
    (put(VECTOR.astype(object), 20, "a"), TypeError, "theta: dtype object, expected floats"),
    (
        put(VECTOR, 25, np.nan),
        ValueError,
        "theta: nan at (25,), expected finite numbers in float32",
    ),
    (
        put(VECTOR, 0, -np.inf),
        ValueError,
        "theta: -inf at (0,), expected finite numbers in float32",
    ),
    (put(VECTOR, 9, 1e39), ValueError, "theta: inf at (9,), expected finite numbers in float32"),
]


@pytest.mark.parametrize(("theta", "error", "text"), THETA)
def test_theta_refused(theta: Any, error: type[Exception], text: str) -> None:
    net = ss.MLP((3, 4, 2))
    refused(net, lambda: setattr(net, "theta", theta), error, text)


def test_theta_is_a_writable_view_and_assignment_copies() -> None:
    net = ss.MLP((3, 4, 2), dtype="float64")
    view, values = net.theta, np.arange(26.0)
    net.theta = values
    values[0] = 99
    assert net.theta is view
    np.testing.assert_array_equal(view, np.arange(26.0))
    (W1, b1), (W2, b2) = net.layers()
    assert b1 is not None
    assert b2 is not None
    joined = np.concatenate([W1.ravel(), b1, W2.ravel(), b2])
    np.testing.assert_array_equal(joined, view)
    W2[1, 3] = -7
    assert view[23] == -7
    net.theta = np.arange(26)  # integers are numbers too
    assert view.dtype == np.float64


def test_a_copy_stands_alone() -> None:
    net = ss.MLP((3, 4, 2), "gelu", "mse", "xavier", False, "float64", 7)
    net.theta[0] = np.nan  # a diverged network can be looked at
    twin = net.copy()
    assert repr(twin) == repr(net) == "MLP(3-4-2 gelu, mse, no biases, float64, 20 parameters)"
    assert (twin.init, twin.seed) == ("xavier", 7)
    assert twin.theta.tobytes() == net.theta.tobytes()
    twin.theta[1] = 5
    assert net.theta[1] != 5


@pytest.mark.parametrize("layer", [0, -1, 3])
def test_core_refuses_a_layer_that_is_not_there(layer: int) -> None:
    network = ss.MLP((3, 4, 2))._network
    for offset in (network.weight_offset, network.bias_offset):
        with pytest.raises(ValueError, match=re.escape(f"layer: {layer}, expected 1 to 2")):
            offset(layer)


@pytest.mark.parametrize(
    ("sizes", "text"),
    [
        ([], "sizes: 0 given, expected at least 2, inputs and outputs"),
        ([3, 0], "sizes[1]: 0, expected 1 to 2147483647"),
        ([2**40, 3], "sizes[0]: 1099511627776, expected 1 to 2147483647"),
    ],
)
def test_core_refuses_sizes(sizes: list[int], text: str) -> None:
    network = type(ss.MLP((3, 2))._network)
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        network(sizes, "tanh", "mse", True)
