"""What the curvature predicted along the direction of escape, and what was measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from saddlescape.report.look import BLACK, BLUE, GREEN, ORANGE
from saddlescape.report.prepare import number, symlog_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from saddlescape.critical import Escape

__all__ = ["Drops", "draw_escape", "drops"]

Array = NDArray[np.float64]

STEP_LABEL = "step length s along the unit direction v"
DROP_LABEL = "drop of the loss, L(θ) − L(θ + s v)"


@dataclass(frozen=True)
class Drops:
    """A line search, ready to be drawn.

    Attributes
    ----------
    step, predicted, measured : (k,) arrays
        Ascending in step; only steps at which the loss was finite.
    log_x, log_y : bool
        Whether the axes are logarithmic; a drop that is negative or zero makes y symmetric-log.
    linear : float
        Where the symmetric-log axis turns linear.
    predicted_label, measured_label, taken_label : str
        For the legend.
    """

    step: Array
    predicted: Array
    measured: Array
    log_x: bool
    log_y: bool
    linear: float
    predicted_label: str
    measured_label: str
    taken_label: str


def drops(escape: Escape) -> Drops | None:
    """Sort the trials of a line search and choose its axes; None if it has no finite trial."""
    trace = np.asarray(escape.trace, dtype=np.float64).reshape(-1, 3)
    trace = trace[np.all(np.isfinite(trace), axis=1)]
    if not len(trace):
        return None
    trace = trace[np.argsort(trace[:, 0], kind="stable")]
    step, predicted, measured = trace[:, 0], trace[:, 1], trace[:, 2]
    sizes = np.abs(trace[:, 1:])
    nonzero = sizes[sizes > 0]
    largest = float(nonzero.max()) if nonzero.size else 1.0
    smallest = float(nonzero.min()) if nonzero.size else 1.0
    return Drops(
        step,
        predicted,
        measured,
        bool(step[0] > 0 and step[-1] > 20 * step[0]),
        bool(np.all(trace[:, 1:] > 0)),
        max(smallest, 1e-8 * largest),
        f"predicted by the curvature λ = {number(escape.curvature)}",
        "measured",
        f"taken: s = {number(escape.step)}, predicted {number(escape.predicted_drop)}, "
        f"measured {number(escape.measured_drop)}",
    )


def _scales(axes: Axes, found: Drops) -> None:
    if found.log_x:
        axes.set_xscale("log")
    if found.log_y:
        axes.set_yscale("log")
    else:
        both = np.concatenate([found.predicted, found.measured])
        low, high = float(both.min()), float(both.max())
        axes.axhline(0.0, color=BLACK, linewidth=0.8)
        axes.set_yscale("symlog", linthresh=found.linear)
        axes.set_ylim(min(3 * low, -found.linear), max(3 * high, found.linear))
        axes.set_yticks(symlog_ticks(low, high, found.linear))
        axes.minorticks_off()


def draw_escape(escape: Escape) -> Figure | None:
    """Draw the predicted and the measured drop against the step, with the step that was taken.

    Parameters
    ----------
    escape : Escape

    Returns
    -------
    Figure or None
        None if the line search left no trial.
    """
    found = drops(escape)
    if found is None:
        return None
    figure = Figure(figsize=(7.2, 4.9), layout="constrained")
    axes = figure.add_subplot()
    axes.axvline(escape.step, color=GREEN, linestyle="-.", linewidth=1.3, label=found.taken_label)
    axes.plot(
        found.step, found.predicted, color=ORANGE, linestyle="--", linewidth=2.4, marker="s",
        markersize=9, markerfacecolor="none", markeredgewidth=1.8,
        label=found.predicted_label,
    )  # fmt: skip
    axes.plot(
        found.step, found.measured, color=BLUE, marker="o", markersize=5, label=found.measured_label
    )
    _scales(axes, found)
    axes.set_xlabel(STEP_LABEL + (", log scale" if found.log_x else ""))
    axes.set_ylabel(DROP_LABEL + (",\nlog scale" if found.log_y else ",\nsymmetric log scale"))
    figure.legend(loc="outside lower center", ncols=1)
    return figure
