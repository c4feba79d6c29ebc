"""What a framework has to compute for `saddlescape.curvature.automatic`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Engine", "NoSecondDerivativeError"]

Vector = NDArray[np.float64]


class NoSecondDerivativeError(RuntimeError):
    """The framework has a gradient of this loss, but can't differentiate it once more."""


class Engine(Protocol):
    """What a framework has to compute; it leaves everything as it was."""

    theta: Vector  # the point, (P,)
    sizes: dict[str, int]  # elements of each named parameter, one after the other
    eps: float  # of the coarsest type that is computed in
    label: str  # framework and type, for a reader
    kinks: tuple[str, ...]  # functions in the loss whose slope jumps
    by_hand: tuple[str, ...]  # functions in the loss whose derivative somebody wrote
    draws: bool  # whether the loss draws random numbers
    advice: str  # what to do if two evaluations differ
    detours: str  # what makes a gradient another one than the loss's

    def undisturbed(self) -> AbstractContextManager[None]:
        """Put random number generators back at the end."""

    def rounded(self, theta: Vector) -> Vector:
        """Return the nearest point that the parameters can hold."""

    def loss(self, theta: Vector) -> float:
        """Return the loss at theta."""

    def gradient(self, theta: Vector) -> tuple[float, Vector]:
        """Return the loss and the gradient (P,) at theta."""

    def products(self, theta: Vector, rows: Vector) -> Vector:
        """Return ``V H`` for V (k, P), by rows; raise NoSecondDerivativeError if there is none."""

    def otherwise(self, theta: Vector, rows: Vector) -> Vector | None:
        """Return the same by the framework's other mode and keep to it; None if there is none."""
