"""A dense matrix from products with unit vectors, symmetric in place, and products with it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["chunks_of_identity", "product_extended", "symmetrise"]

Vector = NDArray[np.float64]
_BYTES = 32 * 2**20  # of unit vectors at a time, and as much again for the products
_TILE = 512


def chunks_of_identity(n: int) -> Iterator[tuple[int, Vector]]:
    """Yield the first row's number and rows (k, n) of the identity, at most 32 MB at a time.

    Examples
    --------
    >>> [(start, rows.shape) for start, rows in chunks_of_identity(3)]
    [(0, (3, 3))]
    """
    step = max(1, _BYTES // (8 * n))
    for start in range(0, n, step):
        k = min(step, n - start)
        rows = np.zeros((k, n))
        rows[np.arange(k), start + np.arange(k)] = 1.0
        yield start, rows


def symmetrise(A: Vector) -> float:
    """Replace A by ``(A + A^T) / 2`` tile by tile; return ``|A - A^T|_F / 2``, the part taken off.

    Examples
    --------
    >>> import numpy as np
    >>> A = np.array([[0.0, 1.0], [3.0, 0.0]])
    >>> symmetrise(A), A.tolist()
    (1.4142135623730951, [[0.0, 2.0], [2.0, 0.0]])
    """
    squares = 0.0
    for i in range(0, len(A), _TILE):
        for j in range(0, i + 1, _TILE):
            upper, lower = A[j : j + _TILE, i : i + _TILE], A[i : i + _TILE, j : j + _TILE]
            half = (lower - upper.T) / 2
            squares += (1 if i == j else 2) * float(np.sum(half * half))
            # Halves first, so that entries near the largest float don't overflow.
            lower[:] = lower / 2 + upper.T / 2
            upper[:] = lower.T
    return float(np.sqrt(squares))


def product_extended(A: NDArray[np.float64], V: NDArray[np.float64]) -> NDArray[np.float64]:
    """``A V`` with sums in long double, so that only A's own error is left in it."""
    wide = V.astype(np.longdouble)
    rows = [A[i : i + 256].astype(np.longdouble) @ wide for i in range(0, len(A), 256)]
    return np.concatenate(rows).astype(np.float64)
