"""Training steps one by one, for optimizers whose steps take more than a gradient."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape import _core, optim
from saddlescape.net import MLP, Draw
from saddlescape.train.history import History
from saddlescape.train.native import Here, Memory

__all__ = ["Steps"]

_SECONDS = 0.05  # that a burst of steps takes, as in the core


class Steps(Here):
    """The steps of a run, recorded in its history: what `NativeSteps` does, bit for bit."""

    def __init__(
        self,
        net: MLP,
        X: NDArray[Any],
        Y: NDArray[Any],
        optimizer: optim.Optimizer,
        history: History,
        size: int,
        penalty: tuple[float, float],
        seed: int = 0,
        weight: NDArray[Any] | None = None,
    ) -> None:
        # X comes from `net.encode`, standardised already
        self.net, self.X, self.Y = net.after_standardisation(), X, Y
        self.optimizer = optimizer
        self.history, self.size, self.penalty = history, size, penalty
        self.seed = seed  # of dropout's masks
        self.weight = weight
        self._shapes = [array.shape for _, array in self._lent()]
        self.before = net.theta.copy()
        self.last_gradient: NDArray[Any] | None = None
        self.last_norm = 0.0
        self._taking: tuple[int, int, list[float]] | None = None

    def take(self, order: NDArray[np.int64] | None, count: int) -> bool:
        """Take 1 to `count` steps over the first of the sample numbers; False: one not finite."""
        self.check()
        end = time.monotonic() + _SECONDS
        for start in range(0, count * self.size, self.size):
            if not self.step(None if order is None else order[start : start + self.size]):
                return False
            if time.monotonic() > end:
                break
        return True

    @property
    def memory(self) -> Memory:
        """What the next step looks back at."""
        self.check()
        return self.before.copy(), self.last_gradient, self.last_norm

    def remember(self, memory: Memory) -> None:
        """Go on where other steps were."""
        self.before[:], self.last_gradient, self.last_norm = memory

    def record(self) -> None:
        """Write the step that was taken into the history, if an interrupt came before that."""
        if self._taking is None:
            return
        row, taken, (loss, norm, cosine, rate) = self._taking
        if self.optimizer.steps > taken:
            # the cosine is near -1 where the steps jump from wall to wall
            length = _core.train.distance(self.net.theta, self.before)
            numbers = np.array([[loss, norm, cosine, length, rate]])
            self.history.record(row, _core.train.columns, numbers)
        self._taking = None

    def _lent(self) -> list[tuple[str, NDArray[Any]]]:
        weight = [] if self.weight is None else [("weight", self.weight)]
        own = [("theta", self.net.theta), ("running", self.net.running)]
        return [*own, ("X", self.X), ("y", self.Y), *weight]

    def check(self) -> None:
        """Refuse arrays that somebody has resized or frozen since the steps began."""
        for (name, array), shape in zip(self._lent(), self._shapes, strict=True):
            if array.shape != shape:
                raise ValueError(f"{name}: shape {array.shape}, expected {shape}")
            if name in ("theta", "running") and array.size and not array.flags.writeable:
                raise ValueError(
                    f"{name}: read-only, expected a writable array (it is updated in place)"
                )

    def step(self, rows: NDArray[np.int64] | None) -> bool:
        """Do one step; False, with the last good parameters restored, if it is not finite."""
        X, Y, weight = self.X, self.Y, self.weight
        if rows is not None:
            X, Y = X[rows], Y[rows]
            weight = None if weight is None else weight[rows]
        theta = self.net.theta
        draw = Draw(self.seed, self.history.steps)
        loss, gradient = self.net.batch_gradient(X, Y, weight, draw, momentum=_core.train.momentum)
        if any(self.penalty):
            loss += _core.train.penalise(self.net.network, theta, *self.penalty, gradient)
        norm, cosine = _core.train.measure(gradient, self.last_gradient, self.last_norm)
        if not (np.isfinite(loss) and np.isfinite(norm)):
            self.history.append(loss=loss, gradient_norm=norm)
            theta[:] = self.before
            return False
        self.last_gradient, self.last_norm = gradient, norm
        self.before[:] = theta
        numbers = [loss, norm, cosine, self.optimizer.lr]
        self._taking = (self.history.steps, self.optimizer.steps, numbers)
        self.optimizer.step(gradient)
        self.record()
        # Asked here too: after the last step no further loss would show it.
        if not np.isfinite(theta).all():
            theta[:] = self.before
            return False
        return True
