"""Hessian products alone, among others, and at a point that is kept: edges, layouts, bits.

Networks of up to 384 KiB of weights have loops of their own with rows of 64 bytes (8 numbers in
float64, 16 in float32) and chunks of 128 samples; larger ones go through BLAS.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import saddlescape as ss
from isa_samples import alike
from oracle.network import ACTIVATIONS, LOSSES, Net, one_hot
from saddlescape import _core, curvature

pytestmark = pytest.mark.filterwarnings("ignore::saddlescape.curvature.PiecewiseLinearWarning")

Array = NDArray[Any]
EVERYTHING, NOTHING = 1 << 30, 0
VECTORS = (1, 2, 3, 4, 7, 8, 15, 16, 17)


def case(
    sizes: tuple[int, ...], activation: str, loss: str, bias: bool, N: int, dtype: str = "float64"
) -> tuple[ss.MLP, Array, Array]:
    rng = np.random.default_rng([N, *sizes])
    net = ss.MLP(sizes, activation, loss, bias=bias, dtype=dtype)
    net.theta = 0.7 * rng.standard_normal(net.parameters)
    X, C = rng.standard_normal((N, sizes[0])).astype(dtype), sizes[-1]
    Y = one_hot(rng.integers(0, C, N), C) if loss == "cross_entropy" else rng.random((N, C))
    return net, X, Y.astype(dtype)


def products(net: ss.MLP, X: Array, Y: Array, most_bytes: int) -> _core.net.Products:
    return _core.net.Products(net._network, net.theta, *net.encode(X, Y), most_bytes)


def off(got: Array, expected: Array) -> float:
    return float(np.abs(got - expected).max() / max(float(np.abs(expected).max()), 1e-300))


# Sums of up to 257 terms in float64, each rounded once: a few 1e-15.
@pytest.mark.parametrize(
    ("activation", "loss", "bias"), list(product(ACTIVATIONS, LOSSES, (True, False)))
)
@pytest.mark.parametrize(
    ("sizes", "N"),
    [((3, 2), 129), ((8, 7), 1), ((9, 8, 3), 128), ((5, 9, 7, 2), 257), ((17, 16, 15), 3)],
)
def test_products_against_the_oracle(
    sizes: tuple[int, ...], N: int, activation: str, loss: str, bias: bool
) -> None:
    net, X, Y = case(sizes, activation, loss, bias, N)
    oracle = Net(sizes, activation, loss, bias)
    V = np.random.default_rng(1).standard_normal((net.parameters, 5))
    expected = oracle.product(net.theta, X, Y, V)
    assert off(net.hvp(X, Y, V), expected) < 1e-13
    kept = products(net, X, Y, EVERYTHING).product(np.ascontiguousarray(V.T)).T
    assert off(kept, expected) < 1e-13


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(
    ("sizes", "N"),
    [
        ((64, 32, 10), 1),
        ((64, 32, 10), 127),
        ((64, 32, 10), 257),
        ((2, 3, 2), 4500),  # more chunks than are in memory at a time
        ((20, 17), 2049),
        ((13, 16, 33, 3), 129),
        ((310, 320, 3), 130),  # through BLAS
    ],
)
def test_bits_depend_on_neither_company_nor_memory_nor_threads(
    sizes: tuple[int, ...], N: int, loss: str, dtype: str, set_threads: Callable[[int], None]
) -> None:
    net, X, Y = case(sizes, "tanh", loss, True, N, dtype)
    V = np.random.default_rng(2).standard_normal((VECTORS[-1], net.parameters)).astype(dtype)
    set_threads(1)
    alone = np.stack([net.hvp(X, Y, v) for v in V])
    for threads in (1, 2, 3):
        set_threads(threads)
        for most_bytes in (NOTHING, EVERYTHING):
            point = products(net, X, Y, most_bytes)
            assert point.kept == (most_bytes == EVERYTHING)
            for k in VECTORS:
                np.testing.assert_array_equal(point.product(V[:k]), alone[:k])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "activation", ["tanh", "sigmoid", "silu", "elu", "hard_sigmoid", "hard_swish", "hard_tanh"]
)
@pytest.mark.parametrize("loss", LOSSES)
def test_bits_are_the_same_from_every_instruction_set_that_fuses(
    activation: str, loss: str, dtype: str
) -> None:
    net, X, Y = case((13, 16, 33, 3), activation, loss, True, 141, dtype)
    V = np.random.default_rng(2).standard_normal((net.parameters, 5)).astype(dtype)
    # The losses' exponentials of bce come from the C library, the same one for all.
    results = []
    before = _core.isa()
    try:
        for isa in alike():
            _core.force_isa(isa)
            results.append((*net.loss_and_gradient(X, Y), net.predict(X), net.hvp(X, Y, V)))
    finally:
        _core.force_isa(before)
    for other in results[1:]:
        for one, same in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(one, same)


def test_products_refuse_what_does_not_fit() -> None:
    net, X, Y = case((3, 4, 2), "tanh", "mse", True, 5)
    with pytest.raises(ValueError, match=r"^theta: shape \(25,\), expected \(26,\)"):
        _core.net.Products(net._network, net.theta[:-1].copy(), X, Y, 0)
    point = products(net, X, Y, NOTHING)
    with pytest.raises(ValueError, match=r"^V: shape \(2, 25\), expected \(any, 26\)"):
        point.product(np.zeros((2, 25)))
    with pytest.raises(TypeError, match=r"^V: dtype float32"):
        point.product(np.zeros((2, 26), np.float32))
    with pytest.raises(ValueError, match=r"^V"):
        point.product(np.full((1, 26), np.nan))
    assert point.product(np.zeros((0, 26))).shape == (0, 26)


def test_an_operator_belongs_to_the_point_where_it_was_made() -> None:
    net, X, Y = case((5, 7, 3), "tanh", "cross_entropy", True, 300)
    V = np.random.default_rng(0).standard_normal((net.parameters, 3))
    H, expected = curvature.of(net, X, Y), net.hvp(X, Y, V)
    net.theta = np.zeros(net.parameters)  # before the first product
    np.testing.assert_array_equal(H @ V, expected)
    net.theta = np.ones(net.parameters)
    np.testing.assert_array_equal(H @ V, expected)
    np.testing.assert_array_equal(H @ V[:, 1], expected[:, 1])


def test_an_operator_holds_its_arrays() -> None:
    net, X, Y = case((5, 7, 3), "tanh", "mse", True, 300)
    v = np.random.default_rng(0).standard_normal((1, net.parameters))
    expected = net.hvp(X, Y, v[0])
    point = products(net, X, Y, NOTHING)
    del X, Y
    np.testing.assert_array_equal(point.product(v)[0], expected)
