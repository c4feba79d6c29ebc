"""The error surface of a network with two parameters: in three dimensions, and as contours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from saddlescape.report.look import EVENTS, MARKS, VERMILLION
from saddlescape.report.marks import LABELS, arrows, landmarks, trail, window
from saddlescape.report.prepare import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from saddlescape.report.story import Story

__all__ = ["Grid", "draw_contour", "draw_surface", "heights", "levels", "tabulate"]

Array = NDArray[np.float64]
Grid = tuple[Array, Array, Array]

W1, W2 = "parameter w₁", "parameter w₂"


def tabulate(story: Story, points: int) -> Grid | None:
    """Evaluate the surface on the drawn square: w1 and w2 (points,), the loss (points, points)."""
    if story.surface is None:
        return None
    low1, high1, low2, high2 = window(story)
    w1, w2 = np.linspace(low1, high1, points), np.linspace(low2, high2, points)
    return w1, w2, heights(story, *np.meshgrid(w1, w2))


def heights(story: Story, w1: Array, w2: Array) -> Array:
    """Evaluate the surface at given places; NaN where it is not finite."""
    if story.surface is None:
        return np.full_like(w1, np.nan)
    with np.errstate(over="ignore", invalid="ignore"):  # far out a loss may overflow
        loss = np.asarray(story.surface(w1, w2), dtype=np.float64)
    return np.where(np.isfinite(loss), loss, np.nan)


def levels(loss: Array, count: int = 13) -> tuple[Array, bool]:
    """Choose contour levels: in geometric steps over four decades, or even ones if negative.

    Returns
    -------
    levels : (count,) array
    log : bool
        Whether they are geometric.
    """
    low, high = float(np.nanmin(loss)), float(np.nanmax(loss))
    if not high > low:
        return np.linspace(low - 1.0, low + 1.0, count), False
    if low < 0:
        return np.linspace(low, high, count), False
    return np.geomspace(high * 1e-4, high, count), True


def _legend(story: Story) -> list[Line2D]:
    seen: dict[tuple[float, float], list[str]] = {}
    kinds: dict[tuple[float, float], str] = {}
    for mark in landmarks(story):
        place = (mark.w1, mark.w2)
        seen.setdefault(place, []).append(mark.label)
        kinds[place] = mark.kind
    handles = [Line2D([], [], color=VERMILLION, linewidth=2, label="path of training")]
    for place, labels in seen.items():
        shape, _, colour = MARKS[kinds[place]]
        where = f"({number(place[0])}, {number(place[1])})"
        more = f" and {len(labels) - 2} more" if len(labels) > 2 else ""
        name = f"{' = '.join(labels[:2])}{more}: {where}"
        face = "none" if kinds[place] == "start" else colour
        handles.append(Line2D(
            [], [], color=colour, marker=shape, linestyle="", markersize=9, label=name,
            markerfacecolor=face))  # fmt: skip
    for step, _, end in arrows(story)[:LABELS]:
        name = f"escape, step {step}: to ({number(end[0])}, {number(end[1])})"
        handles.append(Line2D([], [], color=EVENTS["escape"][0], linewidth=2.6, label=name))
    return handles


def draw_contour(story: Story) -> Figure | None:
    """Draw the contours of the loss with the path, the start, the stalls, the escapes, the end.

    Parameters
    ----------
    story : Story

    Returns
    -------
    Figure or None
        None if the story has no surface.
    """
    grid = tabulate(story, 241)
    if grid is None:
        return None
    handles = _legend(story)
    # The axes are square, so the height is theirs and the legend's.
    figure = Figure(figsize=(7.2, 5.65 + 0.24 * ((len(handles) + 1) // 2)), layout="constrained")
    axes = figure.add_subplot()
    steps, log = levels(grid[2])
    norm = LogNorm(steps[0], steps[-1]) if log else Normalize(steps[0], steps[-1])
    # Below the lowest level the valley is one colour: clipped, not left white.
    filled = axes.contourf(
        grid[0], grid[1], np.clip(grid[2], steps[0], None), steps, cmap="cividis", norm=norm
    )
    axes.contour(grid[0], grid[1], grid[2], steps, colors="white", linewidths=0.5, alpha=0.6)
    ticks = steps[:: max(1, len(steps) // 6)]
    bar = figure.colorbar(filled, ax=axes, shrink=0.8, ticks=ticks)
    bar.ax.minorticks_off()
    bar.ax.set_yticklabels([f"{t:.2g}" for t in ticks])
    bar.set_label("loss L, log scale" if log else "loss L")
    _trace(axes, story)
    axes.set_aspect("equal")
    axes.set_xlabel(W1)
    axes.set_ylabel(W2)
    axes.grid(visible=False)
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


def _trace(axes: Axes, story: Story) -> None:
    halo = [withStroke(linewidth=4.5, foreground="white")]
    path = trail(story)
    if len(path):
        axes.plot(*path.T, color=VERMILLION, linewidth=2, path_effects=halo, zorder=4)
    for _, begin, end in arrows(story):
        axes.annotate(
            "",
            end,
            begin,
            arrowprops={"arrowstyle": "-|>", "color": EVENTS["escape"][0], "linewidth": 2.6,
                        "shrinkA": 0, "shrinkB": 4, "mutation_scale": 18, "path_effects": halo},
            zorder=5,
        )  # fmt: skip
    for mark in landmarks(story):
        shape, _, colour = MARKS[mark.kind]
        size = {"start": 200, "end": 190}.get(mark.kind, 90)
        face = "none" if mark.kind == "start" else colour
        axes.scatter(
            mark.w1, mark.w2, s=size, marker=shape, facecolors=face,
            edgecolors=colour if mark.kind == "start" else "white",
            linewidths=1.8 if mark.kind == "start" else 0.9, zorder=6,
        )  # fmt: skip


def _trace_in_space(axes: Any, story: Story) -> None:
    path = trail(story)
    if len(path):
        axes.plot(*path.T, heights(story, *path.T), color=VERMILLION, linewidth=2.2, zorder=4)
    for _, begin, end in arrows(story):
        w1, w2 = np.linspace(begin[0], end[0], 60), np.linspace(begin[1], end[1], 60)
        height = heights(story, w1, w2)
        axes.plot(w1, w2, height, color=EVENTS["escape"][0], linewidth=2.8, zorder=5)
    for mark in landmarks(story):
        shape, _, colour = MARKS[mark.kind]
        z = heights(story, np.array([mark.w1]), np.array([mark.w2]))[0]
        axes.scatter(
            [mark.w1], [mark.w2], [z], marker=shape, s=110, color=colour, depthshade=False,
            edgecolors="white", zorder=6,
        )  # fmt: skip


def draw_surface(story: Story) -> Figure | None:
    """Draw the loss as a surface in three dimensions with the path on it.

    Parameters
    ----------
    story : Story

    Returns
    -------
    Figure or None
        None if the story has no surface.
    """
    grid = tabulate(story, 41)
    if grid is None:
        return None
    figure = Figure(figsize=(7.2, 6.0))
    # Our order, not that of distances: the path lies on the surface and would flicker through it.
    axes: Any = figure.add_subplot(projection="3d", computed_zorder=False)
    axes.plot_surface(
        *np.meshgrid(grid[0], grid[1]), grid[2], cmap="cividis", alpha=0.85, linewidth=0.2,
        edgecolor="#FFFFFF66", rcount=41, ccount=41, zorder=1,
    )  # fmt: skip
    _trace_in_space(axes, story)
    axes.set_xlabel(W1, labelpad=8)
    axes.set_ylabel(W2, labelpad=10)
    axes.set_zlabel("loss L", labelpad=4)
    axes.tick_params(labelsize=9)
    axes.view_init(elev=32, azim=-125)
    axes.set_box_aspect((1, 1, 0.7))
    figure.subplots_adjust(left=0.02, right=0.96, bottom=0.13, top=0.99)
    figure.legend(handles=_legend(story), loc="lower center", ncols=2)
    return figure
