"""A pandas data frame to columns of numbers or labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from saddlescape.data.columns import Categories, Column, Numbers
from saddlescape.data.errors import listed

__all__ = ["columns_of"]


def columns_of(frame: Any, notes: list[str]) -> list[Column]:
    """Return a data frame's columns in its order; notes are added to `notes`."""
    return [_column(str(name), frame[name], notes) for name in frame.columns]


def _column(name: str, series: Any, notes: list[str]) -> Column:
    if series.dtype.kind in "iuf":
        return Numbers(name, series.to_numpy(dtype=np.float64, na_value=np.nan))
    missing = series.isna().to_numpy()
    labels = [None if gap else str(v).strip() for v, gap in zip(series, missing, strict=True)]
    column = Categories.of(name, labels)
    _note_stray_words(column, notes)
    return column


def _note_stray_words(column: Categories, notes: list[str]) -> None:
    """Say so where a column of labels looks like numbers with a few words among them."""
    words = [level for level in column.levels if not _is_number(level)]
    count = int(np.isin(column.codes, [column.levels.index(word) for word in words[:20]]).sum())
    if 0 < len(words) < min(20, len(column.levels) / 2) and column.codes.max() >= 0:
        notes.append(
            f"column {column.name!r}: taken as labels, not numbers, because of {listed(words, 3)} "
            f"(in {count} of {len(column)} rows)"
        )


def _is_number(label: str) -> bool:
    try:
        float(label)
    except ValueError:
        return False
    return True
