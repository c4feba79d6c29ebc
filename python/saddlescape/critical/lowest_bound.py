"""No eigenvalue is lower than this, with a probability: a plain Lanczos run from a random vector.

After m steps from a vector that is uniform on the sphere, the largest Ritz value of a matrix with
eigenvalues in [0, 1] misses the largest eigenvalue by a share eps with a probability of at most

    1.648 sqrt(n) exp(-sqrt(eps) (2 m - 1))     (Kuczynski and Wozniakowski 1992, theorem 4.2).

Lanczos does not see shifts and signs, so it holds for both ends of H with the range R in place of
the largest eigenvalue. With 2 x 1.648 sqrt(n) exp(-sqrt(eps) (2 m - 1)) = delta / 2 both ends are
met,

    R <= (theta_max - theta_min) + 2 eps R,   lambda_min >= theta_min - eps R.

Where the space ends before m steps, ``H V = V T + r e^T`` with a small beta = |r|, the eigenvector
u of an eigenvalue lambda has ``u^T V (lambda - T) = (u^T r) e^T``, so that lambda lies within
``beta / |u^T v|`` of a Ritz value; and ``|u^T v| < t`` with a probability of at most
``t sqrt(2 n / pi)``, which is to be delta / 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log, pi, sqrt

import numpy as np

from saddlescape._krylov import krylov
from saddlescape._sums import Sums
from saddlescape.curvature import AnyCurvature

__all__ = ["LowestBound", "bound_lowest"]

_FACTOR = 4 * 1.648  # for two ends, and half of delta
_STEPS = 100  # where nothing is asked for
_MOST_STEPS = 5000
_MOST_BYTES = 2**30  # of the Krylov vectors
_EPS = float(np.finfo(np.float64).eps)
_ROUNDING = 16 * _EPS  # of a step, relative to |H|
_MARGIN = 0.9


@dataclass(frozen=True)
class LowestBound:
    """A lower bound of all eigenvalues that holds with a probability.

    Attributes
    ----------
    bound : float
        With probability at least ``1 - delta`` no eigenvalue lies below it. It includes what
        rounding in the operator may do (an estimate).
    delta : float
        How often, over start vectors, such a statement is false at most.
    steps : int
        Lanczos steps, m.
    ritz_low, ritz_high : float
        The ends of the spectrum as that run saw them.
    asked : float or None
        The tau that was asked for, if one was.
    """

    bound: float
    delta: float
    steps: int
    ritz_low: float
    ritz_high: float
    asked: float | None

    @property
    def tau(self) -> float:
        """No eigenvalue lies below -tau: 0 if none is negative."""
        return max(0.0, -self.bound)

    @property
    def reached(self) -> bool:
        """Whether `tau` is as small as was asked for."""
        return self.asked is None or self.tau <= self.asked

    def __str__(self) -> str:
        text = (
            f"with probability 1 - {self.delta:.0e} no eigenvalue is below {self.bound:.2e} "
            f"({self.steps} Lanczos steps from a random vector)"
        )
        if self.reached:
            return text
        return f"{text}; {-self.asked:.2e} was asked for" if self.asked else text


def bound_lowest(
    operator: AnyCurvature,
    low: float,
    high: float,
    *,
    delta: float,
    tau: float | None,
    error: float,
    seed: int,
) -> LowestBound:
    """Run as many steps as `tau` needs (100 if none is asked for) and say what they show.

    Parameters
    ----------
    operator : Curvature
        H, of order n.
    low, high : float
        The ends of its spectrum as far as they are known, to choose the number of steps by.
    delta : float
        The probability of failure that is allowed.
    tau : float or None
        The depth below zero that is to be excluded.
    error : float
        How far an eigenvalue of H as computed may be off.
    seed : int
        Of the random vector.

    Examples
    --------
    >>> import numpy as np
    >>> from saddlescape.curvature.matrix import MatrixCurvature
    >>> H = MatrixCurvature(np.diag(np.linspace(0.0, 1.0, 500)), None)
    >>> found = bound_lowest(H, 0.0, 1.0, delta=1e-6, tau=0.01, error=1e-15, seed=0)
    >>> found.reached, found.tau > 0, found.steps < 120
    (True, True, True)
    """
    n = operator.shape[0]
    need = log(_FACTOR * sqrt(n) / delta)
    most = max(1, min(n, _MOST_STEPS, _MOST_BYTES // (8 * n)))
    steps = min(most, _steps(need, low, high, tau))
    sums = Sums(operator)
    start = sums.generator([seed, 1]).standard_normal(sums.rows(n))  # uniform in its direction
    V, T = krylov(operator, start, steps)
    m = V.shape[1]
    ritz = np.linalg.eigvalsh(T[:m])
    spread, size = float(ritz[-1] - ritz[0]), float(np.abs(ritz).max())
    if m == n:
        missed = 0.0
    elif m < steps:
        missed = float(T[m, m - 1]) * sqrt(2 * n / pi) / (delta / 2)
    else:
        eps = (need / (2 * m - 1)) ** 2
        missed = eps * spread / (1 - 2 * eps) if eps < 0.5 else np.inf
    bound = float(ritz[0]) - missed - error - m * _ROUNDING * size
    return LowestBound(bound, delta, m, float(ritz[0]), float(ritz[-1]), tau)


def _steps(need: float, low: float, high: float, tau: float | None) -> int:
    """So many that ``eps R`` is what lies between -tau and the lowest eigenvalue."""
    if tau is None:
        return _STEPS
    room = _MARGIN * (tau + min(low, 0.0))
    if room <= 0 or high <= low:
        return _STEPS
    share = min(room / (high - low), 0.25)
    return ceil((need / sqrt(share / (1 + 2 * share)) + 1) / 2)
