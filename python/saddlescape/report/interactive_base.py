"""What every interactive figure shares: its record, its axes, its margins."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape as safe
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape.report.look import GRID, INK

__all__ = ["Interactive", "axis", "layout", "log_scale"]


@dataclass(frozen=True)
class Interactive:
    """A figure of the page.

    Attributes
    ----------
    name : str
        Short, for ids.
    heading, caption : str
        What it shows, and how to read it: plain text, to be escaped.
    figure : plotly Figure
    wide : bool
        Whether it takes the whole width.
    square : bool
        Whether more width would be left empty.
    webgl : bool
        Whether it can't be drawn without WebGL.
    """

    name: str
    heading: str
    caption: str
    figure: Any
    wide: bool = True
    square: bool = False
    webgl: bool = False


def axis(title: str, **more: Any) -> dict[str, Any]:
    """Describe an axis; its title is plain text."""
    text = safe(title).replace("\n", "<br>")
    return {
        "title": {"text": text, "standoff": 8, "font": {"size": 13}},
        "tickfont": {"size": 12},
        "gridcolor": GRID,
        "linecolor": INK,
        "zeroline": False,
        "ticks": "outside",
        "automargin": True,
        **more,
    }


def layout(figure: Any, height: int, **more: Any) -> Any:
    """Set font, margins and legend: below the figure, where a phone has room."""
    figure.update_layout(
        template=None,
        height=height,
        font={"family": "system-ui, sans-serif", "size": 13, "color": INK},
        paper_bgcolor="white",
        plot_bgcolor="white",
        margin={"l": 62, "r": 14, "t": 34, "b": 48},
        legend={"orientation": "h", "y": -0.22, "yanchor": "top", "x": 0, "font": {"size": 12}},
        hoverlabel={"bgcolor": "white"},
        **more,
    )
    return figure


def log_scale(values: NDArray[np.float64]) -> dict[str, Any]:
    """Make an axis logarithmic; over many decades whole powers of ten alone are labelled."""
    span = np.log10(np.nanmax(values) / np.nanmin(values))
    # plotly's D1 labels 1, 2, 3, ..., 9 times a power of ten, D2 1, 2 and 5 times
    ticks = {"dtick": int(np.ceil(span / 7)) if span >= 2 else "D2" if span >= 1 else "D1"}
    return {"type": "log", "exponentformat": "power", **ticks}
