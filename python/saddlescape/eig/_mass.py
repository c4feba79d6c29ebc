"""How much of a spectrum lies in a window: what one probe proves, and what a sample of them says.

A probe v sees the measure sum_i (u_i^T v)^2 at lambda_i. Two theorems bound how much of it lies in
a window, given its Lanczos nodes theta_l, weights w_l and residuals r_l:

- Chebyshev, Markov, Stieltjes: of the measure up to theta_i, exclusive or inclusive, at least
  sum_{l < i} w_l and at most sum_{l <= i} w_l is there.
- With a residual r_l, and theta_l inside of the window at a distance delta_l from its ends, at
  least sum_l max(0, sqrt(w_l) - r_l / delta_l)^2 is inside (Davis and Kahan, for one vector).

How far the measure itself is from the spectrum is known: for v uniform on the sphere of R^n, what
it has in a window with nF of the n eigenvalues follows the distribution Beta(nF/2, n(1 - F)/2),
whose variance is 2 F (1 - F) / (n + 2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Probe", "sampled", "simultaneous"]

Vector = NDArray[np.float64]

# Of sums of weights: what is no more than this may be nothing.
_ROUNDING = 1e-13


@dataclass(frozen=True, eq=False)
class Probe:
    """The Gauss quadrature of one random vector: nodes (m,) ascending, weights with sum 1.

    `errors` are the residuals of the nodes, rounding included.
    """

    nodes: Vector
    weights: Vector
    errors: Vector

    def bounds(self, low: Vector, high: Vector) -> tuple[Vector, Vector]:
        """Return what of the probe's measure is at least, at most in the windows [low, high]."""
        low, high = low[:, None], high[:, None]
        depth = np.minimum(self.nodes - low, high - self.nodes)
        inside = self._sure(np.where((depth == 0) & (self.errors == 0), np.inf, depth))
        outside = self._sure(np.maximum(low - self.nodes, self.nodes - high))
        upto_least, upto_most = self._separated(high[:, 0], "right")
        below_least, below_most = self._separated(low[:, 0], "left")
        least = np.maximum(inside, upto_least - below_most)
        most = np.minimum(1 - outside, upto_most - below_least)
        return np.clip(least, 0, 1), np.clip(most, 0, 1)

    def _sure(self, distance: Vector) -> Vector:
        """Return the sum of what surely lies on the side where `distance` (x, m) is positive."""
        there = distance > 0
        # A quotient that overflows is infinite, which is right.
        with np.errstate(over="ignore"):
            lost = np.divide(self.errors, distance, out=np.zeros_like(distance), where=there)
        sure = np.where(there, np.maximum(np.sqrt(self.weights) - lost, 0), 0)
        return np.asarray((sure**2).sum(axis=1))

    def _separated(self, x: Vector, side: str) -> tuple[Vector, Vector]:
        """Return the bounds of Chebyshev, Markov and Stieltjes of the measure up to x.

        The nodes themselves are known up to a rounding: x is moved by that, to the safe side.
        """
        sums = np.concatenate([[0.0], np.cumsum(self.weights)])
        sums[-1] = 1
        rounding = self.errors.min()
        left = np.searchsorted(self.nodes, x - rounding, side=side)  # type: ignore[call-overload]
        right = np.searchsorted(self.nodes, x + rounding, side=side)  # type: ignore[call-overload]
        return sums[np.maximum(left - 1, 0)], sums[np.minimum(right + 1, len(self.weights))]


def sampled(
    n: int, probes: int, least: Vector, most: Vector, z: float, miss: float
) -> tuple[Vector, Vector]:
    """Return an interval for the share F of n eigenvalues, from the means of bounds over probes.

    Wilson's: the F with |F^ - F| <= z sqrt(2 F (1 - F) / ((n + 2) probes)), which keeps within
    [0, 1] and does not shrink to nothing at the ends as F^ -+ z s does. At the ends themselves one
    knows more: what is surely seen belongs to one eigenvalue at least; and where nothing is surely
    seen, a single one would have shown more than `most` of itself but for a probability of at most
    `miss`, or there is none.
    """
    size = (n + 2) * probes / 2
    some, not_all = least > _ROUNDING, most < 1 - _ROUNDING
    none = ~some & _none(n, probes, most, miss)
    every = ~not_all & _none(n, probes, 1 - least, miss)
    low = np.maximum(_wilson(least, size, -z), np.where(some, 1 / n, 0))
    high = np.minimum(_wilson(most, size, z), np.where(not_all, 1 - 1 / n, 1))
    low, high = np.where(every, 1.0, low), np.where(none, 0.0, high)
    return np.where(none, 0.0, low), np.where(every, 1.0, high)


def simultaneous(n: int, probes: int, miss: float) -> float:
    """Return how far all of n shares at once may be off, but for a probability of `miss`.

    sqrt(ln(2 n / miss) / ((n + 2) probes)): the Beta distribution is sub-Gaussian with the
    parameter 1 / (2 (n + 2)); n of them together (Chen, Trogdon, Ubaru, Theorem 1).
    """
    return math.sqrt(math.log(2 * n / miss) / ((n + 2) * probes))


def _wilson(share: Vector, size: float, z: float) -> Vector:
    spread = np.sqrt(share * (1 - share) / size + (z / (2 * size)) ** 2)
    bound = (share + z * z / (2 * size) + math.copysign(abs(z), z) * spread) / (1 + z * z / size)
    return np.clip(bound, 0, 1)


def _none(n: int, probes: int, most: Vector, miss: float) -> NDArray[np.bool_]:
    """Whether even one eigenvalue would have shown itself by more than `most`.

    n times its part of a probe follows chi^2 with one degree of freedom, the sum over p probes with
    p, and Prob[chi^2_p <= x] <= (x / 2)^(p / 2) / Gamma(p / 2 + 1).
    """
    half = probes / 2
    with np.errstate(divide="ignore"):
        logarithm = half * np.log(n * probes * most / 2) - math.lgamma(half + 1)
    return np.asarray(logarithm <= math.log(miss))
