"""Hessian products from gradients alone: central differences at three steps, extrapolated."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["EPS", "first_step", "product"]

Vector = NDArray[np.float64]
EPS = float(np.finfo(np.float64).eps)
_SAFETY = 4.0  # units in the last place that a gradient may be off by
_TRIES = 8  # steps, each a quarter of the one before
_SETTLED = 1e-3  # share of H v that is left to extrapolate away
_NEAR = 0.03  # the same where it falls as it should: over whole periods it does so by chance
_ALIKE = 10.0  # roundings by which the third may differ, if the first two don't
_FAR = 3.618  # of h: no whole number, or an oscillation of period h would look flat
_THIRD = (0.26, 0.41)  # what |D(2h) - D(h)| / |D(3.618 h) - D(2h)| is about where the order is h^2


def first_step(theta: Vector, v: Vector, power: float) -> float:
    """Return h so that ``h v`` moves no parameter by more than `power` of its own size, at least 1.

    Nor theta as a whole: of parameters that differ by orders of magnitude the largest would else
    set a step that is far too long for the others.

    Examples
    --------
    >>> first_step(np.array([1e6, 0.3]), np.array([0.0, 1.0]), 1e-4)
    0.0001
    """
    each = float((np.abs(v) / np.maximum(1.0, np.abs(theta))).max())
    whole = float(np.linalg.norm(v)) / max(1.0, float(np.linalg.norm(theta)))
    return power / max(each, whole)


def product(
    gradient: Callable[[Vector], Vector],
    theta: Vector,
    v: Vector,
    eps: float = EPS,
    rounded: Callable[[Vector], Vector] | None = None,
) -> tuple[Vector, float]:
    """Return ``H v`` and an estimate of its error, |H_computed v - H v|.

    ``D(h) = (g(theta + h v) - g(theta - h v)) / 2h``, ``H v ~ (4 D(h) - D(2h)) / 3`` (Richardson
    1911). What is left is of order h^4 and at most about ``|D(2h) - D(h)| / 3``; rounding adds
    ``4 eps |g| / h`` and ``eps |theta| |H v| / (h |v|)``. That D is of order h^2 shows at the third
    step: ``|D(2h) - D(h)|`` is then a third of ``|D(3.618 h) - D(2h)|``. Where it is not, h is cut
    to a quarter; if that does not help (kinks, noise) the error is the largest difference between
    what is returned and any of the D.

    Parameters
    ----------
    gradient : callable
        Takes theta (P,) and returns the gradient (P,).
    theta, v : (P,) arrays
        The point and the direction.
    eps : float
        Of the type that the gradient is computed in.
    rounded : callable, optional
        Returns the point at which the gradient is really taken if theta is asked for: the nearest
        one in the parameters' own type.

    Examples
    --------
    >>> import numpy as np
    >>> Hv, error = product(lambda t: t**3, np.array([2.0]), np.array([1.0]))
    >>> abs(Hv[0] - 12) < error < 1e-7
    True
    """
    if not v.any():
        return np.zeros_like(v), 0.0
    slopes = _Slopes(gradient, theta, v, rounded)
    # eps^(1/5): where the h^4 of truncation and the eps / h of rounding meet
    h = first_step(theta, v, 0.1 * eps**0.2)
    best: tuple[Vector, float] = (np.zeros_like(v), np.inf)
    for _ in range(_TRIES):
        result, spread, settled = _extrapolated(slopes, h, eps)
        rounding = slopes.rounding(result, h, eps)
        if settled:
            return result, spread + rounding
        if spread + rounding < best[1] or best[1] == np.inf:
            best = (result, spread + rounding)
        if 4 * rounding > spread:
            break
        h /= 4
    # Over whole periods all D of one try may be alike, and wrong: those of the others tell.
    return best[0], max(best[1], slopes.spread(best[0]))


def _extrapolated(slopes: _Slopes, h: float, eps: float) -> tuple[Vector, float, bool]:
    """``H v`` by steps h, 2h and 3.618 h, what truncation may have left, and if it is known."""
    near, mid, far = slopes.at(h), slopes.at(2 * h), slopes.at(_FAR * h)
    less, more = float(np.linalg.norm(near - mid)), float(np.linalg.norm(mid - far))
    result = (4 * near - mid) / 3
    size = float(np.linalg.norm(near))
    third = _THIRD[0] * more <= less <= min(_THIRD[1] * more, _NEAR * size)
    small = less <= min(_SETTLED * size, more / 2)
    rounding = slopes.rounding(result, h, eps)
    alike = less <= rounding and more <= _ALIKE * rounding
    small = small and more <= _ALIKE * (less + rounding)
    if alike or third or small:
        return result, less / 3, True
    return near, max(less, more, float(np.linalg.norm(near - far))), False


class _Slopes:
    """``D(h)``, each computed once."""

    def __init__(
        self,
        gradient: Callable[[Vector], Vector],
        theta: Vector,
        v: Vector,
        rounded: Callable[[Vector], Vector] | None,
    ) -> None:
        self._gradient, self._theta, self._v, self._rounded = gradient, theta, v, rounded
        self._known: dict[float, Vector] = {}
        self._size, self._length = float(np.linalg.norm(v)), float(np.linalg.norm(theta))
        self._largest = 0.0

    def at(self, h: float) -> Vector:
        if h not in self._known:
            ahead, behind = self._theta + h * self._v, self._theta - h * self._v
            if self._rounded is not None:
                ahead, behind = self._rounded(ahead), self._rounded(behind)
            g, k = self._gradient(ahead), self._gradient(behind)
            self._largest = max(self._largest, float(np.linalg.norm(g)), float(np.linalg.norm(k)))
            # theta + h v was rounded: divide by how far apart the points really are, along v
            self._known[h] = (g - k) / float((ahead - behind) @ self._v / self._size**2)
        return self._known[h]

    def spread(self, result: Vector) -> float:
        """How far any D is from what was chosen."""
        return max(float(np.linalg.norm(D - result)) for D in self._known.values())

    def rounding(self, result: Vector, h: float, eps: float) -> float:
        """Of the gradients, and of theta where they are differences of terms like H theta."""
        of_theta = self._length / self._size * float(np.linalg.norm(result))
        return eps * (_SAFETY * self._largest + of_theta) / h
