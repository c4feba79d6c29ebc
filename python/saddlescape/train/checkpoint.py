"""Checkpoints: all that a run is at between two steps, in a file that it can go on from."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape import _check
from saddlescape._files import remove_leftovers
from saddlescape.net import store
from saddlescape.optim import Optimizer, remade
from saddlescape.train import checkpoint_file, checkpoint_schedule
from saddlescape.train.early import Best
from saddlescape.train.history import History
from saddlescape.train.native import Memory
from saddlescape.train.plan import BEGINNING, Position
from saddlescape.train.state import RunState, Watch
from saddlescape.train.task import Task

__all__ = ["Checkpoint", "Tree", "checked_place", "checkpoint_of", "read"]

Tree = dict[str, Any]

_NAMES = (
    "network", "arguments", "data", "position", "theta", "running", "standardisation", "optimizer",
    "lr", "memory", "best", "history", "epochs",
)  # fmt: skip


class Checkpoint:
    """A run's file, and what it held when the run went on from it.

    It is written before the first step, at each epoch's end, every so many steps, and where a
    callback ends the run; what the step, the schedule, the callbacks and early stopping did comes
    before.

    Parameters
    ----------
    path : Path
        Of the file.
    every : int, optional
        Steps from one writing to the next within an epoch.
    since : mapping, optional
        What a file held that the run goes on from.
    pause : float
        Seconds, at least, between two writings, but for that at the last epoch's end, or where
        early stopping ends the run; above 0 also 20 times what a writing takes.
    """

    def __init__(
        self,
        path: Path,
        every: int | None = None,
        since: Mapping[str, Any] | None = None,
        pause: float = 0.0,
    ) -> None:
        self.path, self.every, self.since, self.pause = path, every, since, pause
        self._next = -math.inf
        self._fixed: Tree = {}
        self._best: Best | None = None

    def watch(self, task: Task, validation: Any, class_weight: Any, schedule: str | None) -> Watch:
        """Return the look that writes; what can't be kept, or goes on with other data, is refused.

        validation, class_weight, schedule : as `train` was given them.
        """
        data = _described_data(task)
        if self.since is not None:
            _check_same(self.since["data"], data)
        _described_optimizer(task.optimizer)
        rule = None if task.best is None else asdict(task.best.rule)
        arguments = {
            "batch_size": task.plan.size,
            "epochs": task.plan.epochs,
            "seed": task.plan.seed,
            "shuffle": task.plan.shuffle,
            "schedule": schedule if self.since is None else self.since["arguments"]["schedule"],
            "l1": task.penalty[0],
            "l2": task.penalty[1],
            "validation": None if isinstance(validation, tuple) else validation,
            "class_weight": class_weight,
            "metrics": task.metrics,
            "early_stopping": rule,
            "checkpoint_every": self.every,
        }
        network = store.architecture(task.net)
        self._fixed = {"network": network, "arguments": arguments, "data": data}
        self._best = task.best
        return Watch(self.write, steps=self.every, epochs=True, last=True, begin=self.begin)

    def begin(self, state: RunState) -> None:
        """Write the first one, so that what can't be written is known before it is needed."""
        rate = state.optimizer.groups[0].schedule
        if self.since is not None and rate is not None:  # the caller's own, after all refusals
            checkpoint_schedule.adopt(rate, self.since["lr"])
        remove_leftovers(self.path)
        self.write(state)

    def write(self, state: RunState) -> None:
        """Write where the run stands; if that fails the last file stays, and the run ends."""
        assert state._steps is not None  # noqa: S101 - the loop's own states have them
        begun = time.monotonic()
        early = self._best is not None and self._best.outcome is not None
        if begun < self._next and state.position.epoch < state.epochs and not early:
            return
        state._bring()
        before, gradient, norm = state._steps.memory
        tree = {
            **self._fixed,
            "position": {"epoch": state.position.epoch, "first": state.position.first},
            **store.parts(state.net),
            **_described_optimizer(state.optimizer),
            "memory": {"before": before, "gradient": gradient, "norm": norm},
            "best": None if self._best is None else self._best.state_dict(),
            "history": dict(state.history),
            "epochs": dict(state.history.epochs),
        }
        checkpoint_file.write(self.path, tree)
        if self.pause:
            now = time.monotonic()
            self._next = now + max(self.pause, 20 * (now - begun))

    def standing(self, task: Task) -> tuple[Position, History, Memory | None]:
        """Return where the run begins, with its history, and what its first step looks back at."""
        history = task.history()
        if self.since is None:
            return BEGINNING, history, None
        for table, name in ((history, "history"), (history.epochs, "epochs")):
            columns = {name: column.tolist() for name, column in self.since[name].items()}
            table.fill(0, columns, len(next(iter(columns.values()))))
        if task.best is not None and self.since["best"] is not None:
            task.best.load_state_dict(self.since["best"])
        kept = self.since["memory"]
        memory = kept["before"], kept["gradient"], kept["norm"]
        return Position(**self.since["position"]), history, memory


def read(path: Path) -> Tree:
    """Return what a checkpoint holds; see `checkpoint_file.read` for what is refused."""
    tree = checkpoint_file.read(path)
    missing = next((name for name in _NAMES if name not in tree), None)
    if missing is not None:
        raise ValueError(f"path: {path}: no checkpoint of this version (without {missing!r})")
    return tree


def checkpoint_of(checkpoint: Any, every: Any) -> Checkpoint | None:
    """Return the checkpoint of `train`'s arguments."""
    if every is not None:
        every = _check.integer("checkpoint_every", every, low=1)
    if checkpoint is None:
        if every is not None:
            raise ValueError("checkpoint_every: given without checkpoint, expected its file too")
        return None
    if isinstance(checkpoint, Checkpoint):
        checkpoint.every = every
        return checkpoint
    return Checkpoint(checked_place(checkpoint), every)


def checked_place(checkpoint: Any) -> Path:
    """Return the path of a checkpoint to be written: nothing else is overwritten."""
    path = checkpoint_file.checked_path("checkpoint", checkpoint)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"checkpoint: {path}: no directory {path.parent}")
    if not path.exists():
        return path
    if not path.is_file():
        raise ValueError(f"checkpoint: {path}: no file, expected one, or a new name")
    if not checkpoint_file.is_checkpoint(path):
        raise ValueError(
            f"checkpoint: {path}: there already and no checkpoint, expected a new name, or that of "
            "a checkpoint, which is overwritten"
        )
    return path


def _described_optimizer(optimizer: Optimizer) -> Tree:
    rate = optimizer.groups[0].schedule
    return {
        "optimizer": remade.describe(optimizer),
        "lr": None if rate is None else checkpoint_schedule.describe(rate),
    }


def _described_data(task: Task) -> Tree:
    """Return shape and SHA-256 of all data, as the network takes them: in its dtype, encoded."""
    data = {"X": _fingerprint(task.inputs), "y": _fingerprint(task.targets)}
    if task.weight is not None:
        data["sample_weight"] = _fingerprint(task.weight)
    if task.validation is not None:
        X, y = task.validation
        data |= {"validation: X": _fingerprint(X), "validation: y": _fingerprint(y)}
    return data


def _fingerprint(array: NDArray[Any]) -> str:
    digest = hashlib.sha256(np.ascontiguousarray(array).data.cast("B") if array.size else b"")
    return f"{array.shape} {array.dtype} SHA-256 {digest.hexdigest()}"


def _check_same(kept: Mapping[str, str], data: Mapping[str, str]) -> None:
    for name in {**kept, **data}:
        then, now = kept.get(name), data.get(name)
        if then is None or now is None:
            raise ValueError(
                f"{name.split(':')[0]}: {'given' if then is None else 'None'}, expected "
                f"{'none, as' if then is None else 'what'} the run was given before"
            )
        if then != now:
            raise ValueError(f"{name}: {now}, expected what the run was trained on: {then}")
