"""Steps where the parameters are: on the CPU, on CUDA devices, or on several of them at once."""

from __future__ import annotations

from typing import Any

import torch

from saddlescape import _backend
from saddlescape._core import optim as _core

__all__ = ["CPU", "Batches", "check_parameter", "number"]

CPU = -1  # in the place of a device's number


def number(tensor: torch.Tensor) -> int:
    """Return the number of the CUDA device that a tensor is on; -1: the CPU, or another device."""
    return int(tensor.device.index or 0) if tensor.is_cuda else CPU


def current_stream(device: int) -> Any:
    """Return PyTorch's current stream of a device, in which what it asks for next will be done."""
    return torch.cuda.current_stream(device)


def check_parameter(tensor: torch.Tensor, where: str) -> None:
    """Refuse a parameter that can't be stepped in place where it is."""
    if number(tensor) == CPU:
        _core.check_parameter(tensor, where)
    else:
        _backend.cuda(where).check_parameter(tensor, where)


class Batches:
    """A batch for each device; each one steps its parameters, all of them or none."""

    def __init__(self) -> None:
        self._of: dict[int, Any] = {CPU: _core.Batch()}
        self.steps = 0  # that began

    def step(self, parts: list[_core.Part], check_finite: bool, unscale: float) -> None:
        """Step as `_core.Batch.step` does, each parameter where it is."""
        self.steps += 1
        if not any(p.is_cuda for part in parts for p in part[3]):
            self._of[CPU].step(parts, check_finite, unscale)
            return
        devices = sorted(
            {
                number(p)
                for _, _, _, params, grads, *_ in parts
                for p, g in zip(params, grads, strict=True)
                if g is not None
            }
        )
        if len(devices) < 2:
            batch, stream = self.on(devices[0] if devices else CPU)
            batch.step(parts, check_finite, unscale, stream)
            return
        split = {device: _only(parts, device) for device in devices}
        for device, own in split.items():
            batch, stream = self.on(device)
            batch.check(own, unscale, stream, check_finite)
        # The CPU last: what can still go wrong on a device, its memory, does so before that.
        for device in reversed(devices):
            batch, stream = self.on(device)
            batch.step(split[device], False, unscale, stream)

    def on(self, device: int) -> tuple[Any, Any]:
        """Return the batch of a device, and the stream that it steps in."""
        if device not in self._of:
            self._of[device] = _backend.cuda(f"a parameter on cuda:{device}").Batch()
        return self._of[device], None if device == CPU else current_stream(device)


def _only(parts: list[_core.Part], device: int) -> list[_core.Part]:
    """Return the parts without the gradients of parameters that are elsewhere."""
    split: list[_core.Part] = []
    for name, options, where, params, grads, *rest in parts:
        mine = [g if number(p) == device else None for p, g in zip(params, grads, strict=True)]
        split.append((name, options, where, params, mine, *rest))  # type: ignore[arg-type]
    return split
