"""A network drawn: its units, what connects them, and how many parameters each layer has."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from numpy.typing import NDArray

from saddlescape._files import write_whole
from saddlescape.net.store import normalisation
from saddlescape.report.figures import figure_bytes
from saddlescape.report.look import BLUE, GREY, INK, ORANGE, VERMILLION, drawable, drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from saddlescape.net import MLP

__all__ = ["draw_network", "write_network"]

_WHOLE, _ENDS = 16, 5  # units of a layer that is drawn whole; of others so many at each end
_LAYERS, _FIRST, _LAST = 8, 4, 3  # likewise layers, inputs and outputs among them
_COLUMN, _UNIT = 2.1, 0.34  # inches between layers, between units
_SIZE = 230  # of a unit, points squared


@dataclass(frozen=True)
class _Column:
    """A layer as it is drawn.

    Attributes
    ----------
    layer : int
        0 for the inputs.
    units : int
        How many it has.
    shown : (k,) array
        Which of them are drawn, from 0.
    y : (k,) array
        Where, from the top down, around 0, in units' distances.
    """

    layer: int
    units: int
    shown: NDArray[np.int64]
    y: NDArray[np.float64]

    @classmethod
    def of(cls, layer: int, units: int) -> _Column:
        if units <= _WHOLE:
            shown, places = np.arange(units), np.arange(units)
        else:  # with room for dots between the ends
            shown = np.concatenate([np.arange(_ENDS), np.arange(units - _ENDS, units)])
            places = np.concatenate([np.arange(_ENDS), np.arange(_ENDS) + _ENDS + 1])
        return cls(layer, units, shown, (places[-1] / 2 - places).astype(np.float64))

    @property
    def whole(self) -> bool:
        return len(self.shown) == self.units


def draw_network(net: MLP) -> Figure:
    """Draw a network: a circle for each unit, a square for what biases come from, a line for each.

    Layers of more than 16 units are drawn by their first and last five, networks of more than eight
    layers by their first four and last three.

    Parameters
    ----------
    net : MLP

    Returns
    -------
    Figure
    """
    last = len(net.sizes) - 1
    layers = list(range(last + 1))
    if len(layers) > _LAYERS:
        layers = [*layers[:_FIRST], *layers[-_LAST:]]
    columns = [_Column.of(layer, net.sizes[layer]) for layer in layers]
    half = max(float(column.y[0]) for column in columns)
    below, above = half + 4.6, half + (1.8 if net.residual else 0.9)
    width, height = 1.6 + _COLUMN * (len(columns) - 1), 0.4 + _UNIT * (below + above)
    figure = Figure(figsize=(max(width, 5.0), height), layout="constrained")
    axes = figure.add_subplot()
    for x, (left, right) in enumerate(pairwise(columns)):
        if right.layer == left.layer + 1:
            _connect(axes, net, x, left, right)
        _count(axes, net, x, left.layer, right.layer, -half - 2.0)
    for x, column in enumerate(columns):
        _units(axes, net, x, column, -half - 2.0)
    axes.set_xlim(-0.45, len(columns) - 0.55)
    axes.set_ylim(-below, above)
    axes.set_axis_off()
    figure.suptitle(drawable(_title(net)), fontsize=11.5, parse_math=False)
    return figure


def _title(net: MLP) -> str:
    sizes = "-".join(str(units) for units in net.sizes)
    if len(net.sizes) > _LAYERS:
        sizes = f"{len(net.sizes) - 1} layers,"
    if len(net.sizes) > 2:
        sizes += f" {net.activation}"
    more = [normalisation(net)] if net.normalisation else []
    more += ["residual"] if net.residual else []
    more += [f"dropout {net.dropout:g}"] if net.dropout else []
    count = f"{net.parameters:,} parameter{'' if net.parameters == 1 else 's'}"
    return ", ".join([sizes, net.loss_name, *more, count])


def _connect(axes: Axes, net: MLP, x: int, left: _Column, right: _Column) -> None:
    """Draw a line for each weight between units that are shown, and for each of their biases."""
    ends = [((x, a), (x + 1, b)) for a in left.y for b in right.y]
    axes.add_collection(
        LineCollection(ends, colors=GREY, linewidths=0.6, alpha=0.55, zorder=1, gid="weights")
    )
    if net.bias:
        place = (x, left.y[-1] - 1.25)
        ends = [(place, (x + 1, b)) for b in right.y]
        axes.add_collection(LineCollection(
            ends, colors=ORANGE, linewidths=0.7, linestyles="--", zorder=1, gid="biases",
        ))  # fmt: skip
        axes.scatter(*place, s=0.7 * _SIZE, marker="s", facecolor="white", edgecolor=ORANGE,
                     zorder=2)  # fmt: skip
        axes.annotate("1", place, ha="center", va="center_baseline", fontsize=8, zorder=3)
    hidden = right.layer < len(net.sizes) - 1
    if net.residual and hidden and left.units == right.units:
        axes.add_patch(FancyArrowPatch(
            (x, left.y[0] + 0.55), (x + 1, right.y[0] + 0.55), connectionstyle="arc3,rad=-0.25",
            arrowstyle="-|>", mutation_scale=10, color=VERMILLION, linewidth=1.2, gid="residual",
        ))  # fmt: skip


def _count(axes: Axes, net: MLP, x: int, left: int, right: int, y: float) -> None:
    """Write below a gap what parameters stand there: of one layer of weights, or of many."""
    if right > left + 1:
        count = sum(_parameters(net, layer) for layer in range(left + 1, right + 1))
        text = f"{right - left - 1} more layers\n= {count:,}"
        axes.annotate("· · ·", (x + 0.5, 0), ha="center", va="center", fontsize=16)
    else:
        parts = [f"W {net.sizes[right]:,} × {net.sizes[left]:,}"]
        parts += [f"b {net.sizes[right]:,}"] if net.bias else []
        hidden = right < len(net.sizes) - 1
        parts += [f"γ, β 2 × {net.sizes[right]:,}"] if net.normalisation and hidden else []
        text = "\n".join([*parts, f"= {_parameters(net, right):,}"])
    axes.annotate(text, (x + 0.5, y - 0.3), ha="center", va="top", fontsize=8.5, color=INK)


def _parameters(net: MLP, layer: int) -> int:
    """How many parameters a layer of weights, from 1, has."""
    network, last = net.network, len(net.sizes) - 1
    end = net.parameters if layer == last else network.weight_offset(layer + 1)
    return end - network.weight_offset(layer)


def _units(axes: Axes, net: MLP, x: int, column: _Column, y: float) -> None:
    """Draw a layer's units, and write below them how many there are and what they compute."""
    last = len(net.sizes) - 1
    colour = {0: GREY, last: VERMILLION}.get(column.layer, BLUE)
    axes.scatter(
        np.full(len(column.y), float(x)), column.y, s=_SIZE, facecolor="white", edgecolor=colour,
        linewidth=1.5, zorder=2, gid=f"layer-{column.layer}",
    )  # fmt: skip
    if not column.whole:
        for dot in (-0.28, 0.0, 0.28):
            axes.scatter(x, dot, s=7, color=colour, zorder=2)
    side, letter = (-1, "x") if column.layer == 0 else (1, "y")
    if column.layer in (0, last):
        for unit, place in zip(column.shown, column.y, strict=True):
            axes.annotate(f"${letter}_{{{unit + 1}}}$", (x, place), (side * 11, 0), fontsize=9,
                          textcoords="offset points", ha="right" if side < 0 else "left",
                          va="center")  # fmt: skip
    name = {0: "input", last: "output"}.get(column.layer, "unit")
    text = f"{column.units:,} {name}{'' if column.units == 1 else 's'}"
    below = {0: "", last: net.loss_name}.get(column.layer, net.activation)
    axes.annotate(text, (x, y - 0.3), ha="center", va="top", fontsize=9.5, weight="bold")
    if below:
        axes.annotate(below, (x, y - 0.3), (0, -13), textcoords="offset points", ha="center",
                      va="top", fontsize=9)  # fmt: skip


def write_network(net: MLP, path: str | Path) -> Path:
    """Write the drawing of a network; `MLP.save_figure` calls it.

    Parameters
    ----------
    net : MLP
    path : str or Path
        A file name that ends in ``.png`` or ``.svg``, in a folder that exists.

    Returns
    -------
    Path
        The file that was written.

    Raises
    ------
    TypeError, ValueError
        If `path` is no path, or ends in something else.
    OSError
        If it can't be written.

    Examples
    --------
    >>> import tempfile
    >>> import saddlescape as ss
    >>> from saddlescape.report import write_network
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_network(ss.MLP((3, 3, 1), loss="mse"), f"{folder}/net.svg").name
    'net.svg'
    """
    where = Path(path)
    if where.suffix not in (".png", ".svg"):
        raise ValueError(f"path: {str(path)!r}, expected a file name that ends in .png or .svg")
    with drawing():
        return write_whole(where, figure_bytes(draw_network(net), where.suffix[1:]))
