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

from saddlescape.eig._beta import beta_below

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
        with np.errstate(over="ignore"):  # infinitely far is far enough
            depth = np.minimum(self.nodes - low, high - self.nodes)
            distance = np.maximum(low - self.nodes, self.nodes - high)
        inside = self._sure(np.where((depth == 0) & (self.errors == 0), np.inf, depth))
        outside = self._sure(distance)
        upto_least, upto_most = self._separated(high[:, 0], "right")
        below_least, below_most = self._separated(low[:, 0], "left")
        least = np.maximum(inside, upto_least - below_most)
        most = np.minimum(1 - outside, upto_most - below_least)
        return np.clip(least, 0, 1), np.clip(most, 0, 1)

    def share(self, low: float, high: float) -> float:
        """Return the weight of the nodes in [low, high]."""
        inside = (self.nodes >= low) & (self.nodes <= high)
        return 1.0 if inside.all() else float(self.weights[inside].sum())

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
        with np.errstate(over="ignore"):
            before, behind = x - rounding, x + rounding
        left = np.searchsorted(self.nodes, before, side=side)  # type: ignore[call-overload]
        right = np.searchsorted(self.nodes, behind, side=side)  # type: ignore[call-overload]
        return sums[np.maximum(left - 1, 0)], sums[np.minimum(right + 1, len(self.weights))]


def sampled(n: int, probes: int, least: Vector, most: Vector, miss: float) -> tuple[Vector, Vector]:
    """Return the fewest and the most of n eigenvalues, from the means of bounds over probes.

    Those numbers k for which neither what is surely seen would be so much, nor what is perhaps seen
    so little, but for a probability of `miss` each. One probe sees Beta(k / 2, (n - k) / 2). The
    mean of p of them spreads no more than Beta(k p / 2, (n - k) p / 2), the share of p n normal
    numbers together: that is the same mean with random factors besides, the squared lengths of
    the normal vectors, which are independent of their directions.
    """
    fewest, greatest = _fewest(n, probes, least, miss), n - _fewest(n, probes, 1 - most, miss)
    # What was seen may be improbable for both of two neighbours.
    fewest, greatest = np.minimum(fewest, greatest), np.maximum(fewest, greatest)
    # What is surely seen belongs to one eigenvalue at least, and what surely is not to another.
    fewest = np.maximum(fewest, least > _ROUNDING)
    greatest = np.minimum(greatest, n - (most < 1 - _ROUNDING))
    return fewest, np.maximum(fewest, greatest)


def simultaneous(n: int, probes: int, miss: float) -> float:
    """Return how far all of n shares at once may be off, but for a probability of `miss`.

    sqrt(ln(2 n / miss) / ((n + 2) probes)): the Beta distribution is sub-Gaussian with the
    parameter 1 / (2 (n + 2)); n of them together (Chen, Trogdon, Ubaru, Theorem 1).
    """
    return math.sqrt(math.log(2 * n / miss) / ((n + 2) * probes))


def _fewest(n: int, probes: int, share: Vector, miss: float) -> Vector:
    """Return the fewest of n eigenvalues that have `share` or more, but for a probability of miss.

    The more eigenvalues, the more they have: bisection, between 0 and all.
    """
    some = share > _ROUNDING
    low, high = np.zeros(share.shape), np.where(some, float(n), 0.0)
    for _ in range(n.bit_length()):
        middle = np.floor((low + high) / 2)
        open_ = high - low > 1
        k = np.where(open_, middle, 1.0)
        above = beta_below(1 - share, np.maximum(n - k, 0.5) * probes / 2, k * probes / 2)
        low = np.where(open_ & (above <= miss), middle, low)
        high = np.where(open_ & (above > miss), middle, high)
    return high
