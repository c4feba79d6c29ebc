"""CSV to columns: the separator is found, types are read, what can't be a table is refused.

pandas parses; what it would do silently with a damaged file (take a column as the index, rename a
second column of the same name, read the first record as the header) is refused or noted here.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections.abc import Collection
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from saddlescape._extras import require
from saddlescape.data.columns import Column
from saddlescape.data.errors import DataError, listed
from saddlescape.data.frame import columns_of

__all__ = ["read_csv"]

_SEPARATORS = (",", ";", "\t")


def read_csv(
    path: Path, labels: Collection[str] = (), fewest: int = 2
) -> tuple[list[Column], list[str]]:
    """Read all columns of a CSV file: .csv, .tsv, either with .gz.

    The first line names the columns. The separator is the one of comma, semicolon and tab that cuts
    it into the most fields; with semicolons, numbers may be written with a decimal comma. A column
    in which every value is a number, or every one ``true``/``false``, becomes numbers; any other
    becomes labels, without blanks at their ends. Missing is what pandas takes as missing (an empty
    field, ``NA``, ``nan``, ``null``, ...) and ``?``.

    Parameters
    ----------
    path : Path
    labels : collection of str
        Columns that hold labels whatever they look like: ``01`` is not 1.
    fewest : int
        How many columns there must be.

    Returns
    -------
    list of Numbers or Categories
        In the order of the file. Columns of ``true``/``false`` are still labels, for the target.
    list of str
        Notes, a line each.

    Raises
    ------
    DataError
        If it is not a table with at least `fewest` named columns and a row.
    """
    text = _text(path)
    header, separator = _header(path.name, text, fewest)
    decimal = "," if separator == ";" and _has_decimal_commas(text) else "."
    pd = require("pandas", "app")
    try:
        frame = pd.read_csv(
            io.StringIO(text),
            sep=separator,
            decimal=decimal,
            skipinitialspace=True,
            na_values=["?"],
            dtype=dict.fromkeys(labels, str),
            low_memory=False,  # a column's type is decided on all of it, not chunk by chunk
        )
    except pd.errors.ParserError as error:
        raise DataError(f"{path.name}: {' '.join(str(error).split())}") from None
    if len(frame) == 0:
        raise DataError(f"{path.name}: a header of {len(header)} columns, but no rows")
    frame.columns = header
    notes = ["decimal commas are read as decimal points"] if decimal == "," else []
    if header[0] == "" and _counts_rows(frame[""]):
        frame = frame.drop(columns="")
        notes.append("the first column has no name and counts the rows: dropped")
    return columns_of(frame, notes), notes


def _text(path: Path) -> str:
    content = path.read_bytes()
    if path.suffix.lower() == ".gz" and content:
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{path.name}: damaged gzip file ({error})") from None
    if b"\0" in content:
        raise DataError(f"{path.name}: not a text file: byte {content.index(0)} is zero")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path.name}: not UTF-8 text: byte {error.start} is 0x{content[error.start]:02x}"
        ) from None
    if not text.strip():
        raise DataError(f"{path.name}: the file is empty")
    return text


def _header(name: str, text: str, fewest: int) -> tuple[list[str], str]:
    # Ties go to the separator named first: "a b" has one field with each of them.
    heads = {separator: _first_records(name, text, separator) for separator in _SEPARATORS}
    separator = max(heads, key=lambda separator: len(heads[separator][0]))
    header, first = heads[separator]
    if len(header) < fewest:
        raise DataError(
            f"{name}: one column, {header[0][:40]!r}: no comma, semicolon or tab in the first "
            "line; a feature and a target are needed"
        )
    if len(first) > len(header):  # pandas would take the first field as the row's name
        raise DataError(
            f"{name}: the first row has {len(first)} fields, the header has {len(header)}"
        )
    twice = next((field for field in header if header.count(field) > 1), None)
    if twice is not None:
        raise DataError(f"{name}: {header.count(twice)} columns are called {twice!r}")
    if _all_numbers(header):
        raise DataError(
            f"{name}: the first line holds numbers ({listed(header, 3)}), not column names"
        )
    return header, separator


def _first_records(name: str, text: str, separator: str) -> tuple[list[str], list[str]]:
    """Return the fields of the first two records that are not blank lines."""
    records = csv.reader(io.StringIO(text, newline=None), delimiter=separator)
    try:
        found = list(islice((row for row in records if row), 2))
    except csv.Error as error:
        raise DataError(f"{name}: not a table: {error}") from None
    return [field.strip() for field in found[0]], found[-1]


def _all_numbers(header: list[str]) -> bool:
    # pandas writes a table without names under the header 0,1,2,...: those are names.
    named = [field for field in header if field]
    if named in ([str(i + start) for i in range(len(named))] for start in (0, 1)):
        return False
    return all(re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", field) for field in named)


def _has_decimal_commas(text: str) -> bool:
    lines = "\n".join(islice(io.StringIO(text), 1, 50))
    comma = re.search(r"(^|;)\s*[-+]?\d+,\d+\s*(;|$)", lines, re.MULTILINE)
    point = re.search(r"(^|;)\s*[-+]?\d+\.\d+\s*(;|$)", lines, re.MULTILINE)
    return comma is not None and point is None


def _counts_rows(column: Any) -> bool:
    values = column.to_numpy()
    if values.dtype.kind != "i":
        return False
    return any(np.array_equal(values, np.arange(start, start + len(values))) for start in (0, 1))
