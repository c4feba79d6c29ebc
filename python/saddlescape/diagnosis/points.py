"""A critical point in words and numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from saddlescape.critical import CriticalPoint, Kind, Probe
from saddlescape.diagnosis.records import Evidence

__all__ = ["along", "evidence", "statement"]

_SMALL = 3  # parameters up to which a matrix or a direction is written out


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
    if counts.n <= _SMALL and len(point.eigenvalues) == counts.n:
        V = point.eigenvectors
        matrix = [_numbers(row) for row in (V * point.eigenvalues) @ V.T]
        shape = f"{counts.n} x {counts.n}"
        rows.insert(1, Evidence("Hessian", shape, f"[{', '.join(matrix)}]"))
    if point.criticality_error:
        rows.append(
            Evidence(
                "because |g| > 0", f"{point.criticality_error:.1e}", "of an eigenvalue; estimate"
            )
        )
    if point.probe is not None:
        rows.append(_probed(point.probe))
    return tuple(rows)


def along(u: NDArray[np.float64], curvature: float) -> str:
    """Name a direction: by its curvature, and written out if it is short."""
    if len(u) > _SMALL:
        return f"along curvature {curvature:.4g}"
    return f"along {_numbers(u)} (curvature {curvature:.4g})"


def _numbers(values: NDArray[np.float64]) -> str:
    # 12 digits first: a sum that should be 0 is 1e-17, and -0.0 + 0.0 is 0.0
    return "[" + ", ".join(f"{round(float(x), 12) + 0.0:.4g}" for x in values) + "]"


def statement(point: CriticalPoint) -> str:
    """Return what kind of point it is, with the counts that say so."""
    counts = point.inertia
    up, down, flat, n = counts.positive, counts.negative, counts.undetermined, counts.n
    if point.kind == Kind.NOT_CRITICAL:
        return "The gradient does not vanish: this is not a critical point."
    zero = point.gradient.norm == 0
    start = "The gradient vanishes" if zero else "The gradient is small enough to count as zero"
    if point.kind in (Kind.MINIMUM, Kind.MAXIMUM):
        way, name = ("up", "a strict local minimum") if up else ("down", "a strict local maximum")
        every = f"all {n} directions lead" if n > 1 else "the only direction leads"
        return f"{start} and {every} {way}: {name}."
    if point.kind == Kind.DEGENERATE:
        where = "along every direction" if n > 1 else "along the only direction"
        return f"{start} and no curvature is certain {where}: {_degenerate(point)}"
    signs = (
        f"{start}; of {_count(n, 'direction')}, {_verb(up, 'lead')} up, {_verb(down, 'lead')} down"
    )
    if point.kind == Kind.SADDLE:
        rest = f", {_verb(flat, 'be')} undetermined" if flat else ""
        return f"{signs}{rest}: a saddle."
    if point.spectrum is None:
        return (
            f"{signs}; the signs of the other {flat} were not computed or are not certain: "
            + _ENDS[point.kind]
        )
    upward = point.probe is not None and point.probe.upward
    ends = _UPWARD if upward and point.kind == Kind.DEGENERATE_SADDLE else _ENDS[point.kind]
    return f"{signs}, {_verb(flat, 'be')} flat to second order: {ends}"


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
