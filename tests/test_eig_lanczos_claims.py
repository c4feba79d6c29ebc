"""What Lanczos claims, held to exact spectra to the last place: bounds, gaps, budgets."""

from __future__ import annotations

import numpy as np
import pytest

from oracle.operators import Diagonal
from saddlescape import eig
from saddlescape.eig import Outcome


@pytest.mark.parametrize("n", [1, 2, 3, 7, 20, 90])
@pytest.mark.parametrize("seed", range(5))
def test_bounds_hold_where_nothing_is_left_but_rounding(n: int, seed: int) -> None:
    """diag(d) has the eigenvalues d exactly; the residuals' squares are far below rounding."""
    d = np.sort(np.random.default_rng(seed).uniform(-1, 1, n))
    result = eig.lanczos(Diagonal(d), n, 0, seed=seed, tol=1e-10)
    norm = np.abs(d).max()
    assert np.all(np.abs(result.eigenvalues - d) <= result.bounds)
    # A computed eigenvalue of that norm is not known to better than its last place.
    assert np.all(result.bounds >= 2.0**-52 * norm)
    assert np.all(result.residuals >= 2.0**-52 * norm)
    assert np.all(result.bounds <= 1e-12 * norm)


@pytest.mark.parametrize("tol", [1e-2, 1e-3, 1e-4])
@pytest.mark.parametrize("low", [0, 2, 3])
def test_the_gap_behind_the_innermost_pair_allows_for_the_neighbours_residual(
    low: int, tol: float
) -> None:
    """The next Ritz value lies further in than its eigenvalue, by up to its residual."""
    d = np.linspace(-1.0, 1.0, 300)
    for seed in range(10):
        result = eig.lanczos(Diagonal(d), low, 3, tol=tol, seed=seed, missing=1.0)
        distances = np.abs(d[:, None] - result.eigenvalues)
        distances[distances.argmin(axis=0), np.arange(low + 3)] = np.inf
        inner = [low] if low == 0 else [low - 1, low]
        # What lies at the pair itself is off by its bound.
        assert np.all(result.gaps[inner] <= (distances.min(axis=0) + 2 * result.bounds)[inner])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("block", [1, 3])
def test_no_product_beyond_the_budget(dtype: type, block: int) -> None:
    """Products that are not exact need one more for each pair, which the budget has to hold."""

    class Op(Diagonal):
        def __matmul__(self, V: np.ndarray) -> np.ndarray:
            return super().__matmul__(V).astype(dtype)

    Op.dtype = np.dtype(dtype)  # type: ignore[attr-defined]
    d = np.linspace(-1.0, 1.0, 400)
    for budget in range(20, 120, 3):
        op = Op(d)
        result = eig.lanczos(op, 3, 3, tol=1e-7, block=block, max_products=budget)
        assert result.products == op.products <= budget
        near = np.abs(result.eigenvalues[:, None] - d).min(axis=1)
        assert np.all(near <= result.residuals + 1e-7)


@pytest.mark.parametrize("n", [3, 4, 5, 8])
@pytest.mark.parametrize("block", [1, 2])
def test_small_spaces_are_searched_whole_or_say_what_may_be_missing(n: int, block: int) -> None:
    """Of a double eigenvalue the second copy: found, or said to be possible."""
    d = np.r_[np.full(2, -1.0), np.linspace(0.5, 1.0, n - 2)]
    for seed in range(20):
        result = eig.lanczos(Diagonal(d), 2, 0, seed=seed, block=block, missing=0.5)
        missed = abs(result.eigenvalues[1] + 1) > 1e-9
        assert not missed or result.missing > 0
        if result.outcome is Outcome.CONVERGED:
            assert result.missing <= 0.5
