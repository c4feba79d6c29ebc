"""The line that shows how far a run is."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys

import pytest

import saddlescape as ss
from saddlescape.train.progress import ProgressOfRun, duration
from saddlescape.train.state import RunState
from train_samples import make_data, make_net

LINE = re.compile(
    r"epoch ([\d,]+)/([\d,]+)  loss \S+  \|g\| \d\.\d\de[+-]\d+  rate \d\.\d\de[+-]\d+"
    r"  (\S+(?: days)?) left"
)


@pytest.mark.parametrize(("epochs", "lines"), [(3, 3), (10, 10), (200, 10), (1, 1), (0, 0)])
def test_a_pipe_gets_a_line_at_each_tenth(epochs, lines, capfd):
    X, y = make_data()
    ss.train(make_net(), X, y, batch_size=20, epochs=epochs, progress=True,
             epoch_callback=lambda _: None)  # fmt: skip
    out, err = capfd.readouterr()
    assert out == ""
    shown = err.splitlines()
    assert len(shown) == lines
    assert "\x1b" not in err
    assert all(LINE.fullmatch(line) for line in shown)
    if epochs:
        assert shown[-1].startswith(f"epoch {epochs}/{epochs} ")
        assert shown[-1].endswith(" 0:00 left")


def test_without_it_there_is_nothing(capfd):
    X, y = make_data()
    ss.train(make_net(), X, y, epochs=3)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (0.2, "0:01"), (59.5, "1:00"), (61, "1:01"), (3599.1, "1:00:00"),
     (3725, "1:02:05"), (172799, "47:59:59"), (172800, "2 days"), (1e9, "11,574 days")],
)  # fmt: skip
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_the_line_fits_for_any_numbers():
    for width, epochs, tiny in ((80, 100_000, 1.234567e-5), (96, 1_000_000, 1.234567e-300)):
        net = make_net()
        history = ss.History(["loss", "gradient_norm", "learning_rate"])
        history.append(loss=tiny, gradient_norm=tiny, learning_rate=tiny)
        state = RunState(net, ss.optim.Adam(net.theta), history, epochs, 100_000, epochs - 2)
        shown = ProgressOfRun().text(state, 12e-6)
        assert len(shown) <= width
        assert LINE.fullmatch(shown)


CODE = """
import numpy as np, saddlescape as ss
X, y = np.random.default_rng(0).normal(size=(64, 3)), np.arange(64) % 2
ss.train(ss.MLP((3, 4, 2)), X, y, epochs=20000, batch_size=8, progress=True)
"""


def test_a_terminal_gets_one_line_and_keeps_none():
    terminal, its = pty.openpty()
    process = subprocess.Popen([sys.executable, "-c", CODE], stderr=its)  # noqa: S603 - our own
    os.close(its)
    shown = b""
    try:
        while piece := os.read(terminal, 4096):
            shown += piece
    except OSError:  # the other end is closed
        pass
    os.close(terminal)
    assert process.wait() == 0
    text = shown.decode()
    bare = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", text)
    pictures = [line for line in map(str.strip, re.split(r"[\r\n]", bare)) if line]
    assert len(pictures) > 1
    assert all(LINE.fullmatch(line) for line in pictures)
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1  # the cursor is back
    assert text.rstrip().endswith("\x1b[2K")  # the last picture is wiped
