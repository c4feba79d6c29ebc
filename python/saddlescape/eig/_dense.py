"""All eigenvalues and eigenvectors of a dense symmetric matrix."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from saddlescape._check import flag, integer
from saddlescape._core import eig as _eig
from saddlescape.eig._device import device_solvers, on_device

__all__ = ["eigh", "eigvalsh"]


def eigvalsh(
    A: NDArray[np.float32] | NDArray[np.float64], *, overwrite: bool = False
) -> NDArray[np.float64]:
    """Compute all eigenvalues of a symmetric matrix.

    A = V diag(w) V^T without forming V, in float64, after scaling by a power of two: from dense to
    a band by matrix products, from the band to tridiagonal form in cache, then bisection by Sturm
    counts. Small matrices go through LAPACK's ``dsyevd``. The same bits for every number of
    threads. On a CUDA device by cuSOLVER's ``syevd``, with n^2 numbers of room.

    Parameters
    ----------
    A : ndarray, or array on a CUDA device, shape (n, n), float32 or float64, C-contiguous
        Finite and symmetric; it is not modified unless `overwrite`.
    overwrite : bool, optional
        Work in the memory of `A`, which must be float64 and writable, and holds anything
        afterwards: 330 n numbers are needed beside it instead of n^2 + 330 n.

    Returns
    -------
    ndarray, shape (n,), float64
        The eigenvalues, ascending; a ``DeviceArray`` if `A` is on a device.

    Raises
    ------
    TypeError
        If `A` is not an array of one of these dtypes, float64 for `overwrite`.
    RuntimeError
        If `A` is on a CUDA device and the backend is not there.
    MemoryError
        If a device has no room: it says how much was wanted, for what, and what is free.
    ValueError
        If `A` is not square, not C-contiguous, not finite, or differs from its transpose by more
        than ``100 n eps max|A|``. NumPy, SciPy and LAPACK read one triangle and ignore the other;
        here a matrix that is not symmetric is refused, and (A + A^T) / 2 is what is used.

    See Also
    --------
    certified_eigh : with a bound on the error.
    lanczos : a few eigenpairs, from products alone.

    Examples
    --------
    >>> import numpy as np
    >>> from saddlescape import eig
    >>> eig.eigvalsh(np.array([[0.0, -2.0], [-2.0, 0.0]]))
    array([-2.,  2.])

    References
    ----------
    Bischof, Lang, Sun, "A framework for symmetric band reduction", ACM Trans. Math. Softw. 26
    (2000). Haidar, Ltaief, Dongarra, "Parallel reduction to condensed forms for symmetric
    eigenvalue problems using aggregated fine-grained and memory-aware kernels", SC 11 (2011).
    Barth, Martin, Wilkinson, "Calculation of the eigenvalues of a symmetric tridiagonal matrix by
    the method of bisection", Numer. Math. 9 (1967).
    """
    if on_device(A):
        if flag("overwrite", overwrite):
            raise ValueError("overwrite: True with A on a CUDA device, expected False there")
        values: NDArray[np.float64] = device_solvers("eigvalsh").eigvalsh(A)
        return values
    return _eig.eigvalsh(A, overwrite)


def eigh(
    A: NDArray[np.float32] | NDArray[np.float64],
    *,
    low: int | None = None,
    high: int | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute eigenvalues and eigenvectors of a symmetric matrix: all, or some at its ends.

    A V = V diag(w), V^T V = I, in float64. All of them by LAPACK's ``dsyevd``; with `low` or `high`
    by the reduction of `eigvalsh` and inverse iteration, at little more than its time. On a CUDA
    device all of them by cuSOLVER's ``syevd``, of which `low` and `high` are what is returned.

    Parameters
    ----------
    A : ndarray, or array on a CUDA device, shape (n, n), float32 or float64, C-contiguous
        Finite and symmetric; it is not modified.
    low, high : int, optional
        How many of the smallest, of the largest. None, if the other one is given, is 0; None for
        both is all.

    Returns
    -------
    values : ndarray, shape (n,) or (low + high,), float64
        The eigenvalues, ascending.
    vectors : ndarray, shape (n, n) or (n, low + high), float64
        Column ``vectors[:, i]`` is the unit eigenvector of ``values[i]``. Each column is contiguous
        in memory (Fortran order), ready for an operator that wants a contiguous vector; on a
        device, where both are a ``DeviceArray``, each row is.

    Raises
    ------
    TypeError, ValueError
        As `eigvalsh`; also for all vectors beyond n = 32,766, where LAPACK's 32-bit workspace
        ends, and if `low` and `high` are not integers of at least 0 or together more than n.

    Examples
    --------
    >>> import numpy as np
    >>> from saddlescape import eig
    >>> values, vectors = eig.eigh(np.array([[0.0, -2.0], [-2.0, 0.0]]))
    >>> values
    array([-2.,  2.])
    >>> bool(np.isclose(abs(vectors[0, 0]), 0.5**0.5))
    True
    >>> values, vectors = eig.eigh(np.diag([3.0, 1.0, 2.0]), low=1)
    >>> values, vectors.shape
    (array([1.]), (3, 1))

    References
    ----------
    Gu, Eisenstat, "A divide-and-conquer algorithm for the symmetric tridiagonal eigenproblem",
    SIAM J. Matrix Anal. Appl. 16 (1995). Jessup, Ipsen, "Improving the accuracy of inverse
    iteration", SIAM J. Sci. Stat. Comput. 13 (1992).
    """
    if on_device(A):
        n = int(A.shape[0]) if A.shape else 0
        ends = (n, 0) if low is None and high is None else (low or 0, high or 0)
        smallest, largest = integer("low", ends[0], 0), integer("high", ends[1], 0)
        pairs: tuple[NDArray[np.float64], NDArray[np.float64]]
        pairs = device_solvers("eigh").eigh(A, smallest, largest)
        return pairs
    if low is None and high is None:
        values, rows = _eig.eigh(A)
    else:
        smallest = 0 if low is None else integer("low", low, 0)
        largest = 0 if high is None else integer("high", high, 0)
        values, rows = _eig.end_pairs(A, smallest, largest)
    return values, rows.T
