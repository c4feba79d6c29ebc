"""What a point must be able to tell of itself."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

__all__ = ["Curvature", "MovableCurvature"]


@runtime_checkable
class Curvature(Protocol):
    """A loss at a point theta (P,), with its first and second derivatives there.

    Anything with these members works wherever an operator is taken; `loss` without an argument is
    the loss at the point itself. Where a loss is computed in less than float64 a further method,
    ``loss_error(theta=None)``, says how far rounding may have moved it there: it keeps a probe from
    taking that for a way down.
    """

    @property
    def shape(self) -> tuple[int, int]:
        """``(P, P)``."""

    @property
    def theta(self) -> NDArray[np.float64]:
        """The point, (P,)."""

    @property
    def lower_bound(self) -> float | None:
        """A value below which the loss can't be, None if unknown."""

    @property
    def silent(self) -> str | None:
        """What second derivatives can't see here, in a sentence; None if nothing is known."""

    def __matmul__(self, V: NDArray[np.float64]) -> NDArray[np.float64]:
        """``H V`` for V (P,) or (P, k)."""

    def dense(self) -> NDArray[np.float64]:
        """``H`` (P, P), symmetric."""

    def gradient(self) -> NDArray[np.float64]:
        """The gradient (P,)."""

    def loss(self, theta: NDArray[np.float64] | None = None) -> float:
        """The loss, at the point or at another one."""

    def error(self) -> float:
        """An estimate of ``|H_computed - H|`` in the Frobenius norm: rounding, truncation."""


@runtime_checkable
class MovableCurvature(Curvature, Protocol):
    """A `Curvature` that can also be taken at other points, as a search needs it."""

    def at(self, theta: NDArray[np.float64]) -> MovableCurvature:
        """Return the operator of the same loss at another point (P,); this one stays as it is.

        A ``ValueError`` with the type `saddlescape.curvature.NotFiniteError` says that the loss or
        its derivatives are not finite there.
        """
