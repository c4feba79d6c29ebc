"""A table as it came: columns of numbers or labels, with their gaps, one of them the target.

Nothing here is fitted and no package but NumPy is needed; `saddlescape.data.tables` makes tables
from files and arrays, `saddlescape.data.prepare` makes numbers from tables.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from saddlescape.data.errors import DataError

__all__ = ["Categories", "Column", "Numbers", "Table", "Task"]

Task = Literal["classification", "regression"]


@dataclass(frozen=True, eq=False)
class Numbers:
    """A column of numbers.

    Parameters
    ----------
    name : str
        As in the file's header.
    values : (N,) float64
        NaN where a value is missing.
    """

    name: str
    values: NDArray[np.float64] = field(repr=False)

    def missing(self) -> NDArray[np.bool_]:
        """Mark the rows without a value: (N,) bool."""
        return np.isnan(self.values)

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.values)


@dataclass(frozen=True, eq=False)
class Categories:
    """A column of labels.

    Parameters
    ----------
    name : str
        As in the file's header.
    codes : (N,) int64
        Row i has the label ``levels[codes[i]]``; -1 where it is missing.
    levels : tuple of str
        The labels, ascending, each once.
    """

    name: str
    codes: NDArray[np.int64] = field(repr=False)
    levels: tuple[str, ...]

    @classmethod
    def of(cls, name: str, labels: Iterable[str | None]) -> Categories:
        """Sort and number the labels; None is a missing one.

        Examples
        --------
        >>> column = Categories.of("city", ["Rome", None, "Oslo", "Rome"])
        >>> column.levels, column.codes.tolist()
        (('Oslo', 'Rome'), [1, -1, 0, 1])
        """
        labels = list(labels)
        levels = tuple(sorted({label for label in labels if label is not None}))
        number: dict[str | None, int] = {label: code for code, label in enumerate(levels)}
        codes = np.array([number.get(label, -1) for label in labels], dtype=np.int64)
        return cls(name, codes, levels)

    def missing(self) -> NDArray[np.bool_]:
        """Mark the rows without a label: (N,) bool."""
        return self.codes < 0

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.codes)


Column: TypeAlias = Numbers | Categories


@dataclass(frozen=True, eq=False)
class Table:
    """Data as they were read: nothing encoded, filled, scaled or left out yet.

    Parameters
    ----------
    name : str
        The file's name; stands at the head of every message.
    features : tuple of Numbers or Categories
        The columns to learn from, N rows each.
    target : Numbers or Categories
        The column to predict, N rows.
    task : {"classification", "regression"}
        What is asked of it.
    notes : tuple of str
        What the reader should know, a line each.

    Raises
    ------
    DataError
        If columns differ in length, or a number is infinite. Rows are counted from 1, without the
        header.
    """

    name: str
    features: tuple[Column, ...] = field(repr=False)
    target: Column
    task: Task
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for column in (*self.features, self.target):
            if len(column) != len(self.target):
                raise DataError(
                    f"{self.name}: column {column.name!r}: {len(column)} rows, "
                    f"expected {len(self.target)} as in the target"
                )
            if isinstance(column, Numbers) and np.isinf(column.values).any():
                row = int(np.flatnonzero(np.isinf(column.values))[0])
                raise DataError(
                    f"{self.name}: column {column.name!r}, row {row + 1}: "
                    f"{column.values[row]}, expected a finite number"
                )

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.target)
