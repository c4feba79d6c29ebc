"""Not stuck at all: the loss still falls, or it is too early to tell."""

from __future__ import annotations

from saddlescape.diagnosis.case import Case
from saddlescape.diagnosis.records import Evidence, Finding
from saddlescape.metrics import TrendState

__all__ = ["check"]


def check(case: Case) -> Finding | None:
    """Fire if the run did not end at a critical point."""
    if case.point is not None and case.point.gradient.small:
        return None
    t = case.trend
    evidence = [
        Evidence(
            "change of the loss",
            f"{100 * t.change:+.2g} %",
            f"in {t.window} steps; 95 %: {100 * t.low:+.2g} to {100 * t.high:+.2g}",
        )
    ]
    if case.point is not None:
        g = case.point.gradient
        basis = f"threshold {g.threshold:.1e}"
        if g.gap is not None:
            basis += f"; {100 * g.gap:.2g} % of the loss left to gain by the quadratic model"
        evidence.append(Evidence("|g|, all samples", f"{g.norm:.3g}", basis))
    if t.state is TrendState.CANNOT_TELL:
        return Finding(
            "falling",
            "cannot tell yet",
            f"After {case.run.history.steps} steps the losses do not show whether they fall.",
            tuple(evidence[1:]) if t.change != t.change else tuple(evidence),
            f"Train about {t.more_steps} more steps and ask again.",
            weight=20,
        )
    falling = t.state is TrendState.FALLING
    return Finding(
        "falling",
        "not_critical",
        "The loss is still falling: this is not a stall."
        if falling
        else "The loss hardly moves, but the gradient is not small: this is not a critical point.",
        tuple(evidence),
        "Keep training."
        if falling
        else "Look at the learning rate; then at the conditioning of the inputs.",
        weight=30,
    )
