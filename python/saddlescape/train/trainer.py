"""`train`: a network, its data, and everything that can be asked of a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from saddlescape import _check, optim
from saddlescape.net import MLP
from saddlescape.optim.optimizer import LearningRate
from saddlescape.train.arguments import batch_size_of, optimizer_of, samples_of, validation_of
from saddlescape.train.loop import perform
from saddlescape.train.plan import Plan
from saddlescape.train.run import Run
from saddlescape.train.state import RunState, Watch
from saddlescape.train.task import Task
from saddlescape.train.watches import asked, validated

__all__ = ["train"]


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
    shuffle: bool = True,
    callback: Callable[[RunState], bool | None] | None = None,
    epoch_callback: Callable[[RunState], bool | None] | None = None,
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
    shuffle : bool
        Whether each epoch has an order of its own; without it the samples come as they stand.
    callback : callable, optional
        Called with the run's `RunState` after every step; a true answer stops the run. What it
        raises goes through to the caller, but for KeyboardInterrupt, which ends the run in good
        order.
    epoch_callback : callable, optional
        The same after every epoch, between which the steps stay in the core.
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
    size = batch_size_of(batch_size, len(inputs), net.normalisation)
    epochs = _check.integer("epochs", epochs, low=0)
    seed = _check.integer("seed", seed, low=0)
    shuffle = _check.flag("shuffle", shuffle)
    checked = None if validation is None else validation_of(net, validation)
    for name, function in (("callback", callback), ("epoch_callback", epoch_callback)):
        _check.optional_function(name, function, "a function of the run's state, or None")
    penalty = (_check.non_negative("l1", l1), _check.non_negative("l2", l2))
    stepper = optimizer_of(net, optimizer, lr, settings)
    plan = Plan(len(inputs), size, epochs, seed, shuffle)
    task = Task(net, X, y, inputs, targets, plan, stepper, penalty, checked)
    watches = validated(task)
    if callback is not None:
        watches.append(Watch(asked(callback), steps=1))
    if epoch_callback is not None:
        watches.append(Watch(asked(epoch_callback), epochs=True))
    return perform(task, watches)
