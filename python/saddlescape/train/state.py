"""What a run is at between two steps, and who looks at it when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from saddlescape import optim
from saddlescape.net import MLP
from saddlescape.train.history import History
from saddlescape.train.native import NativeSteps
from saddlescape.train.plan import BEGINNING, Position
from saddlescape.train.run import RunOutcome
from saddlescape.train.steps import Steps

__all__ = ["RunState", "Watch"]


@dataclass(eq=False)
class RunState:
    """A run between two steps: what callbacks are given.

    Attributes
    ----------
    net : MLP
        The network, in training.
    optimizer : Optimizer
        What steps it.
    history : History
        The numbers of every step so far.
    epochs, batches : int
        How many epochs the run is to have, and steps each of them.
    epoch : int
        That of the last step, from 0.
    epoch_ended : bool
        Whether that step was its epoch's last.
    position : Position
        Epoch and batch of the next step.
    """

    net: MLP
    optimizer: optim.Optimizer
    history: History
    epochs: int
    batches: int
    epoch: int = 0
    epoch_ended: bool = False
    position: Position = BEGINNING
    _steps: NativeSteps | Steps | None = field(default=None, repr=False)

    @property
    def step(self) -> int:
        """How many steps were taken."""
        return self.history.steps

    def _bring(self) -> None:
        """Bring `net` and `optimizer` to where the run stands, from a device that steps a copy."""
        if self._steps is not None:
            self._steps.bring()

    def _send(self) -> None:
        """Let the run go on from what was made of `net` and `optimizer` since `bring`."""
        if self._steps is not None:
            self._steps.send()

    def move(self, position: Position) -> None:
        """Take note of where the run stands now."""
        self.epoch_ended = position.first == 0
        self.epoch = position.epoch - self.epoch_ended
        self.position = position


@dataclass(frozen=True)
class Watch:
    """A look at the run: every so many steps, at each epoch's end, or after each burst of steps.

    ``look(state)`` returns how the run is to end, or None if it shall go on. ``begin(state)`` comes
    before the first step; ``end(state)`` when the run is over, by an exception too.
    """

    look: Callable[[RunState], RunOutcome | None]
    steps: int | None = None
    epochs: bool = False
    last: bool = False  # also where another look ends the run
    begin: Callable[[RunState], None] | None = None
    end: Callable[[RunState], None] | None = None

    def due(self, done: int, batches: int) -> bool:
        """Say whether it is to look after so many steps, `batches` to an epoch."""
        if self.steps is None and not self.epochs:
            return True
        return (self.epochs and done % batches == 0) or (
            self.steps is not None and done % self.steps == 0
        )

    def next(self, done: int, batches: int) -> int | None:
        """Return the steps until the next look that can't be missed; None: any burst will do."""
        marks = [batches] if self.epochs else []
        marks += [] if self.steps is None else [self.steps]
        return min((mark - done % mark for mark in marks), default=None)
