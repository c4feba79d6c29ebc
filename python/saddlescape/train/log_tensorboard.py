"""Event files for TensorBoard."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from saddlescape._extras import require
from saddlescape.train.log import alike, names_of, records
from saddlescape.train.state import RunState

__all__ = ["EventLog"]

_SECOND = 1.1  # a little longer


class EventLog:
    """A folder of event files: scalars with the names that the other logs have as columns.

    A run that goes on adds a file with the steps that are in none before; from the first step on if
    the folder was another's until now. What a killed run wrote beyond its checkpoint is taken back.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._done, self._started = 0, False  # steps, and whether a file says where it starts
        self._writer: Any = None
        files = require("tensorboard.summary.writer.event_file_writer", "tensorboard")
        self._make_writer = files.EventFileWriter
        self._events = require("tensorboard.compat.proto.event_pb2", "tensorboard")
        self._summaries = require("tensorboard.compat.proto.summary_pb2", "tensorboard")

    def check(self, state: RunState, first_loss: Callable[[], float]) -> None:
        """Find out which of the run's steps are in the folder; events of another are refused."""
        have, known = 0, state.history.part("loss", 0, 1)
        for event in self._read():
            if event.session_log.status == self._events.SessionLog.START:
                self._started = True
                have = min(have, event.step)
            loss = next((v.simple_value for v in event.summary.value if v.tag == "loss"), None)
            if loss is None or event.step != have:
                continue
            if have == 0 and not alike(loss, float(known[0]) if known.size else first_loss()):
                raise ValueError(
                    f"log: {str(self.path)!r} is of another run, expected this one's first step"
                )
            have += have < state.history.steps
        self._done = have

    def open(self, state: RunState) -> None:
        """Begin an event file, with the steps before that are in no other if the run goes on."""
        there = [path.name.split(".")[3] for path in self._files()]
        self._wait(max(there, default=""))
        self._writer = self._make_writer(str(self.path))
        # At a start a reader forgets what stands from its step on in the files before; one of
        # TensorBoard's two does so only from the second start on, and a folder may have none.
        for _ in range(2 if there and not self._started else 1):
            log = self._events.SessionLog(status=self._events.SessionLog.START)
            self._add(self._done, session_log=log)
        self.look(state)

    def look(self, state: RunState) -> None:
        """Write the steps since the last time."""
        steps, epochs = names_of(state)
        for step, _, values, ended in records(state, self._done):
            numbers = dict(zip(steps, values, strict=True))
            numbers.update(zip(epochs, ended or [math.nan] * len(epochs), strict=True))
            scalars = [
                self._summaries.Summary.Value(tag=name, simple_value=value)
                for name, value in numbers.items()
                if not math.isnan(value)
            ]
            self._add(step, summary=self._summaries.Summary(value=scalars))
        self._done = state.history.steps
        self._writer.flush()

    def close(self, state: RunState) -> None:
        """Write what is left, and let go of the file."""
        if self._writer is not None:
            self.look(state)
            self._writer.close()
            self._writer = None

    def _files(self) -> list[Path]:
        return sorted(self.path.glob("events.out.tfevents.*"))

    def _read(self) -> Iterator[Any]:
        """Yield the events that are in the folder, as a reader does."""
        if not (files := self._files()):
            return
        name = "tensorboard.backend.event_processing.event_file_loader"
        reader = require(name, "tensorboard").RawEventFileLoader
        for file in files:
            for event in reader(str(file)).Load():
                yield self._events.Event.FromString(event)

    @staticmethod
    def _wait(last: str) -> None:
        """Wait for the second after that of the last file: files are read by their names' order."""
        end = time.monotonic() + _SECOND
        while f"{int(time.time()):010d}" <= last and time.monotonic() < end:
            time.sleep(_SECOND / 50)

    def _add(self, step: int, **content: Any) -> None:
        self._writer.add_event(self._events.Event(wall_time=time.time(), step=step, **content))
