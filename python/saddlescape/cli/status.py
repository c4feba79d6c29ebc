"""How the command line ends."""

from __future__ import annotations

__all__ = ["DONE", "INTERRUPTED", "NO_JUDGEMENT", "PIPE_CLOSED", "WRONG_INPUT"]

DONE, WRONG_INPUT, NO_JUDGEMENT, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 130, 141
