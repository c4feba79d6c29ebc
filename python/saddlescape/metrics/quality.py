"""How good a network is: accuracy for classes, explained variance for numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape.net import MLP

__all__ = ["accuracy", "r_squared"]


def accuracy(net: MLP, X: NDArray[Any], y: NDArray[Any]) -> float:
    """Return the share of samples whose largest output (or logit above 0) is their class y (N,)."""
    outputs = net.predict(X)
    guess = outputs.argmax(axis=1) if outputs.shape[1] > 1 else (outputs[:, 0] > 0).astype(int)
    return float(np.mean(guess == y))


def r_squared(net: MLP, X: NDArray[Any], y: NDArray[Any]) -> float:
    """Return ``1 - sum (f - y)^2 / sum (y - mean y)^2``, over all outputs; NaN for constant y."""
    outputs = net.predict(X)
    targets = np.asarray(y).reshape(outputs.shape)
    spread = float(np.sum((targets - targets.mean(axis=0)) ** 2))
    return 1 - float(np.sum((outputs - targets) ** 2)) / spread if spread > 0 else float("nan")
