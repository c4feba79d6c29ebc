"""`train`: a network, its data, and everything that can be asked of a run."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from saddlescape import optim
from saddlescape.net import MLP
from saddlescape.optim.optimizer import LearningRate
from saddlescape.train.checkpoint import Checkpoint, checkpoint_of
from saddlescape.train.early import EarlyStopping
from saddlescape.train.loop import perform
from saddlescape.train.run import Run
from saddlescape.train.state import RunState
from saddlescape.train.task import Task
from saddlescape.train.watches import watches_of

__all__ = ["train"]


def train(
    net: MLP,
    X: NDArray[Any],
    y: NDArray[Any],
    *,
    optimizer: str | optim.Optimizer = "adam",
    lr: LearningRate | None = None,
    schedule: str | None = None,
    batch_size: int | str = 32,
    epochs: int = 10,
    validation: tuple[NDArray[Any], NDArray[Any]] | float | None = None,
    sample_weight: NDArray[Any] | None = None,
    class_weight: str | Mapping[int, float] | None = None,
    metrics: Sequence[str] = (),
    early_stopping: int | EarlyStopping | None = None,
    seed: int = 0,
    shuffle: bool = True,
    callback: Callable[[RunState], Any] | None = None,
    epoch_callback: Callable[[RunState], Any] | None = None,
    l1: float = 0.0,
    l2: float = 0.0,
    log: str | Path | Sequence[str | Path] | None = None,
    checkpoint: str | os.PathLike[str] | Checkpoint | None = None,
    checkpoint_every: int | None = None,
    progress: bool = False,
    device: str | None = None,
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
    schedule : str, optional
        constant, cosine, linear or one_cycle, with `lr` as its highest rate, over all the steps of
        the run. Any other is given as `lr`: see `schedule`.
    batch_size : int or "full"
        Samples in a batch.
    epochs : int
        How often the data are gone through.
    validation : (X, y) or float, optional
        Its loss, the metrics, and with cross_entropy the accuracy, are recorded at the end of each
        epoch. A fraction > 0 and < 1 is held out of X and y: drawn from `seed`, of integer classes
        each by its share; at least one sample of each class is trained on.
    sample_weight : (N,) array, optional
        How much each sample counts in the loss, >= 0; divided by the mean over the samples that
        are trained on.
    class_weight : "balanced" or mapping, optional
        The same for all samples of a class, 1 where a mapping {class: weight} has none;
        ``"balanced"``: inversely proportional to the class's samples. A factor to `sample_weight`.
    metrics : sequence of str
        Of ``metrics.names()``: measured on the training data, and on the validation data, at the
        end of each epoch; in ``History.epochs``.
    early_stopping : int or EarlyStopping, optional
        Ends the run after that many epochs without a lower validation loss, and puts the best
        epoch's parameters back.
    seed : int
        Of the shuffling, of dropout's masks and of what is held out.
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
    log : path or several, optional
        Files written as the run goes: ``NAME.csv`` or ``NAME.jsonl``, a line for every step, with
        its epoch's numbers in an epoch's last one; any other name is a folder for TensorBoard's
        event files. Whole lines are there at any time, at most a second behind. An OSError (a full
        disk) ends the run; parameters and optimizer are where the last step left them.
    checkpoint : str or Path, optional
        A file that is written before the first step, at each epoch's end, and where a callback
        stops the run, with all that `resume` needs to go on bit for bit. It takes the place of an
        older checkpoint at once or not at all. If it can't be written an OSError ends the run and
        the older one stays; after an interrupt from the keyboard, too.
    checkpoint_every : int, optional
        Write it every so many steps, too.
    progress : bool
        Show epoch, loss, gradient norm, learning rate and time left: a line written over on
        standard error, or where that is no terminal a line at each tenth of the run.
    device : {None, "cpu", "cuda"}
        Where the steps are taken; None: where `net` stands. A network on the CPU is trained on the
        device with ``"cuda"``: data, parameters and the optimizer's numbers stay there, and
        ``net.theta`` and the optimizer are brought up to date for a callback, a checkpoint and at
        the end, however the run ends. It needs the CUDA backend and an optimizer by name, or of
        such a class. X, y, `validation` and `sample_weight` may then be arrays of the device's,
        which are copied to the host once, to be checked.
    **settings
        Other arguments of the optimizer, ``momentum=0.9`` or ``clip_norm=1.0`` for example.

    Returns
    -------
    Run
        Its ``history["loss"]`` and ``history["gradient_norm"]`` have a row for every step,
        ``history.epochs["loss"]`` one for every epoch.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, before anything is changed.
    FileExistsError, FileNotFoundError
        If a log is there already, or the folder of a log or a checkpoint is not.
    OSError
        If a log or a checkpoint can't be written, naming the file.
    RuntimeError, MemoryError
        If nothing can run on the device, or its memory does not hold the run; says why.
    ImportError
        If `log` or `progress` needs a package that is not there; says how to install it.

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
    kept = checkpoint_of(checkpoint, checkpoint_every)
    task = Task.of(
        net, X, y, optimizer=optimizer, lr=lr, schedule=schedule, batch_size=batch_size,
        epochs=epochs, validation=validation, sample_weight=sample_weight,
        class_weight=class_weight, metrics=metrics, early_stopping=early_stopping, seed=seed,
        shuffle=shuffle, l1=l1, l2=l2, device=device, settings=settings,
    )  # fmt: skip
    if kept is None:
        return perform(task, watches_of(task, callback, epoch_callback, log, progress))
    watches = watches_of(
        task, callback, epoch_callback, log, progress,
        checkpoints=[kept.watch(task, validation, class_weight, schedule)],
        resumed=kept.since is not None,
    )  # fmt: skip
    return perform(task, watches, *kept.standing(task))
