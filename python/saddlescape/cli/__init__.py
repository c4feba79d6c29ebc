"""The command line: `saddlescape demo`, `diagnose DATA`, `study NAME`, `info`."""

from saddlescape.cli.command import main

__all__ = ["main"]
