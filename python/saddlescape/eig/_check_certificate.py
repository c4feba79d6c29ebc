"""The checker of a certificate: NumPy alone, short enough to be read by who wants to be sure.

Why a claim that passes is true, with S the scaled symmetric part of A, s the shift, t the tolerance
on the scale of S, u = 2^-53, gamma_k = k u / (1 - k u):

1. L is unit lower triangular, so L D L^T has as many positive eigenvalues as D (Sylvester).
2. If || L D L^T - P (S - s I) P^T || <= b, every eigenvalue of S moves by b at most (Weyl): as many
   as D has positive ones are above s - b >= t. With + s likewise: below -(s - b).
3. b is the largest row sum of |R|, the residual as computed, and of what computing it may have got
   wrong. R is summed up over blocks of q columns: with C = L D, three roundings, and products of q
   terms in any order (Higham, "Accuracy and Stability of Numerical Algorithms", section 3.5),

     |error of R| <= gamma_(q+5) |L| |D| |L^T| + u sum over blocks |R so far|.

4. S itself is off by || A - A^T || / 2, by the rounding of its means, and by what underflowed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from saddlescape.eig._certificate import Certificate

__all__ = ["Factors", "check_certificate", "counted", "residual_bound", "scaled"]

U = 2.0**-53
BLOCK = 128  # columns

_Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Factors:
    """P M P^T = L D L^T: ``(P M P^T)[i, j] = M[order[i], order[j]]``.

    Attributes
    ----------
    order : ndarray, shape (n,), int64
    L : ndarray, shape (n, n), float64
        Unit lower triangular.
    d, e : ndarray, shape (n,), float64
        The diagonal of D and what stands below it: ``e[k]`` beside ``d[k]`` and ``d[k + 1]``, not 0
        where a block of two starts.
    """

    order: NDArray[np.int64]
    L: _Vector
    d: _Vector
    e: _Vector


def check_certificate(
    A: NDArray[np.float32] | NDArray[np.float64], certificate: Certificate
) -> bool:
    """Recompute what a certificate claims, from A and its factors alone.

    The signs of D are counted again, and ``||L D L^T - P (S -+ s I) P^T||`` is bounded with all
    that floating point may have got wrong. Nothing of the code that made the factors is used.

    Parameters
    ----------
    A : ndarray, shape (n, n), float32 or float64
    certificate : Certificate

    Returns
    -------
    bool
        True only if it is proved that A has `certificate.positive` eigenvalues above
        `certificate.tolerance` and `certificate.negative` below its negative. False says nothing
        about A: the certificate may be damaged, or one of another matrix.

    Examples
    --------
    >>> import numpy as np
    >>> from saddlescape import eig
    >>> A = np.diag([1.0, -2.0, 3.0])
    >>> proof = eig.certificate(A)
    >>> eig.check_certificate(A, proof), eig.check_certificate(-A, proof)
    (True, False)

    References
    ----------
    As `inertia`.
    """
    # Of a wider type not all digits would be looked at.
    if not isinstance(A, np.ndarray) or A.dtype not in (np.float32, np.float64) or A.ndim != 2:
        return False
    c, n = certificate, len(A)
    if A.shape != (n, n) or not np.isfinite(A).all() or not 0 <= c.tolerance < math.inf:
        return False
    if not (_is_factors(c.minus, n) and _is_factors(c.plus, n) and 0 < c.shift < math.inf):
        return False
    if (counted(c.minus)[0], counted(c.plus)[1]) != (c.positive, c.negative):
        return False
    if not -1100 <= c.exponent <= 1100:
        return False
    S, before = scaled(A, c.exponent)
    t = float(np.ldexp(c.tolerance, -c.exponent)) * (1 + 4 * U) + 2.0**-1070
    bound = max(residual_bound(S, -c.shift, c.minus), residual_bound(S, c.shift, c.plus))
    return bool((t + before + bound) * (1 + 8 * U) <= c.shift)


def scaled(A: NDArray[np.floating], exponent: int) -> tuple[_Vector, float]:
    """Return S and a bound on what it is off by."""
    # A NaN or an infinity here makes a bound that proves nothing.
    with np.errstate(all="ignore"):
        S = np.ldexp(A.astype(np.float64), -exponent)
        difference = np.linalg.norm(S - S.T)
        S = 0.5 * S + 0.5 * S.T
        row_sum = np.abs(S).sum(axis=1).max(initial=0)
        error = difference / 2 + (U * row_sum if difference > 0 else 0.0)
        return S, float(error * (1 + 1e-6)) + len(S) * 2.0**-500


def counted(factors: Factors) -> tuple[int, int]:
    """Return how many eigenvalues of D are surely positive, surely negative."""
    starts = np.flatnonzero(factors.e)
    single = np.ones(len(factors.d), dtype=bool)
    single[starts] = single[starts + 1] = False
    # Of a block of two, one of each if a c < b^2, which rounding can't pretend below 0.99.
    with np.errstate(all="ignore"):
        b = factors.e[starts]
        pairs = np.abs(factors.d[starts] / b) * np.abs(factors.d[starts + 1] / b) < 0.99
    both, d = np.count_nonzero(pairs), factors.d[single]
    return int(both + np.count_nonzero(d > 0)), int(both + np.count_nonzero(d < 0))


def residual_bound(S: _Vector, shift: float, factors: Factors) -> float:
    """Return at least the 2-norm of L D L^T - P (S + shift I) P^T; not finite if that is not."""
    L, d, e, n = factors.L, factors.d, factors.e, len(S)
    with np.errstate(all="ignore"):
        R = S[np.ix_(factors.order, factors.order)]
        R[np.diag_indices(n)] += shift
        wrong = U * np.abs(np.diag(R))
        C = L * d  # = L D
        C[:, :-1] += L[:, 1:] * e[:-1]
        C[:, 1:] += L[:, :-1] * e[:-1]
        for k in range(0, n, BLOCK):
            R -= C[:, k : k + BLOCK] @ L[:, k : k + BLOCK].T
            wrong += U * np.abs(R).sum(axis=1)
        # |L| |D| |L^T| times a vector of ones, from the right to the left
        x = np.abs(L).sum(axis=0)
        y = np.abs(d) * x
        y[:-1] += np.abs(e[:-1]) * x[1:]
        y[1:] += np.abs(e[:-1]) * x[:-1]
        gamma = (BLOCK + 5) * U / (1 - (BLOCK + 5) * U)
        rows = np.abs(R).sum(axis=1) + wrong + gamma * (np.abs(L) @ y)
        # These sums are of positive numbers; and what underflowed.
        bound = rows.max(initial=0) * (1 + (n + 64) ** 2 * U) + n * 2.0**-1000
    return float(bound) if np.isfinite(bound) else math.inf


def _is_factors(factors: Factors, n: int) -> bool:
    order, L, d, e = factors.order, factors.L, factors.d, factors.e
    if order.dtype.kind != "i" or order.ndim != 1:
        return False
    return bool(
        all(x.dtype == np.float64 and np.isfinite(x).all() for x in (L, d, e))
        and (L.shape, d.shape, e.shape, order.shape) == ((n, n), (n,), (n,), (n,))
        and np.array_equal(np.sort(order), np.arange(n))
        and np.array_equal(np.diag(L), np.ones(n))
        # Far beyond what pivoting leaves: so what underflows in L D stays small in L D L^T.
        and np.abs(L).max(initial=0) <= 2.0**400
        and not np.triu(L, 1).any()
        # Blocks of two don't overlap, and the last one ends within D.
        and not (n and e[-1])
        and not (e[:-1].astype(bool) & e[1:].astype(bool)).any()
    )
