"""Checkpoints: all that a run is at between two steps, in a file that it can go on from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape import _check
from saddlescape._files import remove_leftovers
from saddlescape.net import store
from saddlescape.optim import Optimizer, remade
from saddlescape.train import checkpoint_file, checkpoint_schedule
from saddlescape.train.history import History
from saddlescape.train.native import Memory
from saddlescape.train.plan import BEGINNING, Position
from saddlescape.train.state import RunState, Watch
from saddlescape.train.task import Task

__all__ = ["Checkpoint", "Tree", "checked_place", "checkpoint_of"]

Tree = dict[str, Any]


class Checkpoint:
    """A run's file, and what it held when the run went on from it.

    It is written at each epoch's end, every so many steps, and where a callback stops the run; what
    the network, the optimizer, its schedule and the callbacks did in a step comes before.

    Parameters
    ----------
    path : Path
        Of the file.
    since : mapping, optional
        What a file held that the run goes on from.
    """

    def __init__(self, path: Path, since: Mapping[str, Any] | None = None) -> None:
        self.path, self.since = path, since
        self._fixed: Tree = {}

    def begin(self, task: Task, arguments: Tree, every: int | None) -> Watch:
        """Refuse what can't be kept, or goes on with other data; return the look that writes.

        arguments : those of `train` that are numbers and names.
        """
        data = _described_data(task)
        if self.since is not None:
            _check_same(self.since["data"], data)
        _described_optimizer(task.optimizer)
        remove_leftovers(self.path)
        self._fixed = {
            "network": store.architecture(task.net),
            "arguments": {**arguments, "checkpoint_every": every},
            "data": data,
        }
        return Watch(self.write, steps=every, epochs=True, end=True)

    def write(self, state: RunState) -> None:
        """Write where the run stands; if that fails the last file stays, and the run ends."""
        assert state._memory is not None  # noqa: S101 - the loop's own states have it
        before, gradient, norm = state._memory()
        checkpoint_file.write(
            self.path,
            {
                **self._fixed,
                "position": {"epoch": state.position.epoch, "first": state.position.first},
                "theta": state.net.theta,
                "running": state.net.running,
                **_described_optimizer(state.optimizer),
                "memory": {"before": before, "gradient": gradient, "norm": norm},
                "history": dict(state.history),
            },
        )

    @property
    def start(self) -> Position:
        """Where the run begins."""
        return BEGINNING if self.since is None else Position(**self.since["position"])

    @property
    def history(self) -> History | None:
        """The history that the run goes on with."""
        return None if self.since is None else History.of(self.since["history"])

    @property
    def memory(self) -> Memory | None:
        """What the run's first step looks back at."""
        if self.since is None:
            return None
        kept = self.since["memory"]
        return kept["before"], kept["gradient"], kept["norm"]


def checkpoint_of(checkpoint: Any, every: Any) -> tuple[Checkpoint | None, int | None]:
    """Return the checkpoint of `train`'s arguments, and how many steps are from one to the next."""
    if every is not None:
        every = _check.integer("checkpoint_every", every, low=1)
    if checkpoint is None:
        if every is not None:
            raise ValueError("checkpoint_every: given without checkpoint, expected its file too")
        return None, None
    if isinstance(checkpoint, Checkpoint):
        return checkpoint, every
    return Checkpoint(checked_place(checkpoint)), every


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
