"""The Krylov space from a start of one's own: its relation, its end, its range."""

from __future__ import annotations

import numpy as np
import pytest

from saddlescape._krylov import krylov


@pytest.mark.parametrize("scale", [1.0, 1e-200, 1e200])
@pytest.mark.parametrize("n", [1, 2, 3, 33, 64])
def test_the_relation(n: int, scale: float) -> None:
    rng = np.random.default_rng(n)
    A = rng.standard_normal((n, n))
    A = A + A.T
    for start in (rng.standard_normal(n), np.linalg.eigh(A)[1][:, 0]):
        V, T = krylov(scale * A, start, 20)
        k, T = V.shape[1], T / scale
        assert k <= 20
        assert T.shape == (k + 1, k)
        assert np.array_equal(T[:k], T[:k].T)
        assert np.allclose(V.T @ V, np.eye(k), atol=1e-13)
        rest = A @ V - V @ T[:k]
        assert np.allclose(rest[:, :-1], 0, atol=1e-12 * np.linalg.norm(A))
        assert np.linalg.norm(rest[:, -1]) == pytest.approx(T[k, k - 1], abs=1e-11)
        assert V[:, 0] @ start == pytest.approx(np.linalg.norm(start))


@pytest.mark.parametrize("largest", [1e3, 1e8])
def test_vectors_stay_orthogonal_where_an_eigenvalue_is_found_early(largest: float) -> None:
    """Orthogonalised once, they would lose 5e-11 and 7e-5 of it."""
    V, _ = krylov(np.diag(np.r_[largest, np.linspace(0, 1, 99)]), np.ones(100), 30)
    assert np.abs(V.T @ V - np.eye(30)).max() < 1e-14


@pytest.mark.parametrize("n", [1, 2, 33])
def test_an_invariant_space_ends_it(n: int) -> None:
    start = np.random.default_rng(n).standard_normal(n)
    assert krylov(np.eye(n), start, 20)[0].shape[1] == 1
    V, T = krylov(np.zeros((n, n)), start, 20)
    assert V.shape[1] == 1
    assert not T.any()


def test_it_ends_where_it_is_enough() -> None:
    asked = []

    def enough(T: np.ndarray) -> bool:
        asked.append(T.shape)
        return len(asked) == 2

    A = np.diag(np.linspace(1, 2, 50))
    V, T = krylov(A, np.ones(50), 40, enough)
    assert asked == [(9, 8), (17, 16)]
    assert V.shape == (50, 16)
    whole = krylov(A, np.ones(50), 16)
    assert np.array_equal(V, whole[0])
    assert np.array_equal(T, whole[1])


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_products_that_are_not_finite_are_refused(wrong: float) -> None:
    A = np.diag([1.0, 2.0, wrong])
    with pytest.raises(ValueError, match="curvature @ v: not finite"):
        krylov(A, np.ones(3), 3)
