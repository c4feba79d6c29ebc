"""Inner products of an operator's vectors, over all processes where these are in pieces."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

__all__ = ["OperatorInPieces", "Sums", "together"]

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


@contextmanager
def together(add: Callable[[Vector], Vector], what: str) -> Iterator[None]:
    """Raise in all processes if one raises; `add` sums numbers over them."""
    failed = 1.0
    try:
        yield
        failed = 0.0
    finally:
        count = add(np.array([failed]))[0]
    if count:
        raise RuntimeError(f"{what}: failed in another process: its own error says why")


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

    def together(self, what: str) -> AbstractContextManager[None]:
        """Raise in all processes if one raises; one process alone raises anyway."""
        return together(self.add, what) if self.spread else nullcontext()

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

    def unit(self, v: Vector) -> tuple[Vector, float]:
        """Return v / |v| and |v| for v != 0, also where the squares of its elements underflow.

        Examples
        --------
        >>> Sums(None).unit(np.array([3e-200, 4e-200]))
        (array([0.6, 0.8]), 5e-200)
        """
        largest = self.largest(v)
        near_one = v / largest
        size = self.norm(near_one)
        return near_one / size, largest * size

    def norms(self, V: Vector) -> Vector:
        """Of each column."""
        if self._operator is None:
            return np.asarray(np.linalg.norm(V, axis=0))
        return np.sqrt(self.add(np.einsum("ij,ij->j", V, V)))

    def rows(self, n: int) -> int:
        """How many of n rows are in this process."""
        return n if self._operator is None else len(range(*self._operator.piece.indices(n)))

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
