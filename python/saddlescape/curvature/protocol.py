"""What a point must be able to tell of itself."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

__all__ = ["AnyCurvature", "Curvature", "CurvatureInPieces", "MovableCurvature"]


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


@runtime_checkable
class CurvatureInPieces(Protocol):
    """A loss whose parameters are spread over processes, each of which holds its own piece.

    A `saddlescape.eig.OperatorInPieces` with what a `Curvature` knows. All processes call the same
    things in the same order. Vectors are this process' pieces (m,), numbers those of the whole, the
    same bits in all. Where there is also ``.at(theta)``, of a piece, it is used as a
    `MovableCurvature`'s.
    """

    @property
    def shape(self) -> tuple[int, int]:
        """``(P, P)``, of the whole."""

    @property
    def piece(self) -> slice:
        """Where this process' parameters lie in the whole."""

    @property
    def theta(self) -> NDArray[np.float64]:
        """Return this process' piece of the point, (m,)."""

    @property
    def lower_bound(self) -> float | None:
        """As a `Curvature`'s."""

    @property
    def silent(self) -> str | None:
        """As a `Curvature`'s."""

    def reduce(self, numbers: NDArray[np.float64], /) -> NDArray[np.float64]:
        """Sums of (k,) numbers over all processes, the same bits in each."""

    def __matmul__(self, V: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return this process' rows of ``H V``, for its rows V (m,) or (m, k)."""

    def gradient(self) -> NDArray[np.float64]:
        """Return this process' piece of the gradient, (m,)."""

    def loss(self, theta: NDArray[np.float64] | None = None) -> float:
        """The loss, at the point or at another one, of which this is one piece."""

    def error(self) -> float:
        """As a `Curvature`'s, of the whole."""


AnyCurvature = Curvature | CurvatureInPieces
