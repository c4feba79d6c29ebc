"""A run's arguments, checked, and what is made of them before the first step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from saddlescape import optim
from saddlescape.net import MLP
from saddlescape.optim.ahead import Ahead
from saddlescape.train.history import History
from saddlescape.train.native import NativeSteps
from saddlescape.train.plan import Plan
from saddlescape.train.steps import Steps

__all__ = ["Task"]


@dataclass(frozen=True, eq=False)
class Task:
    """What is to be trained, on what, and how.

    X, y : as they were given. inputs, targets, validation : as the network encodes them.
    penalty : l1 and l2.
    """

    net: MLP
    X: NDArray[Any]
    y: NDArray[Any]
    inputs: NDArray[Any]
    targets: NDArray[Any]
    plan: Plan
    optimizer: optim.Optimizer
    penalty: tuple[float, float] = (0.0, 0.0)
    validation: tuple[NDArray[Any], NDArray[Any]] | None = None

    def history(self) -> History:
        """Return a history with the columns of this run."""
        names = ["loss", "gradient_norm", "gradient_cosine", "update_norm", "learning_rate"]
        if self.validation is not None:
            names.append("validation_loss")
            if self.net.loss_name == "cross_entropy":
                names.append("validation_accuracy")
        return History(names)

    def steps(self, history: History) -> NativeSteps | Steps:
        """Return what takes the steps and records them."""
        data = (self.net, self.inputs, self.targets)
        if Ahead.can(self.optimizer) and self.net.network.plain:
            return NativeSteps(*data, Ahead(self.optimizer), history, self.plan.size, self.penalty)
        return Steps(*data, self.optimizer, history, self.plan.size, self.penalty, self.plan.seed)
