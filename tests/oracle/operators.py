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
