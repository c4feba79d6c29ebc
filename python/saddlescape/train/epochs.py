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
        self.plan, self.history, self.offset = plan, history, offset
        self._before = offset // plan.batches  # epochs that the table doesn't hold
        size, left = plan.size, plan.samples % plan.size
        self._counts = np.array([size] * (plan.batches - bool(left)) + [left] * bool(left))

    def settle(self, done: int) -> None:
        """Add the rows of epochs that ended within the first `done` steps; twice does no harm."""
        table, batches = self.history.epochs, self.plan.batches
        row = table.whole
        first, ended = self._before + row, done // batches
        if first >= ended:
            return
        numbers = np.arange(first, ended)
        steps = (numbers + 1) * batches - 1 - self.offset
        if batches == 1:
            losses = self.history.part("loss", int(steps[0]), int(steps[-1]) + 1).tolist()
        else:
            losses = [self._mean(int(last) + 1) for last in steps]
        rows = {"epoch": numbers.astype(float).tolist(), "step": steps.astype(float).tolist()}
        table.fill(row, {**rows, "loss": losses}, len(numbers))

    def _mean(self, stop: int) -> float:
        """Mean loss of the epoch whose last step comes before step `stop`."""
        losses = self.history.part("loss", max(0, stop - self.plan.batches), stop)
        counts = self._counts[-len(losses) :]
        return float(np.sum(losses * counts) / np.sum(counts))


def measured(task: Task) -> Watch:
    """Return the look at each epoch's end that measures metrics and the validation loss."""

    def look(state: RunState) -> None:
        net = state.net
        values = measure(task.metrics, net, task.inputs, task.targets)
        if task.validation is not None:
            # encoded already, and once is enough where labels are smoothed
            values["validation_loss"] = net.network.loss(net.theta, *task.validation, net.mode())
            held = measure(task.validation_metrics, net, *task.validation)
            values.update({f"validation_{name}": value for name, value in held.items()})
        state.history.epochs.set_last(**values)
        steps = {name: value for name, value in values.items() if name in state.history}
        state.history.set_last(**steps)

    return Watch(look, epochs=True)
