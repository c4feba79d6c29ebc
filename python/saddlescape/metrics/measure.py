"""Several metrics by name, on encoded data, from one prediction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape import _check
from saddlescape.metrics import classes, numbers
from saddlescape.net import MLP

__all__ = ["higher_is_better", "measure", "named", "names"]

_OF_CLASSES: dict[str, Callable[..., float]] = {
    "accuracy": classes.accuracy_of,
    "balanced_accuracy": classes.balanced_accuracy_of,
    "f1": classes.f1_of,
    "precision": classes.precision_of,
    "recall": classes.recall_of,
}
_OF_NUMBERS: dict[str, Callable[..., float]] = {
    "mae": numbers.mae_of,
    "mse": numbers.mse_of,
    "r2": numbers.r2_of,
    "rmse": numbers.rmse_of,
}
_HIGHER = {*_OF_CLASSES, "r2"}
_OF_PROBABILITIES = ("bce", "cross_entropy")  # losses


def names() -> list[str]:
    """Return what `train` takes as metrics: names for classes, then for numbers.

    Examples
    --------
    >>> names()
    ['accuracy', 'balanced_accuracy', 'f1', 'precision', 'recall', 'mae', 'mse', 'r2', 'rmse']
    """
    return [*_OF_CLASSES, *_OF_NUMBERS]


def higher_is_better(name: str) -> bool:
    """Say whether a metric, also one of validation data, is better where it is higher."""
    return name.removeprefix("validation_") in _HIGHER


def named(metrics: Any, net: MLP, classed: bool) -> tuple[str, ...]:
    """Return the names of metrics, checked: each once, and one that the loss has targets for.

    classed : whether each sample has a class.
    """
    if isinstance(metrics, str) or not isinstance(metrics, Sequence):
        kind = repr(metrics) if isinstance(metrics, str) else type(metrics).__name__
        raise TypeError(f"metrics: {kind}, expected a sequence of names")
    for i, name in enumerate(metrics):
        _check.choice(f"metrics[{i}]", name, names())
        if name in metrics[:i]:
            raise ValueError(f"metrics[{i}]: {name!r} again, expected each once")
        if name in _OF_CLASSES and not classed:
            raise ValueError(
                f"metrics[{i}]: {name!r} needs classes, expected targets y that are classes, or "
                f"one of {', '.join(_OF_NUMBERS)}"
            )
        if name in _OF_NUMBERS and net.loss_name in _OF_PROBABILITIES:
            raise ValueError(
                f"metrics[{i}]: {name!r} with the loss {net.loss_name}, expected one of "
                f"{', '.join(_OF_CLASSES)}"
            )
    return tuple(metrics)


def measure(metrics: Sequence[str], net: MLP, X: NDArray[Any], Y: NDArray[Any]) -> dict[str, float]:
    """Return each metric's value on inputs X (N, d) with targets Y (N, C); X may be on a device.

    The class of a sample is where its target is largest; with a single output, whether the target
    is above 1/2.
    """
    if not metrics:
        return {}
    outputs: Any = net.predict(X)
    if not isinstance(outputs, np.ndarray):
        outputs = outputs.numpy()
    values = {}
    if any(name in _OF_CLASSES for name in metrics):
        true = Y.argmax(axis=1) if Y.shape[1] > 1 else (Y[:, 0] > 0.5).astype(np.int64)
        guess = classes.guessed(outputs)
        values = {name: _OF_CLASSES[name](guess, true) for name in metrics if name in _OF_CLASSES}
    wide = (outputs.astype(np.float64), Y.astype(np.float64))
    return {name: values[name] if name in values else _OF_NUMBERS[name](*wide) for name in metrics}
