"""What steps in the core need of an optimizer beforehand: the learning rate of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saddlescape._core import optim as _core
from saddlescape.optim.groups import scheduled
from saddlescape.optim.optimizer import Optimizer

__all__ = ["Ahead", "Plan"]


@dataclass(frozen=True)
class Plan:
    """Learning rates and weights in the average of the next steps.

    ``error``: what the schedule raised where it was asked for the step after these.
    """

    rates: NDArray[np.float64]
    weights: NDArray[np.float64]
    error: BaseException | None = None


class Ahead:
    """An optimizer of one array whose steps the core can take by itself.

    core : what takes them in the place of the optimizer's own.
    """

    def __init__(self, optimizer: Optimizer, core: _core.Stepper | None = None) -> None:
        self._optimizer, self._other = optimizer, core

    @staticmethod
    def can(optimizer: Optimizer) -> bool:
        """Say whether gradients are all that its steps take: a `step` of its own takes more."""
        own = (type(optimizer).step, type(optimizer).lr)
        return own == (Optimizer.step, Optimizer.lr) and len(optimizer._groups) == 1

    @property
    def core(self) -> _core.Stepper:
        """The optimizer's numbers."""
        return self._optimizer._core if self._other is None else self._other

    def plan(self, count: int) -> Plan:
        """Ask for the next `count` steps; a schedule that is told of the loss for one."""
        group = self._optimizer._groups[0]
        first = self.core.calls
        if hasattr(group.schedule, "observe"):
            count = min(count, 1)
        rates, error = np.empty(count), None
        if group.schedule is None:
            rates.fill(group.lr)
        else:
            try:
                for i in range(count):
                    rates[i] = scheduled(group.schedule, first + i)
            except BaseException as raised:  # steps before this one are still to be done
                rates, error = rates[:i], raised
        return Plan(rates, self._weights(first, len(rates)), error)

    def _weights(self, first: int, count: int) -> NDArray[np.float64]:
        average = self._optimizer._settings.average
        if average is None:
            return np.zeros(count)
        return np.array([average.weight(first + i + 1) for i in range(count)])
