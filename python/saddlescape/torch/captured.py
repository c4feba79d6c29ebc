"""Steps of PyTorch's optimizers that a CUDA graph holds: the device counts them by itself."""

from __future__ import annotations

from typing import Any

import torch

from saddlescape import _backend
from saddlescape.torch.devices import CPU, number

__all__ = ["CapturedStep"]


class CapturedStep:
    """A step that sends nothing and waits for nothing; an optimizer's `capture` makes it."""

    def __init__(
        self, optimizer: Any, grad_scale: torch.Tensor | None, found_inf: torch.Tensor | None
    ) -> None:
        self._optimizer = optimizer
        self._parts: list[Any] = []
        rates: list[torch.Tensor | None] = []
        fresh: list[Any] = []
        for k, group in enumerate(optimizer.param_groups):
            own = optimizer._parts(k, group, [p.grad for p in group["params"]], fresh)
            lr = group["lr"]
            there = isinstance(lr, torch.Tensor) and number(lr) != CPU
            rates += [lr if there else None] * len(own)
            self._parts += own
        device = self._device()
        batch, stream = optimizer._batch.on(device)
        self._captured = _backend.cuda("capture").CapturedBatch(
            batch, self._parts, rates, grad_scale, found_inf, optimizer.check_finite, stream
        )
        for p, entry in fresh:
            optimizer.state[p].update(entry)
        self._batch, self._steps = optimizer._batch, optimizer._batch.steps

    def launch(self) -> None:
        """Step: at once, or as often as the graph that is being captured is replayed.

        It runs in PyTorch's current stream.

        Raises
        ------
        RuntimeError
            If the optimizer has taken a step of its own since, or loaded a state.
        """
        self._check()
        _, stream = self._optimizer._batch.on(self._device())
        self._captured.launch(stream)
        for p, _ in self._moved():
            torch.autograd.graph.increment_version(p)

    def read(self) -> None:
        """Bring the counts in the optimizer's state to where the device is; waits.

        Before the state is saved, and before the optimizer takes a step of its own.
        """
        self._check()
        _, stream = self._optimizer._batch.on(self._device())
        for k, i, steps, carried in self._captured.read(stream):
            _, _, _, params, _, _, counts, _ = self._parts[k]
            entry = self._optimizer.state[params[i]]
            if counts is None:
                entry["step"].fill_(steps)
            if self._optimizer.carried:
                self._optimizer._keep(entry, list(carried))

    def _moved(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        return [
            (p, g)
            for _, _, _, params, grads, *_ in self._parts
            for p, g in zip(params, grads, strict=True)
            if g is not None
        ]

    def _device(self) -> int:
        devices = {number(p) for p, _ in self._moved()}
        if len(devices) != 1 or CPU in devices:
            raise ValueError("params: not on one CUDA device with gradients, expected that")
        return devices.pop()

    def _check(self) -> None:
        # A state that was loaded begins with batches of its own.
        if self._optimizer._batch is not self._batch or self._batch.steps != self._steps:
            raise RuntimeError(
                "the optimizer has stepped or loaded a state on its own since this step was "
                "captured; capture it anew"
            )
