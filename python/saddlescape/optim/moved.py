"""An optimizer's numbers at work where its own parameters are not."""

from __future__ import annotations

from typing import Any

import numpy as np

from saddlescape._core import optim as _core
from saddlescape.optim.optimizer import Optimizer
from saddlescape.optim.places import stepper

__all__ = ["Moved"]


class Moved:
    """An optimizer of one array that steps a copy of it in device memory.

    Parameters
    ----------
    optimizer : Optimizer
        Whose numbers they are; its own stay what they were until `bring`.
    params : array
        The copy.

    Attributes
    ----------
    core : _core.optim.Stepper
        What steps the copy.
    """

    def __init__(self, optimizer: Optimizer, params: Any) -> None:
        self._optimizer = optimizer
        group, settings = optimizer._groups[0], optimizer._settings
        fill = optimizer._fill(group.arguments)
        self.core = stepper([group.rule], params, [fill], [], [], settings.layout())
        settings.apply(self.core.around)
        self.send()

    def send(self) -> None:
        """Give the copy's core what the optimizer has."""
        own, options = self._optimizer, self.core.options(0)
        _, values = own._resolve(own._groups[0].arguments)
        for name, value in values.items():
            setattr(options, name, value)
        _carry(own._core, self.core)

    def bring(self) -> None:
        """Give the optimizer what the copy's core has."""
        _carry(self.core, self._optimizer._core)


def _carry(source: _core.Stepper, target: _core.Stepper) -> None:
    """Copy states, counts and what the last step measured."""
    state = {
        name: [array if isinstance(array, np.ndarray) else array.numpy() for array in arrays]
        for name, arrays in zip(source.buffer_names, source.buffers, strict=True)
    }
    target.load(state, source.steps, source.carried, source.calls, as_left=True)
    target.measured(source.norms.tolist(), source.gradient_norm, source.clip)
