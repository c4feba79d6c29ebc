"""What a training run leaves behind: numbers of every step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from saddlescape import _check

__all__ = ["History"]

_ALIASES = {"grad_norm": "gradient_norm"}  # the name that Keras users look for


class History(Mapping[str, NDArray[np.float64]]):
    """Numbers of every step, by name; those of an epoch stand at its last step, NaN elsewhere.

    Row t is taken at ``theta_t``, before update t: ``loss`` and ``gradient_norm`` are of the batch
    of that step (of all data if the batch is full), ``update_norm`` is ``|theta_{t+1} - theta_t|``,
    ``learning_rate`` what the optimizer used.

    Names: ``step``, ``loss``, ``gradient_norm`` (``grad_norm`` finds it too), ``gradient_cosine``
    (between this step's gradient and the last one's), ``update_norm``, ``learning_rate``; with
    validation data ``validation_loss`` and, for classes, ``validation_accuracy``.

    Examples
    --------
    >>> history = History(["loss"])
    >>> history.append(loss=2.0)
    >>> history.append(loss=1.0)
    >>> history["loss"]
    array([2., 1.])
    >>> history["step"]
    array([0., 1.])
    """

    def __init__(self, names: list[str]) -> None:
        self._columns: dict[str, list[float]] = {"step": [], **{name: [] for name in names}}

    @classmethod
    def of(cls, columns: Mapping[str, NDArray[np.float64]]) -> History:
        """Return a history with these columns, all of one length, ``step`` among them."""
        history = cls([name for name in columns if name != "step"])
        for name, column in columns.items():
            history._columns[name].extend(column.tolist())
        return history

    def append(self, **values: float) -> None:
        """Add a step; a name that is left out becomes NaN."""
        self._check_names(values)
        for name, column in self._columns.items():
            column.append(values.get(name, float("nan")) if name != "step" else float(len(column)))

    def fill(self, start: int, names: Sequence[str], rows: NDArray[np.float64]) -> None:
        """Add steps from number `start` on, as far as they are not here yet; the rest is NaN.

        rows : (steps, names). An interrupt may come between two columns: called again with the
        same rows, it goes on where it was.
        """
        table = dict(zip(names, rows.T, strict=True))
        table["step"] = np.arange(start, start + len(rows), dtype=np.float64)
        for name, column in self._columns.items():
            if name in table:
                column.extend(table[name][len(column) - start :].tolist())
            else:
                column.extend([float("nan")] * (start + len(rows) - len(column)))

    def set_last(self, **values: float) -> None:
        """Set values of the last step."""
        self._check_names(values)
        for name, value in values.items():
            self._columns[name][-1] = value

    def extend(self, other: History) -> None:
        """Append the steps of a run that went on from this one; steps are numbered through.

        A name that only one of the two has is NaN for the steps of the other.
        """
        before, more = self.steps, other.steps
        for name in other:
            self._columns.setdefault(name, [float("nan")] * before)
        for name, column in self._columns.items():
            if name == "step":
                column.extend([float(before + i) for i in range(more)])
            else:
                column.extend(list(other._columns.get(name, [float("nan")] * more)))

    def _check_names(self, values: Mapping[str, float]) -> None:
        unknown = next((name for name in values if name not in self._columns), None)
        if unknown is not None or "step" in values:
            names = ", ".join(name for name in self._columns if name != "step")
            raise ValueError(f"{unknown or 'step'}: no name to record, expected {names}")

    @property
    def steps(self) -> int:
        """How many steps were recorded."""
        return len(self._columns["step"])

    @property
    def loss(self) -> NDArray[np.float64]:
        """The loss of every step."""
        return self["loss"]

    @property
    def gradient_norm(self) -> NDArray[np.float64]:
        """The gradient norm of every step."""
        return self["gradient_norm"]

    def tail(self, name: str, count: int) -> NDArray[np.float64]:
        """Return the last `count` values of a column, all of them if there are fewer."""
        count = _check.integer("count", count, low=0)
        column = self._columns[_ALIASES.get(name, name)]
        return np.array(column[max(0, len(column) - count) :], dtype=np.float64)

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        return np.array(self._columns[_ALIASES.get(name, name)], dtype=np.float64)

    def __contains__(self, name: object) -> bool:
        # Mapping's own would copy the column to find out
        return _ALIASES.get(str(name), name) in self._columns

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, History):
            return NotImplemented
        return list(self) == list(other) and all(
            np.array_equal(self[name], other[name], equal_nan=True) for name in self
        )

    __hash__ = None  # type: ignore[assignment]  # steps are appended

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def __repr__(self) -> str:
        return f"History({self.steps} steps: {', '.join(self._columns)})"
