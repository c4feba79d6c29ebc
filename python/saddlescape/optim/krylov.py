"""The loss in the Krylov space of its gradient, as saddle-free Newton sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

__all__ = ["Differentiable", "Model", "krylov", "unit"]

Vector = npt.NDArray[np.float64]
_EPS = float(np.finfo(np.float64).eps)


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
    """The loss in the Krylov space: curvatures, gradient, and directions (m, P) by rows."""

    values: Vector
    gradient: Vector
    directions: Vector

    def step(self, damping: float) -> Vector:
        """``V S (|T| + damping)^-1 S^T V^T g``, (P,)."""
        return np.asarray((self.gradient / (np.abs(self.values) + damping)) @ self.directions)

    def curves_down(self, damping: float) -> bool:
        """Say whether the loss curves down along that step."""
        parts = self.gradient / (np.abs(self.values) + damping)
        return bool(np.sum(self.values * parts**2) < 0)


def krylov(H: Differentiable, g: Vector, most: int) -> tuple[Vector, Vector]:
    """Return V (m, P) by rows and the tridiagonal ``T = V H V^T``, started at g.

    Every vector is orthogonalised twice against all others. Where the space is invariant it ends:
    it holds all that the gradient can see.
    """
    m = min(most, g.size)
    V, T = np.zeros((m, g.size)), np.zeros((m, m))
    V[0], _ = unit(g)
    for j in range(most):
        # w = H v_j - alpha_j v_j - beta_{j-1} v_{j-1}
        w = np.asarray(H @ V[j], dtype=np.float64)
        if not np.isfinite(w).all():
            raise ValueError("curvature @ v: not finite")
        T[j, j] = V[j] @ w
        for _ in range(2):
            w = w - V[: j + 1].T @ (V[: j + 1] @ w)
        beta = float(np.linalg.norm(w))
        if j + 1 < m and beta > 100 * _EPS * float(np.abs(T).max()):
            T[j, j + 1] = T[j + 1, j] = beta
            V[j + 1] = w / beta
        else:
            m = j + 1
            break
    return V[:m], T[:m, :m]


def unit(v: Vector) -> tuple[Vector, float]:
    """Return v / |v| and |v| for v != 0, also where the squares of its elements underflow."""
    largest = float(np.abs(v).max())
    near_one = v / largest
    size = float(np.linalg.norm(near_one))
    return near_one / size, largest * size
