"""Parameter groups: arrays that share a learning rate and a rule's arguments."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from saddlescape import _check
from saddlescape._core import optim as _core

__all__ = ["Arranged", "Group", "LearningRate", "arrange", "flat_gradients"]

LearningRate = float | Callable[[int], float]

_LR_ALLOWED = "a finite number >= 0, or a function of the step that returns one"

Resolve = Callable[[Mapping[str, Any]], tuple[str, dict[str, float]]]


class Group:
    """The learning rate and the rule's arguments of some of an optimizer's parameters.

    Attributes
    ----------
    rule : str
        The name of the update rule.
    arguments : dict
        The rule's arguments other than `lr`.
    """

    def __init__(self, lr: LearningRate, arguments: Mapping[str, Any], resolve: Resolve) -> None:
        self.rule, self._values = resolve(arguments)
        self.arguments = dict(arguments)
        self.schedule, self._constant = learning_rate(lr)
        self._options = _core.Options()
        self._core: _core.Stepper | None = None

    def attach(self, core: _core.Stepper, number: int) -> None:
        """Write into the core's hyper-parameters from now on."""
        self._core = core
        self._options = core.options(number)
        self._options.lr = self._constant
        self.set(self.arguments, self._values)

    def set(self, arguments: Mapping[str, Any], values: Mapping[str, float]) -> None:
        """Take arguments that were resolved to these hyper-parameters."""
        self.arguments = dict(arguments)
        for name, value in values.items():
            setattr(self._options, name, value)

    def advance(self, step: int) -> None:
        """Set the learning rate of a step."""
        if self.schedule is not None:
            self._options.lr = scheduled(self.schedule, step)

    @property
    def lr(self) -> float:
        """The learning rate of the next step. Set it to a number or to a function of the step."""
        if self.schedule is not None:
            return scheduled(self.schedule, self._core.calls if self._core else 0)
        return self._options.lr

    @lr.setter
    def lr(self, lr: LearningRate) -> None:
        self.schedule, self._options.lr = learning_rate(lr)

    @property
    def constant(self) -> float | None:
        """The learning rate, None if it is a function."""
        return None if self.schedule is not None else self._options.lr

    def text(self) -> str:
        """Return the arguments as they are written in a call."""
        rate = self.schedule if self.schedule is not None else self.constant
        arguments = {"lr": rate, **self.arguments}
        return ", ".join(f"{name}={value!r}" for name, value in arguments.items())


def learning_rate(lr: object) -> tuple[Callable[[int], float] | None, float]:
    """Return a schedule or a constant."""
    if callable(lr):
        return lr, 0.0
    return None, _check.non_negative("lr", lr, _LR_ALLOWED)


def scheduled(schedule: Callable[[int], float], step: int) -> float:
    """Return a schedule's value, checked."""
    value = schedule(step)
    if type(value) is float and 0.0 <= value < math.inf:
        return value
    return _check.non_negative(f"lr({step})", value, "a finite number >= 0")


@dataclass(frozen=True)
class Arranged:
    """The groups' arrays one after the other, and what belongs to each group."""

    rows: list[tuple[LearningRate, Mapping[str, Any]]]  # of each group
    arrays: Any
    sizes: list[int] | None = None  # arrays of each group; None if there was no word of groups
    index: list[int] = field(default_factory=list)  # the group of each array
    labels: list[str] = field(default_factory=list)

    def groups(self, resolve: Resolve) -> list[Group]:
        """Check each group's arguments."""
        if self.sizes is None:
            return [Group(*self.rows[0], resolve)]
        groups = []
        for k, row in enumerate(self.rows):
            with inside(f"params[{k}]"):
                groups.append(Group(*row, resolve))
        return groups


@contextmanager
def inside(name: str) -> Iterator[None]:
    """Let errors say first where the argument that they name stands."""
    try:
        yield
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{name}: {error}") from None


def arrange(params: Any, lr: LearningRate, arguments: Mapping[str, Any]) -> Arranged:
    """Lay out an optimizer's `params`; `lr` and `arguments` hold where a group says nothing."""
    if not _is_grouped(params):
        return Arranged([(lr, arguments)], params)
    rows: list[tuple[LearningRate, Mapping[str, Any]]] = []
    arrays: list[Any] = []
    sizes: list[int] = []
    for k, group in enumerate(params):
        _check_group(f"params[{k}]", group, arguments)
        own = {key: group.get(key, value) for key, value in arguments.items()}
        rows.append((group.get("lr", lr), own))
        own_arrays = group["params"]
        own_arrays = list(own_arrays) if isinstance(own_arrays, list | tuple) else [own_arrays]
        arrays += own_arrays
        sizes.append(len(own_arrays))
    index = [k for k, size in enumerate(sizes) for _ in range(size)]
    labels = [f"[{k}][{i}]" for k, size in enumerate(sizes) for i in range(size)]
    return Arranged(rows, arrays, sizes, index, labels)


def _is_grouped(params: object) -> bool:
    return (
        isinstance(params, list | tuple)
        and len(params) > 0
        and all(isinstance(each, Mapping) for each in params)
    )


def _check_group(name: str, group: Mapping[str, Any], arguments: Mapping[str, Any]) -> None:
    if "params" not in group:
        raise ValueError(f"{name}: has no 'params', expected the group's arrays by that name")
    unknown = sorted(set(map(str, group)) - {"params", "lr", *arguments})
    if unknown:
        raise TypeError(
            f"{name}: {unknown[0]!r} is no argument of this rule, expected some of "
            f"{', '.join(['params', 'lr', *arguments])}"
        )


def flat_gradients(grads: Any, sizes: Sequence[int]) -> list[Any]:
    """Return the gradients of all groups in one list."""
    if not isinstance(grads, list | tuple):
        raise TypeError(f"grads: {type(grads).__name__}, expected a list with an entry per group")
    if len(grads) != len(sizes):
        raise ValueError(f"grads: {len(grads)} entries, expected {len(sizes)}, one for each group")
    flat: list[Any] = []
    for k, (group, size) in enumerate(zip(grads, sizes, strict=True)):
        own = list(group) if isinstance(group, list | tuple) else [group]
        if len(own) != size:
            raise ValueError(
                f"grads[{k}]: {len(own)} arrays, expected {size}, one for each of the group"
            )
        flat += own
    return flat
