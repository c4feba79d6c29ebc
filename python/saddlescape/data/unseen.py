"""Data that a trained network has not seen: the columns of its training, looked at row by row.

What training fills or forgives where it says so in a note is refused here: a label that training
did not have would be encoded as none of those it had.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape.data import tables
from saddlescape.data.columns import Categories, Column, Numbers
from saddlescape.data.csvfile import read_csv
from saddlescape.data.encode import Code, LabelCode, NumberCode
from saddlescape.data.errors import DataError, listed
from saddlescape.data.idxfile import read_idx
from saddlescape.data.npzfile import read_arrays
from saddlescape.data.parquetfile import read_parquet

__all__ = ["Unseen", "as_labels", "encode_unseen", "notes_on", "read_unseen"]


@dataclass(frozen=True, eq=False)
class Unseen:
    """Columns without a task: what a network is to predict from, and perhaps the truth beside it.

    Parameters
    ----------
    name : str
        Of the file or set; stands at the head of every message.
    columns : tuple of Numbers or Categories
        N rows each, in the file's order.
    array : int or None
        Of data that are an array: how many of the columns are its own, the target not counted.
    """

    name: str
    columns: tuple[Column, ...] = field(repr=False)
    array: int | None = None

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.columns[0])

    def column(self, name: str, what: str) -> Column:
        """Return a column by its name, or say what is missing: ``which was there in training``."""
        found = next((column for column in self.columns if column.name == name), None)
        if found is None:
            names = listed(column.name for column in self.columns)
            raise DataError(f"{self.name}: no column {name!r}{what}; the columns are {names}")
        return found


def read_unseen(source: str, labels: Collection[str] = (), target: str | None = None) -> Unseen:
    r"""Read the columns of a file or a set, with a target or without one.

    Parameters
    ----------
    source : str
        As for `load`. Of an .npz file the array X is enough, of images the file of the images.
    labels : collection of str
        Columns that hold labels: of a CSV file they are not taken for numbers.
    target : str, optional
        The column that will be asked for.

    Raises
    ------
    DataError
        If there is no such file, or it can't be read.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from saddlescape.data.unseen import read_unseen
    >>> path = Path(tempfile.mkdtemp()) / "towns.csv"
    >>> _ = path.write_text("zip\n01\n02\n")
    >>> read_unseen(str(path), labels=["zip"]).columns[0].levels
    ('01', '02')
    """
    named = tables._by_name(source, None, None)
    if named is not None:
        array = len(named.features) if source == "digits" else None
        return Unseen(source, (*named.features, named.target), array)
    path = Path(source)
    kind = tables._kind(path)
    try:
        if kind in ("npz", "idx"):
            return _of_arrays(path, kind, target)
        read = read_csv(path, labels, fewest=1) if kind == "csv" else read_parquet(path, fewest=1)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None
    return Unseen(path.name, tuple(read[0]))


def _of_arrays(path: Path, kind: str, target: str | None) -> Unseen:
    wants = target is not None
    tables._no_target(path.name, target, "y")
    if kind == "npz":
        X, *rest = read_arrays(path, ("X", "y") if wants else ("X",))
    elif wants:
        X, *rest = tables._read_images(path)
    else:
        images = read_idx(path)
        X, rest = images.reshape(len(images), -1), []
    y = rest[0] if rest else np.zeros(len(X)) if X.ndim else np.zeros(0)
    table = tables.from_arrays(X, y, name=path.name, task=None if wants else "regression")
    columns = (*table.features, table.target) if wants else table.features
    return Unseen(path.name, columns, len(table.features))


def encode_unseen(data: Unseen, codes: Sequence[Code]) -> NDArray[np.float64]:
    """Encode the columns as those of training: (N, d) float64, finite.

    A missing number becomes the training median, as in training.

    Parameters
    ----------
    data : Unseen
    codes : sequence of NumberCode or LabelCode
        What `Encoder.codes` are. Columns beside those are not looked at.

    Raises
    ------
    DataError
        If a column is missing, or a value is none that training had: with its row, from 1.
    """
    columns = [data.column(code.name, ", which was there in training") for code in codes]
    parts = [
        code.encode(_fitting(data.name, code, column))
        for code, column in zip(codes, columns, strict=True)
    ]
    return np.ascontiguousarray(np.hstack(parts))


def notes_on(data: Unseen, codes: Sequence[Code], targets: Collection[str | None]) -> list[str]:
    """Say which numbers are missing and filled, and which columns nothing is made of.

    data, codes : that `encode_unseen` took. targets : columns with the truth.
    """
    notes = []
    for code in codes:
        missing = int(data.column(code.name, "").missing().sum())
        if isinstance(code, NumberCode) and missing:
            notes.append(
                f"column {code.name!r}: {missing:,} missing value{'s' if missing > 1 else ''}, "
                f"filled with the training median {code.median:.6g}"
            )
    used = {code.name for code in codes}.union(targets)
    unused = [column.name for column in data.columns if column.name not in used]
    if unused:
        notes.append(f"not used, the network was trained without: {listed(unused, 5)}")
    return notes


def as_labels(column: Column) -> Categories:
    """Take numbers as the labels that `prepare` makes of them: 3.0 is '3'."""
    if isinstance(column, Categories):
        return column
    words = (None if np.isnan(v) else _word(float(v)) for v in column.values)
    return Categories.of(column.name, words)


def _word(value: float) -> str:
    return str(int(value)) if np.isfinite(value) and value == np.rint(value) else repr(value)


def _fitting(name: str, code: Code, column: Column) -> Column:
    head = f"{name}: column {code.name!r}, row "
    if isinstance(code, NumberCode):
        numbers = tables._as_feature(column)
        if isinstance(numbers, Categories) and not numbers.levels:
            numbers = Numbers(code.name, np.full(len(numbers), np.nan))
        if isinstance(numbers, Categories):
            raise DataError(f"{head}{_first_word(numbers)}, expected a number as in training")
        if np.isinf(numbers.values).any():
            row = int(np.flatnonzero(np.isinf(numbers.values))[0])
            raise DataError(f"{head}{row + 1}: {numbers.values[row]}, expected a finite number")
        return numbers
    labels = as_labels(column)
    _check_known(head, code, labels)
    return labels


def _first_word(column: Categories) -> str:
    for row, place in enumerate(column.codes):
        if place >= 0 and not _is_number(column.levels[place]):
            return f"{row + 1}: {column.levels[place]!r}"
    row = int(np.flatnonzero(column.codes >= 0)[0])
    return f"{row + 1}: {column.levels[column.codes[row]]!r}"


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _check_known(head: str, code: LabelCode, column: Categories) -> None:
    known: set[Any] = set(code.levels)
    strange = np.array([level not in known for level in (*column.levels, None)])
    rows = np.flatnonzero(strange[column.codes])  # code -1, missing, is the last
    if len(rows):
        row = int(rows[0])
        place = int(column.codes[row])
        what = "no label" if place < 0 else repr(column.levels[place])
        labels = listed((level for level in code.levels if level is not None), 10)
        more = f" ({len(rows) - 1} more such rows)" if len(rows) > 1 else ""
        raise DataError(f"{head}{row + 1}: {what}, expected one of {labels} as in training{more}")
