"""A Hessian whose vectors are spread over the processes that the parameters are spread over."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from saddlescape.curvature import checks
from saddlescape.curvature.engine import Engine

__all__ = ["AutomaticCurvatureInPieces", "EngineInPieces"]

Vector = NDArray[np.float64]


class EngineInPieces(Engine, Protocol):
    """An `Engine` whose parameters are spread over processes."""

    piece: slice  # of theta, in this process

    def reduce(self, numbers: Vector) -> Vector:
        """Return the sums over the processes of (k,) numbers, the same bits in each."""

    def whole(self, own: Vector) -> Vector:
        """Return the processes' pieces (m,), one after the other, (P,)."""

    def products_in_pieces(self, theta: Vector, rows: Vector) -> Vector:
        """Return this piece of ``V H`` for this piece of V (k, P), by rows (k, m)."""

    def together(self, what: str) -> AbstractContextManager[None]:
        """Raise in all processes if one raises."""


class Whole(Protocol):
    """What is asked of the operator that takes whole vectors."""

    theta: Vector
    lower_bound: float | None
    differences: str | None

    @property
    def silent(self) -> str | None:
        """What second derivatives can't see."""

    def __matmul__(self, V: Vector) -> Vector:
        """``H V``."""

    def at(self, theta: Vector) -> Whole:
        """Return the operator at another point."""

    def gradient(self) -> Vector:
        """The gradient."""

    def loss(self, theta: Vector | None = None) -> float:
        """The loss."""

    def loss_error(self, theta: Vector | None = None) -> float:
        """How far rounding moves it."""

    def error(self) -> float:
        """``|H_computed - H|_F``."""


class AutomaticCurvatureInPieces:
    """What ``from_torch(..., sharded=True).in_pieces()`` returns: each process holds its own rows.

    A `CurvatureInPieces`: theta, the gradient, V in ``H @ V``
    and eigenvectors are this process' pieces (m,), in the order of ranks; numbers are those of the
    whole, the same bits in all. `saddlescape.eig.lanczos`, `saddlescape.eig.density` and
    `saddlescape.critical.classify` take it, called in all processes in the same order.

    Products hold no whole vector, so that a Krylov basis takes its share of memory in each process.
    Whole vectors are still held one at a time or two: the point and the gradient there, and where
    products are differences of gradients (`differences`).

    Attributes
    ----------
    piece : slice
        Where this process' rows lie in the whole of P.
    theta : (m,) array
        This process' parameters.
    lower_bound, differences : float or None, str or None
        As those of the operator that it was made from.
    """

    def __init__(self, whole: Whole, engine: EngineInPieces) -> None:
        self._whole, self._engine = whole, engine
        self.piece = engine.piece
        self.theta = whole.theta[self.piece]
        self.lower_bound, self.differences = whole.lower_bound, whole.differences

    @property
    def shape(self) -> tuple[int, int]:
        """``(P, P)``, of the whole."""
        return (self._whole.theta.size, self._whole.theta.size)

    @property
    def dtype(self) -> np.dtype[np.float64]:
        """float64."""
        return np.dtype(np.float64)

    @property
    def silent(self) -> str | None:
        """As of the operator that it was made from."""
        return self._whole.silent

    def reduce(self, numbers: Vector) -> Vector:
        """Return the sums over the processes of (k,) numbers, the same bits in each."""
        return self._engine.reduce(numbers)

    def __matmul__(self, V: Vector) -> Vector:
        """Return this process' rows of ``H V``, for its rows V (m,) or (m, k)."""
        with self._engine.together("products in pieces"):
            V = checks.operand(V, self.theta.size)
        rows = np.ascontiguousarray((V if V.ndim == 2 else V[:, None]).T)
        if self.differences is None:
            with self._engine.undisturbed():
                found = self._engine.products_in_pieces(self._whole.theta, rows)
        else:
            found = np.empty_like(rows)
            for row, out in zip(rows, found, strict=True):
                out[:] = (self._whole @ self._engine.whole(row))[self.piece]
        return np.ascontiguousarray(found.T).reshape(V.shape)

    def at(self, theta: Vector) -> AutomaticCurvatureInPieces:
        """Return the operator of the same loss at another point, of which this is one piece."""
        return AutomaticCurvatureInPieces(self._whole.at(self._engine.whole(theta)), self._engine)

    def gradient(self) -> Vector:
        """Return this process' piece of the gradient, (m,)."""
        return self._whole.gradient()[self.piece]

    def loss(self, theta: Vector | None = None) -> float:
        """The loss, at the point or at another one, of which this is one piece."""
        return self._whole.loss(None if theta is None else self._engine.whole(theta))

    def loss_error(self, theta: Vector | None = None) -> float:
        """How far rounding moves the loss, at the point or at another one."""
        return self._whole.loss_error(None if theta is None else self._engine.whole(theta))

    def error(self) -> float:
        """Estimate ``|H_computed - H|_F`` of the whole, as before it was in pieces."""
        return self._whole.error()

    def __repr__(self) -> str:
        first, end = self.piece.start, self.piece.stop
        return f"AutomaticCurvatureInPieces(rows {first:,} to {end:,} of P = {self.shape[0]:,})"
