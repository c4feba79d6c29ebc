"""Inner products of an operator's vectors, over all processes where these are in pieces."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape.eig import OperatorInPieces

__all__ = ["Sums"]

Vector = NDArray[np.float64]


class Sums:
    """Products over all rows of vectors, each number the same bits in all processes.

    Examples
    --------
    >>> import numpy as np
    >>> sums = Sums(np.eye(3))
    >>> sums.spread, sums.norm(np.array([3.0, 0.0, 4.0]))
    (False, 5.0)
    """

    def __init__(self, operator: Any) -> None:
        spread = isinstance(operator, OperatorInPieces)
        self._operator: OperatorInPieces | None = operator if spread else None

    @property
    def spread(self) -> bool:
        """Whether vectors are in pieces."""
        return self._operator is not None

    @contextmanager
    def together(self, what: str) -> Iterator[None]:
        """Raise in all processes if one raises."""
        failed = 1.0
        try:
            yield
            failed = 0.0
        finally:
            count = float(self.add(np.array([failed]))[0])
        if count and self.spread:
            raise RuntimeError(f"{what}: failed in another process: its own error says why")

    def check_alike(self, what: str, said: str) -> None:
        """Raise in all processes if they do not say the same."""
        if self._operator is None:
            return
        own = float(zlib.crc32(said.encode()))
        count, total = self.add(np.array([1.0, own]))  # exact: 32 bits each
        # The mean is everybody's number only if all have the same.
        if self.add(np.array([float(own * count != total)]))[0]:
            raise ValueError(f"{what}: not the same arguments in all processes, expected the same")

    def add(self, numbers: Vector) -> Vector:
        """The sums over the processes, of numbers of any shape."""
        if self._operator is None:
            return numbers
        sums = np.asarray(self._operator.reduce(np.ravel(numbers).astype(np.float64)))
        return sums.reshape(np.shape(numbers))

    def dot(self, V: Vector, w: Vector) -> Vector:
        """``V^T w`` for V (P, k)."""
        return self.add(np.asarray(V.T @ w))

    def inner(self, v: Vector, w: Vector) -> float:
        """``v^T w``."""
        return float(self.add(np.array([float(v @ w)]))[0])

    def norm(self, v: Vector) -> float:
        """``|v|``."""
        if self._operator is None:
            return float(np.linalg.norm(v))
        return float(np.sqrt(self.inner(v, v)))

    def norms(self, V: Vector) -> Vector:
        """Of each column."""
        if self._operator is None:
            return np.asarray(np.linalg.norm(V, axis=0))
        return np.sqrt(self.add(np.einsum("ij,ij->j", V, V)))

    def length(self, v: Vector) -> int:
        """How many numbers the whole vector has."""
        return int(self.add(np.array([float(len(v))]))[0])

    def largest(self, v: Vector) -> float:
        """``max |v_i|``; of several processes the sum of theirs, which is as large but for that."""
        return float(self.add(np.array([float(np.abs(v).max(initial=0.0))]))[0])

    def same(self, v: Vector, w: Vector) -> bool:
        """Whether two vectors are equal, in all processes."""
        return not self.add(np.array([float(not np.array_equal(v, w))]))[0]

    def generator(self, seed: int | list[int]) -> np.random.Generator:
        """Random numbers: of several processes each has its own, by the place of its piece."""
        if self._operator is None:
            return np.random.default_rng(seed)
        whole = seed if isinstance(seed, list) else [seed]
        return np.random.default_rng([*whole, self._operator.piece.start or 0, 1])

    def identity(self, n: int) -> Vector:
        """The unit vectors of n numbers."""
        return np.eye(n) if self._operator is None else np.eye(n)[self._operator.piece]

    def oriented(self, V: Vector) -> Vector:
        """Choose the sign of each column so that its largest entry is positive: a reader's (1, 1).

        Of several processes it is the sum of cubes that is positive.
        """
        if self._operator is None:
            largest = np.argmax(np.abs(V), axis=0)
            signs = V[largest, np.arange(V.shape[1])]
        else:
            signs = self.add(np.sum(V**3, axis=0))
        return V * np.where(signs < 0, -1.0, 1.0)
