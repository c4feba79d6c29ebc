"""How far a run is: one line on standard error."""

from __future__ import annotations

import math
import time

from saddlescape._live import LiveLine
from saddlescape.train.state import RunState, Watch

__all__ = ["ProgressOfRun"]

_PAUSE = 0.1  # seconds between two pictures of the line
_TENTHS = 10  # lines in all where standard error is no terminal


class ProgressOfRun:
    """A line written over in a terminal; in a pipe or a file one at each tenth of the run."""

    def __init__(self) -> None:
        self._line = LiveLine()
        self._begun, self._before = 0.0, 0  # when, and after how many steps
        self._shown, self._said = -math.inf, 0

    def watch(self) -> Watch:
        """Return the look that shows it."""
        return Watch(self.look, begin=self.begin, end=self.end)

    def begin(self, state: RunState) -> None:
        """Start the clock."""
        self._begun, self._before = time.monotonic(), state.step
        self._said = self._tenth(state)
        self._line.__enter__()

    def look(self, state: RunState) -> None:
        """Show where the run is, unless that was done a moment ago."""
        now = time.monotonic()
        if not self._line.terminal:
            if self._tenth(state) > self._said:
                self._line.say(self.text(state, now))
                self._said = self._tenth(state)
        elif now - self._shown > _PAUSE:
            self._line.show(self.text(state, now))
            self._shown = now

    def end(self, _: RunState) -> None:
        """Take the line away."""
        self._line.__exit__(None, None, None)

    def text(self, state: RunState, now: float) -> str:
        """Write the line: 80 characters up to 100,000 epochs; a narrow terminal cuts its end."""
        loss, norm, rate = (
            float(state.history.tail(name, 1)[0])
            for name in ("loss", "gradient_norm", "learning_rate")
        )
        done, all_steps = state.step, state.epochs * state.batches
        pace = (now - self._begun) / max(1, done - self._before)
        return (
            f"epoch {state.epoch + 1:,}/{state.epochs:,}  loss {loss:.4g}  |g| {norm:.2e}  "
            f"rate {rate:.2e}  {duration(pace * (all_steps - done))} left"
        )

    def _tenth(self, state: RunState) -> int:
        return _TENTHS * state.step // max(1, state.epochs * state.batches)


def duration(seconds: float) -> str:
    """Write a time as m:ss, h:mm:ss, or days from two days on."""
    whole = math.ceil(seconds)
    if whole >= 2 * 86400:
        return f"{whole // 86400:,} days"
    hours, rest = divmod(whole, 3600)
    minutes = f"{rest // 60:02d}" if hours else f"{rest // 60}"
    return f"{hours}:{minutes}:{rest % 60:02d}" if hours else f"{minutes}:{rest % 60:02d}"
