"""A critical point in words and numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from saddlescape.critical import CriticalPoint, Probe
from saddlescape.critical.statement import statement
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
    if (least := point.lowest_bound) is not None:
        how = f"with probability 1 - {least.delta:.0e}, {least.steps} Lanczos steps"
        rows.append(Evidence("no eigenvalue below", f"{least.bound:.2e}", how))
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
