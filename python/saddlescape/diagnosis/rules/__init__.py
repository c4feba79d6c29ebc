"""One rule, one file: `check(case)` returns a finding or None. A new one is a file and a line."""

from saddlescape.diagnosis.rules import (
    critical_point,
    diverging,
    falling,
    flat_but_not_critical,
    held_at_zero,
    non_finite,
    saturated_units,
    step_too_large,
    symmetric_units,
)

__all__ = ["RULES"]

RULES = (
    non_finite.check,
    diverging.check,
    step_too_large.check,
    critical_point.check,
    held_at_zero.check,
    flat_but_not_critical.check,
    falling.check,
    symmetric_units.check,
    saturated_units.check,
)
