"""How figures look, in print and on the page: colours, sizes, marks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.font_manager import findfont, get_font

__all__ = [
    "BLACK",
    "BLUE",
    "EVENTS",
    "GREY",
    "GRID",
    "INK",
    "MARKS",
    "ORANGE",
    "PINK",
    "VERMILLION",
    "drawable",
    "drawing",
]  # fmt: skip

# Okabe and Ito (2008): distinguishable with every common kind of colour blindness.
BLUE = "#0072B2"
VERMILLION = "#D55E00"
GREEN = "#009E73"
ORANGE = "#E69F00"
PINK = "#CC79A7"
BLACK = "#000000"
GREY = "#7A7A7A"
GRID = "#DDDDDD"
INK = "#1F2328"

# Colour never stands alone: every event has its own dash, every mark its own shape.
EVENTS = {"stall": (VERMILLION, "--"), "escape": (GREEN, "-."), "end": (BLACK, ":")}
MARKS = {
    "start": ("o", "circle-open", BLACK),
    "stall": ("X", "x", VERMILLION),
    "escape": ("^", "triangle-up", GREEN),
    "end": ("*", "star", PINK),
}

_SETTINGS: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same picture on every machine
    "font.size": 10.5,
    "axes.titlesize": 11.5,
    "axes.labelsize": 10.5,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "legend.fontsize": 9.5,
    "legend.framealpha": 0.95,
    "legend.edgecolor": GRID,
    "lines.linewidth": 1.7,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.hashsalt": "saddlescape",  # else every SVG has new random ids
}


def drawable(text: str) -> str:
    """Put a box for every character that the font does not have: matplotlib would warn, or stop.

    Examples
    --------
    >>> drawable("∇L = 0 über 字")
    '∇L = 0 über □'
    """
    font = get_font(findfont(_SETTINGS["font.family"]))

    def known(c: str) -> bool:
        # Half a surrogate pair (a file name that is not text) has a glyph, but can't be written.
        return c.isspace() or (not "\ud800" <= c <= "\udfff" and font.get_char_index(ord(c)) > 0)

    return "".join(c if known(c) else "□" for c in text)


@contextmanager
def drawing() -> Iterator[None]:
    """Draw with our settings alone, whatever the user's matplotlibrc says; put theirs back."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield
