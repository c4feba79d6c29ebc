"""`resume`: a run goes on from its checkpoint as if it had never ended."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape import _check
from saddlescape.net import MLP, store
from saddlescape.optim import remade
from saddlescape.optim.optimizer import LearningRate
from saddlescape.train import checkpoint_file, checkpoint_schedule
from saddlescape.train.checkpoint import Checkpoint, Tree, checked_place, read
from saddlescape.train.early import EarlyStopping
from saddlescape.train.run import Run
from saddlescape.train.state import RunState
from saddlescape.train.trainer import train

__all__ = ["resume"]


def resume(
    path: str | os.PathLike[str],
    X: NDArray[Any],
    y: NDArray[Any],
    *,
    epochs: int | None = None,
    lr: LearningRate | None = None,
    validation: tuple[NDArray[Any], NDArray[Any]] | None = None,
    sample_weight: NDArray[Any] | None = None,
    early_stopping: int | EarlyStopping | None = None,
    callback: Callable[[RunState], Any] | None = None,
    epoch_callback: Callable[[RunState], Any] | None = None,
    log: str | Path | Sequence[str | Path] | None = None,
    checkpoint: str | os.PathLike[str] | Checkpoint | None = None,
    progress: bool = False,
    device: str | None = None,
) -> Run:
    """Go on with a run from the file that ``train(..., checkpoint=path)`` wrote.

    It ends with the same bits as if it had never been interrupted: parameters, optimizer, history.

    Parameters
    ----------
    path : str or Path
        The checkpoint.
    X, y : arrays
        What the run was trained on: the same numbers, which is checked.
    epochs : int, optional
        How many epochs the run is to have in all, those before included; as it was told before if
        left out. More of them is how a run that finished goes on. With a schedule by name more of
        them need an `lr`.
    lr : float or callable, optional
        A learning rate in the place of the run's. If that was a function which is no schedule of
        `saddlescape.schedule`, no file can hold it, and it must be given again.
    validation, sample_weight : optional
        The run's own data, if it was given any; a fraction that was held out is so again.
    early_stopping : int or EarlyStopping, optional
        In the place of the run's own, from here on; a number is its patience alone. A run that
        ended early stays ended, unless it is given more patience here. The best epoch so far, and
        the epochs since then, count on if the same value is monitored.
    callback, epoch_callback : callable, optional
        As for `train`. No file holds functions: the run's own must be given again.
    log : path or several, optional
        As for `train`; the run's own logs go on, written anew from the first step.
    checkpoint : str or Path, optional
        Where to write further checkpoints; `path` if left out.
    progress : bool
        As for `train`.
    device : {None, "cpu", "cuda"}
        Where the steps are taken, as for `train`; wherever they were before. The network is on the
        CPU. On another device than before the numbers are the same up to rounding.

    Returns
    -------
    Run
        With a network and an optimizer of its own, and the history from the first step on.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is damaged or no checkpoint, or the data are not those of the run; it says which.
    TypeError, ValueError
        If another argument is not as said above.

    Examples
    --------
    >>> import tempfile, numpy as np, saddlescape as ss
    >>> X, y = np.array([[0.0], [1.0]]), np.array([0, 1])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = ss.train(ss.MLP((1, 4, 2)), X, y, epochs=5, checkpoint=folder + "/run")
    ...     more = ss.resume(folder + "/run", X, y, epochs=8)
    >>> more.history.steps
    8
    >>> whole = ss.train(ss.MLP((1, 4, 2)), X, y, epochs=8)
    >>> whole.history == more.history, np.array_equal(whole.net.theta, more.net.theta)
    (True, True)
    """
    source = checkpoint_file.checked_path("path", path)
    if not isinstance(checkpoint, Checkpoint):
        checkpoint = Checkpoint(source if checkpoint is None else checked_place(checkpoint))
    tree = read(source)
    try:
        net, arguments = _network(source, tree), _arguments(tree)
        rate = _rate(source, tree["lr"], lr)
        optimizer = remade.remake(net.theta, rate, tree["optimizer"])
    except (KeyError, AttributeError) as error:  # a name that another version knows
        raise ValueError(f"path: {source}: no checkpoint of this version ({error})") from error
    own: Tree = {"epochs": _epochs(source, epochs, tree, lr)}
    _check_validation(tree, validation)
    if lr is not None:
        tree["arguments"]["schedule"] = None
    if early_stopping is not None:
        own["early_stopping"] = _stopping(source, tree, early_stopping)
    checkpoint.since = tree
    own |= {} if validation is None else {"validation": validation}
    return train(
        net, X, y, optimizer=optimizer, sample_weight=sample_weight, callback=callback,
        epoch_callback=epoch_callback, log=log, progress=progress, device=device,
        checkpoint=checkpoint, **{**arguments, **own},
    )  # fmt: skip


def _arguments(tree: Tree) -> Tree:
    arguments: Tree = dict(tree["arguments"])
    del arguments["schedule"]  # it is in the learning rate
    rule = arguments["early_stopping"]
    return {**arguments, "early_stopping": None if rule is None else EarlyStopping(**rule)}


def _stopping(path: Path, tree: Tree, given: Any) -> Any:
    """Return the rule to go on with; what was best so far is dropped where it can't count on."""
    kept = tree["arguments"]["early_stopping"]
    if kept is None:
        return given
    before = EarlyStopping(**kept)
    number = isinstance(given, int | np.integer) and not isinstance(given, bool)
    if number and given >= 1:
        return replace(before, patience=int(given))
    if not isinstance(given, EarlyStopping):
        return given  # refused with the other arguments
    if given.monitor != before.monitor:
        tree["best"] = None
    elif given.restore_best and tree["best"]["epoch"] is not None and not before.restore_best:
        raise ValueError(
            f"early_stopping: restore_best True, expected False as before: {path} does not hold "
            "the best epoch's parameters"
        )
    return given


def _network(path: Path, tree: Tree) -> MLP:
    return store.remake(MLP, path, tree, tree["network"])


def _check_validation(tree: Tree, validation: Any) -> None:
    given = "validation: X" in tree["data"] and tree["arguments"]["validation"] is None
    if given and validation is None:
        raise ValueError("validation: None, expected what the run was given before")


def _epochs(path: Path, epochs: int | None, tree: Tree, lr: LearningRate | None) -> int:
    planned, schedule = int(tree["arguments"]["epochs"]), tree["arguments"]["schedule"]
    if epochs is None:
        return planned
    if epochs != planned and schedule not in (None, "constant") and lr is None:
        raise ValueError(
            f"epochs: {epochs}, expected {planned}, over which the run's {schedule} schedule goes; "
            "or with a learning rate of its own, lr="
        )
    begun = tree["position"]["epoch"] + (tree["position"]["first"] > 0)
    if _check.integer("epochs", epochs, low=0) < begun:
        raise ValueError(f"epochs: {epochs}, expected at least {begun}, those begun in {path}")
    return epochs


def _rate(path: Path, kept: Any, lr: LearningRate | None) -> LearningRate | None:
    """Return the learning rate to go on with; None: the number that the optimizer had."""
    if lr is not None or kept is None:
        return lr
    function = checkpoint_schedule.function_in(kept)
    if function is not None:
        raise ValueError(
            f"lr: None, expected the run's own, {function}: {path} can hold schedules of "
            "saddlescape.schedule, no other functions"
        )
    made: LearningRate = checkpoint_schedule.remake(kept)
    return made
