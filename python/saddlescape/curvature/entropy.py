"""The loss that no outputs can go below, of targets that are probabilities."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["mean_entropy"]


def mean_entropy(
    Y: NDArray[np.float64], loss: str, weight: NDArray[np.float64] | None = None
) -> float:
    """Mean over the samples of the targets' entropy, by Gibbs' inequality a bound; else 0.

    Y : (N, C) targets; weight : (N,), of mean 1, or None. Targets of cross-entropy that sum to s
    have ``s log s - sum_c y_c log y_c``.

    Examples
    --------
    >>> mean_entropy(np.array([[0.5, 0.5], [1.0, 0.0]]), "cross_entropy")  # log(2) / 2
    0.34657...
    """
    if loss == "cross_entropy":
        own = _x_log_x(Y.sum(axis=1)) - _x_log_x(Y).sum(axis=1)
    elif loss == "bce":
        own = -(_x_log_x(Y) + _x_log_x(1 - Y)).sum(axis=1)
    else:
        return 0.0
    return float((own if weight is None else weight * own).sum() / len(Y))


def _x_log_x(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return x * np.log(np.where(x > 0, x, 1.0))
