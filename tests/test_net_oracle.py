"""Loss, gradient, Hessian product and dense Hessian of every network against the oracle.

Activation x loss x depth x bias, and each quantity against finite differences of the one before.
Sums of a handful of samples over a handful of units: rounding stays near 10 u = 2e-15; 1e-12 leaves
room for other BLAS kernels and is 4,000 times below what a wrong term would change.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import saddlescape as ss
from oracle.network import ACTIVATIONS, LOSSES, Net

Array = NDArray[Any]

SIZES = {1: (3, 4), 2: (3, 5, 4), 3: (3, 5, 4, 3), 4: (3, 4, 5, 4, 3)}
SMOOTH = ("gelu", "linear", "sigmoid", "silu", "softplus", "tanh")
TABLE = pytest.mark.parametrize(
    ("activation", "loss", "depth", "bias"),
    list(product(ACTIVATIONS, LOSSES, SIZES, (True, False))),
)
FLOAT64 = 1e-12
# float32: u = 6e-8, a factor 50 for some thirty roundings in a row through four layers
FLOAT32 = 3e-6
needs_extended = pytest.mark.skipif(
    np.finfo(np.longdouble).eps > 1e-18, reason="long double is no wider than double here"
)


def case(
    activation: str, loss: str, depth: int, bias: bool, N: int = 7, dtype: str = "float64"
) -> tuple[ss.MLP, Net, Array, Array]:
    """A network away from any kink, its oracle, and data."""
    sizes = SIZES[depth]
    rng = np.random.default_rng([depth, bias, *map(ord, activation + loss)])
    net = ss.MLP(sizes, activation, loss, bias=bias, dtype=dtype)
    net.theta = 0.7 * rng.standard_normal(net.parameters)
    X = rng.standard_normal((N, sizes[0])).astype(dtype)
    Y = rng.random((N, sizes[-1]))
    if loss == "cross_entropy":
        Y /= Y.sum(axis=1, keepdims=True)
    return net, Net(sizes, activation, loss, bias), X, Y.astype(dtype)


def off(got: Any, expected: Any) -> float:
    """Largest deviation in units of the largest element; 0 against exact zeros must be exact."""
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.shape == expected.shape
    largest = np.abs(expected).max()
    deviation = float(np.abs(got - expected).max())
    return deviation / float(largest) if largest else (0.0 if deviation == 0 else np.inf)


@TABLE
def test_agrees_with_the_oracle(activation: str, loss: str, depth: int, bias: bool) -> None:
    net, oracle, X, Y = case(activation, loss, depth, bias)
    theta = net.theta
    H = oracle.hessian(theta, X, Y)
    V = np.random.default_rng(1).standard_normal((net.parameters, 9))
    value, g = net.loss_and_gradient(X, Y)
    assert off(net.predict(X), oracle.predict(theta, X)) < FLOAT64
    assert off(net.loss(X, Y), oracle.loss(theta, X, Y)) < FLOAT64
    assert off(value, oracle.loss(theta, X, Y)) < FLOAT64
    assert off(g, oracle.gradient(theta, X, Y)) < FLOAT64
    np.testing.assert_array_equal(g, net.gradient(X, Y))
    assert off(net.hvp(X, Y, V[:, 0].copy()), H @ V[:, 0]) < FLOAT64
    for k in (1, 3, 7, 8, 9):  # from 8 vectors on, they are shared out instead of the samples
        assert off(net.hvp(X, Y, V[:, :k]), H @ V[:, :k]) < FLOAT64, k
    assert off(net.hessian(X, Y), H) < FLOAT64


@TABLE
def test_float32_agrees_with_the_oracle(activation: str, loss: str, depth: int, bias: bool) -> None:
    net, oracle, X, Y = case(activation, loss, depth, bias, dtype="float32")
    theta, X64, Y64 = (a.astype(np.float64) for a in (net.theta, X, Y))
    V = np.random.default_rng(1).standard_normal((net.parameters, 9)).astype(np.float32)
    value, g = net.loss_and_gradient(X, Y)
    HV = net.hvp(X, Y, V)
    assert net.predict(X).dtype == g.dtype == HV.dtype == np.float32
    assert off(value, oracle.loss(theta, X64, Y64)) < FLOAT32
    assert off(g, oracle.gradient(theta, X64, Y64)) < FLOAT32
    assert off(HV, oracle.product(theta, X64, Y64, V.astype(np.float64))) < FLOAT32
    # The dense Hessian is float64 whatever the network is.
    H = net.hessian(X, Y)
    assert H.dtype == np.float64
    assert off(H, oracle.hessian(theta, X64, Y64)) < FLOAT64


@TABLE
def test_hessian_is_symmetric(activation: str, loss: str, depth: int, bias: bool) -> None:
    net, _, X, Y = case(activation, loss, depth, bias)
    H = net.hessian(X, Y)
    np.testing.assert_array_equal(H, H.T)
    # Products with all unit vectors come another way; what they are not symmetric by is rounding.
    columns = net.hvp(X, Y, np.eye(net.parameters))
    assert np.linalg.norm(columns - H) <= 2e-14 * np.linalg.norm(H)


# Central differences of f over a step h are wrong by h^2 |f'''| / 6 + u |f| / h. With h = u^(1/3) =
# 6e-6 both are near 4e-11 times the scale; third derivatives of four layers reach some 1e3.
STEP, FINITE = 6e-6, 3e-7


@TABLE
def test_finite_differences(activation: str, loss: str, depth: int, bias: bool) -> None:
    net, _, X, Y = case(activation, loss, depth, bias)
    theta = net.theta.copy()
    v = np.random.default_rng(2).standard_normal(net.parameters)
    g, Hv = net.gradient(X, Y), net.hvp(X, Y, v)
    net.theta = theta + STEP * v
    above, g_above = net.loss_and_gradient(X, Y)
    net.theta = theta - STEP * v
    below, g_below = net.loss_and_gradient(X, Y)
    scale = 1 + np.linalg.norm(g) * np.linalg.norm(v)
    assert abs((above - below) / (2 * STEP) - g @ v) < FINITE * scale
    assert np.abs((g_above - g_below) / (2 * STEP) - Hv).max() < FINITE * (1 + np.abs(Hv).max())


@pytest.mark.parametrize(
    ("activation", "loss", "depth", "bias"),
    list(product(SMOOTH, ("bce", "cross_entropy", "mse"), (2, 3, 4), (True, False))),
)
def test_taylor_remainder_is_of_third_order(
    activation: str, loss: str, depth: int, bias: bool
) -> None:
    """L(theta + d) - L - g.d - d.H d / 2 = O(|d|^3): an eighth at half the step.

    The step is chosen so that the next order changes the ratio by less than 1 and rounding
    (1e-16 against a remainder of some 1e-9) does not show.
    """
    net, _, X, Y = case(activation, loss, depth, bias)
    theta, v = net.theta.copy(), np.random.default_rng(5).standard_normal(net.parameters)
    v /= np.linalg.norm(v)
    value, g = net.loss_and_gradient(X, Y)
    Hv = net.hvp(X, Y, v)

    def remainder(t: float) -> float:
        net.theta = theta + t * v
        return net.loss(X, Y) - value - t * (g @ v) - t * t / 2 * (v @ Hv)

    ratio = remainder(4e-3) / remainder(2e-3)
    assert 7 < ratio < 9


@pytest.mark.parametrize("activation", ACTIVATIONS)
@needs_extended
def test_oracle_activations_by_differences(activation: str) -> None:
    """In 64 significant bits: h^2 / 6 = 2e-13 and 1e-19 / h = 1e-13 at h = 1e-6."""
    z = np.linspace(-6, 6, 48, dtype=np.longdouble) + np.longdouble("0.01")
    h = np.longdouble("1e-6")
    phi = ACTIVATIONS[activation]
    (_, slope, curvature), high, low = phi(z), phi(z + h), phi(z - h)
    assert np.abs((high[0] - low[0]) / (2 * h) - slope).max() < 3e-12
    assert np.abs((high[1] - low[1]) / (2 * h) - curvature).max() < 3e-12


@pytest.mark.parametrize("loss", LOSSES)
@needs_extended
def test_oracle_losses_by_differences(loss: str) -> None:
    rng = np.random.default_rng(0)
    f = 3 * rng.standard_normal((5, 4)).astype(np.longdouble)
    y = rng.random((5, 4)).astype(np.longdouble)
    h = np.longdouble("1e-6")
    _, slope, curvature = LOSSES[loss](f, y)
    for c in range(4):
        step = h * np.eye(4, dtype=np.longdouble)[c]
        high, low = LOSSES[loss](f + step, y), LOSSES[loss](f - step, y)
        assert np.abs((high[0] - low[0]) / (2 * h) - slope[:, c]).max() < 3e-12
        assert np.abs((high[1] - low[1]) / (2 * h) - curvature[:, :, c]).max() < 3e-12


def one_unit(activation: str, dtype: str = "float64") -> ss.MLP:
    """f(x) = w2 phi(w1 x) with w1 = w2 = 1."""
    net = ss.MLP((1, 1, 1), activation, "mae", bias=False, dtype=dtype)
    net.theta = np.ones(2)
    return net


# float64 keeps 1e-14 of each derivative; exp(-z^2 / 2) of gelu loses z^2 / 2 units: 1e-13 at 30.
@pytest.mark.parametrize("activation", ACTIVATIONS)
@needs_extended
def test_activation_keeps_relative_precision(activation: str) -> None:
    """phi, phi', phi'' one by one, from deep saturation to deep saturation.

    With loss |f - y| below its kink the gradient in w1 is -x phi'(x), its second derivative
    -x^2 phi''(x).
    """
    net, phi = one_unit(activation), ACTIVATIONS[activation]
    ends = 25.0 if activation == "gelu" else 300.0
    points = np.concatenate([np.linspace(-ends, ends, 401), np.linspace(-3, 3, 201)]) + 1e-3
    if activation == "gelu":
        points = points[points > -4]  # below, 1 + erf of the oracle cancels
    for x in points:
        value, slope, curvature = phi(np.array([x], dtype=np.longdouble))
        X, y = np.array([[x]]), np.array([1e6])
        got = net.predict(X)[0, 0], -net.gradient(X, y)[0] / x, -net.hessian(X, y)[0, 0] / x**2
        for name, ours, exact in zip(
            ("phi", "phi'", "phi''"), got, (value, slope, curvature), strict=True
        ):
            # near its zeros a derivative is a difference of terms of size max(1, |z|) phi'
            floor = 1e-15 * abs(float(slope[0])) * (1 + abs(x)) if name != "phi" else 0
            assert abs(ours - exact[0]) <= 1e-13 * abs(exact[0]) + floor, (name, x)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ["hard_sigmoid", "hard_swish", "hard_tanh"])
def test_hard_kinks_take_the_outer_derivative(activation: str, dtype: str) -> None:
    """At both kinks slope and curvature are those of the line outside, as PyTorch's are."""
    kink = 1.0 if activation == "hard_tanh" else 3.0
    for x in (-kink, kink):
        net = one_unit(activation, dtype)
        X, y = np.full((1, 1), x, dtype), np.array([1e4], dtype)
        outside = float(activation == "hard_swish" and x > 0)
        assert net.predict(X)[0, 0] == {-3: 0, -1: -1, 1: 1, 3: 2 * outside + 1}[x]
        assert net.gradient(X, y)[0] == -x * outside
        assert net.hessian(X, y)[0, 0] == 0
        assert net.hvp(X, y, np.array([1, 0], dtype))[0] == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ["elu", "leaky_relu", "relu"])
def test_kinks_take_the_left_derivative(activation: str, dtype: str) -> None:
    net = ss.MLP((1, 1, 1), activation, "mae", bias=True, dtype=dtype)
    net.theta = np.array([0.0, 0.0, 1.0, 0.0])
    g = net.gradient(np.ones((1, 1), dtype), np.array([5.0], dtype))
    left = {"elu": 1.0, "leaky_relu": np.dtype(dtype).type(0.01), "relu": 0.0}[activation]
    assert g[0] == g[1] == -left


@pytest.mark.parametrize("activation", ["elu", "sigmoid", "silu", "softplus", "tanh"])
@pytest.mark.parametrize("loss", LOSSES)
@needs_extended
def test_extended_product_is_the_better_one(activation: str, loss: str) -> None:
    """hvp_extended rounds once, at the end; a float64 product after each of its operations."""
    net, oracle, X, Y = case(activation, loss, 3, True, N=11)
    v = np.random.default_rng(3).standard_normal(net.parameters)
    extended = net._network.hvp_extended(net.theta, *net.encode(X, Y), v)
    plain = net.hvp(X, Y, v)
    wide = (a.astype(np.longdouble) for a in (net.theta, X, Y, v[:, None]))
    exact = oracle.product(*wide)[:, 0]
    assert off(extended, plain) < 1e-13
    # half a unit in the last place, and a little of the sums that it came from
    assert np.abs(extended - exact).max() <= 1.3e-16 * np.abs(exact).max()
    assert np.linalg.norm(extended - exact) < np.linalg.norm(plain - exact)
