"""The run ended where the gradient vanishes: what kind of point is it?"""

from __future__ import annotations

from saddlescape.critical import Kind
from saddlescape.diagnosis.case import Case
from saddlescape.diagnosis.points import evidence, statement
from saddlescape.diagnosis.records import Finding

__all__ = ["check"]


def check(case: Case) -> Finding | None:
    """Fire if the gradient over all samples is small."""
    point = case.point
    if point is None or not point.gradient.small:
        return None
    plateau = point.kind == Kind.DEGENERATE and not point.has_way_down
    return Finding(
        rule="critical_point",
        verdict="plateau" if plateau else str(point.kind),
        statement=statement(point),
        evidence=evidence(point),
        remedy=point.remedy,
        weight=70,
    )
