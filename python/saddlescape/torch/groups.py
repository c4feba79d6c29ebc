"""Parameter groups: what they hold is checked when it comes, and kept as the core's numbers."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar

import torch

from saddlescape import _check
from saddlescape._core import optim as _core
from saddlescape.optim import Optimizer
from saddlescape.torch.devices import check_parameter

__all__ = ["Group", "Grouped", "State", "place"]

Group = dict[str, Any]
State = dict[str, Any]

# PyTorch's switches that this step can't honour; `foreach` and `fused` only choose its own.
_REFUSED = {
    "capturable": "capture() makes steps for CUDA graphs",
    "differentiable": "a step in place can't be differentiated",
}


class Grouped:
    """The groups of a ``torch.optim.Optimizer``; stands before it among the bases.

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

    def _forget(self) -> None:
        self._resolved: dict[int, tuple[Any, str, _core.Options]] = {}

    def add_param_group(self, param_group: Group) -> None:
        """Add a group, as in PyTorch; parameters and arguments are checked here.

        Parameters
        ----------
        param_group : dict
            ``params`` and the arguments that differ from the defaults.

        Raises
        ------
        TypeError, ValueError
            If a parameter is no dense contiguous tensor on the CPU or a CUDA device, of float32,
            float64, bfloat16 or float16, or an argument is not one that the rule takes. Nothing is
            added then.
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
            self._check_parameter(p, f"{place(number)}[{i}]")

    def _check_parameter(self, p: torch.Tensor, where: str) -> None:
        check_parameter(p, where)

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


def place(number: int) -> str:
    """Return what stands for the parameters of a group in errors."""
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


def _signature(cls: type) -> inspect.Signature:
    """Return PyTorch's arguments and ours, for whoever asks a class what it takes."""
    (other,) = (base for base in cls.__bases__ if not issubclass(base, Grouped))
    theirs = inspect.signature(other)
    ours = inspect.signature(Grouped.__init__).parameters["check_finite"]
    return theirs.replace(parameters=[*theirs.parameters.values(), ours], return_annotation=None)
