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
    scalars: ClassVar[tuple[str, ...]] = ()  # what a state holds beside "step" and the rule's own
    param_groups: list[Group]
    state: dict[torch.Tensor, State]
    defaults: dict[str, Any]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "rule" in cls.__dict__ or "__init__" in cls.__dict__:
            # None: look at __init__, not at the base's.
            cls.__signature__ = None if "__init__" in cls.__dict__ else _signature(cls)

    __signature__: ClassVar[inspect.Signature | None]

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
        try:
            self._load(state, check_states=bool(before))
        except (KeyError, TypeError, ValueError) as error:
            # PyTorch would keep what it has of it by then.
            self.__dict__.update(before)
            self._forget()
            if isinstance(error, KeyError):
                text = f"state_dict: has no {error}, which {type(self).__name__} keeps"
                raise ValueError(f"{text}; load a state of that rule, or none") from error
            raise

    def _load(self, state: dict[str, Any], check_states: bool) -> None:
        super().__setstate__(state)  # type: ignore[misc]
        self._step_supports_amp_scaling = False
        self.__dict__.setdefault("check_finite", True)
        self._forget()
        for number, group in enumerate(self.param_groups):
            # PyTorch has put in by now what its older versions did not have.
            for key in ("lr", *self._defaults()) if check_states else ():
                if key in self.defaults and key not in group:
                    raise ValueError(_lacks(f"param_groups[{number}]", key, type(self).__name__))
            self._check(number)
            if check_states:
                self._check_states(number)

    def _check_states(self, number: int) -> None:
        """Refuse states of another rule or model; the step looks closer, but only then."""
        group = self.param_groups[number]
        name, _ = self._options(number, group)
        for i, p in enumerate(group["params"]):
            entry = self.state.get(p) or {}
            for key in _core.state_names(name) if entry else ():
                found = entry.get(key)
                place = f"state of {_place(number)}[{i}]"
                if key not in entry:
                    raise ValueError(_lacks(place, key, name))
                if isinstance(found, torch.Tensor) and found.shape != p.shape:
                    shapes = f"{tuple(found.shape)}, expected {tuple(p.shape)}"
                    raise ValueError(f"{place}[{key!r}]: shape {shapes}")

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
            number = len(self.param_groups) - 1
            self._check(number)
            _check.non_negative("lr", _plain("lr", self.param_groups[number]["lr"]))
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
                for key in self.scalars:
                    _check_scalar(entry, key, f"state of {_place(number)}[{len(entries)}]", name)
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
        lr = group.get("lr")
        if type(lr) is not float:
            lr = _plain("lr", lr)
        key = [lr, *map(group.get, self._defaults())]
        known = self._resolved.get(number)
        if known is None or known[0] != key:
            # Kept as numbers and tuples, so that a list changed in place differs from it.
            names = ("lr", *self._defaults())
            values = [_plain(name, value) for name, value in zip(names, key, strict=True)]
            known = (values, *self._resolve(group))
            self._resolved[number] = known
        return known[1], known[2]

    def _resolve(self, group: Group) -> tuple[str, _core.Options]:
        name, values = self.rule._resolve(self._arguments(group))
        options = _core.Options()
        # Negative too: LinearLR(optimizer, 0.3, 0.0, 3) ends at -2e-18.
        options.lr = _check.finite("lr", _plain("lr", group.get("lr")))
        for field, value in values.items():
            setattr(options, field, value)
        return name, options

    def _arguments(self, group: Group) -> dict[str, Any]:
        """Return the rule's arguments as numbers."""
        given = {name: group[name] for name in self._defaults() if name in group}
        return {name: _plain(name, value) for name, value in {**self._defaults(), **given}.items()}

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


def _plain(name: str, value: Any) -> Any:
    """Return a tensor's number, and a list or tuple as a tuple that nobody changes in place."""
    if isinstance(value, torch.Tensor):
        if value.numel() != 1:
            raise ValueError(f"{name}: shape {tuple(value.shape)}, expected one number")
        return value.item()
    if isinstance(value, list | tuple):
        return tuple(_plain(f"{name}[{i}]", item) for i, item in enumerate(value))
    return value


def _check_scalar(entry: State, key: str, place: str, rule: str) -> None:
    if key not in entry:
        raise ValueError(_lacks(place, key, rule))
    value = entry[key]
    if not isinstance(value, torch.Tensor):
        raise TypeError(f"{place}[{key!r}]: {type(value).__name__}, expected a tensor")
    if value.numel() != 1:
        raise ValueError(f"{place}[{key!r}]: shape {tuple(value.shape)}, expected one number")


def _lacks(place: str, key: str, rule: str) -> str:
    return f"{place}: has no {key!r}, which {rule} keeps; load a state of that rule, or none"


def _signature(cls: type) -> inspect.Signature:
    """Return PyTorch's arguments and ours, for whoever asks a class what it takes."""
    (other,) = (base for base in cls.__bases__ if not issubclass(base, Stepped))
    theirs = inspect.signature(other)
    ours = inspect.signature(Stepped.__init__).parameters["check_finite"]
    return theirs.replace(parameters=[*theirs.parameters.values(), ours], return_annotation=None)
