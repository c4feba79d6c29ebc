"""The figure of a study: its panels side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter
from numpy.typing import NDArray

from saddlescape._files import write_whole
from saddlescape.report.figures import figure_bytes
from saddlescape.report.look import BLUE, GREY, INK, ORANGE, PINK, VERMILLION, drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from saddlescape.studies.panel import Drawable, Panel

__all__ = ["draw_study", "write_study"]

_GREEN, _SKY = "#009E73", "#56B4E9"
# Colour never stands alone: each line has its own mark or dash too.
_STYLES = (
    (BLUE, "-", "o"), (VERMILLION, "--", "s"), (_GREEN, "-.", "^"), (ORANGE, ":", "D"),
    (PINK, (0, (5, 1)), "v"), (_SKY, (0, (3, 1, 1, 1)), "P"),
)  # fmt: skip
_FEW = 40  # up to so many points are marked
_INSIDE = 3  # up to so many lines their names find a place between them


def draw_study(study: Drawable) -> Figure:
    """Draw the panels of a study's result, at most three in a row.

    Parameters
    ----------
    study : a result of `studies` with ``panels()``

    Returns
    -------
    Figure
    """
    panels = study.panels()
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(0.6 + 4.6 * columns, 3.9 * rows), layout="constrained")
    every = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
    for axes, panel in zip(every, panels, strict=False):
        _draw(axes, panel)
    for axes in every[len(panels) :]:
        axes.set_visible(False)
    return figure


def write_study(study: Drawable, name: str, folder: str | Path) -> list[Path]:
    """Write the figure of a study's result as ``NAME.png`` and ``NAME.svg``.

    Parameters
    ----------
    study : a result of `studies` with ``panels()``
    name : str
        Of the files, without ending.
    folder : str or Path
        Made if it is not there. Files of the same names are replaced.

    Returns
    -------
    list of Path
        The files, PNG first.

    Examples
    --------
    >>> import tempfile
    >>> from saddlescape import studies
    >>> found = studies.batch_paths()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in write_study(found, "batch-paths", folder)]
    ['batch-paths.png', 'batch-paths.svg']
    """
    where = Path(folder)
    where.mkdir(parents=True, exist_ok=True)
    with drawing():
        figure = draw_study(study)
        return [
            write_whole(where / f"{name}.{kind}", figure_bytes(figure, kind))
            for kind in ("png", "svg")
        ]


def _draw(axes: Axes, panel: Panel) -> None:
    if panel.pictures is not None:
        _pictures(axes, panel, panel.pictures)
        return
    if panel.ground is not None:
        x, y, z = panel.ground
        levels = np.geomspace(z[z > 0].min(), z.max(), 14)
        axes.contour(x, y, z, levels=levels, colors=GREY, linewidths=0.6)
    for k, (name, (x, y)) in enumerate(panel.lines.items()):
        colour, dash, mark = _STYLES[k % len(_STYLES)]
        few = len(x) <= _FEW or panel.dots
        # Dots that fall on others stand round them.
        axes.plot(
            x, y, color=colour, label=name, markersize=7 if panel.dots and k else 4,
            markerfacecolor="none" if panel.dots and k else colour,
            linestyle="none" if panel.dots else dash, marker=mark if few else "",
        )  # fmt: skip
    for name, place in panel.marks.items():
        axes.axvline(place, color=INK, linewidth=1, linestyle=(0, (1, 2)))
        axes.annotate(name, (place, 1), xycoords=("data", "axes fraction"), xytext=(3, -11),
                      textcoords="offset points", fontsize=9)  # fmt: skip
    for name, place in panel.levels.items():
        axes.axhline(place, color=INK, linewidth=1, linestyle=(0, (1, 2)))
        axes.annotate(name, (0, place), xycoords=("axes fraction", "data"), xytext=(3, 3),
                      textcoords="offset points", fontsize=9)  # fmt: skip
    _scale(axes, panel)
    axes.set(title=panel.title, xlabel=panel.x, ylabel=panel.y)
    if len(panel.lines) > _INSIDE:
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)
    elif len(panel.lines) > 1:
        axes.legend(loc="best")


def _pictures(axes: Axes, panel: Panel, pictures: NDArray[np.float64]) -> None:
    """Draw rows of pictures, with a white line between them."""
    rows, columns, height, width = pictures.shape
    room = np.pad(pictures, ((0, 0), (0, 0), (1, 1), (1, 1)))
    whole = room.transpose(0, 2, 1, 3).reshape(rows * (height + 2), columns * (width + 2))
    axes.imshow(whole, cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
    axes.set_yticks((height + 2) * (np.arange(rows) + 0.5) - 0.5, labels=panel.rows)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.set_title(panel.title)


def _scale(axes: Axes, panel: Panel) -> None:
    """Set the axes' scales, with ticks that don't overlap."""
    if panel.log_x:
        axes.set_xscale("log")
    if panel.log_y:
        axes.set_yscale("log")
    for axis, log in ((axes.xaxis, panel.log_x), (axes.yaxis, panel.log_y)):
        low, high = axis.get_view_interval()
        if log and high > 30 * low:
            axis.set_minor_formatter(NullFormatter())
        elif log:
            axis.set_minor_locator(LogLocator(subs=(2, 5)))
    counts = all((x == np.round(x)).all() for x, _ in panel.lines.values())
    if counts and not panel.log_x and panel.ground is None:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, steps=[1, 2, 5, 10]))
