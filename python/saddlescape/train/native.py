"""Training steps in the core, many at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape import _core
from saddlescape.net import MLP
from saddlescape.optim.ahead import Ahead
from saddlescape.train.history import History

__all__ = ["Here", "Memory", "NativeSteps"]

# Beside theta and the optimizer: theta before the last step, that step's gradient (None before the
# first) and its norm.
Memory = tuple[NDArray[Any], NDArray[Any] | None, float]

_FIRST_BURST = 64
_MOST = 16_384  # steps that are asked for at once


class Here:
    """Steps of parameters that are where the user sees them."""

    def bring(self) -> None:
        """Bring parameters and optimizer to where the user sees them."""

    def send(self) -> None:
        """Go on from what the user has made of them."""


class NativeSteps(Here):
    """The steps of a run, recorded in its history.

    The core takes them for some 50 ms at a time, then Python looks at the keyboard. `weight` (N,)
    are the samples' weights in the network's dtype, divided by their mean over all of them; `seed`
    is that of dropout's masks.
    """

    def __init__(
        self,
        net: MLP,
        X: NDArray[Any],
        Y: NDArray[Any],
        optimizer: Ahead,
        history: History,
        size: int,
        penalty: tuple[float, float],
        seed: int = 0,
        weight: NDArray[Any] | None = None,
    ) -> None:
        loop = _core.train.Loop(
            net.network,
            optimizer.core,
            net.theta,
            X,
            net.smoothed(Y),
            size,
            *penalty,
            weight,
            seed,
            history.steps,
            net.running,
        )
        self._begin(loop, optimizer, history, size)

    def _begin(self, loop: _core.train.Loop, optimizer: Ahead, history: History, size: int) -> None:
        self._core, self._optimizer, self._history, self._size = loop, optimizer, history, size
        self._start, self._recorded = history.steps, 0
        self._burst = _FIRST_BURST

    def take(self, order: NDArray[np.int64] | None, count: int) -> bool:
        """Take 1 to `count` steps over the first of the sample numbers; False: one not finite."""
        plan = self._optimizer.plan(min(count, self._burst))
        asked = len(plan.rates)
        if asked:
            rows = None if order is None else order[: asked * self._size]
            finite = self._core.run(rows, plan.rates, plan.weights)
            took = len(self._core.records)
            self.record()
            if not finite:
                return False
            self._burst = min(_MOST, 2 * took + 1)
            if took < asked:
                return True
        if plan.error is not None:
            raise plan.error
        return True

    @property
    def memory(self) -> Memory:
        """What the next step looks back at, copied."""
        return self._core.memory

    def remember(self, memory: Memory) -> None:
        """Go on where other steps were."""
        self._core.remember(*memory)

    def record(self) -> None:
        """Write what the core has done into the history; done twice it writes nothing twice."""
        if self._recorded == self._core.steps:
            return
        records = self._core.records
        self._history.record(
            self._start + self._core.steps - len(records), _core.train.columns, records
        )
        self._recorded = self._core.steps
