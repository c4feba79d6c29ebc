"""Numbers of samples, widths, targets, threads and logits across every edge of the core.

A thread's chunk has 128 rows, a shared one 2048, and at most 16 groups run at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import saddlescape as ss
from oracle.network import ACTIVATIONS, LOSSES, Net, one_hot

Array = NDArray[Any]
SAMPLES = (1, 2, 127, 128, 129, 255, 256, 2047, 2048, 2049, 4097)
# Sums over up to 4097 samples: sqrt(N) u for random signs, 1e-14; a lost or doubled row is 2e-4.
TOLERANCE = 1e-12


def off(got: Array, expected: Array) -> float:
    assert np.shape(got) == np.shape(expected)
    return float(np.abs(got - expected).max() / np.abs(expected).max())


def data(sizes: tuple[int, ...], N: int, loss: str) -> tuple[ss.MLP, Net, Array, Array]:
    rng = np.random.default_rng([N, *sizes])
    net = ss.MLP(sizes, "tanh", loss, dtype="float64")
    net.theta = 0.7 * rng.standard_normal(net.parameters)
    X, C = rng.standard_normal((N, sizes[0])), sizes[-1]
    Y = one_hot(rng.integers(0, C, N), C) if loss == "cross_entropy" else rng.random((N, C))
    return net, Net(sizes, "tanh", loss, True, rows=512), X, Y


def check(net: ss.MLP, oracle: Net, X: Array, Y: Array) -> None:
    theta, H = net.theta, oracle.hessian(net.theta, X, Y)
    value, g = net.loss_and_gradient(X, Y)
    V = np.random.default_rng(0).standard_normal((net.parameters, 8))
    assert off(net.predict(X), oracle.predict(theta, X)) < TOLERANCE
    assert off(np.array(value), oracle.loss(theta, X, Y)) < TOLERANCE
    assert off(np.array(net.loss(X, Y)), oracle.loss(theta, X, Y)) < TOLERANCE
    assert off(g, oracle.gradient(theta, X, Y)) < TOLERANCE
    assert off(net.hvp(X, Y, V), H @ V) < TOLERANCE
    assert off(net.hvp(X, Y, V[:, 0].copy()), H @ V[:, 0]) < TOLERANCE
    assert off(net.hessian(X, Y), H) < TOLERANCE


@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
@pytest.mark.parametrize("N", SAMPLES)
def test_samples(N: int, loss: str) -> None:
    check(*data((2, 3, 2), N, loss))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("N", [1, 130])
@pytest.mark.parametrize("hidden", [(1,), (2,), (3,), (17,), (17, 1), (1, 17)])
@pytest.mark.parametrize(("inputs", "outputs"), [(1, 2), (2, 1), (3, 3), (17, 2)])
def test_widths(inputs: int, outputs: int, hidden: tuple[int, ...], N: int, loss: str) -> None:
    outputs = max(outputs, 2) if loss == "cross_entropy" else outputs
    if N > 1 and 17 in hidden:
        N = 9  # the oracle keeps n P^2 numbers
    check(*data((inputs, *hidden, outputs), N, loss))


@pytest.mark.parametrize("sizes", [(1, 1), (1, 2), (17, 3), (3, 17)])
def test_one_layer(sizes: tuple[int, ...]) -> None:
    check(*data(sizes, 129, "mse"))


def everything(net: ss.MLP, X: Array, Y: Array, V: Array) -> list[Array]:
    value, g = net.loss_and_gradient(X, Y)
    products = [net.hvp(X, Y, V[:, :k]) for k in (1, 7, 8, V.shape[1])]
    return [net.predict(X), np.array([net.loss(X, Y), value]), g, *products]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("sizes", "N"),
    [
        ((2, 3, 2), 4097),
        ((17, 33, 5), 2049),
        ((64, 32, 10), 300),
        ((5, 40, 30, 3), 1000),
        # products large enough for BLAS to want threads of its own: 2 m n k > 5e7
        ((300, 301, 7), 128),
        ((300, 301, 7), 300),
        ((40, 400, 3), 2049),
    ],
)
def test_same_bits_for_any_number_of_threads(
    sizes: tuple[int, ...], N: int, dtype: str, set_threads: Callable[[int], None]
) -> None:
    rng = np.random.default_rng(7)
    net = ss.MLP(sizes, "tanh", "cross_entropy", dtype=dtype)
    X = rng.standard_normal((N, sizes[0])).astype(dtype)
    y = rng.integers(0, sizes[-1], N)
    V = rng.standard_normal((net.parameters, 11)).astype(dtype)
    set_threads(1)
    serial = everything(net, X, y, V)
    for threads in (2, 3):
        set_threads(threads)
        for one, many in zip(serial, everything(net, X, y, V), strict=True):
            np.testing.assert_array_equal(one, many)


@pytest.mark.parametrize("N", [1, 129, 2049])
def test_dense_hessian_has_the_same_bits_for_any_number_of_threads(
    N: int, set_threads: Callable[[int], None]
) -> None:
    net, _, X, Y = data((3, 9, 4), N, "cross_entropy")  # P = 76: a block of 64 and one of 12
    set_threads(1)
    H = net.hessian(X, Y)
    for threads in (2, 3):
        set_threads(threads)
        np.testing.assert_array_equal(net.hessian(X, Y), H)


def test_more_than_one_block_of_unit_vectors() -> None:
    """P = 67: 64 products and 3, which take different paths and are symmetrised across them."""
    check(*data((5, 8, 2, 1), 20, "mse"))


def test_a_row_does_not_depend_on_its_place() -> None:
    net, _, X, _ = data((5, 7, 3), 300, "mse")
    all_at_once = net.predict(X)
    for i in (0, 127, 128, 255, 299):
        alone = net.predict(X[i : i + 1])
        np.testing.assert_allclose(all_at_once[i : i + 1], alone, rtol=1e-14, atol=1e-14)


def test_order_of_the_samples_changes_rounding_only() -> None:
    net, _, X, Y = data((5, 7, 3), 300, "cross_entropy")
    p = np.random.default_rng(0).permutation(300)
    assert off(net.gradient(X[p], Y[p]), net.gradient(X, Y)) < TOLERANCE
    assert off(net.hessian(X[p], Y[p]), net.hessian(X, Y)) < TOLERANCE


def test_batches_average() -> None:
    net, _, X, Y = data((5, 7, 3), 256, "mse")
    halves = [(X[:128], Y[:128]), (X[128:], Y[128:])]
    assert off(sum(net.gradient(*h) for h in halves) / 2, net.gradient(X, Y)) < TOLERANCE
    assert off(sum(net.hessian(*h) for h in halves) / 2, net.hessian(X, Y)) < TOLERANCE


INTEGERS = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("dtype", INTEGERS)
def test_classes_are_one_hot_targets(dtype: str, loss: str) -> None:
    net = ss.MLP((3, 4, 5), loss=loss, dtype="float64")
    X = np.random.default_rng(0).standard_normal((10, 3))
    y = (np.arange(10) % 5).astype(dtype)
    for targets in (one_hot(y, 5), one_hot(y, 5).astype(dtype), one_hot(y, 5).astype(bool)):
        assert net.loss(X, y) == net.loss(X, targets)
        np.testing.assert_array_equal(net.gradient(X, y), net.gradient(X, targets))
        np.testing.assert_array_equal(net.hessian(X, y), net.hessian(X, targets))


@pytest.mark.parametrize("loss", ["bce", "mae", "mse"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "bool", *INTEGERS])
def test_targets_of_one_output(dtype: str, loss: str) -> None:
    net = ss.MLP((3, 4, 1), loss=loss, dtype="float64")
    X = np.random.default_rng(0).standard_normal((10, 3))
    y = (np.arange(10) % 2).astype(dtype)
    column = y[:, None].astype(np.float64)
    oracle = Net((3, 4, 1), "tanh", loss, True)
    assert net.loss(X, y) == net.loss(X, column)
    np.testing.assert_array_equal(net.gradient(X, y), net.gradient(X, y[:, None]))
    assert off(np.array(net.loss(X, y)), oracle.loss(net.theta, X, column)) < TOLERANCE


def test_targets_may_be_strided_and_byte_swapped() -> None:
    """Unlike X they are converted anyway."""
    net, _, X, Y = data((5, 7, 3), 20, "mse")
    plain = net.gradient(X, Y)
    for y in (np.asfortranarray(Y), np.repeat(Y, 2, axis=0)[::2], Y.astype(">f8")):
        np.testing.assert_array_equal(net.gradient(X, y), plain)


def test_products_of_any_layout_and_of_no_vector() -> None:
    net, _, X, Y = data((5, 7, 3), 20, "mse")
    V = np.random.default_rng(0).standard_normal((net.parameters, 4))
    plain = net.hvp(X, Y, V)
    for same in (np.asfortranarray(V), np.repeat(V, 2, axis=1)[:, ::2], V.astype(">f8")):
        np.testing.assert_array_equal(net.hvp(X, Y, same), plain)
    np.testing.assert_array_equal(net.hvp(X, Y, V[:, 1]), net.hvp(X, Y, V[:, 1].copy()))
    assert net.hvp(X, Y, V[:, :0]).shape == (net.parameters, 0)
    units = np.eye(net.parameters, 2, dtype=np.int64)
    np.testing.assert_array_equal(net.hvp(X, Y, units), net.hvp(X, Y, units.astype(np.float64)))


# ---- Logits of any size ---------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loss", ["bce", "cross_entropy"])
@pytest.mark.parametrize("scale", [1.0, 5.0, 20.0, 40.0, 100.0, 1e4])
def test_logits_of_any_size(scale: float, loss: str, dtype: str) -> None:
    """A network that only copies its inputs to its outputs: loss, gradient and product of the loss.

    The deviation is measured against each sample's own largest element: where the network is sure
    and right everything is as small as exp(-scale), and must be right all the same. exp(f) passes
    on the rounding of f - f_max, scale u; below 1e-35 float32 has no numbers.
    """
    C = 3
    net = ss.MLP((C, C), loss=loss, bias=False, dtype=dtype)
    net.theta = np.eye(C).ravel()
    oracle = Net((C, C), "tanh", loss, False)
    u, least = (6e-8, 1e-35) if dtype == "float32" else (1.2e-16, 1e-300)
    rng = np.random.default_rng(3)
    F = np.array([[1, -1, 0.5], [-1, -1, 1], [1, 1, 1], [0, 0, 0], [1, 1, -1], [-1, -1, -1]])
    V = rng.standard_normal((C * C, 2)).astype(dtype)
    for f in (scale * F).astype(dtype)[:, None, :]:
        for c in range(C):
            y = np.array([c])
            args = (np.eye(C).ravel().astype(np.longdouble), f.astype(np.longdouble))
            Y = one_hot(y, C).astype(np.longdouble)
            exact = (
                oracle.loss(*args, Y),
                oracle.gradient(*args, Y),
                oracle.product(*args, Y, V.astype(np.longdouble)),
            )
            for got, right in zip(
                (net.loss(f, y), net.gradient(f, y), net.hvp(f, y, V)), exact, strict=True
            ):
                assert np.isfinite(got).all()
                error = np.abs(np.asarray(got) - right).max()
                floor = least * scale * scale
                assert error <= (40 + 4 * scale) * u * np.abs(right).max() + floor, (f, c, right)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("x", [-1e4, -100.0, 100.0, 1e4])
def test_activations_stay_finite(x: float, activation: str, dtype: str) -> None:
    net = ss.MLP((1, 1, 1), activation, "mae", bias=False, dtype=dtype)
    net.theta = np.ones(2)
    X, y = np.array([[x]], dtype), np.array([1e6], dtype)
    limit = {
        "elu": -1.0 if x < 0 else x,
        "hard_sigmoid": float(x > 0),
        "hard_tanh": np.sign(x),
        "leaky_relu": x if x > 0 else 0.01 * x,
        "linear": x,
        "sigmoid": float(x > 0),
        "tanh": np.sign(x),
    }.get(activation, max(x, 0.0))
    assert net.predict(X)[0, 0] == pytest.approx(limit, abs=1e-30)
    assert np.isfinite(net.gradient(X, y)).all()
    H = net.hvp(X, y, np.eye(2, dtype=dtype))
    assert np.isfinite(H).all()
