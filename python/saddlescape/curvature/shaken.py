"""The rounding of a loss, measured: how it jumps where theta moves by its last places."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from saddlescape.curvature.engine import Engine

__all__ = ["loss_rounding", "typical"]

Vector = NDArray[np.float64]
_PLACES = (1, -1, 2, -2, 5, -5)  # that theta is moved by
_LAST_PLACES = 8  # of the loss, at least
_TWICE = 2.0  # half a dozen evaluations see most of the range that rounding covers


def loss_rounding(engine: Engine, theta: Vector, gradient: Vector | None) -> float:
    """Return how far rounding moves the loss at theta (P,).

    8 last places of it in the type that it is computed in, or twice what it is seen to jump by:
    sums inside may be larger than the loss. What the gradient, if it is given, explains is no jump.
    """
    signs = np.random.default_rng(1).choice((-1.0, 1.0), theta.size)
    aside = engine.eps * np.maximum(np.abs(theta), typical(theta)) * signs
    here, largest = engine.loss(theta), 0.0
    for k in _PLACES:
        moved = engine.rounded(theta + k * aside)
        known = 0.0 if gradient is None else float(gradient @ (moved - theta))
        jump = abs(engine.loss(moved) - here - known)
        if np.isfinite(jump):
            largest = max(largest, jump)
    return max(_LAST_PLACES * engine.eps * abs(here), _TWICE * largest)


def typical(theta: Vector) -> float:
    """The size of a parameter, for those that happen to be zero."""
    return float(np.sqrt(np.mean(theta**2))) or 1.0
