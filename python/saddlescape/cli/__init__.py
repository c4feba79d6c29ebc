"""The command line: one command, one function `add`, and what they share."""

from saddlescape.cli.command import main

__all__ = ["main"]
