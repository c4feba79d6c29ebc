"""The states of the parameters: begun as PyTorch begins them, taken from elsewhere whole or not."""

from __future__ import annotations

from typing import Any, ClassVar

import torch

from saddlescape._core import optim as _core
from saddlescape.torch.groups import Group, Grouped, State, place

__all__ = ["Stateful", "count", "lacks"]


def count() -> torch.Tensor:
    """Return a count of steps as PyTorch begins it."""
    double = torch.get_default_dtype() == torch.float64
    return torch.zeros((), dtype=torch.float64 if double else torch.float32)


class Stateful(Grouped):
    """The states of a ``torch.optim.Optimizer``; stands before it among the bases."""

    scalars: ClassVar[tuple[str, ...]] = ()  # what a state holds beside "step" and the rule's own
    carried: ClassVar[tuple[str, ...]] = ()  # those of them that the core reads and changes
    counts: ClassVar[bool] = False  # "step" is no tensor, or there is none

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
        self.__dict__.setdefault("check_finite", True)
        self._forget()
        for number, group in enumerate(self.param_groups):
            # PyTorch has put in by now what its older versions did not have.
            for key in ("lr", *self._defaults()) if check_states else ():
                if key in self.defaults and key not in group:
                    raise ValueError(lacks(f"param_groups[{number}]", key, type(self).__name__))
            self._check(number)
            if check_states:
                self._check_states(number)

    def _check_states(self, number: int) -> None:
        """Refuse states of another rule or model; the step looks closer, but only then."""
        group = self.param_groups[number]
        name, _ = self._options(number, group)
        for i, p in enumerate(group["params"]):
            entry = self.state.get(p) or {}
            for key, shape in self._shapes(p, name).items() if entry else ():
                found = entry.get(key)
                where = f"state of {place(number)}[{i}]"
                if key not in entry:
                    raise ValueError(lacks(where, key, name))
                if isinstance(found, torch.Tensor) and tuple(found.shape) != shape:
                    shapes = f"{tuple(found.shape)}, expected {shape}"
                    raise ValueError(f"{where}[{key!r}]: shape {shapes}")

    def _shapes(self, p: torch.Tensor, name: str) -> dict[str, tuple[int, ...]]:
        """Return the states of a parameter: their names and shapes."""
        return dict.fromkeys(_core.state_names(name), tuple(p.shape))

    def _begin(self, p: torch.Tensor, group: Group, name: str) -> State:  # noqa: ARG002
        """Return a parameter's state before its first step, as PyTorch has it."""
        states = {key: p.new_zeros(shape) for key, shape in self._shapes(p, name).items()}
        return {"step": count(), **states}

    def _check_number(self, entry: State, key: str, where: str, rule: str) -> None:
        """Refuse a state that does not hold one number by this name."""
        if key not in entry:
            raise ValueError(lacks(where, key, rule))
        value = entry[key]
        if not isinstance(value, torch.Tensor):
            raise TypeError(f"{where}[{key!r}]: {type(value).__name__}, expected a tensor")
        if value.numel() != 1:
            raise ValueError(f"{where}[{key!r}]: shape {tuple(value.shape)}, expected one number")

    def _carried(self, entry: State | None) -> list[float]:
        """Return what the core carries for a parameter: two numbers."""
        return [*((entry or {}).get(key, 0.0) for key in self.carried), 0.0, 0.0][:2]

    def _keep(self, entry: State, numbers: list[float]) -> None:
        """Write what the core carries for a parameter."""
        for key, number in zip(self.carried, numbers, strict=False):
            entry[key] = number


def lacks(where: str, key: str, rule: str) -> str:
    """Return the words for a state or group that is not that rule's."""
    return f"{where}: has no {key!r}, which {rule} keeps; load a state of that rule, or none"
