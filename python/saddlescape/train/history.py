"""What a training run leaves behind: numbers of every step and of every epoch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from saddlescape.train.rows import Rows

__all__ = ["Epochs", "History"]


class Epochs(Rows):
    """Numbers of every epoch that was ended, by name.

    ``epoch`` is its number, from 0, ``step`` that of its last step. ``loss`` is the mean over the
    epoch's batches, each weighted by its samples: of the loss as the steps saw it, before each
    update, with penalties. What follows is measured at the epoch's end, in test mode and without
    sample weights: ``validation_loss``, metrics by name on the training data (``accuracy``) and on
    the validation data (``validation_accuracy``).

    Examples
    --------
    >>> import numpy as np, saddlescape as ss
    >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 0, 1, 1])
    >>> run = ss.train(ss.MLP((1, 4, 2), seed=0), X, y, batch_size=2, epochs=3, lr=0.1,
    ...                metrics=("accuracy",))
    >>> run.history.epochs["step"]
    array([1., 3., 5.])
    >>> list(run.history.epochs)
    ['epoch', 'step', 'loss', 'accuracy']
    """

    _COUNTS = ("epoch", "step")

    def __repr__(self) -> str:
        return f"Epochs({self.rows} epochs: {', '.join(self._columns)})"


class History(Rows):
    """Numbers of every step, by name; those of an epoch stand at its last step, NaN elsewhere.

    Row t is taken at ``theta_t``, before update t: ``loss`` and ``gradient_norm`` are of the batch
    of that step (of all data if the batch is full), ``update_norm`` is ``|theta_{t+1} - theta_t|``,
    ``learning_rate`` what the optimizer used.

    Names: ``step``, ``loss``, ``gradient_norm`` (``grad_norm`` finds it too), ``gradient_cosine``
    (between this step's gradient and the last one's), ``update_norm``, ``learning_rate``; with
    validation data ``validation_loss`` and, for classes, ``validation_accuracy``.

    Attributes
    ----------
    epochs : Epochs
        The same kind of table with a row for each epoch that was ended.

    Examples
    --------
    >>> history = History(["loss"])
    >>> history.append(loss=2.0)
    >>> history.append(loss=1.0)
    >>> history["loss"]
    array([2., 1.])
    >>> history["step"]
    array([0., 1.])
    >>> history.to_frame()
       step  loss
    0     0   2.0
    1     1   1.0
    """

    _COUNTS = ("step",)

    def __init__(self, names: Sequence[str], epoch_names: Sequence[str] = ("loss",)) -> None:
        super().__init__(names)
        self.epochs = Epochs(epoch_names)

    def append(self, **values: float) -> None:
        """Add a step; a name that is left out becomes NaN."""
        self._check_names(values)
        table = {name: [value] for name, value in values.items()}
        super().fill(self.steps, {**table, "step": [float(self.steps)]}, 1)

    def record(self, start: int, names: Sequence[str], rows: NDArray[np.float64]) -> None:
        """Add steps from number `start` on, rows (steps, names), as `fill` does."""
        table = {name: row.tolist() for name, row in zip(names, rows.T, strict=True)}
        table["step"] = [float(start + i) for i in range(len(rows))]
        self.fill(start, table, len(rows))

    def extend(self, other: History) -> None:
        """Append the steps of a run that went on from this one, numbered through; epochs likewise.

        A name that only one of the two has is NaN for the steps of the other.
        """
        steps = float(self.steps)
        self.epochs._extend(other.epochs, {"epoch": float(self.epochs.rows), "step": steps})
        self._extend(other, {"step": steps})

    def until(self, steps: int) -> History:
        """Return a copy of the first so many steps, and of the epochs that ended within them."""
        return self._between(0, steps)

    def _between(self, start: int, stop: int) -> History:
        names = [name for name in self if name not in self._COUNTS]
        part = History(names, [name for name in self.epochs if name not in self.epochs._COUNTS])
        first, last = (int((self.epochs["step"] < steps).sum()) for steps in (start, stop))
        for one, other, rows, offsets in (
            (part, self, slice(start, stop), {"step": start}),
            (part.epochs, self.epochs, slice(first, last), {"step": start, "epoch": first}),
        ):
            columns = {
                name: (column[rows] - offsets.get(name, 0)).tolist()
                for name, column in other.items()
            }
            one.fill(0, columns, len(columns["step"]))
        return part

    def since(self, steps: int) -> History:
        """Return a copy of what comes after so many steps, counted from there."""
        return self._between(steps, self.steps)

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

    def __eq__(self, other: object) -> bool:
        same = super().__eq__(other)
        return same and self.epochs == other.epochs if isinstance(other, History) else same

    __hash__ = None  # steps are appended

    def __repr__(self) -> str:
        return f"History({self.steps} steps: {', '.join(self._columns)})"
