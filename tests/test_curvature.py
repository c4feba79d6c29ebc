"""The operators: what they multiply by, at which point, and how wrong they say they may be."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable

import numpy as np
import pytest

import saddlescape as ss
from oracle import complex_step, points
from saddlescape import curvature
from saddlescape.curvature import Curvature, PiecewiseLinearWarning

EPS = np.finfo(np.float64).eps


def network(
    sizes=(3, 4, 2), activation="tanh", loss="mse", dtype="float64", n=7, seed=0
) -> tuple[ss.MLP, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    net = ss.MLP(sizes, activation, loss, init="lecun", dtype=dtype, seed=seed)
    net.theta = net.theta + 0.1 * rng.standard_normal(net.parameters)  # biases too
    X = rng.standard_normal((n, sizes[0]))
    if loss == "mse":
        return net, X, rng.standard_normal((n, sizes[-1]))
    return net, X, rng.dirichlet(np.ones(sizes[-1]), n)


CASES = list(
    itertools.product(
        [(3, 2), (3, 4, 2), (2, 3, 3, 2)], ["tanh", "sigmoid", "linear"], ["mse", "cross_entropy"]
    )
)


@pytest.mark.parametrize(("sizes", "activation", "loss"), CASES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_network_agrees_with_extended_precision(sizes, activation, loss, dtype) -> None:
    """Loss, gradient, products and the assembled H, all float64 whatever the network's dtype."""
    net, X, Y = network(sizes, activation, loss, dtype)
    H = curvature.of(net, X, Y)
    arguments = (sizes, X, Y, activation, loss)
    value, g = complex_step.gradient(net.theta.astype(np.longdouble), *arguments)
    exact = complex_step.hessian(net.theta, *arguments)
    size = float(np.linalg.norm(exact))
    P = net.parameters
    assert H.shape == (P, P)
    assert H.theta.dtype == H.dtype == np.float64
    assert isinstance(H, Curvature)
    # sums of some 20 terms: 1e-14 is fifty units in the last place
    assert H.loss() == pytest.approx(float(value), rel=1e-14)
    assert np.linalg.norm(H.gradient() - g) <= 1e-14 * max(1.0, float(np.linalg.norm(g)))
    V = np.random.default_rng(1).standard_normal((P, 5))
    assert np.linalg.norm(H @ V - exact @ V) <= 1e-13 * size * np.linalg.norm(V)
    assert np.linalg.norm(H @ V[:, 0] - exact @ V[:, 0]) <= 1e-13 * size * np.linalg.norm(V)
    before = H.error()  # of products
    difference = float(np.linalg.norm(H.dense() - exact))
    after = H.error()  # of the assembled matrix
    assert np.array_equal(H.dense(), H.dense().T)
    assert difference <= after < 1e-10 * size
    # the error of products is that of another order of summation: no absurd number either
    assert 0 < before < 1e-10 * size


@pytest.mark.parametrize("size", [0.0, 1e-8, 1e8])
def test_error_follows_the_size_of_the_hessian(size: float) -> None:
    net, X, Y = network()
    H = curvature.of(net, X, Y + size)
    exact = complex_step.hessian(net.theta, (3, 4, 2), X, Y + size, "tanh", "mse")
    difference = float(np.linalg.norm(H.dense() - exact))
    assert difference <= H.error() <= 1e-12 * np.linalg.norm(exact)


def test_large_problems_estimate_without_extended_precision(monkeypatch) -> None:
    net, X, Y = network()
    H = curvature.of(net, X, Y)
    exact = complex_step.hessian(net.theta, (3, 4, 2), X, Y, "tanh", "mse")
    monkeypatch.setattr("saddlescape.curvature.network._EXTENDED_LIMIT", 0.0)
    difference = float(np.linalg.norm(H.dense() - exact))
    assert difference <= H.error() <= 1e-12 * np.linalg.norm(exact)


def test_a_network_changed_later_changes_nothing() -> None:
    net, X, Y = network()
    H = curvature.of(net, X, Y)
    v = np.ones(net.parameters)
    theta, product, value = H.theta.copy(), H @ v, H.loss(H.theta)
    net.theta[:] = 0.25
    assert np.array_equal(H.theta, theta)
    assert np.array_equal(H @ v, product)
    assert H.loss() == value == H.loss(theta)
    assert H.loss(net.theta) != value


def test_products_of_one_vector_and_of_many_agree() -> None:
    net, X, Y = network()
    f = points.quadratic(5, 2)
    operators: list[Curvature] = [
        curvature.of(net, X, Y),
        curvature.from_functions(f.loss, f.gradient, f.hessian, f.theta),
        curvature.from_gradient(f.gradient, f.theta),
    ]
    for H in operators:
        n = H.shape[0]
        V = np.random.default_rng(2).standard_normal((n, 3))
        together = H @ V
        assert together.shape == (n, 3)
        for j in range(3):
            alone = H @ V[:, j]
            assert alone.shape == (n,)
            # blocks may be summed in another order
            assert np.allclose(alone, together[:, j], rtol=0, atol=1e-13 * np.abs(together).max())
        assert (H @ np.zeros(n) == 0).all()
        assert (H @ np.zeros((n, 0))).shape == (n, 0)


@pytest.mark.parametrize("loss", ["cross_entropy", "bce"])
def test_lower_bound_of_soft_targets_is_the_least_loss(loss: str) -> None:
    """Reached by a network that outputs exactly the targets' logits."""
    Y = np.random.default_rng(3).dirichlet(np.ones(3), 3)
    logits = np.log(Y) if loss == "cross_entropy" else np.log(Y / (1 - Y))
    net = ss.MLP((3, 3), loss=loss, bias=False, dtype="float64")
    net.theta = logits.T.ravel()
    H = curvature.of(net, np.eye(3), Y)
    assert H.lower_bound > 0.1
    assert H.loss() == pytest.approx(H.lower_bound, rel=1e-14)
    rng = np.random.default_rng(4)
    for _ in range(50):
        assert H.loss(H.theta + rng.standard_normal(9)) >= H.lower_bound * (1 - 1e-14)


def test_lower_bound_of_unnormalised_targets() -> None:
    Y = np.array([[0.2, 0.3, 0.1], [0.0, 0.0, 0.9]])
    net = ss.MLP((2, 3), bias=False, dtype="float64")
    H = curvature.of(net, np.eye(2), Y)
    logits = np.log(np.maximum(Y, 1e-300)).T.ravel()
    assert H.loss(logits) == pytest.approx(H.lower_bound, rel=1e-14)


@pytest.mark.filterwarnings("ignore::saddlescape.curvature.PiecewiseLinearWarning")
@pytest.mark.parametrize("loss", ["cross_entropy", "bce", "mse", "mae"])
def test_lower_bound_of_classes_is_zero(loss: str) -> None:
    net = ss.MLP((2, 3), loss=loss)
    assert curvature.of(net, np.eye(2), np.array([0, 2])).lower_bound == 0.0


SILENT = [
    ((2, 3, 2), "relu", "mse", "relu is piecewise linear: curvature at its kinks is not in H"),
    ((2, 3, 2), "leaky_relu", "mse", "leaky_relu is piecewise linear"),
    ((2, 3, 2), "tanh", "mae", "mae is piecewise linear: curvature at zero error is not in H"),
    ((2, 3, 2), "relu", "mae", "kinks is not in H; mae is piecewise linear"),
    ((2, 2), "relu", "mse", None),  # no hidden layer, no kink
    ((2, 3, 2), "tanh", "mse", None),
]


@pytest.mark.parametrize(("sizes", "activation", "loss", "text"), SILENT)
def test_what_second_derivatives_cannot_see(sizes, activation, loss, text) -> None:
    told = contextlib.nullcontext() if text is None else pytest.warns(PiecewiseLinearWarning)
    with told:
        H = curvature.of(ss.MLP(sizes, activation, loss), np.eye(2), np.eye(2))
    said = H.silent
    assert said is None if text is None else text in said
    assert said is None or said in repr(H)  # who looks at it is warned


def chain(f: Callable, slope: Callable, second: Callable) -> tuple[Callable, Callable]:
    """Gradient and Hessian of ``sum_i f(a_i . t)``, for any (m, n) matrix of the a_i."""
    return (
        lambda A: lambda t: A.T @ slope(A @ t),
        lambda A: lambda t: A.T @ (second(A @ t)[:, None] * A),
    )


SMOOTH = {
    "exp": chain(np.exp, np.exp, np.exp),
    "sin": chain(np.sin, np.cos, lambda s: -np.sin(s)),
    "rational": chain(
        lambda s: 1 / (1 + s * s),
        lambda s: -2 * s / (1 + s * s) ** 2,
        lambda s: (6 * s * s - 2) / (1 + s * s) ** 3,
    ),
    "quadratic": chain(lambda s: s * s / 2, lambda s: s, np.ones_like),
    "quartic": chain(lambda s: s**4, lambda s: 4 * s**3, lambda s: 12 * s**2),
}


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("loss", [1e-12, 1.0, 1e12])
@pytest.mark.parametrize("n", [1, 2, 20])
def test_differences_know_their_error(name: str, unit: float, loss: float, n: int) -> None:
    gradient, hessian = SMOOTH[name]
    for seed in range(5):
        rng = np.random.default_rng([seed, n])
        A = rng.standard_normal((2 * n, n)) / np.sqrt(n) / unit
        theta = unit * rng.standard_normal(n)
        H = curvature.from_gradient(lambda t, A=A: loss * gradient(A)(t), theta)
        exact = loss * hessian(A)(theta)
        size = np.linalg.norm(exact)
        if unit >= 1:
            assert H.error() < 1e-4 * size  # not absurd, before assembly
        assert np.linalg.norm(H.dense() - exact) <= H.error(), seed
        v = rng.standard_normal(n)
        assert np.linalg.norm(H @ v - exact @ v) <= H.error() * np.linalg.norm(v)
        if unit >= 1:
            assert H.error() < 1e-4 * size


@pytest.mark.parametrize("n", [1, 2, 5])
@pytest.mark.parametrize("length", [1.0, 1e3, 1e6])
def test_differences_far_from_the_origin(n: int, length: float) -> None:
    """The gradient is small, theta is not: what hurts the differences is rounding of theta."""
    Q = points.orthogonal(n, 0)
    A = Q @ np.diag(np.linspace(1, 2, n)) @ Q.T
    A = (A + A.T) / 2
    centre = length * np.random.default_rng(n).standard_normal(n)
    for gradient in (lambda t: A @ (t - centre), lambda t: A @ t - A @ centre):
        H = curvature.from_gradient(gradient, centre)
        assert np.linalg.norm(H.dense() - A) <= H.error() <= 1e-9 * np.linalg.norm(A)


def test_differences_of_large_problems_are_not_assembled_for_their_error() -> None:
    calls = 0

    def gradient(t: np.ndarray) -> np.ndarray:
        nonlocal calls
        calls += 1
        return 2 * t

    H = curvature.from_gradient(gradient, np.zeros(10_000))
    assert 0 < H.error() < 1e-8
    assert calls <= 20  # two gradients at three steps, for three probes


def test_a_gradient_array_that_is_used_again_is_copied() -> None:
    buffer = np.empty(2)

    def gradient(t: np.ndarray) -> np.ndarray:
        np.multiply(t, [2.0, -2.0], out=buffer)
        return buffer

    H = curvature.from_gradient(gradient, np.array([0.5, 1.0]))
    assert np.allclose(H.dense(), np.diag([2.0, -2.0]), atol=1e-9)
    assert np.array_equal(H.gradient(), [1.0, -2.0])


def test_functions_that_write_on_theta_do_not_move_the_point() -> None:
    def destroy(t: np.ndarray) -> np.ndarray:
        value = t.copy()
        t[:] = 99.0
        return value

    theta = np.array([1.0, 2.0])
    written = curvature.from_functions(
        lambda t: float(destroy(t).sum()), destroy, lambda t: np.diag(destroy(t)), theta
    )
    differences = curvature.from_gradient(destroy, theta, lambda t: float(destroy(t).sum()))
    for H in (written, differences):
        assert H.loss() == 3.0
        assert np.array_equal(H.theta, [1.0, 2.0])
        assert np.array_equal(H.gradient(), [1.0, 2.0])
    assert np.array_equal(theta, [1.0, 2.0])


def test_arrays_changed_later_change_nothing() -> None:
    theta, g, A = np.zeros(2), np.zeros(2), np.eye(2)
    H = curvature.from_functions(lambda _: 0.0, lambda _: g, lambda _: A, theta)
    theta[:], g[:], A[:] = 1.0, 1.0, 7.0
    assert np.array_equal(H.dense(), np.eye(2))
    assert not H.theta.any()
    assert not H.gradient().any()


def test_losses_may_be_any_real_scalar() -> None:
    for value in (1, 1.0, np.float32(1), np.array(1.0), np.array([1.0])):
        H = curvature.from_functions(
            lambda _, v=value: v, lambda t: t, lambda _: [[1.0]], np.ones(1)
        )
        assert H.loss() == 1.0
        assert isinstance(H.loss(), float)
    assert np.isnan(curvature.from_gradient(lambda t: t, np.ones(1)).loss())
