"""What a training run leaves behind: numbers of every step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

__all__ = ["History"]

_ALIASES = {"grad_norm": "gradient_norm"}  # the name that Keras users look for


class History(Mapping[str, NDArray[np.float64]]):
    """Numbers of every step, by name; those of an epoch stand at its last step, NaN elsewhere.

    Row t is taken at ``theta_t``, before update t: ``loss`` and ``gradient_norm`` are of the batch
    of that step (of all data if the batch is full), ``update_norm`` is ``|theta_{t+1} - theta_t|``,
    ``learning_rate`` what the optimizer used.

    Names: ``step``, ``loss``, ``gradient_norm`` (``grad_norm`` finds it too), ``update_norm``,
    ``learning_rate``; with validation data ``validation_loss`` and, for classes,
    ``validation_accuracy``.

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

    def append(self, **values: float) -> None:
        """Add a step; a name that is left out becomes NaN."""
        for name, column in self._columns.items():
            column.append(values.get(name, float("nan")) if name != "step" else float(len(column)))

    def set_last(self, **values: float) -> None:
        """Set values of the last step."""
        for name, value in values.items():
            self._columns[name][-1] = value

    def extend(self, other: History) -> None:
        """Append the steps of a run that went on from this one."""
        before = self.steps
        for name, column in self._columns.items():
            if name == "step":
                column.extend(float(before + i) for i in range(other.steps))
            elif name in other:
                column.extend(other._columns[name])
            else:
                column.extend([float("nan")] * other.steps)

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
        """Return the last `count` values of a column."""
        return np.array(self._columns[_ALIASES.get(name, name)][-count:], dtype=np.float64)

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        return np.array(self._columns[_ALIASES.get(name, name)], dtype=np.float64)

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def __repr__(self) -> str:
        return f"History({self.steps} steps: {', '.join(self._columns)})"
