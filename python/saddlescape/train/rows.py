"""Columns of numbers that grow row by row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape import _check
from saddlescape._extras import require

__all__ = ["Rows"]

_ALIASES = {"grad_norm": "gradient_norm"}  # the name that Keras users look for


class Rows(Mapping[str, NDArray[np.float64]]):
    """A table of float64 columns by name; what a row has no number for is NaN there."""

    _COUNTS: tuple[str, ...] = ()  # columns of whole numbers, which the table may set by itself

    def __init__(self, names: Sequence[str]) -> None:
        self._columns: dict[str, list[float]] = {name: [] for name in (*self._COUNTS, *names)}

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(next(iter(self._columns.values()), []))

    @property
    def whole(self) -> int:
        """How many rows have all their numbers: all, unless an interrupt came between columns."""
        return min((len(column) for column in self._columns.values()), default=0)

    def fill(self, start: int, table: Mapping[str, Sequence[float]], count: int) -> None:
        """Add `count` rows from number `start` on, as far as they are not here yet.

        An interrupt may come between two columns: called again with the same rows, it goes on where
        it was.
        """
        for name, column in self._columns.items():
            have = len(column) - start
            new = table[name][have:] if name in table else [float("nan")] * (count - have)
            column.extend(new)

    def set_last(self, **values: float) -> None:
        """Set values of the last row."""
        self._check_names(values)
        for name, value in values.items():
            self._columns[name][-1] = value

    def _check_names(self, values: Mapping[str, float]) -> None:
        fixed = next((name for name in self._COUNTS if name in values), None)
        unknown = next((name for name in values if name not in self._columns), fixed)
        if unknown is not None:
            names = ", ".join(name for name in self._columns if name not in self._COUNTS)
            raise ValueError(f"{unknown}: no name to record, expected {names}")

    def _extend(self, other: Rows, offsets: Mapping[str, float]) -> None:
        """Append the rows of `other`; columns of `offsets` go on from that number."""
        before, more = self.rows, other.rows
        for name in other:
            self._columns.setdefault(name, [float("nan")] * before)
        for name, column in self._columns.items():
            added = other._columns.get(name, [float("nan")] * more)
            column.extend([value + offsets.get(name, 0.0) for value in added])

    def part(self, name: str, start: int, stop: int) -> NDArray[np.float64]:
        """Return rows `start` to `stop` (not included) of a column."""
        return np.array(self._columns[_ALIASES.get(name, name)][start:stop], dtype=np.float64)

    def tail(self, name: str, count: int) -> NDArray[np.float64]:
        """Return the last `count` values of a column, all of them if there are fewer."""
        count = _check.integer("count", count, low=0)
        return self.part(name, max(0, self.rows - count), self.rows)

    def to_frame(self) -> Any:
        """Return a pandas data frame with these columns.

        Raises
        ------
        ImportError
            If pandas is not there; says how to install it.
        """
        frame = require("pandas", "app").DataFrame(dict(self))
        return frame.astype(dict.fromkeys(self._COUNTS, np.int64))

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        return np.array(self._columns[_ALIASES.get(name, name)], dtype=np.float64)

    def __contains__(self, name: object) -> bool:
        # Mapping's own would copy the column to find out
        return _ALIASES.get(str(name), name) in self._columns

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return list(self) == list(other) and all(
            np.array_equal(self[name], other[name], equal_nan=True) for name in self
        )

    __hash__ = None  # type: ignore[assignment]  # rows are appended

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)
