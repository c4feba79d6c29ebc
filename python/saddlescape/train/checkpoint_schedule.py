"""Schedules of the learning rate as plain data: name and arguments, and what they observed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any

from saddlescape import schedule
from saddlescape.optim.optimizer import LearningRate

__all__ = ["adopt", "describe", "function_in", "remake"]


def describe(rate: Any) -> Any:
    """Return a learning rate as plain data.

    A schedule of `saddlescape.schedule` is its name, its arguments, those that are schedules
    likewise, and its state if it has one. Of another function only the name can be kept.

    Examples
    --------
    >>> from saddlescape import schedule
    >>> describe(schedule.constant(0.1))
    {'schedule': 'constant', 'arguments': {'value': 0.1}}
    >>> describe(abs)
    {'function': 'builtins.abs'}
    """
    if isinstance(rate, tuple):
        return tuple(describe(each) for each in rate)
    if not callable(rate):
        return rate
    name = type(rate).__name__
    if not is_dataclass(rate) or getattr(schedule, name, None) is not type(rate):
        named = rate if hasattr(rate, "__qualname__") else type(rate)
        return {"function": f"{named.__module__}.{named.__qualname__}"}
    arguments = {f.name: describe(getattr(rate, f.name)) for f in fields(rate) if f.init}
    state = {"state": rate.state_dict()} if hasattr(rate, "state_dict") else {}
    return {"schedule": name, "arguments": arguments, **state}


def remake(description: Any) -> Any:
    """Return the learning rate that `describe` described; it holds no function of another's."""
    if isinstance(description, tuple):
        return tuple(remake(each) for each in description)
    if not isinstance(description, dict):
        return description
    arguments = {name: remake(value) for name, value in description["arguments"].items()}
    made: Callable[[int], float] = getattr(schedule, description["schedule"])(**arguments)
    if "state" in description:
        made.load_state_dict(description["state"])  # type: ignore[attr-defined]
    return made


def function_in(description: Any) -> str | None:
    """Return the name of a function that could not be kept, None if all could."""
    inside: Any = ()
    if isinstance(description, tuple):
        inside = description
    elif isinstance(description, dict):
        if "function" in description:
            return str(description["function"])
        inside = description["arguments"].values()
    return next((name for name in map(function_in, inside) if name is not None), None)


def adopt(rate: LearningRate, description: Any) -> None:
    """Give a learning rate that is made like the described one what that one had observed."""
    if _made_alike(describe(rate), description):
        _adopt(rate, description)


def _made_alike(one: Any, other: Any) -> bool:
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(_made_alike, one, other))
    if not isinstance(one, dict) or not isinstance(other, dict) or "function" in one:
        return bool(one == other)
    return one["schedule"] == other.get("schedule") and _made_alike(
        tuple(one["arguments"].values()), tuple(other["arguments"].values())
    )


def _adopt(rate: Any, description: Any) -> None:
    if isinstance(rate, tuple):
        for each, described in zip(rate, description, strict=True):
            _adopt(each, described)
    elif isinstance(description, dict) and "schedule" in description:
        for name, described in description["arguments"].items():
            _adopt(getattr(rate, name), described)
        if "state" in description:
            rate.load_state_dict(description["state"])
