"""How far predicted numbers are from true ones, both (N, C) float64."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["mae_of", "mse_of", "r2_of", "rmse_of"]

Numbers = NDArray[np.float64]

# Of a network that diverged the square may be infinite, and is said to be.
_quiet = np.errstate(over="ignore", invalid="ignore")


@_quiet
def mse_of(outputs: Numbers, y: Numbers) -> float:
    """Return the mean of (f - y)^2 over all N*C."""
    return float(np.mean((outputs - y) ** 2))


@_quiet
def rmse_of(outputs: Numbers, y: Numbers) -> float:
    """Return the root of `mse_of`."""
    return float(np.sqrt(mse_of(outputs, y)))


@_quiet
def mae_of(outputs: Numbers, y: Numbers) -> float:
    """Return the mean of |f - y| over all N*C."""
    return float(np.mean(np.abs(outputs - y)))


@_quiet
def r2_of(outputs: Numbers, y: Numbers) -> float:
    """Return ``1 - sum (f - y)^2 / sum (y - mean y)^2`` over all outputs; NaN for constant y.

    Outputs with a larger spread weigh more: scikit-learn's r2_score means over outputs unless told
    ``multioutput="variance_weighted"``, which is this.
    """
    spread = float(np.sum((y - y.mean(axis=0)) ** 2))
    return 1 - float(np.sum((outputs - y) ** 2)) / spread if spread > 0 else float("nan")
