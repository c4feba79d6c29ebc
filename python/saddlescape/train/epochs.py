"""What is recorded at an epoch's end."""

from __future__ import annotations

import numpy as np

from saddlescape.metrics.measure import measure
from saddlescape.train.history import History
from saddlescape.train.plan import Plan
from saddlescape.train.state import RunState, Watch
from saddlescape.train.task import Task

__all__ = ["EpochRows", "measured"]


class EpochRows:
    """The rows of a run's ended epochs: their numbers and mean losses, from the steps' records."""

    def __init__(self, plan: Plan, history: History, offset: int) -> None:
        """Take `offset`: how many of the plan's steps the history does not hold."""
        self.history, self.offset = history, offset
        self._batches, self._samples = plan.batches, plan.samples
        self._first = -(-offset // plan.batches)  # the first epoch that is there from its beginning
        left = plan.samples - (plan.batches - 1) * plan.size
        self._counts = np.array([plan.size] * (plan.batches - 1) + [left], dtype=np.float64)

    def settle(self, done: int) -> None:
        """Add the rows of epochs that ended within the first `done` steps; twice does no harm."""
        table, batches = self.history.epochs, self._batches
        row = table.whole
        first, ended = self._first + row, done // batches
        if first >= ended:
            return
        numbers = np.arange(first, ended, dtype=np.float64)
        start, stop = first * batches - self.offset, ended * batches - self.offset
        losses = self.history.part("loss", start, stop)
        if batches > 1:
            losses = (losses.reshape(-1, batches) * self._counts).sum(axis=1) / self._samples
        steps = (numbers + 1) * batches - 1 - self.offset
        columns = {"epoch": numbers.tolist(), "step": steps.tolist(), "loss": losses.tolist()}
        table.fill(row, columns, len(numbers))


def measured(task: Task) -> Watch:
    """Return the look at each epoch's end that measures metrics and the validation loss."""
    there = task.there
    net = task.net.after_standardisation() if there is None else there.net  # data are encoded
    inputs = task.inputs if there is None else there.X
    held_out = task.validation if there is None else there.validation

    def look(state: RunState) -> None:
        values = measure(task.metrics, net, inputs, task.targets)
        if task.validation is not None and held_out is not None:
            X, Y = held_out
            values["validation_loss"] = net.loss(X, Y)
            held = measure(task.validation_metrics, net, X, task.validation[1])
            values.update({f"validation_{name}": value for name, value in held.items()})
        state.history.epochs.set_last(**values)
        steps = {name: value for name, value in values.items() if name in state.history}
        state.history.set_last(**steps)

    return Watch(look, epochs=True)
