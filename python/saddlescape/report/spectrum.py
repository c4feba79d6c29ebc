"""The Hessian's eigenvalues, sorted, with the band in which a sign is not certified."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from saddlescape.report.look import BLUE, GREY, VERMILLION
from saddlescape.report.marks import point_name
from saddlescape.report.prepare import number, symlog_ticks, thin

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from saddlescape.critical import CriticalPoint
    from saddlescape.report.story import Story

__all__ = ["Group", "Spectrum", "draw_spectrum", "linear_range", "spectra"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Group:
    """Eigenvalues of one certified sign: their rank, value and residual (NaN: none kept)."""

    legend: str
    colour: str
    marker: str
    rank: Array
    value: Array
    residual: Array


@dataclass(frozen=True)
class Spectrum:
    """The eigenvalues of one point.

    Attributes
    ----------
    name : str
        Where, and what kind of point.
    groups : tuple of Group
        Negative, undetermined, positive.
    tolerance : float
        Half the width of the undetermined band.
    whole : bool
        Whether these are all eigenvalues, or the few that were computed.
    """

    name: str
    groups: tuple[Group, ...]
    tolerance: float
    whole: bool

    @property
    def rank_label(self) -> str:
        """What the horizontal axis counts."""
        return (
            "rank of the eigenvalue, ascending" if self.whole else "computed eigenvalue, ascending"
        )


def _signs(point: CriticalPoint, values: Array, residuals: Array) -> Array:
    inertia = point.inertia
    if point.spectrum is not None:
        # Sorted, so the certified counts themselves say which is which.
        rank = np.arange(values.size)
        up = rank >= values.size - inertia.positive
        return np.where(rank < inertia.negative, -1, np.where(up, 1, 0))
    up, down = values - residuals > inertia.tolerance, values + residuals < -inertia.tolerance
    return np.where(up, 1, np.where(down, -1, 0))


def _spectrum(step: int | None, point: CriticalPoint) -> Spectrum:
    whole = point.spectrum is not None
    values = np.sort(np.asarray(point.spectrum if whole else point.eigenvalues, dtype=np.float64))
    residuals = np.full(values.size, np.nan) if whole else np.asarray(point.residuals, np.float64)
    sign = _signs(point, values, residuals)
    rank = np.arange(1.0, values.size + 1)
    inertia = point.inertia
    band = f"|λ| ≤ {number(inertia.tolerance)}" + ("" if whole else ", or not computed")
    kinds = (
        (-1, f"n₋ = {inertia.negative} certified negative", VERMILLION, "v"),
        (0, f"n? = {inertia.undetermined} undetermined ({band})", GREY, "o"),
        (1, f"n₊ = {inertia.positive} certified positive", BLUE, "^"),
    )
    groups = []
    for which, legend, colour, marker in kinds:
        at = sign == which
        # thin() keeps extremes and ends: of a sorted run, evenly spread members.
        x, y = thin(rank[at], values[at], 3000)
        kept = np.isin(rank[at], x)
        groups.append(Group(legend, colour, marker, x, y, residuals[at][kept]))
    return Spectrum(point_name(step, str(point.kind)), tuple(groups), inertia.tolerance, whole)


def spectra(story: Story) -> list[Spectrum]:
    """Collect the first and the last point that were judged: before and after."""
    points = [p for p in story.points if p[1].spectrum is not None or len(p[1].eigenvalues)]
    chosen = points if len(points) < 3 else [points[0], points[-1]]
    return [_spectrum(step, point) for step, point in chosen]


def linear_range(shown: list[Spectrum]) -> float:
    """Within which size the axis is linear: the narrowest band, so that every band can be seen."""
    bands = [s.tolerance for s in shown if s.tolerance > 0]
    sizes = [float(np.abs(g.value).max()) for s in shown for g in s.groups if g.value.size]
    largest = max(sizes, default=1.0) or 1.0
    return max(min(bands, default=1e-16 * largest), 1e-18 * largest)


def _panel(axes: Axes, spectrum: Spectrum) -> None:
    size = 36 if sum(g.rank.size for g in spectrum.groups) < 60 else 9
    axes.axhspan(-spectrum.tolerance, spectrum.tolerance, color=GREY, alpha=0.22, linewidth=0)
    for group in spectrum.groups:
        axes.scatter(
            group.rank, group.value, s=size, marker=group.marker, color=group.colour,
            label=group.legend, linewidths=0, zorder=3,
        )  # fmt: skip
        if np.any(group.residual > 0):
            axes.errorbar(
                group.rank, group.value, yerr=group.residual, fmt="none", ecolor=group.colour,
                capsize=4, zorder=2,
            )  # fmt: skip
    axes.set_title(spectrum.name)
    axes.set_xlabel(spectrum.rank_label)
    axes.margins(x=0.06 if size < 36 else 0.15)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, steps=[1, 2, 5, 10]))
    axes.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.16), reverse=True,
        markerscale=1 if size > 20 else 2,
    )  # fmt: skip


def draw_spectrum(story: Story) -> Figure | None:
    """Draw the spectrum before and after on one symmetric-log axis.

    Parameters
    ----------
    story : Story

    Returns
    -------
    Figure or None
        None if no eigenvalue was computed.
    """
    shown = spectra(story)
    if not shown:
        return None
    linear = linear_range(shown)
    figure = Figure(figsize=(max(6.2, 4.4 * len(shown) + 0.8), 5.2), layout="constrained")
    every: list[Axes] = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0].tolist()
    for axes, spectrum in zip(every, shown, strict=True):
        _panel(axes, spectrum)
    values = np.concatenate([g.value for s in shown for g in s.groups])
    low, high = float(values.min()), float(values.max())
    every[0].set_yscale("symlog", linthresh=linear, linscale=1.0)
    every[0].set_ylim(min(4 * low, -2 * linear), max(4 * high, 2 * linear))
    every[0].set_yticks(symlog_ticks(low, high, linear))
    every[0].minorticks_off()
    extra = "" if all(s.whole for s in shown) else "\nbars: residual |Hv − λv|"
    every[0].set_ylabel(
        f"eigenvalue λ of the Hessian\n(symmetric log, linear below {number(linear)}){extra}"
    )
    return figure
