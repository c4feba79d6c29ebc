"""What the rules look at: a run, where its loss is going, and the curvature where it ended."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from saddlescape.critical import CriticalPoint
from saddlescape.diagnosis.saturation import Saturation
from saddlescape.metrics import Trend
from saddlescape.train import History, Run

__all__ = ["Case", "history_of"]


@dataclass(frozen=True)
class Case:
    """A run under examination.

    Attributes
    ----------
    run : Run
        The run.
    trend : Trend
        Of the last losses before the point.
    point : CriticalPoint or None
        The point where it ended; None if curvature was not wanted or is not to be had.
    gradient : (P,) array or None
        The gradient there, over all samples, of the loss that was trained.
    gradient_curvature : float or None
        ``g^T H g / |g|^2``: curvature along it.
    saturation : Saturation or None
        Of its hidden units; None where their values are not finite.
    """

    run: Run
    trend: Trend
    point: CriticalPoint | None
    gradient: NDArray[np.float64] | None
    gradient_curvature: float | None
    saturation: Saturation | None = None

    @cached_property
    def history(self) -> History:
        """The steps that led to the point: not those after it, where it was put back."""
        return history_of(self.run)

    @property
    def momentum(self) -> float | None:
        """Momentum of a plain gradient method, None for an adaptive one."""
        settings = self.run.optimizer.arguments
        if self.run.optimizer.rule not in ("sgd", "momentum", "nesterov"):
            return None
        return float(settings.get("momentum", 0.0))

    @property
    def stable_rate(self) -> float | None:
        """The largest stable learning rate of a plain gradient method here: see `stable_limit`."""
        if self.point is None or self.momentum is None or not self.point.highest > 0:
            return None
        if self.run.optimizer.arguments.get("maximize", False):
            return None
        settings = self.run.optimizer.arguments
        nesterov = bool(settings.get("nesterov", False))
        limit = stable_limit(self.momentum, nesterov)
        if self.momentum > 0:  # as in PyTorch, dampening without momentum does nothing
            kept = 1 - float(settings.get("dampening", 0.0))
            limit = limit / kept if kept > 0 else float("inf")
        return limit / (self.point.highest + float(settings.get("weight_decay", 0.0)))

    @property
    def rate(self) -> float:
        """The learning rate last used, NaN if there was none: a failed step has none."""
        rates = self.history["learning_rate"]
        rates = rates[np.isfinite(rates)]
        return float(rates[-1]) if rates.size else float("nan")

    def cosine(self, count: int = 20) -> float:
        """The median cosine between successive gradients over the last steps; NaN if unknown."""
        values = self.history.tail("gradient_cosine", count)
        values = values[np.isfinite(values)]
        return float(np.median(values)) if values.size else float("nan")


def history_of(run: Run) -> History:
    """Return the steps that led to the parameters that a run left."""
    return run.history if run.restored is None else run.history.until(run.restored)


def stable_limit(momentum: float, nesterov: bool) -> float:
    """``lr lambda_max`` up to which gradient descent on a quadratic is stable.

    2 without momentum, ``2 + 2 mu`` for the heavy ball, ``(2 + 2 mu) / (1 + 2 mu)`` for Nesterov's
    momentum: roots of the recurrence's characteristic polynomial on the unit circle.
    """
    return (2 + 2 * momentum) / ((1 + 2 * momentum) if nesterov else 1)
