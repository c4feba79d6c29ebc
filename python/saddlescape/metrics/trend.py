"""Is the loss falling, flat or rising, or is it too early to tell?

The slope over a window is Theil's and Sen's: the median of the slopes of all pairs, with Sen's
confidence interval from the distribution of Kendall's S. One wild step does not move it, and
noise widens it, so that the third answer, cannot tell yet, is given instead of a wrong one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from saddlescape import _check

__all__ = ["Trend", "TrendState", "latest_trend", "trend"]

_WINDOW = 50
_WIDER = 4
WIDEST = 12_800
_MOST_POINTS = 100  # a longer window is taken as the medians of so many pieces
_MOST_MORE = 10_000  # windows
_ROOM = 2.5


class TrendState(Enum):
    """What a window of losses shows, at 95 %."""

    FALLING = "falling"
    FLAT = "flat"
    RISING = "rising"
    CANNOT_TELL = "cannot tell yet"


@dataclass(frozen=True)
class Trend:
    """A slope with its uncertainty, as a share of the loss over one window.

    Attributes
    ----------
    state : TrendState
        Falling or rising surely by more than `threshold` a window, surely by less, or neither.
    change, low, high : float
        Change over one window relative to the median, with its 95 % interval.
    threshold : float
        The change below which a window counts as flat.
    window : int
        Steps that were looked at.
    more_steps : int
        With ``CANNOT_TELL``: about how many more steps would tell, if all of them are looked at.
    """

    state: TrendState
    change: float
    low: float
    high: float
    threshold: float
    window: int
    more_steps: int


def trend(
    values: NDArray[np.float64],
    *,
    window: int = _WINDOW,
    least: int = 20,
    threshold: float = 1e-3,
    floor: float = 0.0,
    level: float = 0.05,
) -> Trend:
    """Judge the last `window` values.

    Parameters
    ----------
    values : (n,) array
        Losses, a step each. What stands before a NaN or an infinity is not looked at.
    window : int
        How many of the last to look at. One of more than 200 is cut into 100 to 200 pieces of
        equal length, and the pieces' medians are judged.
    least : int
        Fewer than these never tell; at least 3.
    threshold : float
        Share of the loss above `floor` by which it must change in a window to count as moving.
    floor : float
        A value that the loss can't go below.
    level : float
        How often the interval may miss the true change; above 0 and below 1.

    Returns
    -------
    Trend
        The state, and the change with its interval.

    Raises
    ------
    TypeError, ValueError
        Naming the argument.

    Notes
    -----
    The interval takes the steps' noise as independent. Losses of mini-batches nearly are; where
    they are not, the interval is too narrow.

    Examples
    --------
    >>> import numpy as np
    >>> trend(np.linspace(1.0, 0.5, 40)).state
    <TrendState.FALLING: 'falling'>
    >>> trend(np.ones(40)).state
    <TrendState.FLAT: 'flat'>
    >>> trend(np.ones(5)).more_steps
    15

    References
    ----------
    .. [1] P. K. Sen (1968), "Estimates of the regression coefficient based on Kendall's tau",
       J. Am. Stat. Assoc. 63, 1379-1389.
    """
    least = _check.integer("least", least, low=3)
    window = _check.integer("window", window, low=least)
    threshold = _check.non_negative("threshold", threshold)
    floor = _check.finite("floor", floor)
    level = _check.fraction("level", level)
    if level == 0:
        raise ValueError("level: 0.0, expected a number > 0 and < 1")
    y = np.asarray(values, dtype=np.float64)
    if y.ndim != 1:
        raise ValueError(f"values: shape {y.shape}, expected (n,)")
    y = y[-window:]
    broken = np.flatnonzero(~np.isfinite(y))
    y = y[broken[-1] + 1 :] if broken.size else y
    n = len(y)
    if n < least:
        nan = float("nan")
        return Trend(TrendState.CANNOT_TELL, nan, nan, nan, threshold, n, least - n)
    scale = max(abs(float(np.median(y)) - floor), float(np.finfo(np.float64).tiny)) / n
    change, low, high = (slope / scale for slope in _sen_interval(*_pieces(y), level))
    if high < -threshold:
        state = TrendState.FALLING
    elif low > threshold:
        state = TrendState.RISING
    elif -threshold <= low and high <= threshold:
        state = TrendState.FLAT
    else:
        state = TrendState.CANNOT_TELL
    return Trend(state, change, low, high, threshold, n, _more(n, low, high, threshold, state))


def latest_trend(values: NDArray[np.float64], *, floor: float = 0.0, noisy: bool = True) -> Trend:
    """Judge the last 50 values; where noise hides the answer, the last 200, 800, 3200 and 12800.

    Falling and flat are told apart at the same rate whatever the window: a thousandth of the loss
    in 50 steps. The windows share the 5 % by which the answer may miss.

    Parameters
    ----------
    values : (n,) array
        Losses, a step each.
    floor : float
        A value that the loss can't go below.
    noisy : bool
        False of full batches, which have no noise to be averaged away: a wider window would only
        bring in what is over.

    Returns
    -------
    Trend
        Of the first window that tells, else of the widest.

    Examples
    --------
    >>> import numpy as np
    >>> noise = 0.03 * np.random.default_rng(1).standard_normal(800)
    >>> latest_trend(1 + noise[:50]).state, latest_trend(1 + noise).state
    (<TrendState.CANNOT_TELL: 'cannot tell yet'>, <TrendState.FLAT: 'flat'>)
    """
    windows = [_WINDOW]
    while noisy and windows[-1] < min(len(values), WIDEST):
        windows.append(_WIDER * windows[-1])
    for window in windows:
        size = min(window, max(len(values), _WINDOW))
        found = trend(
            values,
            window=size,
            threshold=1e-3 * size / _WINDOW,
            floor=floor,
            level=0.05 / len(windows),
        )
        if found.state is not TrendState.CANNOT_TELL:
            break
    return found


def _pieces(y: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
    """Return medians of pieces of equal length, and that length: 1 for up to 200 values."""
    length = max(1, len(y) // _MOST_POINTS)
    if length == 1:
        return y, 1
    rest = len(y) % length  # the oldest are left out
    return np.median(y[rest:].reshape(-1, length), axis=1), length


def _sen_interval(y: NDArray[np.float64], length: int, level: float) -> tuple[float, float, float]:
    """Theil-Sen slope per step with Sen's interval (1968, eq. 2.6 and section 3).

    Of the N slopes in order, the interval goes from number (N - C) / 2 to (N + C) / 2 + 1, counted
    from 1, with C the half-width of Kendall's S.
    """
    n = len(y)
    i, j = np.triu_indices(n, 1)
    with np.errstate(over="ignore"):
        slopes = np.sort((y[j] - y[i]) / ((j - i) * float(length)))
    count = len(slopes)
    reach = NormalDist().inv_cdf(1 - level / 2) * (n * (n - 1) * (2 * n + 5) / 18) ** 0.5
    lower = max(0, int(np.floor((count - reach) / 2)) - 1)
    return float(np.median(slopes)), float(slopes[lower]), float(slopes[count - 1 - lower])


def _more(n: int, low: float, high: float, threshold: float, state: TrendState) -> int:
    """How many more steps make the interval narrow enough.

    The standard error of a slope falls as the length to the power -3/2, while the slope that counts
    as moving stays. If it may be zero its interval must fit into the threshold, else between it and
    the threshold; with room, for the slope lies off its middle and later looks are stricter.
    """
    if state is not TrendState.CANNOT_TELL:
        return 0
    between = abs(abs(low + high) / 2 - threshold)
    wanted = threshold if low <= 0 <= high else max(between, threshold / 4)
    ratio = _ROOM * (high - low) / 2 / wanted if wanted > 0 else float("inf")
    return int(np.ceil(n * min(max(ratio ** (2 / 3) - 1, 0.1), _MOST_MORE)))
