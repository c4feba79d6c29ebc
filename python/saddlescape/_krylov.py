"""A Krylov space from a start of one's own: the plain Lanczos recurrence, kept orthogonal.

    H V_k = V_{k+1} T,   V_{k+1}^T V_{k+1} = I,   V e_1 = v / |v|,

with V (P, k + 1) and T (k + 1, k) tridiagonal; its last row is rounding where the space is
invariant. Without that row T is ``V_k^T H V_k``, symmetric to the last bit. Of an operator in
pieces, start and V are this process' rows.
`saddlescape.eig.lanczos` restarts and starts at random; here the start is a gradient, or the number
of steps from a random vector is what a probability rests on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from saddlescape._sums import Sums

__all__ = ["krylov"]

Vector = NDArray[np.float64]
_EVERY = 8  # steps between two looks at whether the space is large enough
_EPS = float(np.finfo(np.float64).eps)


class Products(Protocol):
    """Anything with a product."""

    def __matmul__(self, V: Vector) -> Any:
        """``H v``."""


def krylov(
    operator: Products,
    start: Vector,
    steps: int,
    enough: Callable[[Vector], bool] | None = None,
) -> tuple[Vector, Vector]:
    """Return V (P, k) and T (k + 1, k) after at most `steps` products, fewer if T is `enough`.

    Each new vector is orthogonalised twice against all others (Giraud, Langou, Rozloznik 2005:
    twice is enough); one that is left with nothing but rounding ends the space.

    Raises
    ------
    ValueError
        If a product is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> V, T = krylov(np.diag([1.0, 2.0, 5.0]), np.ones(3), 3)
    >>> np.round(np.linalg.eigvalsh(T[:3]), 12), bool(np.abs(T[3]).max() < 1e-14)
    (array([1., 2., 5.]), True)
    """
    sums = Sums(operator)
    n = sums.length(start)
    steps = min(steps, n)
    V, T = np.empty((steps + 1, len(start))), np.zeros((steps + 1, steps))
    V[0], _ = sums.unit(start)
    size, power = 0.0, 0
    for j in range(steps):
        w = _product(operator, V[j])
        if j == 0:  # to numbers near 1, exactly: squares of 1e200 and 1e-200 are no numbers
            power = int(np.frexp(sums.largest(w))[1])
        w = np.ldexp(w, -power)
        length = sums.norm(w)
        size = max(size, length)
        for _ in range(2):
            h = sums.add(V[: j + 1] @ w)
            w = w - h @ V[: j + 1]
            T[j, j] += h[j]
        k, beta = j + 1, sums.norm(w)
        T[k, j] = beta
        if k == n or beta <= 8 * _EPS * np.sqrt(n) * size:
            break
        V[k] = w / beta
        if k < steps:
            T[j, k] = beta
        if enough is not None and k % _EVERY == 0 and enough(np.ldexp(T[: k + 1, :k], power)):
            break
    return np.ascontiguousarray(V[:k].T), np.ldexp(T[: k + 1, :k], power)


def _product(operator: Products, v: Vector) -> Vector:
    w = np.asarray(operator @ v, dtype=np.float64)
    if not np.isfinite(w).all():
        raise ValueError("curvature @ v: not finite")
    return w
