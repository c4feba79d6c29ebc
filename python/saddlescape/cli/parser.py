"""Parsers of the command line: one line for what is wrong, help that shows the defaults."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from saddlescape.cli.status import WRONG_INPUT

__all__ = ["Help", "Parser"]


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, with exit status 1.

    The program's own parser names its commands itself where none is known: argparse's words differ
    from one Python to the next.
    """

    commands: Sequence[str] = ()

    def parse_known_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def]
        """Check the command first."""
        words = sys.argv[1:] if args is None else list(args)
        if self.commands:
            known = ", ".join(self.commands)
            if not words:
                self.error(f"no command, expected one of {known} (or --help)")
            if not words[0].startswith("-") and words[0] not in self.commands:
                self.error(f"{words[0]!r}: unknown command, expected one of {known}")
        return super().parse_known_args(words, namespace)

    def error(self, message: str) -> NoReturn:
        """Print the line and exit."""
        print(f"saddlescape: {message}", file=sys.stderr)
        raise SystemExit(WRONG_INPUT)


class Help(argparse.ArgumentDefaultsHelpFormatter):
    """Shows the defaults that say something."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default is None or action.default is False:
            return action.help
        return super()._get_help_string(action)
