"""The training loop: batch, loss and gradient, step, record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from numpy.typing import NDArray

from saddlescape import _check, optim
from saddlescape.metrics.quality import accuracy
from saddlescape.net import MLP
from saddlescape.optim.ahead import Ahead
from saddlescape.optim.optimizer import LearningRate
from saddlescape.train.arguments import batch_size_of, optimizer_of, samples_of, validation_of
from saddlescape.train.batches import order_of
from saddlescape.train.history import History
from saddlescape.train.native import NativeSteps
from saddlescape.train.steps import Steps

__all__ = ["Run", "RunOutcome", "train"]


class RunOutcome(Enum):
    """How a run ended; the text says what that means."""

    FINISHED = "All epochs were trained."
    STOPPED = "The callback asked to stop."
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
        What it was trained on.
    history : History
        Loss, gradient norm, update norm and learning rate of every step.
    outcome : RunOutcome
        How it ended.
    optimizer : Optimizer
        With its state, so that another run can go on from here.
    batch_size, epochs : int
        Samples in a batch; epochs that were begun.
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

    @property
    def full_batch(self) -> bool:
        """Whether every step saw all samples."""
        return self.batch_size >= len(self.X)


def train(
    net: MLP,
    X: NDArray[Any],
    y: NDArray[Any],
    *,
    optimizer: str | optim.Optimizer = "adam",
    lr: LearningRate | None = None,
    batch_size: int | str = 32,
    epochs: int = 10,
    validation: tuple[NDArray[Any], NDArray[Any]] | None = None,
    seed: int = 0,
    callback: Callable[[History], bool | None] | None = None,
    l1: float = 0.0,
    l2: float = 0.0,
    **settings: Any,
) -> Run:
    """Train `net` in place and record every step.

    Each epoch sees each sample once, in an order drawn anew from `seed` and the epoch's number.

    Parameters
    ----------
    net : MLP
        The network; its parameters, finite numbers, are updated in place.
    X : (N, d) array
        Samples.
    y : (N,) or (N, C) array
        Targets.
    optimizer : str or Optimizer
        A name of ``optim.names(vectors=True)``, or an optimizer made for ``net.theta``.
    lr : float or callable, optional
        Learning rate, or a function that gives it for a step (see `schedule`; the first step is
        number 0); the optimizer's own default if left out.
    batch_size : int or "full"
        Samples in a batch.
    epochs : int
        How often the data are gone through.
    validation : (X, y), optional
        Its loss, and with cross_entropy its accuracy, is recorded at the end of each epoch.
    seed : int
        Of the shuffling.
    callback : callable, optional
        Called with the history after every step; a true answer stops the run. What it raises
        goes through to the caller, but for KeyboardInterrupt, which ends the run in good order.
    l1, l2 : float
        Penalties >= 0 on the weights w, not on the biases: ``l1 sum |w| + l2 / 2 sum w^2`` joins
        the loss that is recorded, and its gradient ``l1 sign(w) + l2 w`` the gradient.
    **settings
        Other arguments of the optimizer, ``momentum=0.9`` for example.

    Returns
    -------
    Run
        Its ``history["loss"]`` and ``history["gradient_norm"]`` have a row for every step.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, before anything is changed.

    Examples
    --------
    >>> import numpy as np, saddlescape as ss
    >>> X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> y = np.array([0, 1, 1, 0])
    >>> net = ss.MLP((2, 8, 2), seed=1)
    >>> run = ss.train(net, X, y, lr=0.05, batch_size="full", epochs=200)
    >>> run.history.steps, bool(run.history.loss[-1] < 0.01)
    (200, True)
    """
    if not isinstance(net, MLP):
        raise TypeError(f"net: {type(net).__name__}, expected an MLP")
    inputs, targets = samples_of(net, X, y)
    size = batch_size_of(batch_size, len(inputs))
    epochs = _check.integer("epochs", epochs, low=0)
    seed = _check.integer("seed", seed, low=0)
    checked = None if validation is None else validation_of(net, validation)
    _check.optional_function("callback", callback, "a function of the history, or None")
    penalty = (_check.non_negative("l1", l1), _check.non_negative("l2", l2))
    stepper = optimizer_of(net, optimizer, lr, settings)
    names = ["loss", "gradient_norm", "gradient_cosine", "update_norm", "learning_rate"]
    if checked is not None:
        names.append("validation_loss")
        if net.loss_name == "cross_entropy":
            names.append("validation_accuracy")
    if net.normalisation == "batch" and 1 in (size, len(inputs) % size):
        raise ValueError(
            f"batch_size: {size} leaves a batch of 1 of {len(inputs)} samples, expected at least 2 "
            "in each, for batch normalisation"
        )
    history = History(names)
    steps: NativeSteps | Steps = (
        NativeSteps(net, inputs, targets, Ahead(stepper), history, size, penalty)
        if Ahead.can(stepper) and net.network.plain
        else Steps(net, inputs, targets, stepper, history, size, penalty, seed)
    )
    loop = _Loop(net, len(inputs), steps, history, checked)
    outcome, begun = loop.run(size, epochs, seed, callback)
    return Run(net, X, y, history, outcome, stepper, size, begun)


class _Loop:
    """One run between steps: epochs, validation, callbacks, and how it ends."""

    def __init__(
        self,
        net: MLP,
        samples: int,
        steps: NativeSteps | Steps,
        history: History,
        validation: tuple[NDArray[Any], NDArray[Any]] | None,
    ) -> None:
        self.net = net.after_standardisation()  # the validation data are encoded already
        self.samples, self.steps = samples, steps
        self.history, self.validation = history, validation
        self.begun = 0

    def run(
        self,
        size: int,
        epochs: int,
        seed: int,
        callback: Callable[[History], bool | None] | None,
    ) -> tuple[RunOutcome, int]:
        try:
            outcome = self.epochs(size, epochs, seed, callback)
        except KeyboardInterrupt:
            outcome = RunOutcome.INTERRUPTED
            self.steps.record()  # of steps that the interrupt came behind
        return outcome, self.begun

    def epochs(
        self,
        size: int,
        epochs: int,
        seed: int,
        callback: Callable[[History], bool | None] | None,
    ) -> RunOutcome:
        if size >= self.samples and self.validation is None and callback is None:
            return self.whole(epochs)
        batches = -(-self.samples // size)
        once = batches if callback is None else 1  # steps between two looks
        for epoch in range(epochs):
            self.begun = epoch + 1
            order = order_of(self.samples, size, epoch, seed)
            for first in range(0, batches, once):
                rows = None if order is None else order[first * size : (first + once) * size]
                if not self.steps.take(rows, once):
                    return RunOutcome.NOT_FINITE
                if first + once == batches and self.validation is not None:
                    self.history.set_last(**self.validate(*self.validation))
                if callback is not None and callback(self.history):
                    return RunOutcome.STOPPED
        return RunOutcome.FINISHED

    def whole(self, epochs: int) -> RunOutcome:
        """Full batches with nothing to do between them."""
        before = self.history.steps
        self.begun = min(1, epochs)
        try:
            finite = self.steps.take(None, epochs)
        finally:
            self.steps.record()
            self.begun = max(self.begun, self.history.steps - before)
        return RunOutcome.FINISHED if finite else RunOutcome.NOT_FINITE

    def validate(self, X: NDArray[Any], Y: NDArray[Any]) -> dict[str, float]:
        values = {"validation_loss": self.net.loss(X, Y)}
        if "validation_accuracy" in self.history:
            values["validation_accuracy"] = accuracy(self.net, X, Y.argmax(axis=1))
        return values
