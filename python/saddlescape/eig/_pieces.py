"""Vectors that several processes hold in pieces, as the solvers see them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

__all__ = ["OperatorInPieces", "Pieces", "arguments_of", "in_pieces", "pieces_of", "together"]

Vector = NDArray[np.float64]


@runtime_checkable
class OperatorInPieces(Protocol):
    """A symmetric matrix whose vectors are spread over processes, a piece of each in every one.

    `saddlescape.eig.lanczos` and `saddlescape.eig.density` take it, called in all processes with
    the same arguments. Each process holds its own rows of the basis; inner products are added up by
    `reduce`, many in one call. A process may have no rows at all. What is small (the projected
    matrix) is solved in each, so that all must run on processors of one kind.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """Return (n, n), of the whole matrix: the same in each process."""
        ...

    @property
    def piece(self) -> slice:
        """Return which rows are in this process; each row is in one."""
        ...

    def __matmul__(self, V: Any, /) -> Any:
        """Return this process' rows of the product, for V (m,) or (m, k) its rows of the vectors.

        It may communicate; then it raises in all processes or in none, as `reduce` does.
        """
        ...

    def reduce(self, numbers: Vector, /) -> Vector:
        """Return the sums over all processes of (k,) numbers, the same bits in each process.

        What steers a solver are such sums, so that all take the same decisions. Add in the order of
        ranks, or in one process that sends the sum to the others.
        """
        ...


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

    @contextmanager
    def together(self, what: str) -> Iterator[None]:
        """Raise in all processes if one raises."""
        failed = 1.0
        try:
            yield
            failed = 0.0
        finally:
            count = self.sum(np.array([failed]))[0]
        if count:
            raise RuntimeError(f"{what}: failed in another process: its own error says why")


def in_pieces(op: object) -> bool:
    """Say whether vectors of `op` are spread over processes."""
    return hasattr(op, "piece") and hasattr(op, "reduce")


def pieces_of(op: object) -> Pieces | None:
    """Return the pieces of an operator; None where its vectors are whole."""
    return Pieces(op) if in_pieces(op) else None


def together(pieces: Pieces | None, what: str) -> AbstractContextManager[None]:
    """Raise in all processes if one raises; one process alone raises anyway."""
    return nullcontext() if pieces is None else pieces.together(what)


def arguments_of(
    pieces: Pieces | None,
) -> tuple[Callable[[Vector], Vector], int, int] | None:
    """Return what the core takes."""
    return None if pieces is None else (pieces.sum, pieces.first, pieces.count)
