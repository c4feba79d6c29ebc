"""Event files for TensorBoard."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

from saddlescape._extras import require
from saddlescape.train.log import names_of, records
from saddlescape.train.state import RunState

__all__ = ["EventLog"]


class EventLog:
    """A folder of event files: scalars with the names that the other logs have as columns."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._done = 0
        self._writer: Any = None
        files = require("tensorboard.summary.writer.event_file_writer", "tensorboard")
        self._make_writer = files.EventFileWriter
        self._events = require("tensorboard.compat.proto.event_pb2", "tensorboard")
        self._summaries = require("tensorboard.compat.proto.summary_pb2", "tensorboard")

    def open(self, state: RunState) -> None:
        """Begin an event file, after the steps before if the run goes on."""
        self._writer = self._make_writer(str(self.path))
        self._done = state.history.steps
        if self._done:  # a reader forgets what stands after this step in the files before
            log = self._events.SessionLog(status=self._events.SessionLog.START)
            self._add(self._done, session_log=log)
            self._writer.flush()

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

    def _add(self, step: int, **content: Any) -> None:
        self._writer.add_event(self._events.Event(wall_time=time.time(), step=step, **content))
