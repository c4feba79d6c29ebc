"""What all of them do in a step: collect, hand over to C++, keep PyTorch's books."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from saddlescape._core import optim as _core
from saddlescape.torch.groups import Group, State, place
from saddlescape.torch.states import Stateful, check_scalar

__all__ = ["Stepped"]


class Stepped(Stateful):
    """The step of a ``torch.optim.Optimizer``; stands before it among the bases."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # GradScaler then unscales, and skips the step, before it calls us.
        self._step_supports_amp_scaling = False

    def _forget(self) -> None:
        super()._forget()
        self._batch = _core.Batch()

    def _load(self, state: dict[str, Any], check_states: bool) -> None:
        super()._load(state, check_states)
        self._step_supports_amp_scaling = False

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
                    check_scalar(entry, key, f"state of {place(number)}[{len(entries)}]", name)
            entries.append(entry)
        return [(name, options, place(number), group["params"], grads, entries, None)]

    def _after(self) -> None:
        """Write what PyTorch keeps and the step does without."""
