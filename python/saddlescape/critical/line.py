"""The lowest value of a function of one variable, downhill from zero."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["minimise_along"]

_GOLDEN = 0.3819660112501051  # (3 - sqrt 5) / 2
_MOST_DOUBLINGS = 60
_MOST_QUARTERINGS = 30  # to 1e-18 of the first step
_MOST_STEPS = 60
_TOLERANCE = 1e-9  # sqrt(eps) / 10: closer steps give the same value


def minimise_along(f: Callable[[float], float], at_zero: float, first: float) -> float:
    """Return a step with a low value of `f`, on the side of `first`.

    The first step is quartered as long as it leads up, which ends at a value equal to `at_zero` if
    there is no way down on this side. Then it is doubled while the value falls, so that the last
    three steps bracket a minimum, and that is closed in on by Brent's method (1973, chapter 5):
    parabolas where they behave, golden sections where not. Every value comes from `f`, which may
    keep a record.
    """
    left, middle = 0.0, first
    low = f(middle)
    for _ in range(_MOST_QUARTERINGS):
        if low <= at_zero:
            break
        middle /= 4
        low = f(middle)
    if not low < at_zero:
        return 0.0
    for _ in range(_MOST_DOUBLINGS):
        right = 2 * middle
        value = f(right)
        if not value < low:
            return _brent(f, left, middle, right, low)
        left, middle, low = middle, right, value
    return middle


def _brent(f: Callable[[float], float], a: float, x: float, b: float, fx: float) -> float:
    """Close in on the minimum within a < x < b (or b < x < a), f(x) below both ends."""
    a, b = min(a, b), max(a, b)
    w = v = x
    fw = fv = fx
    moved = before_last = b - a
    for _ in range(_MOST_STEPS):
        middle, tolerance = (a + b) / 2, _TOLERANCE * abs(x)
        if abs(x - middle) <= 2 * tolerance - (b - a) / 2:
            break
        step = _parabola(x, w, v, fx, fw, fv)
        inside = step is not None and a + tolerance < x + step < b - tolerance
        if step is None or not inside or abs(step) >= abs(before_last) / 2:
            before_last = (b if x < middle else a) - x
            step = _GOLDEN * before_last
        else:
            before_last = moved
        if abs(step) < tolerance:
            step = tolerance if step > 0 else -tolerance
        moved = step
        u = x + step
        fu = f(u)
        if fu <= fx:
            a, b = (x, b) if u > x else (a, x)
            v, w, x, fv, fw, fx = w, x, u, fw, fx, fu
        else:
            a, b = (a, u) if u > x else (u, b)
            if fu <= fw or w == x:
                v, w, fv, fw = w, u, fw, fu
            elif fu <= fv or v in (x, w):
                v, fv = u, fu
    return x


def _parabola(x: float, w: float, v: float, fx: float, fw: float, fv: float) -> float | None:
    """From x to the vertex of the parabola through three points, None if they lie on a line."""
    r, q = (x - w) * (fx - fv), (x - v) * (fx - fw)
    p, q = (x - v) * q - (x - w) * r, 2 * (q - r)
    return None if q == 0 else -p / q
