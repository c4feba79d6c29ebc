"""Curvature from gradients alone: finite differences that know their own error."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from saddlescape.curvature.functions import checked_point

__all__ = ["GradientCurvature", "from_gradient"]

Vector = NDArray[np.float64]
_EPS = float(np.finfo(np.float64).eps)


def from_gradient(
    gradient: Callable[[Vector], Vector],
    theta: Vector,
    loss: Callable[[Vector], float] | None = None,
    lower_bound: float | None = None,
) -> GradientCurvature:
    """Return the Hessian of a function of which only the gradient can be evaluated.

    Central differences at two steps, extrapolated (Richardson 1911):
    ``D(h) = (g(theta + h v) - g(theta - h v)) / 2h``, ``H v ~ (4 D(h) - D(2h)) / 3``. What is left
    is of order h^4 and at most about ``|D(2h) - D(h)| / 3``; rounding adds ``eps |g| / h``.

    Parameters
    ----------
    gradient : callable
        Takes theta (P,) and returns the gradient (P,), the same for the same theta.
    theta : (P,) array
        The point.
    loss : callable, optional
        Takes theta and returns the loss; without it nothing is probed and nothing escapes.
    lower_bound : float, optional
        A value below which the loss can't be.

    Examples
    --------
    >>> import numpy as np
    >>> from saddlescape import curvature
    >>> H = curvature.from_gradient(lambda t: np.array([2 * t[0], -2 * t[1]]), np.zeros(2))
    >>> np.round(H.dense(), 9)
    array([[ 2.,  0.],
           [ 0., -2.]])
    """
    return GradientCurvature(gradient, theta, loss, lower_bound)


class GradientCurvature:
    """What `from_gradient` returns; see `saddlescape.curvature.Curvature`."""

    silent: str | None = None

    def __init__(
        self,
        gradient: Callable[[Vector], Vector],
        theta: Vector,
        loss: Callable[[Vector], float] | None = None,
        lower_bound: float | None = None,
    ) -> None:
        self.theta = checked_point(theta)
        self.lower_bound = lower_bound
        self._loss = loss
        self._evaluate = gradient
        self._gradient = self._at(self.theta)
        self._squared_error = 0.0
        self._dense: Vector | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """``(P, P)``."""
        return (self.theta.size, self.theta.size)

    @property
    def has_loss(self) -> bool:
        """Whether the loss itself can be evaluated."""
        return self._loss is not None

    def __matmul__(self, V: Vector) -> Vector:
        V = np.asarray(V, dtype=np.float64)
        if V.ndim == 1:
            return self._product(V)[0]
        return np.stack([self._product(v)[0] for v in V.T], axis=1)

    def dense(self) -> Vector:
        """``H`` (P, P), a product for each column, then symmetrised; assembled once."""
        if self._dense is None:
            columns = [self._product(unit) for unit in np.eye(self.theta.size)]
            raw = np.stack([column for column, _ in columns], axis=1)
            self._dense = (raw + raw.T) / 2
            self._squared_error = float(
                sum(error**2 for _, error in columns) + np.sum((raw - raw.T) ** 2) / 4
            )
        return self._dense

    def gradient(self) -> Vector:
        """The gradient (P,)."""
        return self._gradient

    def loss(self, theta: Vector | None = None) -> float:
        """The loss, at the point or at another one; NaN where no loss was given."""
        if self._loss is None:
            return float("nan")
        return float(self._loss(self.theta if theta is None else theta))

    def error(self) -> float:
        """``|H_computed - H|_F`` by the differences' own estimate, column by column."""
        self.dense()
        return float(np.sqrt(self._squared_error))

    def _at(self, theta: Vector) -> Vector:
        g = np.asarray(self._evaluate(theta.copy()), dtype=np.float64)
        if g.shape != self.theta.shape:
            raise ValueError(f"gradient: returned shape {g.shape}, expected {self.theta.shape}")
        if not np.isfinite(g).all():
            raise ValueError("gradient: returned NaN or infinite values, expected finite numbers")
        return g

    def _product(self, v: Vector) -> tuple[Vector, float]:
        size = float(np.linalg.norm(v))
        if size == 0:
            return np.zeros_like(v), 0.0
        # eps^(1/5): where the h^4 of truncation and the eps / h of rounding meet
        h = _EPS**0.2 * max(1.0, float(np.linalg.norm(self.theta))) / size * 0.1
        ends = [self._at(self.theta + k * h * v) for k in (1, -1, 2, -2)]
        near = (ends[0] - ends[1]) / (2 * h)
        far = (ends[2] - ends[3]) / (4 * h)
        truncation = float(np.linalg.norm(far - near)) / 3
        rounding = _EPS * max(float(np.linalg.norm(g)) for g in ends) / h
        return (4 * near - far) / 3, truncation + rounding
