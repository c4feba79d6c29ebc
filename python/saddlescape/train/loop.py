"""The training loop: steps in bursts, and between them whoever wants to look."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from saddlescape.train.epochs import EpochRows
from saddlescape.train.history import History
from saddlescape.train.native import Memory
from saddlescape.train.plan import BEGINNING, Position
from saddlescape.train.run import Run, RunOutcome
from saddlescape.train.state import RunState, Watch
from saddlescape.train.task import Task

__all__ = ["Loop", "perform"]


def perform(
    task: Task,
    watches: Sequence[Watch] = (),
    start: Position = BEGINNING,
    history: History | None = None,
    memory: Memory | None = None,
) -> Run:
    """Train from `start` on, after the steps that `history` holds, to the plan's end.

    memory : of the step before `start`, where there is one.

    The watches look in their order; the first that says how the run ends is heard, after all have
    looked. When the run is over the last of them ends first.
    """
    history = task.history() if history is None else history
    loop = Loop(task, history, watches, start)
    if memory is not None:
        loop.steps.remember(memory)
    with ExitStack() as ends:
        for watch in watches:
            if watch.end is not None:
                ends.callback(watch.end, loop.state)
            if watch.begin is not None:
                watch.begin(loop.state)
        outcome = loop.run()
    best, begun = task.best, task.plan.begun(loop.recorded)
    return Run(
        task.net, task.X, task.y, history, outcome, task.optimizer, task.plan.size,
        begun, None if best is None else best.epoch, loop.restored(), task.weight, *task.penalty,
    )  # fmt: skip


class Loop:
    """One run: what is done, who looks when, and how it ends."""

    def __init__(
        self, task: Task, history: History, watches: Sequence[Watch], start: Position
    ) -> None:
        self.plan, self.watches, self.best = task.plan, watches, task.best
        self.steps = task.steps(history)
        self.state = RunState(
            task.net, task.optimizer, history, task.plan.epochs, task.plan.batches,
            _steps=self.steps,
        )  # fmt: skip
        self.done, self.finite = task.plan.done(start), True
        # how it ends at once, if it goes on from where it was to end
        self.outcome = None if task.best is None else task.best.outcome
        self._offset = self.done - history.steps
        self._epochs = EpochRows(task.plan, history, self._offset)
        self.state.move(start)

    def run(self) -> RunOutcome:
        """Train to the end."""
        try:
            outcome = self.outcome
            while outcome is None and self.done < self.plan.steps:
                self.finite = self.burst()
                self.settle()
                outcome = self.looked() if self.finite else RunOutcome.NOT_FINITE
        except KeyboardInterrupt:
            outcome = RunOutcome.INTERRUPTED
        finally:
            self.settle()
            self._epochs.settle(self.done)
            self.steps.bring()
        return outcome or RunOutcome.FINISHED

    @property
    def recorded(self) -> int:
        """How many steps have their numbers: those that are done, and one that was not finite."""
        return self._offset + self.state.history.steps

    def restored(self) -> int | None:
        """How many steps of the history led to the best epoch, if more were taken from there."""
        if self.best is None or self.best.epoch is None or not self.best.rule.restore_best:
            return None
        led = (self.best.epoch + 1) * self.plan.batches - self._offset
        return led if led < self.state.history.steps else None

    def burst(self) -> bool:
        """Take steps until somebody wants to look, or some 50 ms; whether all were finite."""
        looks = (watch.next(self.done, self.plan.batches) for watch in self.watches)
        most = min((steps for steps in looks if steps is not None), default=self.plan.steps)
        count = self.plan.ahead(self.done, most)
        return self.steps.take(self.plan.rows(self.done, count), count)

    def settle(self) -> None:
        """Record what was done, also of a burst that was interrupted; twice does no harm."""
        self.steps.record()
        self.done = self.recorded - (not self.finite)
        if self.watches:  # else nobody sees the epochs before the end
            self._epochs.settle(self.done)
        self.state.move(self.plan.position(self.done))

    def looked(self) -> RunOutcome | None:
        """Let everybody look who wants to after this burst; how the run ends, if it does."""
        due = [watch for watch in self.watches if watch.due(self.done, self.plan.batches)]
        answers = [watch.look(self.state) for watch in due]
        outcome = next((answer for answer in answers if answer is not None), None)
        if outcome is not None:
            for watch in self.watches:
                if watch.last and watch not in due:
                    watch.look(self.state)
        return outcome
