"""How good a network is: for classes the share that is right, for numbers the variance explained.

Every function takes a network, samples X (N, d), at least one, and y, and predicts once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape.metrics import classes, numbers
from saddlescape.net import MLP

__all__ = [
    "accuracy",
    "balanced_accuracy",
    "f1",
    "mae",
    "mse",
    "precision",
    "r_squared",
    "recall",
    "rmse",
]


def accuracy(net: MLP, X: NDArray[Any], y: NDArray[Any]) -> float:
    """Return the share of samples whose largest output is their class; with one output, its sign.

    Parameters
    ----------
    net : MLP
        With one output it says class 1 where that output, the logit, is above 0.
    X : (N, d) array
        Samples, at least one.
    y : (N,) array of integers
        Classes.

    Raises
    ------
    TypeError, ValueError
        If `y` does not hold one class a sample.

    Examples
    --------
    >>> import numpy as np, saddlescape as ss
    >>> net = ss.MLP((1, 2), init="zeros")
    >>> net.theta[:] = [-1, 1, 0, 0]  # class 1 where x > 0
    >>> accuracy(net, np.array([[-2.0], [-1.0], [1.0], [2.0]]), np.array([0, 0, 1, 0]))
    0.75
    """
    return classes.accuracy_of(*_classes(net, X, y))


def balanced_accuracy(net: MLP, X: NDArray[Any], y: NDArray[Any]) -> float:
    """Return the mean over the classes of y of each one's `accuracy`; arguments as there.

    Examples
    --------
    >>> import numpy as np, saddlescape as ss
    >>> net = ss.MLP((1, 2), init="zeros")  # says class 0 of everything
    >>> balanced_accuracy(net, np.zeros((4, 1)), np.array([0, 0, 0, 1]))
    0.5
    """
    return classes.balanced_accuracy_of(*_classes(net, X, y))


def f1(net: MLP, X: NDArray[Any], y: NDArray[Any]) -> float:
    """Return macro F1: ``2 right / (guessed + true)`` of each class, then their mean.

    Classes that are neither guessed nor true are left out. Arguments as for `accuracy`.

    Examples
    --------
    >>> import numpy as np, saddlescape as ss
    >>> net = ss.MLP((1, 2), init="zeros")  # says class 0 of everything
    >>> f1(net, np.zeros((4, 1)), np.array([0, 0, 0, 1])) == (6 / 7 + 0) / 2
    True
    """
    return classes.f1_of(*_classes(net, X, y))


def precision(net: MLP, X: NDArray[Any], y: NDArray[Any]) -> float:
    """Return macro precision: ``right / guessed`` of each class (0 if never guessed), their mean.

    Arguments as for `accuracy`.
    """
    return classes.precision_of(*_classes(net, X, y))


def recall(net: MLP, X: NDArray[Any], y: NDArray[Any]) -> float:
    """Return macro recall: ``right / true`` of each class (0 if only guessed), their mean.

    Arguments as for `accuracy`.
    """
    return classes.recall_of(*_classes(net, X, y))


def r_squared(net: MLP, X: NDArray[Any], y: NDArray[Any]) -> float:
    """Return ``1 - sum (f - y)^2 / sum (y - mean y)^2``, over all outputs; NaN for constant y.

    Parameters
    ----------
    net : MLP
        C outputs.
    X : (N, d) array
        Samples, at least one.
    y : (N,) array if C is 1, or (N, C)
        Target values.

    Raises
    ------
    TypeError, ValueError
        If `y` does not hold C numbers a sample.

    Examples
    --------
    >>> import numpy as np, saddlescape as ss
    >>> net = ss.MLP((1, 1), loss="mse", init="zeros")
    >>> net.theta[:] = [2, 0]  # f = 2 x
    >>> r_squared(net, np.array([[0.0], [1.0]]), np.array([0.0, 2.0]))
    1.0
    """
    return numbers.r2_of(*_numbers(net, X, y))


def mse(net: MLP, X: NDArray[Any], y: NDArray[Any]) -> float:
    """Return the mean of ``(f - y)^2`` over all N*C; arguments as for `r_squared`."""
    return numbers.mse_of(*_numbers(net, X, y))


def rmse(net: MLP, X: NDArray[Any], y: NDArray[Any]) -> float:
    """Return the root of `mse`."""
    return numbers.rmse_of(*_numbers(net, X, y))


def mae(net: MLP, X: NDArray[Any], y: NDArray[Any]) -> float:
    """Return the mean of ``|f - y|`` over all N*C; arguments as for `r_squared`."""
    return numbers.mae_of(*_numbers(net, X, y))


def _classes(
    net: MLP, X: NDArray[Any], y: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    outputs = net.predict(X)
    if not isinstance(y, np.ndarray) or y.dtype.kind not in "iub":
        kind = f"dtype {y.dtype}" if isinstance(y, np.ndarray) else type(y).__name__
        raise TypeError(f"y: {kind}, expected a NumPy array of integer classes")
    if y.shape != (len(outputs),) or not len(outputs):
        raise ValueError(f"y: shape {y.shape}, expected ({len(outputs)},), at least one sample")
    most = max(1, outputs.shape[1] - 1)
    if y.min() < 0 or y.max() > most:
        i = int(np.flatnonzero((y < 0) | (y > most))[0])
        raise ValueError(f"y[{i}]: class {y[i]}, expected 0 to {most}")
    return classes.guessed(outputs), y.astype(np.int64)


def _numbers(
    net: MLP, X: NDArray[Any], y: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    outputs = net.predict(X).astype(np.float64)
    if not isinstance(y, np.ndarray) or y.dtype.kind not in "iubf":
        kind = f"dtype {y.dtype}" if isinstance(y, np.ndarray) else type(y).__name__
        raise TypeError(f"y: {kind}, expected a NumPy array of numbers")
    shapes = [outputs.shape] + ([(len(outputs),)] if outputs.shape[1] == 1 else [])
    if y.shape not in shapes or not len(outputs):
        allowed = " or ".join(str(shape) for shape in shapes)
        raise ValueError(f"y: shape {y.shape}, expected {allowed}, at least one sample")
    return outputs, y.reshape(outputs.shape).astype(np.float64)
