"""Successive gradients point against one another: the steps jump from wall to wall."""

from __future__ import annotations

from saddlescape.diagnosis.case import Case
from saddlescape.diagnosis.records import Evidence, Finding
from saddlescape.metrics import TrendState

__all__ = ["check"]

REVERSAL = -0.3
EDGE = 0.9


def check(case: Case) -> Finding | None:
    """Fire if a full-batch run that does not fall reverses its gradient from step to step."""
    cosine = case.cosine()
    if not case.run.full_batch or case.trend.state is TrendState.FALLING or not cosine < REVERSAL:
        return None
    if case.point is not None and case.point.gradient.small:
        return None
    rate = case.rate
    evidence = [
        Evidence(
            "cos(g_t, g_t+1)", f"{cosine:.2f}", f"median of 20 steps; below {REVERSAL} reverses"
        ),
        Evidence("learning rate", f"{rate:.3g}", "as the optimizer used it"),
    ]
    remedy = f"Divide the learning rate by 3 ({rate / 3:.2g})"
    if case.stable_rate is not None and case.point is not None:
        margin = rate / case.stable_rate
        evidence.append(
            Evidence(
                "learning rate / largest stable",
                f"{margin:.2f}",
                f"highest eigenvalue {case.point.highest:.4g}; above 1 is unstable on a quadratic",
            )
        )
        if margin < EDGE:
            return None
        remedy = f"Lower the learning rate to {0.75 * case.stable_rate:.2g}, 3/4 of what is stable"
    return Finding(
        rule="step_too_large",
        verdict="learning rate too large",
        statement=(
            "The loss does not fall although the gradient is large: it turns round from step to "
            "step, so the steps jump across a valley instead of going along it."
        ),
        evidence=tuple(evidence),
        remedy=remedy + "; or use momentum, or standardise the inputs.",
        weight=80,
    )
