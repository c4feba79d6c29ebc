"""What a training run leaves behind, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from numpy.typing import NDArray

from saddlescape import optim
from saddlescape.net import MLP
from saddlescape.train.history import History

__all__ = ["Run", "RunOutcome"]


class RunOutcome(Enum):
    """How a run ended; the text says what that means."""

    FINISHED = "All epochs were trained."
    STOPPED = "The callback asked to stop."
    EARLY = (
        "The monitored value stopped getting better for as many epochs as early_stopping allows; "
        "go on from its checkpoint, or train anew, with more patience to look further, and with "
        "more epochs where it was the last."
    )
    INTERRUPTED = "Interrupted from the keyboard; what was trained and recorded is kept."
    NOT_FINITE = (
        "The loss or the gradient became infinite or NaN. The parameters are back where the loss "
        "was last finite; lower the learning rate from there."
    )


@dataclass(frozen=True, eq=False)
class Run:
    """A training run: the network, its data, how it was trained, and the numbers of every step.

    Attributes
    ----------
    net : MLP
        The network, as the run left it.
    X, y : arrays
        What it was trained on: less what was held out for validation.
    history : History
        Loss, gradient norm, update norm and learning rate of every step.
    outcome : RunOutcome
        How it ended.
    optimizer : Optimizer
        With its state, so that another run can go on from here.
    batch_size, epochs : int
        Samples in a batch; epochs that were begun.
    best_epoch : int or None
        With early stopping the epoch, from 0, whose end had the best monitored value; unless told
        not to be restored, `net` is what it was there.
    restored : int or None
        After how many steps of the history `net` had its parameters, where later ones were taken
        and early stopping put these back; None where it did not.
    sample_weight : (N,) array or None
        How much each sample of X counted in the loss: sample weights times class weights, divided
        by their mean.
    l1, l2 : float
        The penalties that were in the loss.
    full_batch : bool
        Whether every step saw all samples.
    """

    net: MLP
    X: NDArray[Any] = field(repr=False)
    y: NDArray[Any] = field(repr=False)
    history: History
    outcome: RunOutcome
    optimizer: optim.Optimizer
    batch_size: int
    epochs: int
    best_epoch: int | None = None
    restored: int | None = None
    sample_weight: NDArray[Any] | None = field(default=None, repr=False)
    l1: float = 0.0
    l2: float = 0.0

    @property
    def full_batch(self) -> bool:
        """Whether every step saw all samples."""
        return self.batch_size >= len(self.X)
