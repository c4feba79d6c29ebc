"""The figures for the page: the same data, to be zoomed, turned and read off."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape as safe
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from saddlescape.report.curves import STEP_LABEL, Curve, curves
from saddlescape.report.escape_curve import DROP_LABEL, Drops, drops
from saddlescape.report.escape_curve import STEP_LABEL as LENGTH_LABEL
from saddlescape.report.interactive_base import Interactive, axis, layout, log_scale
from saddlescape.report.interactive_plane import plot_contour, plot_surface
from saddlescape.report.look import BLACK, BLUE, EVENTS, GREEN, INK, ORANGE
from saddlescape.report.marks import step_marks
from saddlescape.report.prepare import number, symlog, symlog_ticks
from saddlescape.report.spectrum import Spectrum, linear_range, spectra

if TYPE_CHECKING:
    from saddlescape.critical import Escape
    from saddlescape.report.story import Story

__all__ = ["draw_all"]

# plotly names dashes and scatter marks in its own way.
_DASH = {"--": "dash", "-.": "dashdot", ":": "dot"}
_SIGNS = {"v": "triangle-down", "o": "circle-open", "^": "triangle-up"}


def _panel(figure: Any, panel: Curve, k: int, of: int) -> None:
    scale, label, lines = panel
    name = "" if k == 1 else str(k)
    top = 1.0 - (k - 1) / of
    bottom = 1.0 - k / of + (0.05 if k < of else 0.0)
    kind = log_scale(scale.values) if scale.log else {"type": "linear"}
    figure.update_layout({f"yaxis{name}": axis(label, domain=[bottom, top], **kind)})
    for legend, colour, x, y in lines:
        figure.add_trace(go.Scatter(
            x=x, y=y, mode="lines+markers" if x.size <= 40 else "lines", name=legend,
            yaxis=f"y{name}", showlegend=len(lines) > 1,
            line={"color": colour, "width": 2}, marker={"size": 5},
            hovertemplate="step %{x}<br>%{y:.4g}<extra></extra>"))  # fmt: skip
    if scale.floor is not None:
        figure.add_shape(
            type="line", x0=0, x1=1, xref="paper", y0=scale.floor, y1=scale.floor,
            yref=f"y{name}", line={"color": BLACK, "width": 1, "dash": "dot"}, layer="below",
        )  # fmt: skip


def _curves(story: Story) -> Interactive | None:
    panels = curves(story.history) if story.history is not None else []
    if not panels:
        return None
    figure = go.Figure()
    for k, panel in enumerate(panels, start=1):
        _panel(figure, panel, k, len(panels))
    for mark in step_marks(story):
        colour, dash = EVENTS.get(mark.kind, (INK, ":"))
        figure.add_shape(
            type="line", x0=mark.step, x1=mark.step, y0=0, y1=1, yref="paper",
            name=safe(mark.label), showlegend=bool(mark.label), layer="below",
            line={"color": colour, "width": 2.2, "dash": _DASH[dash]},
        )  # fmt: skip
    lowest = "y" if len(panels) == 1 else f"y{len(panels)}"
    whole = {"dtick": 1} if story.history is not None and story.history.steps <= 10 else {}
    layout(figure, 300 * len(panels), xaxis=axis(STEP_LABEL, anchor=lowest, **whole))
    figure.update_layout(legend={"y": -0.14})
    caption = "Every step of training."
    if story.events:
        caption += " Upright lines mark where it stalled and where it escaped."
    return Interactive("curves", "Loss and gradient norm", caption, figure)


def _spectrum(spectrum: Spectrum, linear: float, low: float, high: float) -> Any:
    figure = go.Figure()
    for group in spectrum.groups:
        residual = np.where(np.isnan(group.residual), 0.0, group.residual)
        values = group.value
        ends = symlog(np.stack([values - residual, values, values + residual]), linear)
        bars = {"type": "data", "symmetric": False, "array": ends[2] - ends[1],
                "arrayminus": ends[1] - ends[0]}  # fmt: skip
        figure.add_trace(go.Scatter(
            x=group.rank if len(values) else [None], y=ends[1] if len(values) else [None],
            mode="markers", name=safe(group.legend), customdata=values,
            marker={"symbol": _SIGNS[group.marker], "color": group.colour,
                    "size": 9 if len(values) < 60 else 5},
            error_y=bars if np.any(residual > 0) else None, showlegend=True,
            hovertemplate="rank %{x}<br>λ %{customdata:.6g}<extra></extra>"))  # fmt: skip
    band = symlog(np.array([spectrum.tolerance]), linear)[0]
    figure.add_hrect(-band, band, fillcolor="#7A7A7A", opacity=0.22, line_width=0)
    ticks = symlog_ticks(low, high, linear)
    # Whole ranks: half an eigenvalue is none.
    whole = {"tickformat": "d", "dtick": 1} if sum(g.rank.size for g in spectrum.groups) < 8 else {}
    span = symlog(np.array([min(4 * low, -2 * linear), max(4 * high, 2 * linear)]), linear)
    y = axis(
        f"eigenvalue λ (symmetric log,\nlinear below {number(linear)})",
        tickvals=symlog(np.array(ticks), linear).tolist(),
        ticktext=[number(t) for t in ticks],
        range=span.tolist(),
    )
    return layout(figure, 430, xaxis=axis(spectrum.rank_label, **whole), yaxis=y)


def _spectra(story: Story) -> Iterator[Interactive]:
    shown = spectra(story)
    values = [g.value for s in shown for g in s.groups]
    if not values:
        return
    low, high = float(np.concatenate(values).min()), float(np.concatenate(values).max())
    for k, spectrum in enumerate(shown, start=1):
        figure = _spectrum(spectrum, linear_range(shown), low, high)
        heading = f"Spectrum of the Hessian, {spectrum.name}"
        caption = (
            "All eigenvalues, sorted."
            if spectrum.whole
            else "The eigenvalues that were computed; bars are residuals |Hv − λv|."
        )
        caption += " In the grey band a sign is not certified."
        yield Interactive(f"spectrum-{k}", heading, caption, figure, wide=len(shown) == 1)


def _drop_axis(found: Drops) -> dict[str, Any]:
    title = DROP_LABEL.replace(", ", ",\n")
    both = np.concatenate([found.predicted, found.measured])
    if found.log_y:
        return axis(f"{title}, log", **log_scale(both))
    ticks = symlog_ticks(float(both.min()), float(both.max()), found.linear)
    return axis(
        f"{title}, symmetric log",
        tickvals=symlog(np.array(ticks), found.linear).tolist(),
        ticktext=[number(t) for t in ticks],
    )


def _escape(name: str, step: int, escape: Escape) -> Interactive | None:
    found = drops(escape)
    if found is None:
        return None
    figure = go.Figure()
    lines = (
        (found.predicted, found.predicted_label, {"color": ORANGE, "dash": "dash"}, "square-open"),
        (found.measured, found.measured_label, {"color": BLUE}, "circle"),
    )
    for drop, legend, look, shape in lines:
        figure.add_trace(go.Scatter(
            x=found.step, y=drop if found.log_y else symlog(drop, found.linear), customdata=drop,
            mode="lines+markers", name=legend, line={**look, "width": 2},
            marker={"symbol": shape, "size": 11 if "open" in shape else 7, "line": {"width": 2}},
            hovertemplate="s %{x:.4g}<br>drop %{customdata:.4g}<extra></extra>"))  # fmt: skip
    figure.add_vline(
        escape.step, line={"color": GREEN, "width": 2.2, "dash": "dashdot"},
        name=found.taken_label, showlegend=True, layer="below",
    )  # fmt: skip
    y = _drop_axis(found)
    log = log_scale(found.step) if found.log_x else {}
    x = axis(LENGTH_LABEL + (", log" if found.log_x else ""), **log)
    caption = "What second order promised along the most negative curvature, and what the loss did."
    heading = f"Escape at step {step}: predicted and measured drop"
    return Interactive(name, heading, caption, layout(figure, 430, xaxis=x, yaxis=y))


def draw_all(story: Story) -> Iterator[Interactive]:
    """Draw for the page what the story has the records for, in the order of the story."""
    for draw in (_curves, plot_surface, plot_contour):
        drawn = draw(story)
        if drawn is not None:
            yield drawn
    yield from _spectra(story)
    for count, (step, escape) in enumerate(story.escapes, start=1):
        drawn = _escape(f"escape-{count}", step, escape)
        if drawn is not None:
            yield drawn
