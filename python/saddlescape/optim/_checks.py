"""What hyper-parameters may be. Each check names the argument, what came and what is allowed."""

from __future__ import annotations

import math
from numbers import Real

__all__ = ["finite", "flag", "fraction", "non_negative"]


def _number(name: str, value: object, allowed: str) -> float:
    # numpy's integers and floats register as Real; True is one too, and never meant.
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name}: {type(value).__name__}, expected {allowed}")
    return float(value)


def finite(name: str, value: object) -> float:
    """Return `value` as a float if it is finite."""
    number = _number(name, value, "a finite number")
    if not math.isfinite(number):
        raise ValueError(f"{name}: {value}, expected a finite number")
    return number


def non_negative(name: str, value: object, allowed: str = "a finite number >= 0") -> float:
    """Return `value` as a float if it is finite and at least 0."""
    number = _number(name, value, allowed)
    if not (math.isfinite(number) and number >= 0):
        raise ValueError(f"{name}: {value}, expected {allowed}")
    return number


def fraction(name: str, value: object) -> float:
    """Return `value` as a float if it lies in [0, 1)."""
    allowed = "a number >= 0 and < 1"
    number = _number(name, value, allowed)
    if not 0 <= number < 1:
        raise ValueError(f"{name}: {value}, expected {allowed}")
    return number


def flag(name: str, value: object) -> bool:
    """Return `value` if it is True or False."""
    if not isinstance(value, bool):
        raise TypeError(f"{name}: {type(value).__name__}, expected True or False")
    return value
