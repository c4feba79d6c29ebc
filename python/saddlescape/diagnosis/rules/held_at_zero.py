"""An l1 penalty holds weights at 0, where its slope jumps: their gradient never becomes small."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from saddlescape.diagnosis.case import Case
from saddlescape.diagnosis.records import Evidence, Finding
from saddlescape.metrics import TrendState

__all__ = ["check", "most_is_held"]

_HALF = 0.5  # of |g|^2
_MOVES = 2  # lengths of the last update within which a weight hovers


def check(case: Case) -> Finding | None:
    """Fire if most of a flat run's gradient is that of weights that l1 holds at 0."""
    point = case.point
    if case.trend.state is not TrendState.FLAT or not most_is_held(case) or point is None:
        return None
    held, gradient = _held(case), case.gradient
    assert gradient is not None  # noqa: S101 - where most of it is held there is one
    count, rest = int(held.sum()), float(np.linalg.norm(gradient[~held]))
    threshold = point.gradient.threshold
    state = "small" if rest < threshold else "not small yet"
    return Finding(
        "held_at_zero",
        "held at zero by l1",
        f"{count:,} weights lie within two steps of 0 and are held there: the slope of the l1 "
        f"penalty jumps at 0, so their gradient never becomes small. All others' is {state}.",
        (
            Evidence("weights held at 0", f"{count:,}", f"of {held.size:,} parameters"),
            Evidence("|g| of those", f"{np.linalg.norm(gradient[held]):.3g}", "their l1 included"),
            Evidence("|g| of all others", f"{rest:.3g}", f"threshold {threshold:.1e}"),
        ),
        "Set those weights to 0: that is what l1 asks for. "
        + ("Nothing else is left to do." if rest < threshold else "Then train the others on."),
        weight=70,
    )


def most_is_held(case: Case) -> bool:
    """Whether most of the gradient is that of weights that l1 holds at 0."""
    if case.run.l1 == 0 or case.gradient is None:
        return False
    squares = case.gradient**2
    return bool(squares[_held(case)].sum() > _HALF * squares.sum())


def _held(case: Case) -> NDArray[np.bool_]:
    """Weights near 0 where the loss alone pulls by no more than l1 does, (P,)."""
    run = case.run
    theta = run.net.theta.astype(np.float64)
    twin = run.net.copy()
    twin.theta[:] = 0
    for weights, _ in twin.layers():
        weights[...] = 1
    assert case.gradient is not None  # noqa: S101 - asked by both callers
    pull = case.gradient - run.l1 * np.sign(theta)  # of the loss and of l2
    lengths = case.history["update_norm"]
    lengths = lengths[np.isfinite(lengths)]
    near = _MOVES * float(lengths[-1]) if lengths.size else 0.0
    held = (twin.theta != 0) & (np.abs(theta) <= near) & (np.abs(pull) <= run.l1)
    return np.asarray(held, np.bool_)
