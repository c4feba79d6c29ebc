"""A plain symmetric matrix as a point: signs only, no loss to measure."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape.curvature import checks

__all__ = ["MatrixCurvature"]


class MatrixCurvature:
    """The members of `saddlescape.curvature.Curvature` for an array H (P, P)."""

    lower_bound: float | None = None
    silent: str | None = None

    def __init__(self, H: NDArray[Any], gradient: NDArray[Any] | None) -> None:
        if H.dtype not in (np.float32, np.float64):
            raise TypeError(f"H: dtype {H.dtype}, expected float32 or float64")
        self._H = checks.symmetric("H", H)
        # What the entries of an array are off by, its owner knows: here it is their last place.
        self._error = float(np.finfo(H.dtype).eps) * float(np.linalg.norm(self._H))
        n = len(self._H)
        self._gradient = np.zeros(n) if gradient is None else checks.vector("gradient", gradient, n)
        self.theta = np.zeros(len(H))

    @property
    def shape(self) -> tuple[int, int]:
        """``(P, P)``."""
        return (len(self._H), len(self._H))

    def __matmul__(self, V: NDArray[np.float64]) -> NDArray[np.float64]:
        return self._H @ V

    def dense(self) -> NDArray[np.float64]:
        """The matrix."""
        return self._H

    def gradient(self) -> NDArray[np.float64]:
        """The gradient (P,), zero if none was given."""
        return self._gradient

    def loss(self, theta: NDArray[np.float64] | None = None) -> float:  # noqa: ARG002
        """NaN: a matrix has none."""
        return float("nan")

    def error(self) -> float:
        """The last place of the entries, in the Frobenius norm."""
        return self._error
