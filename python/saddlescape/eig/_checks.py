"""Checks of numbers that come as arguments."""

from __future__ import annotations

import math
import numbers

__all__ = ["integer", "real"]


def integer(name: str, value: object, least: int) -> int:
    """Return `value` as an int of at least `least` that fits into 64 bits."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name}: {type(value).__name__}, expected an integer of at least {least}")
    number = int(value)
    if not least <= number < 2**63:
        allowed = f"at least {least}" if number < least else "below 2**63"
        raise ValueError(f"{name}: {number}, expected {allowed}")
    return number


def real(name: str, value: object, allowed: str) -> float:
    """Return `value` as a finite float; `allowed` says in the error what is expected."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name}: {type(value).__name__}, expected {allowed}")
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{name}: {number}, expected {allowed}")
    return number
