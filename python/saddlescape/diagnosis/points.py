"""A critical point in words and numbers."""

from __future__ import annotations

from saddlescape.critical import CriticalPoint, Kind, Probe
from saddlescape.diagnosis.records import Evidence

__all__ = ["evidence", "statement"]


def evidence(point: CriticalPoint) -> tuple[Evidence, ...]:
    """Return the numbers behind a point, each with how it was obtained."""
    counts = point.inertia
    n = counts.positive + counts.negative + counts.undetermined
    low, high = counts.minimum_ratio
    residuals = point.residuals
    rows = [
        Evidence("|g|, all samples", f"{point.gradient.norm:.3g}", _gradient_basis(point)),
        Evidence(
            "n+ / n- / n?",
            f"{counts.positive} / {counts.negative} / {counts.undetermined}",
            f"of {n}, certified beyond {counts.tolerance:.1e}",
        ),
        Evidence(
            "minimum ratio",
            f"{low:.3f}" if low == high else f"{low:.3f} to {high:.3f}",
            "n+ / n to (n - n-) / n",
        ),
        Evidence("lowest eigenvalue", f"{point.lowest:.6g}", f"residual {residuals[0]:.1e}"),
        Evidence("highest eigenvalue", f"{point.highest:.6g}", f"residual {residuals[-1]:.1e}"),
        Evidence("error of assembly", f"{point.assembly_error:.1e}", "of an eigenvalue; estimate"),
        Evidence("error of the solver", f"{point.solver_error:.1e}", "of an eigenvalue; bound"),
    ]
    if point.criticality_error:
        rows.append(
            Evidence(
                "because |g| > 0", f"{point.criticality_error:.1e}", "of an eigenvalue; estimate"
            )
        )
    if point.probe is not None:
        rows.append(_probed(point.probe))
    return tuple(rows)


def statement(point: CriticalPoint) -> str:
    """Return what kind of point it is, with the counts that say so."""
    counts = point.inertia
    n = counts.positive + counts.negative + counts.undetermined
    up, down, flat = counts.positive, counts.negative, counts.undetermined
    start = "The gradient vanishes"
    if point.kind == Kind.NOT_CRITICAL:
        return "The gradient does not vanish: this is not a critical point."
    if point.kind in (Kind.MINIMUM, Kind.MAXIMUM):
        way, name = ("up", "a strict local minimum") if up else ("down", "a maximum")
        return f"{start} and all {n} directions go {way}: {name}."
    if point.kind == Kind.DEGENERATE:
        return f"{start} and so does all curvature, in {flat} of {n} directions."
    signs = f"{start}; of {n} directions {up} go up, {down} go down"
    if point.kind == Kind.SADDLE:
        return f"{signs}, {flat} are undetermined: a saddle."
    ends = {
        Kind.DEGENERATE_MINIMUM: "the floor of a valley, or a plateau.",
        Kind.DEGENERATE_MAXIMUM: "a ridge, or a plateau.",
        Kind.DEGENERATE_SADDLE: "along one of them the loss was measured to "
        + ("rise." if point.probe is not None and point.probe.upward else "fall."),
    }
    return f"{signs}, {flat} are flat to second order: {ends[point.kind]}"


def _gradient_basis(point: CriticalPoint) -> str:
    gradient = point.gradient
    if gradient.norm <= gradient.threshold or gradient.gap is None:
        return f"threshold {gradient.threshold:.1e}"
    return f"{gradient.gap:.1e} of the loss left to gain; threshold {gradient.gap_threshold:.0e}"


def _probed(probe: Probe) -> Evidence:
    return Evidence(
        f"largest {'rise' if probe.upward else 'drop'} probed",
        f"{probe.drop:.3g}",
        f"{probe.evaluations} losses, {probe.directions} flat directions",
    )
