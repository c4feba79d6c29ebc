"""The error surface of two parameters for the page: to be turned, and from above."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from saddlescape.report.interactive_base import Interactive, axis, layout
from saddlescape.report.look import BLACK, GREEN, MARKS, VERMILLION
from saddlescape.report.marks import arrows, landmarks, trail
from saddlescape.report.surface import W1, W2, heights, levels, tabulate

if TYPE_CHECKING:
    from saddlescape.report.story import Story

__all__ = ["plot_contour", "plot_surface"]


Array = NDArray[np.float64]

_HOVER = "w₁ %{x:.4g}<br>w₂ %{y:.4g}<br>L %{customdata:.4g}<extra></extra>"

# Three dimensions have fewer shapes; the open circle goes round what lies at the same place.
_SHAPES = {"start": ("circle-open", 11), "stall": ("square", 5), "end": ("diamond", 7)}


def _line(story: Story, w1: Array, w2: Array, colour: str, name: str, lift: float) -> Any:
    loss = heights(story, w1, w2)
    return go.Scatter3d(
        x=w1, y=w2, z=loss + lift, mode="lines", line={"color": colour, "width": 7}, name=name,
        customdata=loss, hovertemplate=_HOVER,
    )  # fmt: skip


def plot_surface(story: Story) -> Interactive | None:
    """Plot the surface in three dimensions with the path on it; None without a surface."""
    grid = tabulate(story, 61)
    if grid is None:
        return None
    # Half a hair above the surface, or the two would flicker through each other; the numbers that
    # are shown are the true ones.
    lift = 0.02 * float(np.nanmax(grid[2]) - np.nanmin(grid[2]))
    traces: list[Any] = [
        go.Surface(
            x=grid[0], y=grid[1], z=grid[2], colorscale="Cividis", opacity=0.9, name="loss",
            colorbar={"title": {"text": "loss L"}, "thickness": 12, "len": 0.6},
            hovertemplate="w₁ %{x:.4g}<br>w₂ %{y:.4g}<br>L %{z:.4g}<extra></extra>",
        )
    ]  # fmt: skip

    path = trail(story)
    if len(path):
        traces.append(_line(story, path[:, 0], path[:, 1], VERMILLION, "path of training", lift))
    for step, begin, end in arrows(story):
        w1, w2 = np.linspace(begin[0], end[0], 60), np.linspace(begin[1], end[1], 60)
        traces.append(_line(story, w1, w2, GREEN, f"escape, step {step}", lift))
    for mark in landmarks(story):
        z = heights(story, np.array([mark.w1]), np.array([mark.w2]))
        shape, size = _SHAPES[mark.kind]
        look = {"symbol": shape, "size": size, "color": MARKS[mark.kind][2]}
        traces.append(go.Scatter3d(
            x=[mark.w1], y=[mark.w2], z=z + 2.5 * lift, mode="markers", marker=look,
            name=mark.label, customdata=z, hovertemplate=_HOVER))  # fmt: skip
    scene = {
        "xaxis": {"title": {"text": "w₁"}}, "yaxis": {"title": {"text": "w₂"}},
        "zaxis": {"title": {"text": "loss L"}}, "aspectratio": {"x": 1, "y": 1, "z": 0.7},
        "camera": {"eye": {"x": -1.4, "y": -1.75, "z": 1.3}},
    }  # fmt: skip
    figure = layout(go.Figure(traces), 520, scene=scene)
    figure.update_layout(margin={"l": 0, "r": 0, "t": 10, "b": 10}, legend={"y": -0.02})
    caption = "The loss over the two parameters. Drag to turn, scroll or pinch to zoom."
    return Interactive("surface", "Error surface", caption, figure, square=True, webgl=True)


def _path(story: Story) -> list[Any]:
    traces = []
    path = trail(story)
    if len(path):
        traces.append(go.Scatter(
            x=path[:, 0], y=path[:, 1], mode="lines", name="path of training",
            line={"color": VERMILLION, "width": 3}))  # fmt: skip
    for step, begin, end in arrows(story):
        traces.append(go.Scatter(
            x=[begin[0], end[0]], y=[begin[1], end[1]], mode="lines+markers",
            name=f"escape, step {step}", line={"color": GREEN, "width": 4},
            marker={"symbol": "arrow", "angleref": "previous", "size": [0, 18],
                    "color": GREEN, "opacity": 1}))  # fmt: skip
    for mark in landmarks(story):
        open_ = mark.kind == "start"
        line = {"color": BLACK if open_ else "white", "width": 2.5 if open_ else 1}
        look = {"symbol": MARKS[mark.kind][1], "color": MARKS[mark.kind][2], "line": line,
                "size": {"start": 17, "end": 15}.get(mark.kind, 10)}  # fmt: skip
        traces.append(go.Scatter(
            x=[mark.w1], y=[mark.w2], mode="markers", name=mark.label, marker=look))  # fmt: skip
    return traces


def plot_contour(story: Story) -> Interactive | None:
    """Plot the contours with the path; None without a surface."""
    grid = tabulate(story, 121)
    if grid is None:
        return None
    steps, log = levels(grid[2])
    z = np.log10(np.clip(grid[2], steps[0], None)) if log else grid[2]
    ends = np.log10(steps[[0, -1]]) if log else steps[[0, -1]]
    bar: dict[str, Any] = {"thickness": 12, "title": {"text": "loss L"}}
    if log:
        ticks = steps[::3]
        bar |= {"tickvals": np.log10(ticks).tolist(), "ticktext": [f"{t:.2g}" for t in ticks]}
    size = float(ends[1] - ends[0]) / (len(steps) - 1)
    traces: list[Any] = [
        go.Contour(
            x=grid[0], y=grid[1], z=z, customdata=grid[2], colorscale="Cividis", colorbar=bar,
            contours={"start": float(ends[0]), "end": float(ends[1]), "size": size},
            line={"width": 0.5, "color": "white"}, name="loss",
            hovertemplate="w₁ %{x:.4g}<br>w₂ %{y:.4g}<br>L %{customdata:.4g}<extra></extra>",
        )
    ]  # fmt: skip
    traces += _path(story)
    figure = layout(go.Figure(traces), 560, xaxis=axis(W1), yaxis=axis(W2, scaleanchor="x"))
    figure.update_xaxes(constrain="domain", range=grid[0][[0, -1]].tolist())
    figure.update_yaxes(constrain="domain", range=grid[1][[0, -1]].tolist())
    caption = "The same surface from above" + (", levels in equal ratios." if log else ".")
    return Interactive("contour", "Contours with the path", caption, figure, square=True)
