"""Is the gradient small? Two answers that do not depend on the units of loss or parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from saddlescape._sums import Sums
from saddlescape.critical.point import GradientCheck
from saddlescape.curvature import AnyCurvature

if TYPE_CHECKING:
    from saddlescape.critical.solved import Solved

__all__ = ["check_gradient"]

DISTANCE = 1e-6  # relative distance to the critical point
RAVINE = 1e-3  # relative length of Newton's step that a vanishing gradient can't ask for
FLAT = 1e-3  # of |H|, and of g over a step as long as theta
GAP = 1e-4  # share of the loss that the quadratic model leaves to gain


def check_gradient(
    operator: AnyCurvature, found: Solved, tolerance: float | None
) -> tuple[GradientCheck, float]:
    """Return the check, and the gap in units of the loss.

    A norm alone says nothing: 1e-3 is large beside a loss of 1e-6 and small beside a curvature of
    1e6. ``|g| / |H|`` is a distance to the critical point, ``1/2 sum g_i^2 / |lambda_i|`` the
    height of the loss above it (or below).
    """
    g = operator.gradient()
    sums = Sums(operator)
    norm = sums.norm(g)
    size = float(np.abs(found.eigenvalues).max(initial=0.0))
    scale = max(1.0, sums.norm(operator.theta))
    threshold = DISTANCE * size * scale if tolerance is None else tolerance
    gap = _model_gap(operator, found, g, scale)
    relative = _relative(gap, operator)
    if tolerance is None and (step := _newton_step(found, g, sums)) > 0:
        threshold = min(threshold, norm * RAVINE * scale / step)
    small = norm <= threshold
    if tolerance is None and relative is not None:
        small = small or relative <= GAP
    turned = sums.norm(operator @ g)  # of g over a step along itself, per length
    flatness = turned / (size * norm) if size * norm > 0 else None
    flat = not small and (flatness or 0.0) <= FLAT and turned * scale <= FLAT * norm**2
    return GradientCheck(norm, threshold, relative, GAP, flatness, small, flat), gap


def _model_gap(
    operator: AnyCurvature, found: Solved, g: NDArray[np.float64], scale: float
) -> float:
    """``1/2 sum g_i^2 / |lambda_i|`` where signs are certain, else ``|g_0| max(1, |theta|)``."""
    sums = Sums(operator)
    if not found.complete:
        # along the gradient itself: with c = g^T H g / |g|^2 it is |g|^2 / 2|c|
        squared = sums.inner(g, g)
        curvature = abs(sums.inner(g, operator @ g))
        flat = float(np.sqrt(squared)) * scale
        return min(flat, squared**2 / (2 * curvature)) if curvature > 0 else flat
    parts = sums.dot(found.eigenvectors, g)
    values = np.abs(found.eigenvalues)
    certain = values > found.inertia.tolerance
    curved = 0.5 * float(np.sum(parts[certain] ** 2 / values[certain]))
    return curved + float(np.linalg.norm(parts[~certain])) * scale


def _newton_step(found: Solved, g: NDArray[np.float64], sums: Sums) -> float:
    """``|H^+ g|`` over certified signs: how far the critical point is, where that is known.

    ``|g| / |H|`` is too short by the condition number if g lies along the floor of a ravine.
    """
    if not found.complete:
        return 0.0
    values = np.abs(found.eigenvalues)
    certain = values > found.inertia.tolerance
    return float(np.linalg.norm(sums.dot(found.eigenvectors, g)[certain] / values[certain]))


def _relative(gap: float, operator: AnyCurvature) -> float | None:
    if operator.lower_bound is None:
        return None
    height = operator.loss() - operator.lower_bound
    if not height > 0:
        return 0.0 if gap == 0 else None
    return gap / height
