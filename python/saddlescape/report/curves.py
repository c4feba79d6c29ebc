"""Loss and gradient norm against step, with the stalls and the escapes marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from saddlescape.report.look import BLACK, BLUE, EVENTS, INK, ORANGE, drawable
from saddlescape.report.marks import StepMark, step_marks
from saddlescape.report.prepare import LogAxis, log_axis, stack, thin

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from saddlescape.report.story import Story
    from saddlescape.train.history import History

__all__ = ["STEP_LABEL", "Curve", "curves", "draw_curves"]

STEP_LABEL = "step (one update of the parameters)"

# One panel: the quantity, and the lines in it as (legend, colour, steps, values).
Line = tuple[str, str, NDArray[np.float64], NDArray[np.float64]]
Curve = tuple[LogAxis, str, list[Line]]

_PANELS = (
    ("loss L", (("loss", "loss, batch of the step", BLUE),
                ("validation_loss", "loss, validation data", ORANGE))),
    ("gradient norm |g|", (("gradient_norm", "gradient norm, batch of the step", BLUE),)),
)  # fmt: skip


def curves(history: History) -> list[Curve]:
    """Collect the panels: the axis, its label, and its lines, thinned where they are very long."""
    panels = []
    for text, columns in _PANELS:
        known = [c for c in columns if c[0] in history and np.any(np.isfinite(history[c[0]]))]
        if not known:
            continue
        # One axis for all its lines, so that zeros have one place.
        axis = log_axis(np.concatenate([history[name] for name, _, _ in known]))
        lines: list[Line] = []
        for k, (_, legend, colour) in enumerate(known):
            y = axis.values[k * history.steps : (k + 1) * history.steps]
            x = history["step"]
            if np.count_nonzero(~np.isnan(y)) < history.steps // 2:  # one value an epoch
                x, y = x[~np.isnan(y)], y[~np.isnan(y)]
            lines.append((legend, colour, *thin(x, y)))
        panels.append((axis, axis.label(text), lines))
    return panels


def _label_events(axes: Axes, marks: list[StepMark], low: float, high: float) -> None:
    shown = [mark for mark in marks if mark.label]
    # 0.0115 of the panel's width per character at this size, measured with a margin.
    widths = [0.0115 * len(mark.label) + 0.02 for mark in shown]
    centres = [
        min(max((mark.step - low) / (high - low), width / 2), 1 - width / 2)
        for mark, width in zip(shown, widths, strict=True)
    ]
    for mark, centre, row in zip(shown, centres, stack(centres, widths), strict=True):
        axes.annotate(
            drawable(mark.label),
            (centre, 1.0),
            xycoords="axes fraction",
            xytext=(0, 4 + 13 * row),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=9.5,
            color=EVENTS.get(mark.kind, (INK, ":"))[0],
            annotation_clip=False,
            parse_math=False,
        )


def draw_curves(story: Story) -> Figure | None:
    """Draw a panel for the loss and one for the gradient norm over the same steps.

    Parameters
    ----------
    story : Story

    Returns
    -------
    Figure or None
        None if no step was recorded.
    """
    panels = curves(story.history) if story.history is not None else []
    if not panels or story.history is None:
        return None
    marks = step_marks(story)
    last = max([float(story.history.steps - 1), *(float(m.step) for m in marks)])
    low, high = -0.015 * max(last, 1), 1.015 * max(last, 1)
    figure = Figure(figsize=(7.6, 2.7 * len(panels) + 0.9), layout="constrained")
    every: list[Axes] = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0].tolist()
    for axes, (axis, label, lines) in zip(every, panels, strict=True):
        for mark in marks:
            colour, dash = EVENTS.get(mark.kind, (INK, ":"))
            axes.axvline(mark.step, color=colour, linestyle=dash, linewidth=1.3, zorder=1.5)
        for legend, colour, x, y in lines:
            few = x.size <= 40
            axes.plot(x, y, color=colour, label=legend, marker="o" if few else "", markersize=3.5)
        _finish(axes, axis, label)
        if len(lines) > 1:
            axes.legend(loc="best")
    every[-1].set_xlabel(STEP_LABEL)
    every[-1].set_xlim(low, high)
    every[-1].xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, steps=[1, 2, 5, 10]))
    _label_events(every[0], marks, low, high)
    return figure


def _finish(axes: Axes, axis: LogAxis, label: str) -> None:
    axes.set_ylabel(label)
    if axis.log:
        axes.set_yscale("log")
    else:
        axes.ticklabel_format(axis="y", useOffset=False)
    if axis.floor is not None:
        axes.axhline(axis.floor, color=BLACK, linewidth=0.8, linestyle=(0, (1, 2)), zorder=1)
        top = float(np.nanmax(axis.values))
        axes.set_ylim(axis.floor / 3, max(3 * top, 100 * axis.floor))
