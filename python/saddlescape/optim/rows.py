"""Gradients of a few rows of a table, as an embedding has them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Rows"]


class Rows:
    r"""The gradient of some rows of an array; all others are zero and stay out of the step.

    Give it in the place of a gradient to `SGD` without momentum, `Adagrad` or `Adam`, without
    weight decay. Rows that are not named keep their parameters and their state: for `SGD` and
    `Adagrad` that is the step with the full gradient; `Adam`'s averages of such a row then wait
    instead of decaying, while bias corrections count all steps, as in ``torch.optim.SparseAdam``
    (whose epsilon is that of ``convention="keras"``).

    Parameters
    ----------
    indices : (k,) array of int64
        Rows of the array, in any order. A row that comes more than once has the sum of its values.
    values : (k, ...) ndarray
        For each of them its gradient, of the shape of a row; float32, float64 or float16.

    Raises
    ------
    TypeError, ValueError
        If they are not such arrays.

    Examples
    --------
    >>> import numpy as np
    >>> from saddlescape import optim
    >>> table = np.zeros((1000, 2))
    >>> opt = optim.SGD([table], lr=0.5)
    >>> opt.step([optim.Rows([7, 3, 7], np.ones((3, 2)))])
    >>> table[[3, 7]]
    array([[-0.5, -0.5],
           [-1. , -1. ]])
    """

    def __init__(self, indices: npt.ArrayLike, values: npt.ArrayLike) -> None:
        rows = np.asarray(indices)
        if rows.size == 0:
            rows = rows.astype(np.int64)
        if rows.dtype.kind not in "iu":
            raise TypeError(f"indices: dtype {rows.dtype}, expected whole numbers")
        numbers = np.asarray(values)
        if numbers.dtype.kind != "f":
            raise TypeError(f"values: dtype {numbers.dtype}, expected real numbers")
        if rows.ndim != 1 or numbers.ndim < 1 or len(numbers) != len(rows):
            raise ValueError(
                f"values: shape {numbers.shape} for indices of shape {rows.shape}, expected "
                "(k, ...) for (k,)"
            )
        self.indices, self.values = _summed(rows.astype(np.int64), numbers)

    @property
    def _saddlescape_rows(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.floating[Any]]]:
        return self.indices, self.values


def _summed(
    rows: npt.NDArray[np.int64], values: npt.NDArray[np.floating[Any]]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.floating[Any]]]:
    """Return ascending indices, each once."""
    order = np.argsort(rows, kind="stable")
    rows, values = rows[order], values[order]
    first = np.flatnonzero(np.append(True, rows[1:] != rows[:-1])[: len(rows)])
    if len(first) < len(rows):
        values = np.add.reduceat(values, first, axis=0)
        rows = rows[first]
    return rows, np.ascontiguousarray(values)
