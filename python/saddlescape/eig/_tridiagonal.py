"""Symmetric tridiagonal matrices: counting the eigenvalues below a shift."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from saddlescape._core import eig as _eig

__all__ = ["count_below"]


def count_below(
    diagonal: NDArray[np.float64],
    off_diagonal: NDArray[np.float64],
    shifts: NDArray[np.float64],
) -> tuple[NDArray[np.int64], float]:
    """Count the eigenvalues of a tridiagonal matrix below each of many shifts (Sturm counts).

    The leading principal minors of T - x I change their sign as often as T has eigenvalues below x:
    O(n) operations a shift, a vector of shifts at a time.

    Parameters
    ----------
    diagonal : ndarray, shape (n,), float64
        d, of T.
    off_diagonal : ndarray, shape (n - 1,), float64
        e, on both sides of it.
    shifts : ndarray, shape (k,), float64
        x.

    Returns
    -------
    counts : ndarray, shape (k,), int64
        Each is right for a matrix within `error` of T in the 2-norm: at least as many eigenvalues
        as are below ``x - error``, at most as many as are below ``x + error``.
    error : float
        16 u, u = 2^-53, times the power of two above max(|d|, |e|).

    Raises
    ------
    TypeError, ValueError
        If an argument is not a C-contiguous float64 array of this shape, or not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from saddlescape import eig
    >>> # tridiag(1, 2, 1): 2 - sqrt(2), 2, 2 + sqrt(2)
    >>> counts, error = eig.count_below(np.full(3, 2.0), np.ones(2), np.array([0.5, 1.0, 3.0]))
    >>> counts
    array([0, 1, 2])

    References
    ----------
    Barth, Martin, Wilkinson, "Calculation of the eigenvalues of a symmetric tridiagonal matrix by
    the method of bisection", Numer. Math. 9 (1967).
    """
    return _eig.count_below(diagonal, off_diagonal, shifts)
