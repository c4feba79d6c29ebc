"""Not stuck at all: the loss still falls, or it is too early to tell."""

from __future__ import annotations

from saddlescape.diagnosis.case import Case
from saddlescape.diagnosis.records import Evidence, Finding, counted
from saddlescape.metrics import TrendState

__all__ = ["check"]


def check(case: Case) -> Finding | None:
    """Fire if the run did not end at a critical point and the loss does not rise."""
    if case.point is not None and case.point.gradient.small:
        return None
    t = case.trend
    if t.state is TrendState.RISING:
        return None
    if t.state is TrendState.CANNOT_TELL:
        return _too_early(case)
    falling = t.state is TrendState.FALLING
    return Finding(
        "falling",
        "not_critical",
        "The loss is still falling: this is not a stall."
        if falling
        else "The loss hardly moves, but the gradient is not small: this is not a critical point.",
        (_change(case), *_gradient(case)),
        "Keep training."
        if falling
        else "Look at the learning rate; then at the conditioning of the inputs.",
        weight=30,
    )


def _too_early(case: Case) -> Finding:
    t = case.trend
    larger = "" if case.run.full_batch else "; larger batches tell sooner"
    known = () if t.change != t.change else (_change(case),)
    return Finding(
        "falling",
        "cannot tell yet",
        f"After {counted(case.history.steps, 'step')} the losses do not show whether they fall.",
        (*known, *_gradient(case)),
        f"Train about {counted(t.more_steps, 'more step')} and ask again{larger}.",
        weight=20,
    )


def _change(case: Case) -> Evidence:
    t = case.trend
    return Evidence(
        "change of the loss",
        f"{_percent(t.change)} %",
        f"of its median, in {t.window:,} steps; 95 %: {_percent(t.low)} to {_percent(t.high)}",
    )


def _gradient(case: Case) -> tuple[Evidence, ...]:
    if case.point is None:
        return ()
    g = case.point.gradient
    basis = f"threshold {g.threshold:.1e}"
    if g.gap is not None:
        # 99.5 % would be written as 100, in two digits as 1e+02
        part = f"{100 * g.gap:.2g} %" if g.gap < 0.995 else "all"
        basis += f"; by the quadratic model {part} of the loss is left to gain"
    return (Evidence("|g|, all samples", f"{g.norm:.3g}", basis),)


def _percent(share: float) -> str:
    """Write a share in percent: two digits, and no powers of ten where it is large."""
    value = 100 * share
    return f"{value:+,.0f}" if 10 <= abs(value) < 1e6 else f"{value:+.2g}"
