"""What every schedule does with its arguments: check them, store them, ask the schedule inside."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from numbers import Real
from typing import Any

from saddlescape import _check

__all__ = [
    "Rate",
    "below",
    "increasing",
    "measurement",
    "number_of",
    "rate",
    "rate_at",
    "same_names",
    "store",
]

Rate = float | Callable[[int], float]

_MOST = 2**63
_RATE = "a finite number >= 0, or a function of the step that returns one"


def store(schedule: object, /, **values: Any) -> None:
    """Put checked values into an immutable schedule."""
    for name, value in values.items():
        object.__setattr__(schedule, name, value)


def number_of(step: object) -> int:
    """Return the step's number if it is one: an integer from 0 on."""
    if type(step) is int and 0 <= step < _MOST:  # without a call: this runs in every step
        return step
    return _check.integer("step", step, low=0)


def below(name: str, value: object, low: int, limit: str, bound: int) -> int:
    """Return `value` as an int of at least `low` and below `bound`, the argument `limit`."""
    number = _check.integer(name, value, low)
    if number >= bound:
        raise ValueError(f"{name}: {number}, expected below {limit}={bound}")
    return number


def increasing(name: str, value: object) -> tuple[int, ...]:
    """Return `value` as a tuple of steps if each is after the one before, the first after 0."""
    allowed = "increasing integers of at least 1"
    if not isinstance(value, tuple | list):
        raise TypeError(f"{name}: {type(value).__name__}, expected {allowed}")
    steps = tuple(_check.integer(f"{name}[{i}]", step, low=1) for i, step in enumerate(value))
    for i, (before, after) in enumerate(pairwise(steps)):
        if after <= before:
            raise ValueError(f"{name}[{i + 1}]: {after} after {before}, expected {allowed}")
    return steps


def measurement(name: str, value: object) -> float:
    """Return `value` as a float; NaN and infinity are measurements too, of a run that diverged."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name}: {type(value).__name__}, expected a number")
    return float(value)


def rate(name: str, value: object) -> Rate:
    """Return `value` if it is a learning rate: a number >= 0 or a function of the step."""
    return value if callable(value) else _check.non_negative(name, value, _RATE)


def rate_at(name: str, schedule: Rate, step: int) -> float:
    """Return what a learning rate is at a step; what a function returned is checked."""
    if callable(schedule):
        value = schedule(step)
        if type(value) is float and 0.0 <= value < math.inf:
            return value
        return _check.non_negative(f"{name}({step})", value)
    return schedule


def same_names(name: str, given: object, expected: Sequence[str]) -> Mapping[str, Any]:
    """Return `given` if it is a mapping of just these names."""
    if not isinstance(given, Mapping):
        raise TypeError(f"{name}: {type(given).__name__}, expected a mapping")
    if set(given) != set(expected):
        raise ValueError(f"{name}: names {sorted(map(str, given))}, expected {sorted(expected)}")
    return given
