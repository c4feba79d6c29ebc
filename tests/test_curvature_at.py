"""An operator taken at another point is the one that would have been made there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import saddlescape as ss
from oracle import points
from saddlescape import critical, curvature
from saddlescape.critical import FindOutcome, Kind
from saddlescape.curvature.matrix import MatrixCurvature

Make = Callable[[np.ndarray], Any]
X = np.random.default_rng(0).standard_normal((7, 3))
Y = np.random.default_rng(1).standard_normal((7, 2))
TOY = points.TOY_SADDLE


def network(theta: np.ndarray) -> Any:
    net = ss.MLP((3, 4, 2), "tanh", loss="mse", dtype="float64")
    net.theta = theta
    return curvature.of(net, X, Y)


def functions(theta: np.ndarray) -> Any:
    return curvature.from_functions(TOY.loss, TOY.gradient, TOY.hessian, theta, 0.0)


def gradients(theta: np.ndarray) -> Any:
    return curvature.from_gradient(TOY.gradient, theta, TOY.loss, 0.0)


def torch_(theta: np.ndarray) -> Any:
    torch = pytest.importorskip("torch")
    w = torch.tensor(theta, requires_grad=True)
    return curvature.from_torch(lambda: (1 - w[0] * w[1]) ** 2, [w], lower_bound=0.0)


def jax_(theta: np.ndarray) -> Any:
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        return curvature.from_jax(lambda p: (1 - p[0] * p[1]) ** 2, theta, lower_bound=0.0)


MAKERS: list[tuple[Make, int]] = [
    (network, 26),
    (functions, 2),
    (gradients, 2),
    (torch_, 2),
    (jax_, 2),
]
every = pytest.mark.parametrize(("make", "n"), MAKERS, ids=[m.__name__ for m, _ in MAKERS])


@every
def test_the_same_as_made_there(make: Make, n: int) -> None:
    rng = np.random.default_rng(2)
    here, there = rng.standard_normal(n), rng.standard_normal(n)
    H = make(here)
    # whatever is remembered of the first point
    before = H.dense().copy(), H.gradient().copy(), H.loss(), H.error()
    moved, made = H.at(there), make(there)
    assert isinstance(moved, curvature.MovableCurvature)
    v = rng.standard_normal(n)
    for one, other in ((moved, made), (moved.at(here), make(here))):
        assert np.array_equal(one.theta, other.theta)
        assert one.loss() == other.loss()
        assert one.loss(here) == other.loss(here)
        assert np.array_equal(one.gradient(), other.gradient())
        assert np.array_equal(one @ v, other @ v)
        assert one.error() == other.error()
        assert np.array_equal(one.dense(), other.dense())
        assert one.error() == other.error()
        assert one.lower_bound == other.lower_bound
        assert one.shape == other.shape
        assert one.silent == other.silent
    after = H.dense(), H.gradient(), H.loss(), H.error()
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    assert np.array_equal(H.theta, here)


@every
def test_a_copy_is_kept(make: Make, n: int) -> None:
    theta = np.full(n, 0.3)
    moved = make(np.zeros(n)).at(theta)
    gradient = moved.gradient().copy()
    theta[:] = 7.0
    assert moved.theta[0] == 0.3
    assert np.array_equal(moved.gradient(), gradient)


@every
@pytest.mark.parametrize(
    ("wrong", "error", "text"),
    [
        ([0.0], TypeError, "theta: list, expected a NumPy array of float32 or float64"),
        (np.zeros(99), ValueError, "theta: shape (99,), expected ({n},)"),
        (np.zeros((1, 2)), ValueError, "theta: shape (1, 2), expected (P,) with P at least 1"),
    ],
)
def test_refused_in_these_words(make: Make, n: int, wrong, error, text) -> None:
    H = make(np.zeros(n))
    with pytest.raises(error) as caught:
        H.at(wrong)
    assert str(caught.value) == text.format(n=n)


@every
def test_not_finite_has_a_type(make: Make, n: int) -> None:
    with pytest.raises(curvature.NotFiniteError, match="theta: nan at 1"):
        make(np.zeros(n)).at(np.r_[0.0, np.nan, np.zeros(n - 2)])


def test_a_derivative_that_is_not_finite_elsewhere() -> None:
    H = curvature.from_functions(
        lambda t: float(np.sqrt(t[0])), lambda t: 0.5 / np.sqrt(t),
        lambda t: np.diag(-0.25 * t**-1.5), np.ones(1),
    )  # fmt: skip
    with np.errstate(divide="ignore"), pytest.raises(curvature.NotFiniteError):
        H.at(np.zeros(1))


def test_a_matrix_can_not_be_moved() -> None:
    H = MatrixCurvature(np.eye(2), None)
    assert isinstance(H, curvature.Curvature)
    assert not isinstance(H, curvature.MovableCurvature)


def test_torch_parameters_are_rounded_and_put_back() -> None:
    torch = pytest.importorskip("torch")
    w = torch.tensor([0.5, 0.25], requires_grad=True)
    H = curvature.from_torch(lambda: (1 - w[0] * w[1]) ** 2, [w])
    before = w.detach().clone()
    moved = H.at(np.array([0.1, 0.2]))
    assert np.array_equal(moved.theta, np.array([0.1, 0.2], np.float32).astype(np.float64))
    moved.dense()
    assert torch.equal(w, before)
    assert w.grad is None


@pytest.mark.parametrize("make", [gradients, torch_, jax_], ids=lambda m: m.__name__)
@pytest.mark.parametrize("method", ["gradient_norm", "saddle_free_newton"])
def test_a_critical_point_is_found_through_it(make: Make, method: str) -> None:
    H = make(np.array([0.2, 0.1]))
    found = critical.find(H, method=method)
    assert found.outcome is FindOutcome.CRITICAL
    expected = Kind.SADDLE if method == "gradient_norm" else Kind.DEGENERATE_MINIMUM
    assert found.point.kind is expected
    assert np.array_equal(H.theta, [0.2, 0.1])


@pytest.mark.parametrize("method", ["gradient_norm", "saddle_free_newton"])
def test_in_single_precision(method: str) -> None:
    torch = pytest.importorskip("torch")
    w = torch.tensor([0.2, 0.1], requires_grad=True)
    found = critical.find(curvature.from_torch(lambda: (1 - w[0] * w[1]) ** 2, [w]), method=method)
    assert found.outcome is FindOutcome.CRITICAL
    expected = Kind.SADDLE if method == "gradient_norm" else Kind.DEGENERATE_MINIMUM
    assert found.point.kind is expected
    assert np.array_equal(found.theta, found.theta.astype(np.float32))
