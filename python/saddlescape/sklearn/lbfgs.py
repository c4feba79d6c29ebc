"""L-BFGS over all samples, SciPy's, as scikit-learn has it; with the record of every iteration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from saddlescape import _core
from saddlescape.net import MLP
from saddlescape.net.store import architecture, blank
from saddlescape.sklearn.samples import Samples
from saddlescape.train import History, RunOutcome

__all__ = ["Lbfgs", "Rule"]


@dataclass(frozen=True)
class Rule:
    """What a run of L-BFGS has in the place of an optimizer."""

    rule: str = "lbfgs"
    arguments: dict[str, Any] = field(default_factory=dict)


class _Point:
    """Parameters with the penalised loss and its gradient there."""

    def __init__(self, theta: NDArray[np.float64], loss: float, gradient: NDArray[Any]) -> None:
        self.theta, self.loss, self.gradient = theta, loss, gradient
        self.norm = float(np.linalg.norm(gradient))


class Lbfgs:
    """A minimisation in float64, whatever the network's dtype: line searches see differences.

    The history gets a row for every iteration: at ``theta_t``, before the step to
    ``theta_{t+1}``. A learning rate there is none.
    """

    def __init__(self, net: MLP, samples: Samples, l2: float, history: History) -> None:
        self.net = blank(MLP, {**architecture(net), "dtype": "float64"})
        self.net.theta[:] = net.theta
        self.X, self.Y = samples.X.astype(np.float64), samples.Y.astype(np.float64)
        self.weight, self.l2, self.history = samples.weight, l2, history
        self.seen = self.at = self.evaluate(self.net.theta.copy())
        self.cosine = float("nan")

    def evaluate(self, theta: NDArray[np.float64]) -> _Point:
        """Return the loss over all samples with its penalty, and the gradient."""
        self.net.theta[:] = theta
        loss, gradient = self.net.loss_and_gradient(self.X, self.Y, sample_weight=self.weight)
        loss += _core.train.penalise(self.net.network, self.net.theta, 0.0, self.l2, gradient)
        return _Point(theta.copy(), loss, gradient)

    def minimise(
        self,
        factor: float,
        limits: dict[str, Any],
        told: Callable[[_Point], None],
    ) -> tuple[RunOutcome, str]:
        """Minimise `factor` times the loss; how it ended, and a word where it did not converge.

        ``told(point)`` is called after every iteration.
        """

        def scaled(theta: NDArray[np.float64]) -> tuple[float, NDArray[Any]]:
            self.seen = self.evaluate(theta)
            return factor * self.seen.loss, factor * self.seen.gradient

        def moved(theta: NDArray[np.float64]) -> None:
            # the last point of a line search is the one that was taken, as a rule
            taken = self.seen if np.array_equal(theta, self.seen.theta) else self.evaluate(theta)
            self.record(taken)
            told(taken)

        try:
            result = optimize.minimize(
                scaled, self.at.theta, method="L-BFGS-B", jac=True, callback=moved, options=limits
            )
        except KeyboardInterrupt:
            return RunOutcome.INTERRUPTED, ""
        return RunOutcome.FINISHED, "" if result.success else str(result.message)

    def record(self, taken: _Point) -> None:
        """Write the row of the step from where it stood to the point that was taken."""
        before = self.at
        self.history.append(
            loss=before.loss,
            gradient_norm=before.norm,
            gradient_cosine=self.cosine,
            update_norm=float(np.linalg.norm(taken.theta - before.theta)),
        )
        both = before.norm * taken.norm
        self.cosine = float(before.gradient @ taken.gradient) / both if both > 0 else float("nan")
        self.at = taken
