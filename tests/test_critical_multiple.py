"""A multiple lowest eigenvalue: one direction, whichever basis of its space the solver returned."""

from __future__ import annotations

import numpy as np
import pytest

import saddlescape as ss
from saddlescape import critical, curvature
from saddlescape.critical.multiple import generic_lowest

ERROR = 1e-12


def orthogonal(n: int, seed: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((n, n)))[0]


def rotated(V: np.ndarray, many: int, seed: int) -> np.ndarray:
    """Another basis of the space of the first columns: what another BLAS would have returned."""
    return np.concatenate([V[:, :many] @ orthogonal(many, seed), V[:, many:]], axis=1)


@pytest.mark.parametrize(("n", "many"), [(2, 2), (3, 2), (40, 16), (40, 39), (40, 40)])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_first_vector_does_not_depend_on_the_basis(n: int, many: int, seed: int) -> None:
    values = np.r_[np.full(many, -1.5), np.arange(n - many) + 1.0]
    V = orthogonal(n, 7)
    chosen = [generic_lowest(values, rotated(V, many, s), ERROR, seed) for s in range(4)]
    for other in chosen:
        # up to the sign, which is the caller's; 100 eps: products of n = 40 terms
        first, second = other[:, 0], chosen[0][:, 0]
        assert abs(first @ second) == pytest.approx(1.0, rel=1e-14)
        assert np.abs(first * np.sign(first @ second) - second).max() < 100 * 2.3e-16
        assert np.abs(other.T @ other - np.eye(n)).max() < 100 * 2.3e-16
        assert np.array_equal(other[:, many:], V[:, many:])
        # still eigenvectors of the lowest eigenvalue
        assert np.abs(V[:, many:].T @ other[:, :many]).max(initial=0) < 100 * 2.3e-16
    another = generic_lowest(values, V, ERROR, seed + 2)
    assert abs(another[:, 0] @ chosen[0][:, 0]) < 0.999


@pytest.mark.parametrize(
    "values",
    [
        np.array([]),
        np.array([-1.0]),
        np.array([-1.0, -1.0 + 1e-9, 2.0]),  # told apart
        np.array([0.0, 0.0, 2.0]),  # no way down
        np.array([-0.5 * ERROR, 0.0, 2.0]),  # no certain one
        np.array([1.0, 1.0, 2.0]),
        np.array([-1.5 * ERROR, 0.0, 0.4 * ERROR]),  # within the error, but less steep
    ],
    ids=["empty", "one", "apart", "zero", "uncertain", "positive", "less steep"],
)
def test_nothing_else_is_turned(values: np.ndarray) -> None:
    V = orthogonal(max(1, len(values)), 3)[:, : len(values)]
    assert np.array_equal(generic_lowest(values, V, ERROR, 0), V)


@pytest.mark.parametrize("hidden", [2, 5, 16])
def test_equal_units_are_parted_by_the_escape(hidden: int) -> None:
    """From zero weights every hidden unit must move, and no two alike, or they stay equal."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 4))
    y = (X[:, 0] > 0).astype(np.int64)
    y[:30], X[:30] = 1 - y[30:], -X[30:]  # balanced: at zero weights the gradient vanishes
    net = ss.MLP((4, hidden, 2), init="zeros", bias=False, dtype="float64")
    point = critical.classify(curvature.of(net, X, y))
    lowest = point.spectrum[:hidden]
    assert np.allclose(lowest, lowest[0], rtol=1e-12)
    assert point.residuals.max() < 1e-13 * abs(point.lowest) * hidden
    out = critical.escape(net, X, y, point=point)
    weights = out.theta[: 4 * hidden].reshape(hidden, 4)
    lengths = np.linalg.norm(weights, axis=1)
    assert lengths.min() > 1e-4 * lengths.max()
    apart = np.linalg.norm(weights[:, None] - weights, axis=2)[~np.eye(hidden, dtype=bool)]
    assert apart.min() > 1e-4 * lengths.max()
