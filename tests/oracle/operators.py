"""Operators, and what must hold of every Lanczos result."""

from __future__ import annotations

import numpy as np

from saddlescape import eig


class Diagonal:
    """diag(d) with a count of its products, and nothing but .shape and @."""

    def __init__(self, d: np.ndarray) -> None:
        self.d = np.asarray(d, dtype=np.float64)
        self.shape = (len(self.d), len(self.d))
        self.products = 0

    def __matmul__(self, V: np.ndarray) -> np.ndarray:
        self.products += 1 if V.ndim == 1 else V.shape[1]
        return self.d * V if V.ndim == 1 else self.d[:, None] * V


class Single:
    """An operator that takes float32 and gives float32, and no more than .shape and @ besides."""

    dtype = np.dtype(np.float32)

    def __init__(self, op: np.ndarray | Diagonal) -> None:
        self.op, self.shape = op, op.shape

    def __matmul__(self, V: np.ndarray) -> np.ndarray:
        assert V.dtype == np.float32
        return (self.op @ V).astype(np.float32)


class Dropout(Diagonal):
    """Another half of the coordinates at every product, as a network in training mode.

    Every product alone is that of a symmetric matrix.
    """

    def __matmul__(self, V: np.ndarray) -> np.ndarray:
        kept = np.random.default_rng(self.products).random(V.shape) < 0.5
        return 2 * super().__matmul__(V) * kept


class OneSided(Diagonal):
    """diag(d), and a tenth of a cyclic shift: not symmetric."""

    def __matmul__(self, V: np.ndarray) -> np.ndarray:
        return super().__matmul__(V) + 0.1 * np.roll(V, 1, axis=0)


def check(
    result: eig.EigResult, A: np.ndarray, low: int, high: int, tol: float = 1e-6
) -> np.ndarray:
    """Assert what holds of every result; return the real residuals."""
    n = len(A)
    k = min(low + high, n)
    X = result.eigenvectors
    assert X.shape == (n, k)
    assert result.eigenvalues.shape == result.residuals.shape == result.converged.shape == (k,)
    assert np.all(np.diff(result.eigenvalues) >= 0)
    norm = np.abs(np.linalg.eigvalsh(A)).max()
    # Orthonormal to a few roundings of a sum of n products.
    assert np.abs(X.T @ X - np.eye(k)).max() < 1e-13
    residuals = np.linalg.norm(A @ X - X * result.eigenvalues, axis=0)
    # A bound: the recurrence's own, and what was given up when the pairs were locked.
    assert np.all(residuals <= result.residuals + 1e-13 * norm)
    assert np.all(result.bounds <= result.residuals + 1e-10 * norm)
    assert np.all(result.converged == (result.residuals <= tol * norm * (1 + 1e-6)))
    return residuals


def ends(w: np.ndarray, low: int, high: int) -> np.ndarray:
    return w if low + high >= len(w) else np.r_[w[:low], w[len(w) - high :]]
