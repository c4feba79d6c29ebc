"""An optimizer's state as a dictionary, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from saddlescape import _check
from saddlescape._core import optim as _core
from saddlescape.optim.groups import Group, Resolve, inside

__all__ = ["kept", "load", "reciprocal", "state_dict"]


def reciprocal(name: str, value: object) -> float:
    """Return 1 / value, for a finite value > 0."""
    return 1.0 / _check.positive(name, value)


def kept(core: _core.Stepper, name: str) -> Any:
    """Return what is kept beside each array by this name, in the form of `params`, or None."""
    if name not in core.buffer_names:
        return None
    arrays: list[Any] = core.buffers[core.buffer_names.index(name)]
    views = [a[...] if isinstance(a, np.ndarray) else a for a in arrays]  # nobody resizes a view
    return views if isinstance(core.params, list) else views[0]


def state_dict(core: _core.Stepper, groups: Sequence[Group], grouped: bool) -> dict[str, Any]:
    """See `Optimizer.state_dict`."""
    heads = [
        {"rule": group.rule, "arguments": {"lr": group.constant, **group.arguments}}
        for group in groups
    ]
    carried = {"carried": np.array(core.carried)} if core.carries else {}
    return {
        **({"groups": heads} if grouped else heads[0]),
        "step": core.calls,
        "steps": np.array(core.steps, dtype=np.int64),
        **carried,
        "state": {
            name: [array.copy() for array in arrays]
            for name, arrays in zip(core.buffer_names, core.buffers, strict=True)
        },
    }


def load(
    core: _core.Stepper,
    groups: Sequence[Group],
    grouped: bool,
    resolve: Resolve,
    given: Mapping[str, Any],
    as_left: bool = False,
) -> None:
    """See `Optimizer.load_state_dict`.

    as_left : the numbers are surely those of a run, and taken whatever they are.
    """
    head = ("groups",) if grouped else ("rule", "arguments")
    carried = ("carried",) if core.carries else ()
    _same_names("state_dict", given, (*head, "step", "steps", *carried, "state"))
    checked = _heads(groups, grouped, resolve, given)
    _same_names("state", given["state"], core.buffer_names)
    steps = [_count(f"steps[{i}]", n) for i, n in enumerate(_row("steps", given))]
    own = _carried(given["carried"]) if core.carries else [[0.0, 0.0] for _ in steps]
    core.load(dict(given["state"]), steps, own, _count("step", given["step"]), as_left)
    for group, (lr, arguments, values) in zip(groups, checked, strict=True):
        group.set(arguments, values)
        if lr is not None and group.schedule is None:
            group.lr = lr


def _row(name: str, given: Mapping[str, Any]) -> Sequence[Any]:
    row = given[name]
    if isinstance(row, np.ndarray):
        row = row.tolist()
    if not isinstance(row, list | tuple):
        raise TypeError(f"{name}: {type(row).__name__}, expected a number for each array")
    return row


def _heads(
    groups: Sequence[Group], grouped: bool, resolve: Resolve, given: Mapping[str, Any]
) -> list[tuple[float | None, dict[str, Any], dict[str, float]]]:
    if not grouped:
        return [_checked(groups[0], given, resolve)]
    heads = given["groups"]
    if not isinstance(heads, list | tuple):
        raise TypeError(f"groups: {type(heads).__name__}, expected a list")
    if len(heads) != len(groups):
        raise ValueError(f"groups: {len(heads)}, expected {len(groups)}")
    checked = []
    for k, (group, head) in enumerate(zip(groups, heads, strict=True)):
        _same_names(f"groups[{k}]", head, ("rule", "arguments"))
        with inside(f"groups[{k}]"):
            checked.append(_checked(group, head, resolve))
    return checked


def _checked(
    group: Group, given: Mapping[str, Any], resolve: Resolve
) -> tuple[float | None, dict[str, Any], dict[str, float]]:
    if given["rule"] != group.rule:
        raise ValueError(f"rule: {given['rule']!r}, expected {group.rule!r}")
    _same_names("arguments", given["arguments"], ("lr", *group.arguments))
    arguments = dict(given["arguments"])
    lr = arguments.pop("lr")
    if lr is not None:
        lr = _check.non_negative("lr", lr)
    rule, values = resolve(arguments)
    if rule != group.rule:
        raise ValueError(f"arguments: those of {rule!r}, expected those of {group.rule!r}")
    return lr, arguments, values


def _carried(given: Any) -> list[list[float]]:
    numbers = np.asarray(given)
    if numbers.ndim != 2 or numbers.shape[1] != 2 or numbers.dtype.kind != "f":
        raise ValueError(
            f"carried: shape {numbers.shape} of {numbers.dtype}, expected two float64 numbers for "
            "each of params"
        )
    for (i, k), number in np.ndenumerate(numbers):
        _check.non_negative(f"carried[{i}][{k}]", float(number))
    return [[float(a), float(b)] for a, b in numbers]


def _same_names(name: str, given: object, expected: Sequence[str]) -> None:
    if not isinstance(given, Mapping):
        raise TypeError(f"{name}: {type(given).__name__}, expected a mapping")
    if set(given) != set(expected):
        raise ValueError(f"{name}: names {sorted(map(str, given))}, expected {sorted(expected)}")


def _count(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name}: {type(value).__name__}, expected an integer >= 0")
    if value < 0:
        raise ValueError(f"{name}: {value}, expected an integer >= 0")
    return int(value)
