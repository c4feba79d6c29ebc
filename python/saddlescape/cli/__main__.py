"""`python -m saddlescape.cli` is the command line."""

from __future__ import annotations

import sys

from saddlescape.cli.command import main

if __name__ == "__main__":
    sys.exit(main())
