"""Log files of a run, written as it goes: a line for every step, as CSV or as JSON lines."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from saddlescape._files import write_whole
from saddlescape.train.state import RunState

__all__ = ["LinesLog", "Record", "alike", "names_of", "records"]

_PAUSE = 0.05  # seconds between two writings, where bursts are shorter

Record = tuple[int, int, list[float], list[float] | None]


def names_of(state: RunState) -> tuple[list[str], list[str]]:
    """Return the names of a step's numbers, and of an epoch's; its mean loss is epoch_loss."""
    epochs = ["epoch_loss", *list(state.history.epochs)[3:]]
    return [name for name in state.history if name != "step" and name not in epochs], epochs


def records(state: RunState, start: int) -> Iterator[Record]:
    """Yield (step, epoch, its numbers, the epoch's if it is its last) of the steps from `start` on.

    The names of the numbers are those of `names_of`.
    """
    history, epochs, batches = state.history, state.history.epochs, state.batches
    stop = history.steps
    columns = [history.part(name, start, stop).tolist() for name in names_of(state)[0]]
    row = start // batches
    tables = [epochs.part(name, row, epochs.rows).tolist() for name in list(epochs)[2:]]
    for step, *values in zip(range(start, stop), *columns, strict=True):
        epoch = step // batches
        last = (step + 1) % batches == 0 and epoch < epochs.rows
        yield step, epoch, values, [table[epoch - row] for table in tables] if last else None


class LinesLog:
    """A text file with a line for every step; only whole lines are written.

    A CSV file has a header, and leaves an epoch's numbers out but in the line of its last step; in
    JSON lines what is not finite is null.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.csv = path.suffix == ".csv"
        self._file: int | None = None
        # steps and bytes that are written, set at once: what an interrupt left beyond is cut off
        self._written, self._last = (0, 0), -math.inf

    def check(self, state: RunState, first_loss: Callable[[], float]) -> None:
        """Refuse a file that is there and of another run."""
        if not self.path.exists():
            return
        start, there = self.header(state) + self.lines(state, 1), self.path.read_bytes()
        ours = there.startswith(start) or start.startswith(there)
        if ours and not state.history.steps:
            ours = self._begins(there[len(start) :], first_loss)
        if not ours:
            raise ValueError(
                f"log: {str(self.path)!r} is of another run, expected this one's columns and "
                "first step"
            )

    def open(self, state: RunState) -> None:
        """Make the file, with the steps before if the run goes on; written anew if it is there."""
        content = self.header(state) + self.lines(state)
        if self.path.exists():
            write_whole(self.path, content)
            self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND)
            self._written = (state.history.steps, len(content))
        else:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL
            self._file = os.open(self.path, flags, 0o666)
            self._write(content, state.history.steps)

    def look(self, state: RunState) -> None:
        """Write the steps since the last time, unless that was a moment ago."""
        if time.monotonic() - self._last > _PAUSE:
            self.flush(state)

    def flush(self, state: RunState) -> None:
        """Write the steps since the last time."""
        content = self.lines(state)
        self._write(content, state.history.steps)
        self._last = time.monotonic()

    def close(self, state: RunState) -> None:
        """Write what is left, and let go of the file."""
        if self._file is not None:
            try:
                self.flush(state)
            finally:
                os.close(self._file)
                self._file = None

    def _begins(self, lines: bytes, first_loss: Callable[[], float]) -> bool:
        """Whether these lines, the last of them perhaps torn, begin with the run's first loss."""
        head = b"0,0," if self.csv else b'{"step": 0, "epoch": 0, "loss": '
        if not lines.startswith(head):
            return head.startswith(lines)
        number, whole, _ = lines[len(head) :].partition(b",")
        try:
            return not whole or alike(
                math.nan if number == b"null" else float(number), first_loss()
            )
        except ValueError:
            return False

    def header(self, state: RunState) -> bytes:
        """Return the line that tells the columns of a CSV file."""
        steps, epochs = names_of(state)
        return (",".join(["step", "epoch", *steps, *epochs]) + "\n").encode() if self.csv else b""

    def lines(self, state: RunState, most: int | None = None) -> bytes:
        """Return the lines of the steps that are not written yet, or of the first of them."""
        steps, epochs = names_of(state)
        line = _csv_line if self.csv else _json_line
        rows = islice(records(state, self._written[0]), most)
        return "".join(line(row, steps, epochs) for row in rows).encode()

    def _write(self, content: bytes, steps: int) -> None:
        """Append whole lines, or nothing: a disk that is full leaves none torn."""
        file, size = self._file, self._written[1]
        if file is None:
            return
        rest = memoryview(content)
        try:
            os.ftruncate(file, size)
            while rest:
                rest = rest[os.write(file, rest) :]
        except OSError as error:
            os.ftruncate(file, size)
            raise OSError(error.errno, error.strerror, str(self.path)) from error
        self._written = (steps, size + len(content))


def alike(one: float, other: float) -> bool:
    """Whether two losses are one, written in float32 or computed on another machine."""
    if math.isfinite(one) and math.isfinite(other):
        return math.isclose(one, other, rel_tol=1e-5, abs_tol=1e-30)
    return math.isfinite(one) == math.isfinite(other)


def _csv_line(record: Record, _: Sequence[str], epochs: Sequence[str]) -> str:
    step, epoch, values, ended = record
    of_epoch = [""] * len(epochs) if ended is None else map(repr, ended)
    return ",".join([str(step), str(epoch), *map(repr, values), *of_epoch]) + "\n"


def _json_line(record: Record, steps: Sequence[str], epochs: Sequence[str]) -> str:
    step, epoch, values, ended = record
    row: dict[str, Any] = {"step": step, "epoch": epoch, **dict(zip(steps, values, strict=True))}
    if ended is not None:
        row.update(zip(epochs, ended, strict=True))
    finite = {name: value if math.isfinite(value) else None for name, value in row.items()}
    return json.dumps(finite) + "\n"
