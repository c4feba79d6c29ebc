"""The curves that schedules are pieced together from, each in one place.

``left`` is the share of a phase's steps that is still to come: 1 at its start, 0 at its end. A
curve turns it into the weight of the start, which goes from exactly 1 to exactly 0.

A schedule is called in every step, and a step of a small array takes less than a microsecond: these
compare instead of calling min and max, which give the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable

_QUARTER = 0.5 * math.pi

__all__ = ["CURVES", "blend", "cosine", "left", "linear", "power", "rise", "root"]


def left(step: int, steps: int) -> float:
    """``1 - step / steps``, and 0 from the end on."""
    return (steps - step) / steps if step < steps else 0.0


def linear(left: float) -> float:
    """A straight line."""
    return left


def cosine(left: float) -> float:
    """``(1 + cos(pi x)) / 2`` with ``x = 1 - left``.

    Written as ``sin(pi left / 2)**2``, the same number: 1 + cos loses its digits near the end.
    """
    return math.sin(_QUARTER * left) ** 2


def root(left: float) -> float:
    """``1 - sqrt(x)`` with ``x = 1 - left``: steep at first."""
    return 1 - math.sqrt(1 - left)


CURVES: dict[str, Callable[[float], float]] = {"linear": linear, "cosine": cosine, "sqrt": root}


def blend(start: float, end: float, weight: float) -> float:
    """``start`` at weight 1, ``end`` at weight 0, exactly, and never outside of the two."""
    value = start * weight + end * (1 - weight)
    low, high = (start, end) if start < end else (end, start)
    if value < low:
        return low
    return high if value > high else value


def rise(peak: float, step: int, steps: int, start: float | None = None) -> float:
    """A straight line that reaches `peak` at step `steps`.

    It comes from `start` at step 0; without one, from 0 at step -1, so that the first step already
    moves: ``peak (step + 1) / (steps + 1)``.
    """
    if start is None:
        return peak * ((step + 1) / (steps + 1))
    return blend(start, peak, left(step, steps))


def power(initial: float, base: float, exponent: float) -> float:
    """``initial base**exponent``, infinite where that is too large for a float."""
    try:
        return float(initial * base**exponent)
    except OverflowError:  # Python refuses where IEEE 754 says infinity
        return math.inf if initial > 0 else 0.0
