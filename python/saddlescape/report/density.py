"""The spectral density with its band, as a figure and as a table."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from saddlescape._files import write_whole
from saddlescape.report.look import BLUE, GREY, INK, VERMILLION, drawable, drawing
from saddlescape.report.prepare import number, symlog_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from saddlescape.eig import Density, EigResult

__all__ = ["draw_density", "write_density"]

_POINTS = 600
_DECADES = 5  # of the symmetric-log axis, on each side of zero


def write_density(density: Density, ends: EigResult, folder: Path, title: str) -> list[Path]:
    """Write spectrum.png and spectrum.csv: what `eig.density` and `eig.lanczos` found.

    The table has a row for each place x: the smooth density there, the share of the eigenvalues up
    to x, and the bounds of that share, each with 95 % confidence.

    Parameters
    ----------
    density : Density
    ends : EigResult
        Drawn as marks.
    folder : Path
        Is there already. Files of these names are replaced.
    title : str
        Over the figure.

    Returns
    -------
    list of Path
        The two files.
    """
    with drawing():
        figure = draw_density(density, ends, title)
        FigureCanvasAgg(figure)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=150)
    x = np.union1d(density.curve(_POINTS)[0], _places(density))
    low, high = density.band(x)
    rows = zip(x, density.pdf(x), density.cdf(x), low, high, strict=True)
    lines = ["x,density,share_up_to_x,share_low,share_high"]
    lines += [",".join(repr(float(value)) for value in row) for row in rows]
    return [
        write_whole(folder / "spectrum.png", buffer.getvalue()),
        write_whole(folder / "spectrum.csv", ("\n".join(lines) + "\n").encode()),
    ]


def draw_density(density: Density, ends: EigResult, title: str) -> Figure:
    """Draw the density over a linear axis, and the share up to x with its band over a log one."""
    figure = Figure(figsize=(7.6, 7.2), layout="constrained")
    over, under = figure.subplots(2, 1)
    _draw_pdf(over, density, ends)
    _draw_share(under, density)
    figure.suptitle(
        drawable(f"Eigenvalues of the Hessian · {title}"), fontsize=11.5, parse_math=False
    )
    return figure


def _draw_pdf(axes: Axes, density: Density, ends: EigResult) -> None:
    x, y = density.curve(_POINTS)
    x = np.union1d(x, density.nodes)
    y = density.pdf(x)
    least = 0.1 / density.n / max(float(x[-1] - x[0]), 1e-300)  # a tenth of one eigenvalue
    axes.fill_between(x, least, np.maximum(y, least), color=BLUE, alpha=0.25, linewidth=0)
    axes.plot(x, np.maximum(y, least), color=BLUE, linewidth=1.2, label="density")
    axes.set_yscale("log")
    axes.set_ylim(least, 3 * float(y.max()))
    axes.plot(
        ends.eigenvalues, np.full(ends.eigenvalues.shape, 1.6 * least), color=VERMILLION,
        marker="|", markersize=11, linestyle="", label="at the ends, by Lanczos",
    )  # fmt: skip
    axes.axvline(0, color=INK, linewidth=0.8, linestyle=":")
    axes.set_xlabel("eigenvalue λ")
    axes.set_ylabel("density of eigenvalues\n(log scale)")
    axes.legend(loc="upper right")


def _draw_share(axes: Axes, density: Density) -> None:
    x = _places(density)
    low, high = density.band(x)
    linear = _linear(density)
    axes.fill_between(x, low, high, color=GREY, alpha=0.35, linewidth=0, step="post", label="95 %")
    axes.step(x, density.cdf(x), color=BLUE, where="post", linewidth=1.4, label="share up to λ")
    axes.axvline(0, color=INK, linewidth=0.8, linestyle=":")
    axes.set_xscale("symlog", linthresh=linear, linscale=0.6)
    axes.set_xticks(symlog_ticks(float(x[0]), float(x[-1]), linear))
    axes.minorticks_off()
    axes.set_xlim(float(x[0]), float(x[-1]))
    axes.set_ylim(-0.03, 1.03)
    axes.set_xlabel(f"eigenvalue λ (symmetric log, linear below {number(linear)})")
    axes.set_ylabel("share of the eigenvalues up to λ")
    axes.legend(loc="upper left")


def _linear(density: Density) -> float:
    largest = float(np.abs(density.nodes).max())
    return float(10.0 ** (np.floor(np.log10(largest or 1.0)) - _DECADES + 1))


def _places(density: Density) -> np.ndarray:
    """Return places for the share: evenly in the logarithm, on both sides of zero."""
    linear = _linear(density)
    lowest, highest = (max(10 * linear, 2 * abs(float(end))) for end in density.nodes[[0, -1]])
    near = np.linspace(0, linear, 40)[1:]
    right = np.concatenate([near, np.geomspace(linear, highest, _POINTS // 2)[1:]])
    left = np.concatenate([near, np.geomspace(linear, lowest, _POINTS // 2)[1:]])
    return np.concatenate([-left[::-1], [0.0], right])
