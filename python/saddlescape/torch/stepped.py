"""What all of them do in a step: collect, hand over to C++, keep PyTorch's books."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from saddlescape._core import optim as _core
from saddlescape.torch.captured import CapturedStep
from saddlescape.torch.devices import Batches
from saddlescape.torch.groups import Group, State, place
from saddlescape.torch.states import Stateful

__all__ = ["Stepped"]


class Stepped(Stateful):
    """The step of a ``torch.optim.Optimizer``; stands before it among the bases."""

    grad_scale: torch.Tensor | None
    found_inf: torch.Tensor | None

    @property
    def _step_supports_amp_scaling(self) -> bool:
        """Whether GradScaler sets `grad_scale` and `found_inf` and calls us, to unscale on the way.

        Else it unscales the gradients and leaves the step out itself, which it refuses to do for
        float16. With ``fused=True`` as in PyTorch, whose step writes unscaled gradients back; here
        they stay as they are.
        """
        return any(
            group.get("fused") or any(p.dtype == torch.float16 for p in group["params"])
            for group in self.param_groups
        )

    @_step_supports_amp_scaling.setter
    def _step_supports_amp_scaling(self, value: bool) -> None:
        """PyTorch sets it with ``fused=True``, which the groups say."""

    def _forget(self) -> None:
        super()._forget()
        self._batch = Batches()

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
        found_inf = getattr(self, "found_inf", None)
        if found_inf is not None and float(found_inf) != 0:
            return loss
        parts: list[_core.Part] = []
        fresh: list[tuple[torch.Tensor, State]] = []
        for number, group in enumerate(self.param_groups):
            grads = [p.grad for p in group["params"]]
            parts += self._parts(number, group, grads, fresh)
        self._batch.step(parts, self.check_finite, self._unscale())
        for *_, entries, _, carried in parts:
            for entry, numbers in zip(entries, carried or (), strict=False):
                if entry is not None:
                    self._keep(entry, numbers)
        for p, entry in fresh:
            self.state[p].update(entry)
        self._after()
        # Autograd then refuses a backward pass through values that are gone. One by one: a list
        # is too much for older versions.
        changed = torch.autograd.graph.increment_version
        for _, _, _, params, grads, *_ in parts:
            for p, g in zip(params, grads, strict=True):
                if g is not None:
                    changed(p)
        return loss

    def capture(
        self,
        *,
        grad_scale: torch.Tensor | None = None,
        found_inf: torch.Tensor | None = None,
    ) -> CapturedStep:
        """Prepare a step that a CUDA graph can hold, in the place of ``capturable=True``.

        Make it before the graph's capture begins, call its ``launch()`` inside, replay the graph as
        often as you like, and call its ``read()`` at the end. Parameters and gradients must stay
        where they are. A learning rate that is a float32 tensor on the device is read in each
        launch; other arguments are those of now. A step whose gradients are not finite changes
        nothing and is not counted. A graph keeps nothing alive: hold on to what this returns for as
        long as you replay it.

        Parameters
        ----------
        grad_scale, found_inf : tensor, optional
            One float32 number on the device each, as GradScaler keeps them.

        Raises
        ------
        TypeError, ValueError
            As `step`; if parameters with gradients are not on one CUDA device, or the rule is not
            an elementwise one whose numbers a device can count.
        """
        if type(self)._after is not Stepped._after:
            raise TypeError(
                f"capture: {type(self).__name__} writes to its state on the host, expected another"
            )
        return CapturedStep(self, grad_scale, found_inf)

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
                    self._check_number(
                        entry, key, f"state of {place(number)}[{len(entries)}]", name
                    )
            entries.append(entry)
        counts = [int((entry or {}).get("step", 0)) for entry in entries] if self.counts else None
        carried = [self._carried(entry) for entry in entries] if self.carried else None
        return [(name, options, place(number), group["params"], grads, entries, counts, carried)]

    def _unscale(self) -> float:
        """Return what the gradients are multiplied by: 1, or as GradScaler says."""
        scale = getattr(self, "grad_scale", None)
        return 1.0 if scale is None else 1.0 / float(scale)

    def _after(self) -> None:
        """Write what PyTorch keeps and the step does without."""
