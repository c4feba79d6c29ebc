"""Who looks at a run: its validation data, the user's callbacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from saddlescape.metrics.quality import accuracy
from saddlescape.train.run import RunOutcome
from saddlescape.train.state import RunState, Watch
from saddlescape.train.task import Task

__all__ = ["asked", "validated"]


def asked(callback: Callable[[RunState], Any]) -> Callable[[RunState], RunOutcome | None]:
    """Return a look that asks the user's function: a true answer stops the run."""
    return lambda state: RunOutcome.STOPPED if callback(state) else None


def validated(task: Task) -> list[Watch]:
    """Return the look at the validation data, at each epoch's end, if there are any."""
    if task.validation is None:
        return []
    X, Y = task.validation

    def look(state: RunState) -> None:
        values = {"validation_loss": state.net.loss(X, Y)}
        if "validation_accuracy" in state.history:
            values["validation_accuracy"] = accuracy(state.net, X, Y.argmax(axis=1))
        state.history.set_last(**values)

    return [Watch(look, epochs=True)]
