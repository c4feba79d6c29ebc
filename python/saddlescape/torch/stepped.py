"""What all of them do in a step: collect, hand over to C++, keep PyTorch's books."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

import torch

from saddlescape import _check
from saddlescape._core import optim as _core
from saddlescape.optim import Optimizer

__all__ = ["Group", "State", "Stepped", "count"]

Group = dict[str, Any]
State = dict[str, Any]

# PyTorch's switches that this step can't honour; `foreach` and `fused` only choose its own.
_REFUSED = {
    "capturable": "it is for CUDA graphs",
    "differentiable": "a step in place can't be differentiated",
}


def count() -> torch.Tensor:
    """Return a count of steps as PyTorch begins it."""
    double = torch.get_default_dtype() == torch.float64
    return torch.zeros((), dtype=torch.float64 if double else torch.float32)


class Stepped:
    """The step of a ``torch.optim.Optimizer``; stands before it among the bases.

    Parameters
    ----------
    *args, **kwargs
        Those of the other base.
    check_finite : bool, default True
        Refuse gradients that hold NaN or infinite numbers, where PyTorch would spread them. It
        costs a pass over them.
    """

    rule: ClassVar[type[Optimizer]]  # whose arguments the groups hold
    param_groups: list[Group]
    state: dict[torch.Tensor, State]

    def __init__(self, *args: Any, check_finite: bool = True, **kwargs: Any) -> None:
        self.check_finite = _check.flag("check_finite", check_finite)
        self._forget()
        super().__init__(*args, **kwargs)
        # GradScaler then unscales, and skips the step, before it calls us.
        self._step_supports_amp_scaling = False

    def _forget(self) -> None:
        self._batch = _core.Batch()
        self._resolved: dict[int, tuple[Any, str, _core.Options]] = {}

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()  # type: ignore[assignment]
        return {**state, "check_finite": self.check_finite}

    def __setstate__(self, state: dict[str, Any]) -> None:
        before = {key: self.__dict__[key] for key in state if key in self.__dict__}
        super().__setstate__(state)  # type: ignore[misc]
        self._step_supports_amp_scaling = False
        self.__dict__.setdefault("check_finite", True)
        self._forget()
        try:
            for number in range(len(self.param_groups)):
                self._check(number)
        except (TypeError, ValueError):
            self.__dict__.update(before)
            self._forget()
            raise

    def add_param_group(self, param_group: Group) -> None:
        """Add a group, as in PyTorch; parameters and arguments are checked here.

        Parameters
        ----------
        param_group : dict
            ``params`` and the arguments that differ from the defaults.

        Raises
        ------
        TypeError, ValueError
            If a parameter is no dense contiguous float32 or float64 tensor on the CPU, or an
            argument is not one that the rule takes. Nothing is added then.
        """
        super().add_param_group(param_group)  # type: ignore[misc]
        try:
            self._check(len(self.param_groups) - 1)
        except (TypeError, ValueError):
            self.param_groups.pop()
            raise

    def _check(self, number: int) -> None:
        group = self.param_groups[number]
        for name, reason in _REFUSED.items():
            if group.get(name):
                raise ValueError(f"{name}: {group[name]}, expected False: {reason}")
        self._options(number, group)
        for i, p in enumerate(group["params"]):
            _core.check_parameter(p, f"{_place(number)}[{i}]")

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update all parameters that have a gradient, or none.

        Parameters
        ----------
        closure : callable, optional
            Computes the loss and the gradients anew.

        Returns
        -------
        The closure's value, or None.

        Raises
        ------
        TypeError, ValueError
            If a parameter, gradient or state is not one that can be updated in place; it is named.
            All of them are then bit for bit what they were.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        parts: list[_core.Part] = []
        fresh: list[tuple[torch.Tensor, State]] = []
        for number, group in enumerate(self.param_groups):
            grads = [p.grad for p in group["params"]]
            parts += self._parts(number, group, grads, fresh)
        self._batch.step(parts, self.check_finite)
        for p, entry in fresh:
            self.state[p].update(entry)
        self._after()
        # Autograd then refuses a backward pass through values that are gone. One by one: a list
        # is too much for older versions.
        changed = torch.autograd.graph.increment_version
        for _, _, _, params, grads, _, _ in parts:
            for p, g in zip(params, grads, strict=True):
                if g is not None:
                    changed(p)
        return loss

    def _parts(
        self, number: int, group: Group, grads: list[Any], fresh: list[tuple[torch.Tensor, State]]
    ) -> list[_core.Part]:
        """Return what the core needs; states that the step begins are added to `fresh`."""
        name, options = self._options(number, group)
        entries: list[State | None] = []
        for p, g in zip(group["params"], grads, strict=True):
            entry = None
            if g is not None:
                entry = self.state.get(p)
                if not entry:
                    entry = self._begin(p, group, name)
                    fresh.append((p, entry))
            entries.append(entry)
        return [(name, options, _place(number), group["params"], grads, entries, None)]

    def _begin(self, p: torch.Tensor, group: Group, name: str) -> State:  # noqa: ARG002
        """Return a parameter's state before its first step, as PyTorch has it."""
        states = {key: torch.zeros_like(p) for key in _core.state_names(name)}
        return {"step": count(), **states}

    def _after(self) -> None:
        """Write what PyTorch keeps and the step does without."""

    def _options(self, number: int, group: Group) -> tuple[str, _core.Options]:
        """Return the rule and hyper-parameters of a group; made anew only when they changed."""
        key = [float(group["lr"]), *map(group.get, self._defaults())]
        known = self._resolved.get(number)
        if known is None or known[0] != key:
            known = (key, *self._resolve(group))
            self._resolved[number] = known
        return known[1], known[2]

    def _resolve(self, group: Group) -> tuple[str, _core.Options]:
        defaults = self._defaults()
        given = {name: group[name] for name in defaults if name in group}
        name, values = self.rule._resolve({**defaults, **given})
        options = _core.Options()
        options.lr = _check.non_negative("lr", float(group["lr"]))
        for field, value in values.items():
            setattr(options, field, value)
        return name, options

    @classmethod
    def _defaults(cls) -> dict[str, Any]:
        """Return the rule's arguments, for groups that lack some: those of an older PyTorch."""
        if "_own_defaults" not in cls.__dict__:
            parameters = inspect.signature(cls.rule).parameters.values()
            cls._own_defaults = {
                p.name: p.default
                for p in parameters
                if p.name not in ("params", "lr") and p.kind is not p.VAR_KEYWORD
            }
        return cls._own_defaults

    _own_defaults: ClassVar[dict[str, Any]]


def _place(number: int) -> str:
    return f"param_groups[{number}]['params']"
