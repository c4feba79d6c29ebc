"""Parquet to columns: types come with the file, what is no number and no label is refused."""

from __future__ import annotations

from pathlib import Path

from saddlescape._extras import require
from saddlescape.data.columns import Column
from saddlescape.data.errors import DataError
from saddlescape.data.frame import columns_of

__all__ = ["read_parquet"]


def read_parquet(path: Path, fewest: int = 2) -> tuple[list[Column], list[str]]:
    """Read all columns of a Parquet file.

    Integers, floating point numbers and decimals become numbers, booleans, strings and categories
    labels; a null is a missing value. An index that pandas stored beside the columns is left out.

    Returns
    -------
    list of Numbers or Categories
        In the order of the file.
    list of str
        Notes, a line each.

    Raises
    ------
    DataError
        If it is no Parquet file, damaged, has no rows or fewer than `fewest` columns, or a column
        holds something else: a date, a list, a structure.
    """
    parquet, arrow = require("pyarrow.parquet", "parquet"), require("pyarrow", "parquet")
    if path.stat().st_size == 0:
        raise DataError(f"{path.name}: the file is empty")
    try:
        # A memory map or a file of our own: pyarrow would look at a path as a folder of parts.
        with path.open("rb") as file:
            table = parquet.read_table(file)
    except (arrow.ArrowException, OSError) as error:
        raise DataError(f"{path.name}: not a Parquet file, or damaged ({_line(error)})") from None
    _check(path.name, table, arrow.types, fewest)
    decimals = [
        field.with_type(arrow.float64()) if arrow.types.is_decimal(field.type) else field
        for field in table.schema
    ]
    frame = table.cast(arrow.schema(decimals)).to_pandas(ignore_metadata=True)
    notes: list[str] = []
    return columns_of(frame, notes), notes


def _check(name: str, table: object, types: object, fewest: int) -> None:
    fields = list(table.schema)  # type: ignore[attr-defined]
    names = [field.name for field in fields]
    if len(names) < fewest:
        raise DataError(f"{name}: {len(names)} columns, expected a feature and a target")
    twice = next((each for each in names if names.count(each) > 1), None)
    if twice is not None:
        raise DataError(f"{name}: {names.count(twice)} columns are called {twice!r}")
    if not table.num_rows:  # type: ignore[attr-defined]
        raise DataError(f"{name}: {len(names)} columns, but no rows")
    for field in fields:
        if not _readable(field.type, types):
            raise DataError(
                f"{name}: column {field.name!r}: {field.type}, expected numbers, booleans or "
                "strings"
            )


def _readable(kind: object, types: object) -> bool:
    if types.is_dictionary(kind):  # type: ignore[attr-defined]
        kind = kind.value_type  # type: ignore[attr-defined]
    tests = ("integer", "floating", "decimal", "boolean", "string", "large_string", "string_view")
    return any(getattr(types, f"is_{test}")(kind) for test in tests)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
