"""Who looks at a run, in which order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from saddlescape import _check
from saddlescape.train.epochs import measured
from saddlescape.train.logs import logged, logs_of
from saddlescape.train.progress import ProgressOfRun
from saddlescape.train.run import RunOutcome
from saddlescape.train.state import RunState, Watch
from saddlescape.train.task import Task

__all__ = ["watches_of"]


def watches_of(
    task: Task,
    callback: Any,
    epoch_callback: Any,
    log: Any,
    progress: Any,
    *,
    checkpoints: Sequence[Watch] = (),
    resumed: bool = False,
) -> list[Watch]:
    """Return who looks at the run, with the arguments of `train` checked.

    What is measured comes first, so that all others see it; early stopping before the checkpoints,
    which keep what it counts, and after them at the run's end, where the order is the other way
    round: it puts the best parameters back last.
    """
    _check.optional_function("callback", callback, "a function of the run's state, or None")
    _check.optional_function(
        "epoch_callback", epoch_callback, "a function of the run's state, or None"
    )
    _check.flag("progress", progress)
    logs = logs_of(log, resumed)
    watches = []
    if task.metrics or task.validation is not None:
        watches.append(measured(task))
    if task.best is not None:
        watches.append(Watch(task.best.look, epochs=True, end=task.best.restore))
    if callback is not None:
        watches.append(Watch(_asking(callback), steps=1))
    if epoch_callback is not None:
        watches.append(Watch(_asking(epoch_callback), epochs=True))
    watches += [*logged(logs, task.first_loss), *checkpoints]
    return [*watches, ProgressOfRun().watch()] if progress else watches


def _asking(callback: Callable[[RunState], Any]) -> Callable[[RunState], RunOutcome | None]:
    """Return a look that asks the user's function: a true answer stops the run."""

    def look(state: RunState) -> RunOutcome | None:
        state._bring()
        answer = callback(state)
        state._send()
        return RunOutcome.STOPPED if answer else None

    return look
