"""The bundled small sets as arrays, in their own units."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from saddlescape.data import Numbers, Table

__all__ = ["numbers"]


def numbers(table: Table) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return X (N, d) and y (N,) of a table of numbers.

    Examples
    --------
    >>> from saddlescape import data
    >>> X, y = numbers(data.ravine())
    >>> X.shape, y.tolist()
    ((3, 2), [3.3, 4.8, 2.9])
    """
    columns = [column.values for column in table.features if isinstance(column, Numbers)]
    target = table.target
    if len(columns) < len(table.features) or not isinstance(target, Numbers):
        raise ValueError(f"{table.name}: labels, expected numbers only")
    return np.ascontiguousarray(np.stack(columns, axis=1)), target.values
