"""Hessian products from gradients alone: central differences at two steps, extrapolated."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["EPS", "product"]

Vector = NDArray[np.float64]
EPS = float(np.finfo(np.float64).eps)
_SAFETY = 4.0  # units in the last place that a gradient may be off by


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
    ``4 eps |g| / h`` and ``eps |theta| |H v| / (h |v|)``.

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
    size = float(np.linalg.norm(v))
    if size == 0:
        return np.zeros_like(v), 0.0
    length = float(np.linalg.norm(theta))
    # eps^(1/5): where the h^4 of truncation and the eps / h of rounding meet
    h = eps**0.2 * max(1.0, length) / size * 0.1
    at = [theta + k * h * v for k in (1, -1, 2, -2)]
    if rounded is not None:
        at = [rounded(point) for point in at]
    g = [gradient(point) for point in at]
    # theta + h v was rounded: divide by how far apart the points really are, along v
    near = (g[0] - g[1]) / float((at[0] - at[1]) @ v / size**2)
    far = (g[2] - g[3]) / float((at[2] - at[3]) @ v / size**2)
    result = (4 * near - far) / 3
    truncation = float(np.linalg.norm(far - near)) / 3
    # of the gradients, and of theta where they are differences of terms like H theta
    largest = max(float(np.linalg.norm(g_k)) for g_k in g)
    rounding = eps * (_SAFETY * largest + length / size * float(np.linalg.norm(result))) / h
    return result, truncation + rounding
