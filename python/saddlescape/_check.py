"""Checks of plain arguments: one message form for the whole library."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

__all__ = ["choice", "flag", "integer", "number"]


def _fail(name: str, value: Any, expected: str) -> ValueError:
    return ValueError(f"{name}: {value!r}, expected {expected}")


def number(
    name: str,
    value: Any,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    open_low: bool = False,
    open_high: bool = False,
) -> float:
    """Return `value` as a float, or raise naming `name` and the interval that is allowed."""
    left, right = ("more than" if open_low else "at least"), ("below" if open_high else "at most")
    parts = [f"{left} {low:g}"] if low > -math.inf else []
    parts += [f"{right} {high:g}"] if high < math.inf else []
    expected = (
        " and ".join(["a finite number", *parts])
        if not parts
        else "a number " + " and ".join(parts)
    )
    if isinstance(value, (bool, str)) or not hasattr(value, "__float__"):
        raise TypeError(f"{name}: {type(value).__name__}, expected {expected}")
    result = float(value)
    inside = (low < result if open_low else low <= result) and (
        result < high if open_high else result <= high
    )
    if not (math.isfinite(result) and inside):
        raise _fail(name, result, expected)
    return result


def integer(name: str, value: Any, *, low: int) -> int:
    """Return `value` as an int of at least `low`, or raise naming `name`."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name}: {type(value).__name__}, expected an integer of at least {low}")
    result = int(value.__index__())
    if result < low:
        raise _fail(name, result, f"an integer of at least {low}")
    return result


def flag(name: str, value: Any) -> bool:
    """Return `value` if it is True or False, or raise naming `name`."""
    if not isinstance(value, bool):
        raise TypeError(f"{name}: {type(value).__name__}, expected True or False")
    return value


def choice(name: str, value: Any, allowed: Sequence[str]) -> str:
    """Return `value` if it is one of `allowed`, or raise naming `name` and all of them."""
    if not isinstance(value, str):
        raise TypeError(f"{name}: {type(value).__name__}, expected one of {', '.join(allowed)}")
    if value not in allowed:
        raise _fail(name, value, f"one of {', '.join(allowed)}")
    return value
