"""Curvature from functions that the caller wrote: loss, gradient, Hessian."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["FunctionCurvature", "from_functions"]

Vector = NDArray[np.float64]


def from_functions(
    loss: Callable[[Vector], float],
    gradient: Callable[[Vector], Vector],
    hessian: Callable[[Vector], Vector],
    theta: Vector,
    lower_bound: float | None = None,
) -> FunctionCurvature:
    """Return the operator of a function whose derivatives are written out.

    Parameters
    ----------
    loss, gradient, hessian : callable
        Functions of theta (P,) that return a float, (P,) and (P, P).
    theta : (P,) array
        The point.
    lower_bound : float, optional
        A value below which the loss can't be.

    Examples
    --------
    The saddle ``x^2 - y^2``:

    >>> import numpy as np
    >>> from saddlescape import critical, curvature
    >>> H = curvature.from_functions(
    ...     lambda t: t[0] ** 2 - t[1] ** 2, lambda t: np.array([2 * t[0], -2 * t[1]]),
    ...     lambda t: np.diag([2.0, -2.0]), np.zeros(2))
    >>> print(critical.classify(H).kind)
    saddle
    """
    return FunctionCurvature(loss, gradient, hessian, theta, lower_bound)


class FunctionCurvature:
    """What `from_functions` returns; see `saddlescape.curvature.Curvature`."""

    silent: str | None = None

    def __init__(
        self,
        loss: Callable[[Vector], float],
        gradient: Callable[[Vector], Vector],
        hessian: Callable[[Vector], Vector],
        theta: Vector,
        lower_bound: float | None = None,
    ) -> None:
        self.theta = checked_point(theta)
        self.lower_bound = lower_bound
        self._functions = (loss, gradient)
        n = self.theta.size
        self._hessian = np.ascontiguousarray(hessian(self.theta), dtype=np.float64)
        if self._hessian.shape != (n, n):
            raise ValueError(f"hessian: shape {self._hessian.shape}, expected ({n}, {n})")
        self._gradient = np.ascontiguousarray(gradient(self.theta), dtype=np.float64)
        if self._gradient.shape != (n,):
            raise ValueError(f"gradient: shape {self._gradient.shape}, expected ({n},)")

    @property
    def shape(self) -> tuple[int, int]:
        """``(P, P)``."""
        return (self.theta.size, self.theta.size)

    def __matmul__(self, V: Vector) -> Vector:
        return self._hessian @ V

    def dense(self) -> Vector:
        """``H`` (P, P)."""
        return self._hessian

    def gradient(self) -> Vector:
        """The gradient (P,)."""
        return self._gradient

    def loss(self, theta: Vector | None = None) -> float:
        """The loss, at the point or at another one."""
        return float(self._functions[0](self.theta if theta is None else theta))

    def error(self) -> float:
        """A few units in the last place of ``|H|_F``: the function's own rounding is not known."""
        return 4 * float(np.finfo(np.float64).eps) * float(np.linalg.norm(self._hessian))


def checked_point(theta: Vector) -> Vector:
    """Return theta as a float64 vector, or raise naming it."""
    if not isinstance(theta, np.ndarray) or theta.dtype.kind != "f":
        came = theta.dtype if isinstance(theta, np.ndarray) else type(theta).__name__
        raise TypeError(f"theta: {came}, expected a NumPy array of float32 or float64")
    if theta.ndim != 1 or theta.size == 0:
        raise ValueError(f"theta: shape {theta.shape}, expected (P,) with P at least 1")
    if not np.isfinite(theta).all():
        raise ValueError(f"theta: {int((~np.isfinite(theta)).sum())} elements are not finite")
    return np.array(theta, dtype=np.float64)
