"""What print and page share: where a zero goes on a log axis, which points of many are drawn."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["LogAxis", "log_axis", "number", "stack", "symlog", "symlog_ticks", "thin"]

Array = NDArray[np.float64]


def number(value: float | None) -> str:
    """Write a number with four digits; what is missing as a dash.

    Examples
    --------
    >>> number(-2.0), number(1.23456e-13), number(None), number(float("nan"))
    ('-2', '1.235e-13', '–', 'not a number')
    """
    if value is None:
        return "–"
    if math.isnan(value):
        return "not a number"
    return f"{value:.4g}"


_NARROW = 3.0  # between the ends of an axis; over fewer, powers of ten say nothing


@dataclass(frozen=True)
class LogAxis:
    """A column made ready for a logarithmic axis.

    Attributes
    ----------
    values : (n,) array
        With zeros put at `floor` and what is not finite as NaN, which draws as a gap.
    log : bool
        False where a value is negative, or none is 3 times another: the axis stays linear, whose
        ticks have short numbers there.
    floor : float or None
        Where zeros were put: a power of ten at least a decade below every positive value. None
        where there were none.
    """

    values: Array
    log: bool
    floor: float | None

    def label(self, text: str) -> str:
        """Say what the axis shows, its scale, and where zeros went."""
        if not self.log:
            return text
        if self.floor is None:
            return f"{text}, log scale"
        return f"{text}, log scale\n(exact 0 drawn at 1e{round(math.log10(self.floor))})"


def log_axis(values: Array) -> LogAxis:
    """Make a column ready for a logarithmic axis.

    Parameters
    ----------
    values : (n,) array

    Returns
    -------
    LogAxis

    Examples
    --------
    >>> axis = log_axis(np.array([0.0, 2e-3, 5.0]))
    >>> axis.floor, axis.log
    (0.0001, True)
    >>> log_axis(np.array([-1.0, 1.0])).log, log_axis(np.array([2.1, 2.3])).log
    (False, False)
    """
    clean = np.where(np.isfinite(values), values, np.nan)
    seen = clean[~np.isnan(clean)]
    if np.any(seen < 0):
        return LogAxis(clean, False, None)
    if not np.any(seen == 0):
        wide = seen.size > 0 and _NARROW * float(seen.min()) <= float(seen.max())
        return LogAxis(clean, wide, None)
    positive = seen[seen > 0]
    # Never below 1e-300: a floor that underflows to 0 could not be drawn.
    lowest = max(float(positive.min()), 1e-299) if positive.size else 1e-15
    floor = 10.0 ** (math.floor(math.log10(lowest)) - 1)
    return LogAxis(np.where(clean == 0, floor, clean), True, floor)


def thin(x: Array, y: Array, limit: int = 4000) -> tuple[Array, Array]:
    """Keep of a long column the smallest and the largest value of every stretch: no spike is lost.

    Parameters
    ----------
    x, y : (n,) arrays
    limit : int
        At most so many points remain.

    Returns
    -------
    x, y : (m,) arrays
        All of them if ``n <= limit``.

    Examples
    --------
    >>> y = np.zeros(100_000); y[777] = 1.0
    >>> x, y = thin(np.arange(100_000.0), y)
    >>> x.size <= 4000, float(y.max())
    (True, 1.0)
    """
    if x.size <= limit:
        return x, y
    keep = {0, x.size - 1}
    for part in np.array_split(np.arange(x.size), (limit - 2) // 2):
        known = part[~np.isnan(y[part])]
        if known.size:
            keep |= {int(known[np.argmin(y[known])]), int(known[np.argmax(y[known])])}
    index = np.array(sorted(keep))
    return x[index], y[index]


def symlog(values: Array, linear: float) -> Array:
    """Map to a symmetric-log axis: linear within ``|v| <= linear``, a unit per decade beyond.

    Examples
    --------
    >>> symlog(np.array([-100.0, 0.5, 10.0]), 1.0)
    array([-3. ,  0.5,  2. ])
    """
    outside = np.abs(values) > linear
    size = np.log10(np.abs(values) / linear, where=outside, out=np.zeros_like(values)) + 1
    return np.where(outside, np.sign(values) * size, values / linear)


def symlog_ticks(low: float, high: float, linear: float, most: int = 5) -> list[float]:
    """Choose powers of ten that label a symmetric-log axis: zero, and at most `most` on each side.

    Examples
    --------
    >>> symlog_ticks(-2.0, 2000.0, 1e-12, most=3)
    [-1.0, -1e-06, -1e-12, 0.0, 1e-12, 1e-06, 1.0]
    """
    first = math.ceil(math.log10(linear))
    last = max(
        (math.floor(math.log10(abs(end))) for end in (low, high) if abs(end) > linear),
        default=first,
    )
    every = max(1, math.ceil((last - first + 1) / most))
    decades = [10.0**k for k in range(last, first - 1, -every)]
    if every > 1:  # round exponents are easier to read
        decades = [10.0**k for k in range(last // every * every, first - 1, -every)]
    below = [-d for d in decades if low < 0 and d <= abs(low)]
    above = [d for d in reversed(decades) if high > 0 and d <= high]
    return [*below, 0.0, *above]


def stack(centres: list[float], widths: list[float]) -> list[int]:
    """Give every label the lowest row in which it touches no other.

    Parameters
    ----------
    centres, widths : list of float
        In the same unit, in any order.

    Returns
    -------
    list of int
        A row for each, from 0.

    Examples
    --------
    >>> stack([0.1, 0.15, 0.8], [0.2, 0.2, 0.2])
    [0, 1, 0]
    """
    rows: list[list[tuple[float, float]]] = []
    chosen = []
    for centre, width in zip(centres, widths, strict=True):
        left, right = centre - width / 2, centre + width / 2
        row = 0
        while row < len(rows) and any(left < r and right > l for l, r in rows[row]):  # noqa: E741
            row += 1
        if row == len(rows):
            rows.append([])
        rows[row].append((left, right))
        chosen.append(row)
    return chosen
