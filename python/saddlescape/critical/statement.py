"""A critical point in words, and laid out in 80 columns."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from saddlescape.critical.kind import Kind

if TYPE_CHECKING:
    from saddlescape.critical.point import CriticalPoint, GradientCheck

__all__ = ["describe", "statement", "wrapped"]

_WIDTH, _LABEL = 78, 13


def statement(point: CriticalPoint) -> str:
    """Return what kind of point it is, with the counts that say so."""
    counts = point.inertia
    up, down, flat, n = counts.positive, counts.negative, counts.undetermined, counts.n
    if point.kind == Kind.NOT_CRITICAL:
        return _NOT_CRITICAL if not point.gradient.flat else _flat(point.gradient)
    zero = point.gradient.norm == 0
    start = "The gradient vanishes" if zero else "The gradient is small enough to count as zero"
    if point.kind in (Kind.MINIMUM, Kind.MAXIMUM):
        way, name = ("up", "a strict local minimum") if up else ("down", "a strict local maximum")
        every = f"all {n} directions lead" if n > 1 else "the only direction leads"
        return f"{start} and {every} {way}: {name}."
    if point.kind == Kind.DEGENERATE:
        where = "along every direction" if n > 1 else "along the only direction"
        return f"{start} and no curvature is certain {where}: {_degenerate(point)}"
    if not flat and point.kind == Kind.DEGENERATE_SADDLE:
        way, turn = ("up", "fall") if up else ("down", "rise")
        every = f"all {n} directions lead" if n > 1 else "the only direction leads"
        return (
            f"{start} and {every} {way} to second order, but the loss was measured to {turn} "
            "across a kink: a saddle."
        )
    signs = (
        f"{start}; of {_count(n, 'direction')}, {_verb(up, 'lead')} up, {_verb(down, 'lead')} down"
    )
    if point.kind == Kind.SADDLE:
        rest = f", {_verb(flat, 'be')} undetermined" if flat else ""
        return f"{signs}{rest}: a saddle."
    if point.spectrum is None:
        bound = point.lowest_bound
        above = bound is not None and bound.bound > 0
        end = "probably a minimum, see the lower bound." if above else _ENDS[point.kind]
        return f"{signs}; the signs of the other {flat} were not computed or are not certain: {end}"
    upward = point.probe is not None and point.probe.upward
    ends = _UPWARD if upward and point.kind == Kind.DEGENERATE_SADDLE else _ENDS[point.kind]
    band = f"(|eigenvalue| <= {counts.tolerance:.1g})"
    return f"{signs}, {_verb(flat, 'be')} undetermined {band}: {ends}"


_ENDS = {
    Kind.DEGENERATE_MINIMUM: "the floor of a valley, or a plateau.",
    Kind.DEGENERATE_MAXIMUM: "a ridge, or a plateau.",
    Kind.DEGENERATE_SADDLE: "a saddle, for the loss was measured to fall along one of them.",
}
_UPWARD = "a saddle, for the loss was measured to rise along one of them."


def _degenerate(point: CriticalPoint) -> str:
    if point.probe is None:
        return "a plateau, or a critical point of higher order."
    if point.probe.goes_down:
        return "a saddle of higher order, for the loss was measured to fall along one."
    return "a plateau or a floor, for the loss fell nowhere it was probed."


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _verb(count: int, verb: str) -> str:
    """Count and verb in agreement: "1 leads", "0 lead", "1 is", "3 are"."""
    if verb == "be":
        return f"{count} is" if count == 1 else f"{count} are"
    return f"{count} {verb}s" if count == 1 else f"{count} {verb}"


_NOT_CRITICAL = "The gradient does not vanish: this is not a critical point."


def _flat(gradient: GradientCheck) -> str:
    share = "H = 0" if gradient.flatness is None else f"|H g| / (|H| |g|) = {gradient.flatness:.1e}"
    return (
        "The gradient does not vanish, but it points where the Hessian has no curvature "
        f"({share}): gradient-flat. A search for a vanishing gradient may end here, yet this is no "
        "critical point: along the gradient the loss falls in a straight line."
    )


def describe(point: CriticalPoint) -> str:
    """Lay out what kind of point it is, what that rests on, and what to do."""
    counts, gradient = point.inertia, point.gradient
    rows = [
        ("KIND", str(point.kind).replace("_", " ")),
        ("because", statement(point)),
        ("gradient", _gradient(gradient)),
        ("eigenvalues", _eigenvalues(point)),
        ("lowest", f"{point.lowest:.6g} (residual {point.residuals[0]:.1e})"),
        ("highest", f"{point.highest:.6g} (residual {point.residuals[-1]:.1e})"),
        ("errors", _errors(point)),
    ]
    if point.null_space is not None and (counts.undetermined or point.null_space.not_flat):
        rows.append(("null space", str(point.null_space)))
    if point.lowest_bound is not None:
        rows.append(("lower bound", str(point.lowest_bound)))
    if point.probe is not None:
        way = "rise" if point.probe.upward else "drop"
        rows.append(
            (
                "probe",
                f"largest {way} of the loss {point.probe.drop:.3g}, along "
                f"{point.probe.directions} undetermined directions",
            )
        )
    if point.loss is not None:
        rows.append(("loss", f"{point.loss:.6g}"))
    if point.homework is not None:
        rows.append(("homework", str(point.homework)))
    rows += [("remedy", point.remedy), ("not checked", "; ".join(point.not_checked))]
    return "\n".join(line for label, text in rows if text for line in wrapped(label, text))


def _eigenvalues(point: CriticalPoint) -> str:
    counts = point.inertia
    if point.spectrum is not None:
        return str(counts)
    low, high = counts.minimum_ratio
    return (
        f"{counts.positive} positive, {counts.negative} negative; the other {counts.undetermined} "
        f"were not computed, or are within {counts.tolerance:.2g} of zero; minimum ratio in "
        f"[{low:.4g}, {high:.4g}]"
    )


def _gradient(gradient: GradientCheck) -> str:
    text = f"|g| = {gradient.norm:.3g}, counts as zero up to {gradient.threshold:.1e}"
    if gradient.small and gradient.norm > gradient.threshold:
        text += f", or because only {gradient.gap:.1e} of the loss is left to gain"
    if gradient.flatness is not None:
        text += f"; |H g| / (|H| |g|) = {gradient.flatness:.1e}"
    return text


def _errors(point: CriticalPoint) -> str:
    parts = [f"in H itself {point.assembly_error:.1e}", f"solver {point.solver_error:.1e}"]
    if point.criticality_error:
        parts.append(f"because |g| > 0 {point.criticality_error:.1e}")
    return f"of an eigenvalue: {', '.join(parts)}"


def wrapped(label: str, text: str) -> list[str]:
    """Break a text into lines, with its label before the first."""
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=f"{label:<{_LABEL}}",
        subsequent_indent=" " * _LABEL,
        break_on_hyphens=False,
    )
