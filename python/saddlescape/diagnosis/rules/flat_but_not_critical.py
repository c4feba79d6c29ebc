"""The loss is flat, the gradient is not small: tiny steps, or the floor of a ravine."""

from __future__ import annotations

import numpy as np

from saddlescape.diagnosis.case import Case
from saddlescape.diagnosis.records import Evidence, Finding
from saddlescape.metrics import TrendState

__all__ = ["check"]

TINY_MARGIN = 0.05
RAVINE = 0.05


def check(case: Case) -> Finding | None:
    """Fire if the loss is flat where the gradient promises a fall."""
    point, along = case.point, case.gradient_curvature
    if case.trend.state is not TrendState.FLAT or point is None or point.gradient.small:
        return None
    if not case.run.full_batch or along is None:
        return None
    rate = case.rate
    evidence = [
        Evidence(
            "change of the loss", f"{case.trend.change:.1e}", f"of it, in {case.trend.window} steps"
        ),
        Evidence(
            "|g|, all samples",
            f"{point.gradient_norm:.3g}",
            f"threshold {point.gradient.threshold:.1e}",
        ),
        Evidence("curvature along g", f"{along:.3g}", "g'Hg / g'g"),
        Evidence(
            "highest eigenvalue", f"{point.highest:.4g}", f"|Hv - lv| = {point.residuals[-1]:.1e}"
        ),
    ]
    stable = case.stable_rate
    if stable is not None and rate < TINY_MARGIN * stable:
        evidence.append(
            Evidence("learning rate / largest stable", f"{rate / stable:.1e}", "1 is the limit")
        )
        return Finding(
            "flat_but_not_critical",
            "learning rate too small",
            f"The loss is flat but the gradient is not: the steps are {stable / rate:,.0f} times "
            "smaller than what is stable here.",
            tuple(evidence),
            f"Raise the learning rate to {0.5 * stable:.2g}, half of what is stable.",
            weight=65,
        )
    if np.isfinite(along) and abs(along) < RAVINE * abs(point.highest):
        return Finding(
            "flat_but_not_critical",
            "ravine",
            "The loss is flat but the gradient is not: it lies along the floor of a ravine, "
            f"{point.highest / max(abs(along), 1e-300):,.0f} times less curved than its walls, "
            "which limit the step.",
            tuple(evidence),
            "Standardise the inputs, use momentum (0.9), or an adaptive rule such as adam.",
            weight=60,
        )
    return None
