"""How good a network is: accuracy for classes, explained variance for numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape.net import MLP

__all__ = ["accuracy", "r_squared"]


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
    outputs = net.predict(X)
    if not isinstance(y, np.ndarray) or y.dtype.kind not in "iub":
        kind = f"dtype {y.dtype}" if isinstance(y, np.ndarray) else type(y).__name__
        raise TypeError(f"y: {kind}, expected a NumPy array of integer classes")
    if y.shape != (len(outputs),) or not len(outputs):
        raise ValueError(f"y: shape {y.shape}, expected ({len(outputs)},), at least one sample")
    guess = outputs.argmax(axis=1) if outputs.shape[1] > 1 else (outputs[:, 0] > 0).astype(int)
    return float(np.mean(guess == y))


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
    outputs = net.predict(X).astype(np.float64)
    if not isinstance(y, np.ndarray) or y.dtype.kind not in "iubf":
        kind = f"dtype {y.dtype}" if isinstance(y, np.ndarray) else type(y).__name__
        raise TypeError(f"y: {kind}, expected a NumPy array of numbers")
    shapes = [outputs.shape] + ([(len(outputs),)] if outputs.shape[1] == 1 else [])
    if y.shape not in shapes or not len(outputs):
        allowed = " or ".join(str(shape) for shape in shapes)
        raise ValueError(f"y: shape {y.shape}, expected {allowed}, at least one sample")
    targets = y.reshape(outputs.shape).astype(np.float64)
    spread = float(np.sum((targets - targets.mean(axis=0)) ** 2))
    return 1 - float(np.sum((outputs - targets) ** 2)) / spread if spread > 0 else float("nan")
