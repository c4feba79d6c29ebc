"""Curvature from functions that the caller wrote: loss, gradient, Hessian."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from saddlescape.curvature import checks
from saddlescape.curvature.block import Blocks

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

    Returns
    -------
    FunctionCurvature
        ``.shape``, ``H @ v``, ``H @ V``, ``.dense()``, ``.gradient()``, ``.loss()``.

    Raises
    ------
    TypeError, ValueError
        If theta, or what a function returned, has a wrong type or shape or is not finite, if the
        Hessian is not symmetric, or if the loss lies below its bound. What a function raises
        passes through.

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


class FunctionCurvature(Blocks):
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
        self.theta = checks.point(theta)
        self._functions = loss, gradient, hessian
        self._differentiate()
        self.lower_bound = checks.lower_bound(lower_bound, self.loss())

    def at(self, theta: Vector) -> FunctionCurvature:
        """Return the operator of the same functions at another point (P,)."""
        moved = copy.copy(self)
        moved.theta = checks.another(theta, self.theta.size)
        moved._differentiate()
        return moved

    def _differentiate(self) -> None:
        _, gradient, hessian = self._functions
        n = self.theta.size
        self._hessian = checks.symmetric("hessian", hessian(self.theta.copy()), n)
        self._gradient = checks.vector("gradient", gradient(self.theta.copy()), n)
        self._hessian.setflags(write=False)
        self._gradient.setflags(write=False)

    def __matmul__(self, V: Vector) -> Vector:
        return self._hessian @ checks.operand(V, self.theta.size)

    def dense(self) -> Vector:
        """``H`` (P, P)."""
        return self._hessian

    def gradient(self) -> Vector:
        """The gradient (P,)."""
        return self._gradient

    def loss(self, theta: Vector | None = None) -> float:
        """The loss, at the point or at another one."""
        return checks.loss_at(self._functions[0], self.theta, theta)

    def error(self) -> float:
        """A few units in the last place of ``|H|_F``: the function's own rounding is not known."""
        return 4 * float(np.finfo(np.float64).eps) * float(np.linalg.norm(self._hessian))

    def __repr__(self) -> str:
        return f"FunctionCurvature(P = {self.theta.size:,}, loss, gradient and Hessian as given)"
