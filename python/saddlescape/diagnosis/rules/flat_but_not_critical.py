"""The loss is flat, the gradient is not small: tiny steps, or the floor of a ravine."""

from __future__ import annotations

import numpy as np

from saddlescape.critical import CriticalPoint
from saddlescape.diagnosis.case import Case
from saddlescape.diagnosis.records import Evidence, Finding
from saddlescape.diagnosis.rules.held_at_zero import most_is_held
from saddlescape.metrics import TrendState

__all__ = ["check"]

TINY_MARGIN = 0.05
RAVINE = 0.05


def check(case: Case) -> Finding | None:
    """Fire if the loss is flat where the gradient promises a fall."""
    point, along = case.point, case.gradient_curvature
    if case.trend.state is not TrendState.FLAT or point is None or point.gradient.small:
        return None
    if not case.run.full_batch or along is None or most_is_held(case):
        return None
    evidence = _evidence(case, point, along)
    return _tiny_steps(case, evidence) or _ravine(point, along, evidence)


def _evidence(case: Case, point: CriticalPoint, along: float) -> tuple[Evidence, ...]:
    change, window = case.trend.change, case.trend.window
    threshold = point.gradient.threshold
    return (
        Evidence("change of the loss", f"{change:.1e}", f"of it, in {window} steps"),
        Evidence("|g|, all samples", f"{point.gradient_norm:.3g}", f"threshold {threshold:.1e}"),
        Evidence("curvature along g", f"{along:.3g}", "g'Hg / g'g"),
        Evidence(
            "highest eigenvalue", f"{point.highest:.4g}", f"|Hv - lv| = {point.residuals[-1]:.1e}"
        ),
    )


def _tiny_steps(case: Case, evidence: tuple[Evidence, ...]) -> Finding | None:
    rate, stable = case.rate, case.stable_rate
    if stable is None or rate >= TINY_MARGIN * stable:
        return None
    share = Evidence("learning rate / largest stable", f"{rate / stable:.1e}", "1 is the limit")
    return Finding(
        "flat_but_not_critical",
        "learning rate too small",
        f"The loss is flat but the gradient is not: the steps are {stable / rate:,.0f} times "
        "smaller than what is stable here.",
        (*evidence, share),
        f"Raise the learning rate to {0.5 * stable:.2g}, half of what is stable.",
        weight=65,
    )


def _ravine(point: CriticalPoint, along: float, evidence: tuple[Evidence, ...]) -> Finding | None:
    if not np.isfinite(along) or abs(along) >= RAVINE * abs(point.highest):
        return None
    return Finding(
        "flat_but_not_critical",
        "ravine",
        "The loss is flat but the gradient is not: it lies along the floor of a ravine, "
        f"{point.highest / max(abs(along), 1e-300):,.0f} times less curved than its walls, "
        "which limit the step.",
        evidence,
        "Standardise the inputs, use momentum (0.9), or an adaptive rule such as adam.",
        weight=60,
    )
