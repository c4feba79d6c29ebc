"""Columns to numbers: what is fitted on the training rows, and how it is applied to any rows.

A column of numbers becomes one feature (gaps filled with the training median), a column of labels
one feature a label seen in training (1 where the row has it). Each feature is then standardised,

    x' = (x - mean) / deviation,    mean and deviation (1/N) over the training rows.

Nothing here looks at a row that it was not told to fit on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from saddlescape.data.columns import Categories, Column, Numbers, Table
from saddlescape.data.errors import DataError

__all__ = ["Encoder", "LabelCode", "NumberCode", "Scale", "median"]

MISSING = "(missing)"


@dataclass(frozen=True)
class Scale:
    """Mean and deviation of one feature, over the training rows.

    They are kept in units of 2^exponent, the power of two above the largest magnitude: dividing by
    it is exact, and neither 1e300 nor 1e-300 overflows or vanishes when it is squared.

    Examples
    --------
    >>> scale = Scale.fit(np.array([1.0, 3.0]))
    >>> scale.mean, scale.deviation
    (2.0, 1.0)
    >>> scale.apply(np.array([1.0, 5.0])).tolist()
    [-1.0, 3.0]
    """

    exponent: int
    unit_mean: float
    unit_deviation: float

    @classmethod
    def fit(cls, values: NDArray[np.float64]) -> Scale:
        """Measure (N,) finite values; for equal values the unit stands in for the deviation."""
        exponent = int(np.frexp(np.abs(values).max())[1])
        z = np.ldexp(values, -exponent)
        if z.min() == z.max():
            return cls(exponent, float(z[0]), 1.0)
        mean = float(z.mean())
        return cls(exponent, mean, float(np.sqrt(np.mean((z - mean) ** 2))))

    @property
    def mean(self) -> float:
        """The mean, in the feature's own unit."""
        return float(np.ldexp(self.unit_mean, self.exponent))

    @property
    def deviation(self) -> float:
        """The standard deviation (1/N), in the feature's own unit."""
        return float(np.ldexp(self.unit_deviation, self.exponent))

    def apply(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Standardise values; one beyond all bounds (1e300 in units of 1e-300) becomes infinite."""
        with np.errstate(over="ignore"):
            z = np.ldexp(values, -self.exponent)
            return np.asarray((z - self.unit_mean) / self.unit_deviation, dtype=np.float64)

    def invert(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Bring standardised values back to their own unit."""
        z = values * self.unit_deviation + self.unit_mean
        return np.asarray(np.ldexp(z, self.exponent), dtype=np.float64)


@dataclass(frozen=True)
class NumberCode:
    """A column of numbers: one feature, gaps filled with `median`."""

    name: str
    median: float

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The column's own name."""
        return (self.name,)

    def encode(self, column: Column) -> NDArray[np.float64]:
        """Return (N, 1) float64 without gaps."""
        if not isinstance(column, Numbers):
            raise DataError(f"column {self.name!r}: holds labels, expected numbers as in training")
        return np.where(column.missing(), self.median, column.values)[:, None]


@dataclass(frozen=True)
class LabelCode:
    """A column of labels: one feature a label seen in training (None: a missing one)."""

    name: str
    levels: tuple[str | None, ...]

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Column and label: ``city=Oslo``."""
        return tuple(f"{self.name}={MISSING if level is None else level}" for level in self.levels)

    def encode(self, column: Column) -> NDArray[np.float64]:
        """Return (N, levels) float64 of 0 and 1; a label not seen in training gives zeros only."""
        if not isinstance(column, Categories):
            raise DataError(f"column {self.name!r}: holds numbers, expected labels as in training")
        place = {level: index for index, level in enumerate(self.levels)}
        # codes are -1 for a missing label, which is the last entry here.
        places = np.array([place.get(level, -1) for level in (*column.levels, None)])
        index = places[column.codes]
        X = np.zeros((len(column), len(self.levels)))
        known = np.flatnonzero(index >= 0)
        X[known, index[known]] = 1.0
        return X


Code: TypeAlias = NumberCode | LabelCode


@dataclass(frozen=True)
class Encoder:
    """All columns, in order, and the scale of each feature.

    Parameters
    ----------
    codes : tuple of NumberCode or LabelCode
        The columns that are used.
    scales : tuple of Scale
        One a feature; empty where features are not standardised.
    """

    codes: tuple[Code, ...]
    scales: tuple[Scale, ...] = ()

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Name the d features, in their order."""
        return tuple(name for code in self.codes for name in code.feature_names)

    def encode(self, table: Table) -> NDArray[np.float64]:
        """Turn a table into (N, d) float64, C-contiguous and finite.

        Parameters
        ----------
        table : Table
            Must have the columns that were fitted; others are not looked at.

        Raises
        ------
        DataError
            If a column is missing, is of another kind, or holds a value that standardises to
            infinity.
        """
        X = self._raw(table)
        for feature, scale in enumerate(self.scales):
            before = X[:, feature].copy()
            X[:, feature] = scale.apply(before)
            if not np.isfinite(X[:, feature]).all():
                row = int(np.flatnonzero(~np.isfinite(X[:, feature]))[0])
                raise DataError(
                    f"{table.name}: column {self.feature_names[feature]!r}, row {row + 1}: "
                    f"{before[row]:g} is too large for the training deviation {scale.deviation:g}"
                )
        return X

    def standardised(self, table: Table, rows: NDArray[np.int64]) -> Encoder:
        """Return this encoder with scales measured on the given rows."""
        X = self._raw(table)[rows]
        return Encoder(self.codes, tuple(Scale.fit(x) for x in np.ascontiguousarray(X.T)))

    def _raw(self, table: Table) -> NDArray[np.float64]:
        by_name = {column.name: column for column in table.features}
        absent = next((code.name for code in self.codes if code.name not in by_name), None)
        if absent is not None:
            raise DataError(f"{table.name}: no column {absent!r}, which was there in training")
        X = np.empty((len(table), len(self.feature_names)))
        start = 0
        for code in self.codes:
            part = code.encode(by_name[code.name])
            X[:, start : start + part.shape[1]] = part
            start += part.shape[1]
        return X


def median(values: NDArray[np.float64]) -> float:
    """Return the middle value; unlike ``np.median``, halved before it is added: no overflow."""
    ordered = np.sort(values)
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return float(low if low == high else 0.5 * low + 0.5 * high)
