"""Vectors that several processes hold in pieces, as the solvers see them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape import _sums

__all__ = ["Pieces", "arguments_of", "in_pieces", "pieces_of", "together"]

Vector = NDArray[np.float64]


class Pieces:
    """What a solver asks of an operator in pieces."""

    def __init__(self, op: Any) -> None:
        if not callable(op.reduce):
            raise TypeError(
                f"op.reduce: {type(op.reduce).__name__}, expected a method that adds numbers up "
                "over all processes"
            )
        self._reduce: Callable[[Vector], Any] = op.reduce
        self._piece = op.piece
        self.first = self.count = 0

    def check(self, n: int) -> None:
        """Look at where the piece lies in a vector of n numbers."""
        piece = self._piece
        if not isinstance(piece, slice) or piece.step not in (None, 1):
            raise TypeError(f"op.piece: {piece!r}, expected a slice of the rows in this process")
        first, end = piece.start or 0, n if piece.stop is None else piece.stop
        if not 0 <= first <= end <= n:
            raise ValueError(f"op.piece: {piece}, expected a slice within the {n} rows of op")
        self.first, self.count = int(first), int(end - first)

    def sum(self, numbers: Vector) -> Vector:
        """Return the sums over all processes, of the form that the solvers expect."""
        result = np.asarray(self._reduce(numbers))
        if result.shape != numbers.shape:
            raise ValueError(f"op.reduce(numbers): shape {result.shape}, expected {numbers.shape}")
        return np.ascontiguousarray(result, dtype=np.float64)


def in_pieces(op: object) -> bool:
    """Say whether vectors of `op` are spread over processes."""
    return hasattr(op, "piece") and hasattr(op, "reduce")


def pieces_of(op: object) -> Pieces | None:
    """Return the pieces of an operator; None where its vectors are whole."""
    return Pieces(op) if in_pieces(op) else None


def together(pieces: Pieces | None, what: str) -> AbstractContextManager[None]:
    """Raise in all processes if one raises; one process alone raises anyway."""
    return nullcontext() if pieces is None else _sums.together(pieces.sum, what)


def arguments_of(
    pieces: Pieces | None,
) -> tuple[Callable[[Vector], Vector], int, int] | None:
    """Return what the core takes."""
    return None if pieces is None else (pieces.sum, pieces.first, pieces.count)
