"""The small algebra of XTrace and XDiag: what a sketch says without one of its test vectors.

With Y = A Omega = Q R (columns here, as in the paper), the range of Y without its i-th column has
the projector

    P_i = Q M_i Q^T,   M_i = I - s_i s_i^T,

where the unit vector s_i is orthogonal to every column of R but the i-th. It is a row of the
pseudo-inverse of R. Where the other columns span everything there is no such vector: s_i = 0.
Epperly, Tropp and Webber invert R instead, which fails where A has a rank below the sketch's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["diagonal_terms", "trace_estimates"]

Matrix = NDArray[np.float64]

# Column i of R is outside the span of the others if and only if (R^+ R)_ii = 1; else it is below 1,
# and q / k on average.
_ALONE = 1 - 1e-6


def left_out(R: Matrix) -> Matrix:
    """Return s_i by rows, (k, q)."""
    U, singular, Vt = np.linalg.svd(R, full_matrices=False)
    if singular.size == 0:
        return np.zeros((R.shape[1], 0))
    # Rounding may leave a zero where the rank is what it is; only the direction is wanted.
    singular = np.maximum(singular, 1e-30 * singular[0])
    S = (Vt.T / singular) @ U.T
    alone = (Vt**2).sum(axis=0) > _ALONE
    S[~alone] = 0
    S[alone] /= np.linalg.norm(S[alone], axis=1, keepdims=True)
    return np.asarray(S)


def _projected(X: Matrix, S: Matrix) -> Matrix:
    """Return M_i x_i by rows."""
    return np.asarray(X - (X * S).sum(axis=1, keepdims=True) * S)


def trace_estimates(
    n: int, R: Matrix, W: Matrix, H: Matrix, quadratic: Matrix, squares: Matrix
) -> Matrix:
    """Return the k estimates of tr A, each from a range that its own vector took no part in.

        t_i = tr(M_i H) + c_i omega_i^T (I - P_i) A (I - P_i) omega_i,
        c_i = (n - rank P_i) / |(I - P_i) omega_i|^2

    R = Q^T A Omega, W = Q^T Omega, H = Q^T A Q; quadratic: omega_i^T A omega_i; squares:
    |omega_i|^2. The omega_i must be normal (or uniform on a sphere) for c_i to leave them unbiased.
    """
    S = left_out(R)
    inside = np.trace(H) - ((S @ H) * S).sum(axis=1)
    w, r = _projected(W.T, S), _projected(R.T, S)
    outside = quadratic - 2 * (w * r).sum(axis=1) + ((w @ H) * w).sum(axis=1)
    dimensions = n - len(R) + S.any(axis=1)
    length = squares - (w**2).sum(axis=1)
    # Nothing is outside where the range is everything.
    factor = np.divide(dimensions, length, out=np.zeros_like(length), where=dimensions > 0)
    return np.asarray(inside + factor * outside)


def diagonal_terms(R: Matrix, W: Matrix, H: Matrix) -> tuple[Matrix, Matrix, Matrix, Matrix]:
    """Return what the k estimates of diag(A) need of the small matrices, each (k, q).

        d_i = diag(P_i A + A P_i - P_i A P_i) + omega_i o (I - P_i) A (I - P_i) omega_i

    with ``(I - P_i) A (I - P_i) omega_i = Q a_i - A Q b_i``. Returns s_i, H s_i, a_i, b_i.
    """
    S = left_out(R)
    b = _projected(W.T, S)
    a = R.T - _projected(R.T - b @ H, S)
    return S, S @ H, a, b
