"""What every optimizer does besides its formula: the step, the learning rate, the state."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from saddlescape import _check
from saddlescape._core import optim as _core

__all__ = ["Array", "LearningRate", "Optimizer"]


class _SpeaksDLPack(Protocol):
    """PyTorch's tensors, and those of all libraries that speak DLPack."""

    def __dlpack__(self, *args: Any, **kwargs: Any) -> Any: ...


class _SpeaksNumPy(Protocol):
    @property
    def __array_interface__(self) -> dict[str, Any]: ...


Array = npt.NDArray[np.floating[Any]] | _SpeaksDLPack | _SpeaksNumPy
LearningRate = float | Callable[[int], float]

_LR_ALLOWED = "a finite number >= 0, or a function of the step that returns one"
_KEYS = ("rule", "arguments", "step", "steps", "state")


class Optimizer(abc.ABC):
    """An update rule at work on a list of arrays, in place.

    A rule's class names its arguments and checks them; the formula itself stands in C++.

    Parameters
    ----------
    params : array or list or tuple of arrays
        What is optimized: C-contiguous writable float32 or float64 arrays of any shape, all of one
        dtype, finite, no two sharing memory. They are updated in place, never in a copy: NumPy
        arrays, PyTorch tensors on the CPU, and whatever speaks ``__array_interface__`` or DLPack
        1.0. Where an array belongs to a library that watches changes (autograd), it is not told.
    lr : float or callable
        Learning rate >= 0, or a function that gives it for a step; the first step is number 0.
    arguments : mapping
        The rule's other arguments, as its constructor names them.
    fill : float
        What the states start with.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as said above; it is named.
    """

    def __init__(
        self,
        params: Array | Sequence[Array],
        lr: LearningRate,
        arguments: Mapping[str, Any],
        fill: float = 0.0,
    ) -> None:
        rule, values = self._resolve(arguments)
        schedule, constant = self._learning_rate(lr)
        self._rule = rule
        self._arguments = dict(arguments)
        self._schedule = schedule
        self._core = _core.Stepper(rule, params, fill)
        self._options = self._core.options
        self._options.lr = constant
        self._set(values)

    @staticmethod
    @abc.abstractmethod
    def _resolve(arguments: Mapping[str, Any]) -> tuple[str, dict[str, float]]:
        """Check the rule's arguments and return its name and hyper-parameters for the core."""

    @staticmethod
    def _learning_rate(lr: object) -> tuple[Callable[[int], float] | None, float]:
        if callable(lr):
            return lr, 0.0
        return None, _check.non_negative("lr", lr, _LR_ALLOWED)

    def _set(self, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            setattr(self._options, name, value)

    def step(self, grads: Array | Sequence[Array | None], *, check_finite: bool = True) -> None:
        """Update the parameters from their gradients, all of them or none.

        Parameters
        ----------
        grads : array or list or tuple of (array or None)
            One array if `params` was one, else one for each, of any of those libraries: the same
            shape and dtype, C-contiguous, sharing no memory with a parameter. None leaves a
            parameter, its state and its own count of steps as they are.
        check_finite : bool
            Refuse gradients that hold NaN or infinite numbers. It costs a pass over them.

        Raises
        ------
        TypeError, ValueError
            If a gradient is not as said above. Parameters and states are then untouched.
        RuntimeError
            If this optimizer is in a step on another thread.
        """
        if self._schedule is not None:
            self._options.lr = _scheduled(self._schedule, self._core.calls)
        self._core.step(grads, check_finite)

    @property
    def params(self) -> Any:
        """The parameters: the array, or a list of the arrays, that the optimizer was made with."""
        return self._core.params

    @property
    def rule(self) -> str:
        """The name of the update rule: one of `names`."""
        return self._rule

    @property
    def arguments(self) -> dict[str, Any]:
        """The rule's arguments other than `lr`, by the names of its constructor."""
        return dict(self._arguments)

    @property
    def steps(self) -> int:
        """How many steps were taken."""
        return self._core.calls

    @property
    def lr(self) -> float:
        """The learning rate of the next step. Set it to a number or to a function of the step."""
        if self._schedule is not None:
            return _scheduled(self._schedule, self._core.calls)
        return self._options.lr

    @lr.setter
    def lr(self, lr: LearningRate) -> None:
        self._schedule, self._options.lr = self._learning_rate(lr)

    def __repr__(self) -> str:
        rate = self._schedule if self._schedule is not None else self._options.lr
        arguments = {"lr": rate, **self._arguments}
        text = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
        return f"{type(self).__name__}({text})"

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of all that a later run needs to continue bit for bit.

        Returns
        -------
        dict
            ``rule``: its name. ``arguments``: the hyper-parameters; ``lr`` is None if it is a
            function. ``step``: steps taken. ``steps``: int64 array, the steps that each parameter
            took part in. ``state``: for each of the rule's states a list with an array for each
            parameter.
        """
        lr = None if self._schedule is not None else self._options.lr
        names = self._core.state_names
        return {
            "rule": self._rule,
            "arguments": {"lr": lr, **self._arguments},
            "step": self._core.calls,
            "steps": np.array(self._core.steps, dtype=np.int64),
            "state": {
                name: [array.copy() for array in arrays]
                for name, arrays in zip(names, self._core.states, strict=True)
            },
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned: take all of it, or raise and take nothing.

        A learning rate that is a function is no state: where it is one, here or there, this
        optimizer keeps its own.

        Parameters
        ----------
        state_dict : mapping
            From an optimizer of the same rule over parameters of the same shapes and dtype.

        Raises
        ------
        TypeError, ValueError
            If a name, shape, dtype or value does not fit; it is named.
        """
        _same_names("state_dict", state_dict, _KEYS)
        if state_dict["rule"] != self._rule:
            raise ValueError(f"rule: {state_dict['rule']!r}, expected {self._rule!r}")
        _same_names("arguments", state_dict["arguments"], ("lr", *self._arguments))
        arguments = dict(state_dict["arguments"])
        lr = arguments.pop("lr")
        if lr is not None:
            lr = _check.non_negative("lr", lr)
        rule, values = self._resolve(arguments)
        if rule != self._rule:
            raise ValueError(f"arguments: those of {rule!r}, expected those of {self._rule!r}")
        _same_names("state", state_dict["state"], self._core.state_names)
        steps = [_count(f"steps[{i}]", n) for i, n in enumerate(state_dict["steps"])]
        self._core.load(dict(state_dict["state"]), steps, _count("step", state_dict["step"]))
        self._set(values)
        self._arguments = arguments
        if lr is not None and self._schedule is None:
            self._options.lr = lr


def _scheduled(schedule: Callable[[int], float], step: int) -> float:
    return _check.non_negative(f"lr({step})", schedule(step), "a finite number >= 0")


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
