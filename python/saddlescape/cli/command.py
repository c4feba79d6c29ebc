"""`main`: which command, and how it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from saddlescape import __version__, data
from saddlescape.cli import diagnose, predict, resume, shown, spectrum, train
from saddlescape.cli.parser import Help, Parser
from saddlescape.cli.status import INTERRUPTED, PIPE_CLOSED, WRONG_INPUT

__all__ = ["main"]

_COMMANDS = {
    "demo": ("two networks get stuck, are told why, and leave", shown.add_demo),
    "diagnose": (diagnose.TEXT, diagnose.add),
    "train": (train.TEXT, train.add),
    "resume": (resume.TEXT, resume.add),
    "predict": (predict.TEXT, predict.add),
    "spectrum": (spectrum.TEXT, spectrum.add),
    "study": ("reproduce a result of the literature, with numbers", shown.add_study),
    "info": ("what this installation runs on", shown.add_info),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0: done; 1: the input or the arguments are wrong, with one line that says what and what is
    allowed; 2: done, but no verdict could be given, or training diverged; 130: interrupted from the
    keyboard; 141: the reader of the output went away.

    Examples
    --------
    >>> main(["diagnose", "digits", "--lr", "fast"])
    Traceback (most recent call last):
    SystemExit: 1
    """
    given = _parser().parse_args(arguments)
    try:
        status: int = given.run(given)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough, as `head` does: no error of the input
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at the end
        return PIPE_CLOSED
    except (data.DataError, OSError, ImportError, MemoryError) as error:
        text = " ".join(str(error).split()) or "not enough memory"
        print(f"saddlescape: {text}", file=sys.stderr)
        return WRONG_INPUT
    except KeyboardInterrupt:
        print("saddlescape: interrupted", file=sys.stderr)
        return INTERRUPTED
    return status


def _parser() -> Parser:
    parser = Parser(prog="saddlescape", description="Why has training stalled?")
    parser.commands = tuple(_COMMANDS)
    parser.add_argument("--version", action="version", version=f"saddlescape {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (text, add) in _COMMANDS.items():
        add(commands.add_parser(name, help=text, description=text, formatter_class=Help))
    return parser
