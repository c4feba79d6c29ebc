"""Checks of plain arguments: each names the argument, what came and what is allowed.

``TypeError``: not such a thing at all. ``ValueError``: one that is not allowed. NumPy's numbers are
numbers too; True and False are not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral, Real

__all__ = [
    "choice",
    "extended",
    "finite",
    "flag",
    "fraction",
    "integer",
    "non_negative",
    "optional_function",
    "positive",
    "real",
]


def real(name: str, value: object, allowed: str) -> float:
    """Return `value` as a finite float; `allowed` says in the error what is expected."""
    number = _number(name, value, allowed)
    if not math.isfinite(number):
        raise ValueError(f"{name}: {number}, expected {allowed}")
    return number


def extended(name: str, value: object) -> float:
    """Return `value` as a float that may be infinite, but not NaN."""
    allowed = "a real number, finite or infinite"
    number = _number(name, value, allowed)
    if math.isnan(number):
        raise ValueError(f"{name}: NaN, expected {allowed}")
    return number


def finite(name: str, value: object) -> float:
    """Return `value` as a float if it is finite."""
    return real(name, value, "a finite number")


def non_negative(name: str, value: object, allowed: str = "a finite number >= 0") -> float:
    """Return `value` as a float if it is finite and at least 0."""
    number = real(name, value, allowed)
    if number < 0:
        raise ValueError(f"{name}: {value}, expected {allowed}")
    return number


def positive(name: str, value: object, allowed: str = "a finite number > 0") -> float:
    """Return `value` as a float if it is finite and above 0."""
    number = real(name, value, allowed)
    if number <= 0:
        raise ValueError(f"{name}: {value}, expected {allowed}")
    return number


def fraction(name: str, value: object) -> float:
    """Return `value` as a float if it lies in [0, 1)."""
    allowed = "a number >= 0 and < 1"
    number = _number(name, value, allowed)
    if not 0 <= number < 1:
        raise ValueError(f"{name}: {value}, expected {allowed}")
    return number


def integer(name: str, value: object, low: int) -> int:
    """Return `value` as an int of at least `low` that fits into 64 bits."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name}: {type(value).__name__}, expected an integer of at least {low}")
    number = int(value)
    if number < low:
        raise ValueError(f"{name}: {number}, expected an integer of at least {low}")
    if number >= 2**63:
        raise ValueError(f"{name}: {number}, expected below 2**63")
    return number


def flag(name: str, value: object) -> bool:
    """Return `value` if it is True or False."""
    if not isinstance(value, bool):
        raise TypeError(f"{name}: {type(value).__name__}, expected True or False")
    return value


def choice(name: str, value: object, allowed: Sequence[str]) -> str:
    """Return `value` if it is one of `allowed`."""
    if not isinstance(value, str):
        raise TypeError(f"{name}: {type(value).__name__}, expected one of {', '.join(allowed)}")
    if value not in allowed:
        raise ValueError(f"{name}: {value!r}, expected one of {', '.join(allowed)}")
    return value


def optional_function(name: str, value: object, allowed: str = "a function or None") -> None:
    """Refuse what is neither None nor can be called."""
    if value is not None and not callable(value):
        raise TypeError(f"{name}: {type(value).__name__}, expected {allowed}")


def _number(name: str, value: object, allowed: str) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name}: {type(value).__name__}, expected {allowed}")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{name}: beyond float64, expected {allowed}") from None
