"""What the command line shows while it works: one line, written over."""

from __future__ import annotations

import time

from saddlescape._live import LiveLine
from saddlescape.diagnosis.investigate import Progress

__all__ = ["ProgressLine"]

_WIDEST_TITLE = 20
_PAUSE = 0.1  # seconds between two pictures of the line in a terminal
_LONG_PAUSE = 5.0  # between two lines in a pipe, unless something happens
_HAPPENINGS = ("stalled", "judging", "escaping")


class ProgressLine:
    """One line, written over: step, loss, gradient norm, state; in a pipe a line a happening.

    Nothing is left of it in a terminal when it ends. A pipe or a file gets no control characters.
    """

    def __init__(self) -> None:
        self.title, self.state, self.shown = "", "", float("-inf")
        self.live = LiveLine()

    def __enter__(self) -> ProgressLine:
        self.live.__enter__()
        return self

    def __exit__(self, *details: object) -> None:
        self.live.__exit__(*details)

    def show(self, progress: Progress) -> None:
        """Show where training stands, unless that was done a moment ago."""
        now = time.monotonic()
        changed = progress.state != self.state
        happens = changed and progress.state in _HAPPENINGS
        self.state = progress.state
        if self.live.terminal:
            if changed or now - self.shown > _PAUSE:
                self.live.show(self.line(progress))
                self.shown = now
        elif happens or now - self.shown > _LONG_PAUSE:
            self.live.say(self.line(progress))
            self.shown = now

    def line(self, progress: Progress) -> str:
        """Write the line: below 80 characters for any numbers."""
        title = self.title
        if len(title) > _WIDEST_TITLE:
            title = title[: _WIDEST_TITLE - 1] + "…"
        return (
            f"{title}  step {progress.step:,}  loss {progress.loss:.4g}  "
            f"|g| {progress.gradient_norm:.2e}  {progress.state}"
        )
