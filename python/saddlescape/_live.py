"""One line on standard error, written over in a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from saddlescape._extras import require

__all__ = ["LiveLine"]


class LiveLine:
    """A line that is written over; nothing is left of it in a terminal when it ends.

    A pipe or a file gets lines by `say` only, without control characters.
    """

    def __init__(self) -> None:
        self.terminal = sys.stderr.isatty()
        # A file's name may look like markup or an emoji; FORCE_COLOR makes no terminal of a file.
        self._console = require("rich.console", "app").Console(
            stderr=True, highlight=False, markup=False, emoji=False, force_terminal=self.terminal
        )
        self._text: Callable[..., Any] = require("rich.text", "app").Text
        self._live: Any = None
        if self.terminal:
            live = require("rich.live", "app").Live
            self._live = live(console=self._console, transient=True, auto_refresh=False)

    def __enter__(self) -> LiveLine:
        if self._live is not None:
            self._live.__enter__()
        return self

    def __exit__(self, *details: object) -> None:
        if self._live is not None:
            self._live.__exit__(*details)

    @property
    def width(self) -> int:
        """How many characters a line has room for."""
        return int(self._console.width)

    def show(self, line: str) -> None:
        """Show the line in place of the last one, cut to the terminal's width."""
        if self._live is not None:
            self._live.update(self._text(line, no_wrap=True, overflow="ellipsis"), refresh=True)

    def say(self, line: str) -> None:
        """Print a line that stays."""
        self._console.print(line, soft_wrap=True)
