"""The map of the hidden units: at which share of the samples each is flat."""

from __future__ import annotations

from html import escape as safe
from typing import TYPE_CHECKING

import numpy as np

from saddlescape.report.look import GRID, VERMILLION
from saddlescape.report.tables import table

if TYPE_CHECKING:
    from saddlescape.diagnosis import Saturation

__all__ = ["units_map"]

_SHOWN = 256  # units of a layer
_COLUMNS, _SIDE, _GAP = 32, 12, 2


def units_map(found: Saturation | None) -> str:
    """Lay out a row for each hidden layer, with a square for each unit, worst first.

    Nothing if no layer could be looked at, or no unit is flat at any sample.
    """
    if found is None or not any(shares.any() for shares in found.shares):
        return ""
    head = (
        "Layer",
        "Units",
        "Flat for ≥ 99 %",
        "For all",
        "Median share",
        "Each unit, worst first",
    )
    rows = (_row(found, layer) for layer in range(1, len(found.shares) + 1))
    text = (
        f"A unit is flat at a sample where the slope of {found.activation} is below 1 % of its "
        f"steepest: what backpropagation hands down through it is multiplied by that slope. Of "
        f"{found.samples:,} samples{', each by its weight' if found.weighted else ''}: how many "
        "units are flat for at least 99 % of them and for all, the median unit's share, and each "
        "unit's own: the fuller its square, the more. Units count from 0, as the rows of W."
    )
    return f'{table(head, rows)}<p class="quiet">{safe(text)}</p>'


def _row(found: Saturation, layer: int) -> tuple[str, ...]:
    shares = found.shares[layer - 1]
    stuck = found.stuck(layer)
    return (
        str(layer),
        f"{len(shares):,}",
        f"{len(stuck):,}",
        f"{int((shares == 1).sum()):,}",
        f"{100 * np.median(shares):.0f} %",
        _squares(found, layer),
    )


def _squares(found: Saturation, layer: int) -> str:
    """Squares that fill from below: the share is seen without its colour too."""
    shares = found.shares[layer - 1]
    worst = np.argsort(-shares, kind="stable")
    shown = worst[:_SHOWN]
    parts = []
    for place, unit in enumerate(shown):
        row, column = divmod(place, _COLUMNS)
        x, y, full = column * (_SIDE + _GAP), row * (_SIDE + _GAP), _SIDE * float(shares[unit])
        parts.append(
            f'<g><title>unit {unit}: {100 * shares[unit]:.1f} %</title><rect x="{x}" y="{y}" '
            f'width="{_SIDE}" height="{_SIDE}" fill="{GRID}"/><rect x="{x}" '
            f'y="{y + _SIDE - full:.2f}" width="{_SIDE}" height="{full:.2f}" '
            f'fill="{VERMILLION}"/></g>'
        )
    rows = -(-len(shown) // _COLUMNS)
    width = min(len(shown), _COLUMNS) * (_SIDE + _GAP)
    named = ", ".join(f"{unit} ({100 * shares[unit]:.0f} %)" for unit in shown[:4])
    rest = len(shares) - len(shown)
    more = f"; {rest:,} more, none above {100 * shares[shown[-1]]:.0f} %" if rest else ""
    return (
        f'<svg role="img" aria-label="Share of the samples at which each unit of layer {layer} is '
        f'flat" width="{width}" height="{rows * (_SIDE + _GAP)}">{"".join(parts)}</svg>'
        f"<br><small>{named}{', ...' if len(shown) > 4 else ''}{more}</small>"
    )
