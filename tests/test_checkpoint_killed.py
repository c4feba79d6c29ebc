"""A run that is killed at random moments, again and again, ends like one that is left in peace."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

KILLS = 100


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_hundred_kills_change_no_bit(tmp_path: Path) -> None:
    program = Path(__file__).with_name("checkpoint_killed.py")
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, program, tmp_path, str(KILLS), "0"],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["different"] == []
    assert found["left"] == []
    assert found["kills"] == KILLS
    assert found["finished"] >= 3
    # The kills did hit: between two files, and while one was written.
    assert found["resumed"] > KILLS // 2
    assert found["half-written"] > 3
