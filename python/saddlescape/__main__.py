"""`python -m saddlescape` is the command line."""

from __future__ import annotations

import sys

from saddlescape.cli import main

sys.exit(main())
