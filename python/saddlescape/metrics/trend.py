"""Is the loss falling, flat or rising, or is it too early to tell?

The slope over a window is Theil's and Sen's: the median of the slopes of all pairs, with Sen's
confidence interval from the distribution of Kendall's S. One wild step does not move it, and
noise widens it, so that the third answer, cannot tell yet, is given instead of a wrong one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

__all__ = ["Trend", "TrendState", "trend"]

_Z95 = 1.959963984540054


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
        With ``CANNOT_TELL``: about how many more steps would tell.
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
    window: int = 50,
    least: int = 20,
    threshold: float = 1e-3,
    floor: float = 0.0,
) -> Trend:
    """Judge the last `window` values.

    Parameters
    ----------
    values : (n,) array
        Losses, a step each.
    window : int
        How many of the last to look at.
    least : int
        Fewer than these never tell.
    threshold : float
        Share of the loss above `floor` by which it must change in a window to count as moving.
    floor : float
        A value that the loss can't go below.

    Returns
    -------
    Trend
        The state, and the change with its interval.

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
    y = np.asarray(values, dtype=np.float64)[-window:]
    n = len(y)
    if n < least or not np.isfinite(y).all():
        return Trend(
            TrendState.CANNOT_TELL, np.nan, np.nan, np.nan, threshold, n, max(1, least - n)
        )
    slope, low, high = _sen_interval(y)
    scale = max(abs(float(np.median(y)) - floor), np.finfo(np.float64).tiny) / n
    change, low, high = slope / scale, low / scale, high / scale
    if high < -threshold:
        state = TrendState.FALLING
    elif low > threshold:
        state = TrendState.RISING
    elif -threshold <= low and high <= threshold:
        state = TrendState.FLAT
    else:
        state = TrendState.CANNOT_TELL
    return Trend(state, change, low, high, threshold, n, _more(n, low, high, threshold, state))


def _sen_interval(y: NDArray[np.float64]) -> tuple[float, float, float]:
    """Theil-Sen slope per step with Sen's 95 % interval (1968, eq. 2.6 and section 3)."""
    n = len(y)
    i, j = np.triu_indices(n, 1)
    slopes = np.sort((y[j] - y[i]) / (j - i))
    count = len(slopes)
    reach = _Z95 * np.sqrt(n * (n - 1) * (2 * n + 5) / 18)  # half-width of S at 95 %
    lower = int(max(0, np.floor((count - reach) / 2)))
    upper = int(min(count - 1, np.ceil((count + reach) / 2)))
    return float(np.median(slopes)), float(slopes[lower]), float(slopes[upper])


def _more(n: int, low: float, high: float, threshold: float, state: TrendState) -> int:
    """The interval of a window's change shrinks as the root of its length."""
    if state is not TrendState.CANNOT_TELL:
        return 0
    wanted = max(threshold, abs(low + high) / 2 - threshold)
    ratio = (high - low) / 2 / wanted if wanted > 0 else 2.0
    return int(np.ceil(n * min(max(ratio**2 - 1, 0.1), 100.0)))
