"""The loss in the Krylov space of its gradient, as saddle-free Newton sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

__all__ = ["Differentiable", "Model"]

Vector = npt.NDArray[np.float64]


class Differentiable(Protocol):
    """A loss at a point: an operator of `saddlescape.curvature`, but for its matrix."""

    @property
    def theta(self) -> Vector:
        """The point, (P,)."""

    def __matmul__(self, V: Vector) -> Vector:
        """``H V`` for V (P,)."""

    def gradient(self) -> Vector:
        """The gradient (P,)."""

    def loss(self, theta: Vector | None = None) -> float:
        """The loss, at the point or at another one."""


@dataclass(frozen=True)
class Model:
    """The loss in the Krylov space: curvatures, gradient, and directions (P, m)."""

    values: Vector
    gradient: Vector
    directions: Vector

    def step(self, damping: float) -> Vector:
        """``V S (|T| + damping)^-1 S^T V^T g``, (P,)."""
        return np.asarray(self.directions @ (self.gradient / (np.abs(self.values) + damping)))

    def curves_down(self, damping: float) -> bool:
        """Say whether the loss curves down along that step."""
        parts = self.gradient / (np.abs(self.values) + damping)
        return bool(np.sum(self.values * parts**2) < 0)
