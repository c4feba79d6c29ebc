"""The Beta distribution, and Student's t from it: what intervals need and NumPy lacks."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["beta_below", "student"]

Vector = NDArray[np.float64]

# Both parameters above this: the cube roots are right to some 1e-6 (a tail of 1e-9: to 3 %).
_LARGE = 500.0


def beta_below(x: Vector, a: Vector, b: Vector) -> Vector:
    """Return I_x(a, b): how often a number of the distribution Beta(a, b) is at most x.

    Small values are right to about ten digits: the other tail is ``beta_below(1 - x, b, a)``.
    """
    x, a, b = (np.asarray(part, dtype=np.float64) for part in np.broadcast_arrays(x, a, b))
    result = np.where(x >= 1, 1.0, 0.0)
    within = (x > 0) & (x < 1)
    large = within & (np.minimum(a, b) > _LARGE)
    result[large] = _cube_roots(x[large], a[large], b[large])
    small = within & ~large
    x, a, b = x[small], a[small], b[small]
    # Beyond the mean the fraction converges for the other tail.
    beyond = x > (a + 1) / (a + b + 2)
    near = _fraction(np.where(beyond, 1 - x, x), np.where(beyond, b, a), np.where(beyond, a, b))
    result[small] = np.where(beyond, 1 - near, near)
    return result


@lru_cache(maxsize=256)
def student(confidence: float, degrees: int) -> float:
    """Return t: a number of Student's distribution lies in [-t, t] with this probability.

    P(|T| > t) = I_x(degrees / 2, 1 / 2) with x = degrees / (degrees + t^2).
    """
    a, b = np.array([degrees / 2]), np.array([0.5])

    def covered(t: float) -> bool:
        # x = s / (1 + s), so that neither a large nor a small t loses digits.
        s = (math.sqrt(degrees) / t) ** 2
        if s > 1:
            return bool(beta_below(np.array([1 / (1 + s)]), b, a)[0] >= confidence)
        return bool(beta_below(np.array([s / (1 + s)]), a, b)[0] <= 1 - confidence)

    low, high = 0.0, 1.0
    if confidence == 0:
        return 0.0
    while not covered(high):
        low, high = high, 2 * high
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        low, high = (low, middle) if covered(middle) else (middle, high)
    return high


def _fraction(x: Vector, a: Vector, b: Vector) -> Vector:
    """Return I_x(a, b) by its continued fraction (DLMF 8.17.22), with Lentz's recurrence."""
    lgamma = np.frompyfunc(math.lgamma, 1, 1)
    logarithm = np.asarray(lgamma(a + b) - lgamma(a) - lgamma(b), dtype=np.float64)
    factor = np.exp(logarithm + a * np.log(x) + b * np.log1p(-x)) / a
    tiny = 1e-300
    c, d = np.ones_like(x), 1 - (a + b) * x / (a + 1)
    d = 1 / np.where(np.abs(d) < tiny, tiny, d)
    value = d.copy()
    for m in range(1, 1000):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 + term * d
            d = 1 / np.where(np.abs(d) < tiny, tiny, d)
            c = 1 + term / c
            c = np.where(np.abs(c) < tiny, tiny, c)
            value = value * d * c
        if np.all(np.abs(d * c - 1) < 1e-13):
            break
    return np.asarray(factor * value)


def _cube_roots(x: Vector, a: Vector, b: Vector) -> Vector:
    """Return I_x(a, b) for large a and b: Wilson and Hilferty's roots are normal (A&S 26.5.22)."""
    left, right = np.cbrt(b * x), np.cbrt(a * (1 - x))
    z = 3 * (left * (1 - 1 / (9 * b)) - right * (1 - 1 / (9 * a)))
    z /= np.sqrt(left**2 / b + right**2 / a)
    return np.array([math.erfc(-each / math.sqrt(2)) / 2 for each in z])
