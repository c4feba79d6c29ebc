"""A run's arguments, checked, and what is made of them before the first step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from saddlescape import _check, optim
from saddlescape.metrics.measure import named
from saddlescape.net import MLP
from saddlescape.net.checks import weights
from saddlescape.optim.ahead import Ahead
from saddlescape.optim.optimizer import LearningRate
from saddlescape.train.arguments import (
    batch_size_of,
    classes_of,
    device_of,
    has_classes,
    need_gradients_alone,
    on_host,
    optimizer_of,
    samples_of,
    validation_of,
)
from saddlescape.train.early import Best, EarlyStopping
from saddlescape.train.history import History
from saddlescape.train.native import NativeSteps
from saddlescape.train.on_device import DeviceSteps, There
from saddlescape.train.plan import Plan
from saddlescape.train.rates import scheduled
from saddlescape.train.steps import Steps
from saddlescape.train.weights import class_weights, normalised

__all__ = ["Task"]

Encoded = tuple[NDArray[Any], NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Task:
    """What is to be trained, on what, and how.

    X, y : what is trained on, in the host's memory. inputs, targets, validation : as the network
    encodes them. weight : of each sample, with a mean of 1, in the network's dtype. penalty : l1
    and l2. there : what a device that takes the steps has of it; None: the CPU takes them.
    """

    net: MLP
    X: NDArray[Any]
    y: NDArray[Any]
    inputs: NDArray[Any]
    targets: NDArray[Any]
    plan: Plan
    optimizer: optim.Optimizer
    penalty: tuple[float, float]
    weight: NDArray[Any] | None
    validation: Encoded | None
    metrics: tuple[str, ...]
    best: Best | None
    there: There | None

    @classmethod
    def of(
        cls,
        net: MLP,
        X: NDArray[Any],
        y: NDArray[Any],
        *,
        optimizer: str | optim.Optimizer,
        lr: LearningRate | None,
        schedule: str | None,
        batch_size: int | str,
        epochs: int,
        validation: Any,
        sample_weight: Any,
        class_weight: Any,
        metrics: Any,
        early_stopping: Any,
        seed: int,
        shuffle: bool,
        l1: float,
        l2: float,
        device: str | None = None,
        settings: dict[str, Any],
    ) -> Task:
        """Check the arguments of `train`; nothing is changed where one is refused."""
        if not isinstance(net, MLP):
            raise TypeError(f"net: {type(net).__name__}, expected an MLP")
        where = device_of(device, net)
        X, y = on_host("X", X, where), on_host("y", y, where)
        sample_weight = on_host("sample_weight", sample_weight, where)
        if isinstance(validation, tuple):
            validation = tuple(on_host("validation", array, where) for array in validation)
        inputs, targets = samples_of(net, X, y)
        seed = _check.integer("seed", seed, low=0)
        shuffle = _check.flag("shuffle", shuffle)
        weight = None if sample_weight is None else weights(sample_weight, len(inputs))
        checked, kept = validation_of(net, X, y, validation, seed)
        if kept is not None:
            X, y, inputs, targets = X[kept], y[kept], inputs[kept], targets[kept]
            weight = None if weight is None else weight[kept]
        weight = normalised(weight, class_weights(class_weight, classes_of(net, y), net.sizes[-1]))
        size = batch_size_of(batch_size, len(inputs), net.normalisation)
        plan = Plan(len(inputs), size, _check.integer("epochs", epochs, low=0), seed, shuffle)
        penalty = (_check.non_negative("l1", l1), _check.non_negative("l2", l2))
        names = named(metrics, net, has_classes(net, y))
        columns = epoch_names(net, names, checked is not None)
        rule = EarlyStopping.checked(early_stopping, columns)
        rate = scheduled(schedule, optimizer, lr, plan.steps)
        steps = optimizer_of(net, optimizer, rate, settings)
        weight = None if weight is None else weight.astype(net.dtype)
        there = None
        if where == "cuda":
            need_gradients_alone(steps)
            there = There(net, (inputs, targets), weight, checked)
        return cls(
            net, X, y, inputs, targets, plan, steps, penalty, weight, checked, names,
            None if rule is None else Best(rule, net), there,
        )  # fmt: skip

    @property
    def validation_metrics(self) -> tuple[str, ...]:
        """What is measured on validation data beside the loss."""
        return validation_metrics(self.net, self.metrics)

    def history(self) -> History:
        """Return a history with the columns of this run."""
        steps = ["loss", "gradient_norm", "gradient_cosine", "update_norm", "learning_rate"]
        epochs = epoch_names(self.net, self.metrics, self.validation is not None)
        both = ("validation_loss", "validation_accuracy")
        return History([*steps, *(name for name in both if name in epochs)], epochs)

    def steps(self, history: History) -> NativeSteps | Steps:
        """Return what takes the steps and records them."""
        data, how = (self.net, self.inputs, self.targets), (self.plan.size, self.penalty)
        seed, weight = self.plan.seed, self.weight
        if self.there is not None:
            return DeviceSteps(self.there, self.optimizer, history, *how, seed)
        if Ahead.can(self.optimizer):
            return NativeSteps(*data, Ahead(self.optimizer), history, *how, seed, weight)
        return Steps(*data, self.optimizer, history, *how, seed, weight)

    def first_loss(self) -> float:
        """Return the loss that the run's first step sees, from parameters as they are now."""
        history, there = History(["loss"]), None if self.there is None else self.there.twin()
        twin = self.net.copy() if there is None else there.net
        task = replace(self, net=twin, optimizer=optim.SGD(twin.theta, lr=1e-3), there=there)
        steps = task.steps(history)
        steps.take(self.plan.rows(0, 1), 1)
        return float(history.loss[0])


def validation_metrics(net: MLP, metrics: tuple[str, ...]) -> tuple[str, ...]:
    """Return `metrics`, and the accuracy first where every target is of classes."""
    extra = net.loss_name == "cross_entropy" and "accuracy" not in metrics
    return ("accuracy", *metrics) if extra else metrics


def epoch_names(net: MLP, metrics: tuple[str, ...], validated: bool) -> list[str]:
    """Return the names of what is recorded of an epoch, beside its number and last step."""
    held = ["loss", *validation_metrics(net, metrics)] if validated else []
    return ["loss", *metrics, *(f"validation_{name}" for name in held)]
