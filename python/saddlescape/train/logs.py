"""Where a run is logged to: the files that `train` is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from saddlescape.train.log import LinesLog
from saddlescape.train.log_tensorboard import EventLog
from saddlescape.train.state import RunState, Watch

__all__ = ["logged", "logs_of"]

_ALLOWED = "NAME.csv, NAME.jsonl, or a folder for TensorBoard's event files"
_NO_FOLDERS = (".gz", ".json", ".log", ".parquet", ".tsv", ".txt", ".xlsx")

Log = LinesLog | EventLog


def logs_of(given: Any, resumed: bool) -> list[Log]:
    """Return the logs at these paths, none of them made yet.

    Raises
    ------
    TypeError, ValueError
        If it is no path or several.
    FileExistsError
        If there is such a log already, and no run that goes on.
    FileNotFoundError
        If there is no folder for it.
    ImportError
        If TensorBoard is not installed; says how to install it.
    """
    if given is None:
        return []
    one = isinstance(given, (str, Path))
    if not one and not isinstance(given, Sequence):
        raise TypeError(f"log: {type(given).__name__}, expected a path or several")
    logs: list[Log] = []
    for i, item in enumerate([given] if one else given):
        name = "log" if one else f"log[{i}]"
        if not isinstance(item, (str, Path)):
            raise TypeError(f"{name}: {type(item).__name__}, expected a path")
        if item == "":
            raise ValueError(f"{name}: '', expected {_ALLOWED}")
        path = Path(item)
        if any(path.resolve() == log.path.resolve() for log in logs):
            raise ValueError(f"{name}: {str(item)!r} again, expected each once")
        logs.append(_log_at(name, path, resumed))
    return logs


def logged(logs: Sequence[Log], first_loss: Callable[[], float]) -> list[Watch]:
    """Return the looks that write them; one that is of another run is refused before any begins.

    first_loss : computes what the first step sees, where no history tells.
    """

    def begin(state: RunState) -> None:
        for log in logs:
            log.check(state, first_loss)
        logs[0].open(state)

    begins = [begin, *(log.open for log in logs[1:])]
    return [Watch(log.look, begin=begins[i], end=log.close) for i, log in enumerate(logs)]


def _log_at(name: str, path: Path, resumed: bool) -> Log:
    if path.suffix in _NO_FOLDERS:
        raise ValueError(f"{name}: {str(path)!r}, expected {_ALLOWED}")
    lines = path.suffix in (".csv", ".jsonl")
    if lines and not path.parent.is_dir():
        raise FileNotFoundError(f"{name}: no directory {path.parent}")
    if lines and path.is_dir():
        raise ValueError(f"{name}: {str(path)!r} is a directory, expected {_ALLOWED}")
    if not lines and path.exists() and not path.is_dir():
        raise ValueError(f"{name}: {str(path)!r} is a file, expected {_ALLOWED}")
    there = path.exists() if lines else any(path.glob("events.out.tfevents.*"))
    if there and not resumed:
        raise FileExistsError(f"{name}: {str(path)!r} is there already, expected a new name")
    return LinesLog(path) if lines else EventLog(path)
