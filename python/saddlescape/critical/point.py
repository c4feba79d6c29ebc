"""What is known of a point where the gradient may vanish."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from saddlescape.critical.hylee2021 import Homework
from saddlescape.critical.kind import Kind
from saddlescape.critical.lowest_bound import LowestBound
from saddlescape.critical.null_space import NullSpace
from saddlescape.critical.statement import describe
from saddlescape.eig import Inertia

__all__ = ["CriticalPoint", "GradientCheck", "Kind", "Probe"]


@dataclass(frozen=True)
class GradientCheck:
    """Whether the gradient is small, and what small meant.

    Attributes
    ----------
    norm : float
        ``|g|``, over the full batch.
    threshold : float
        The norm below which it counts as vanishing: `tolerance` given by the caller, else
        ``1e-6 |H| max(1, |theta|)``, the norm at a relative distance of 1e-6 from a critical point;
        less where Newton's step would be longer than 1e-3 of theta, as on the floor of a ravine.
    gap : float or None
        What the quadratic model says is left to gain or lose between here and the critical point,
        ``1/2 sum_i g_i^2 / |lambda_i| + |g_0| max(1, |theta|)``, as a fraction of the loss above
        its lower bound (g_i along the eigenvectors of certified sign, g_0 along the rest). None
        where the loss has no known lower bound.
    gap_threshold : float
        The gap below which the gradient counts as small whatever its norm.
    flatness : float or None
        ``|H g| / (|H| |g|)``; near zero at a point that is gradient-flat: the gradient lies in the
        null space of H, and the loss goes on falling (or rising) without curvature.
    small : bool
        ``norm <= threshold``, or ``gap <= gap_threshold``.
    flat : bool
        Gradient-flat: not small, `flatness` at most 1e-3, and so little curvature along g that a
        step as long as ``max(1, |theta|)`` could not shorten g by more than a thousandth. The
        second condition keeps a gradient along the floor of a ravine from being called flat.
    """

    norm: float
    threshold: float
    gap: float | None
    gap_threshold: float
    flatness: float | None
    small: bool
    flat: bool = False


@dataclass(frozen=True)
class Probe:
    """Loss measured along directions in which second order is silent.

    Attributes
    ----------
    directions, evaluations : int
        How many were tried, and how many losses that took.
    drop : float
        The largest fall of the loss that was measured, 0.0 if none went below the noise.
    noise : float
        Rounding error of one loss; a fall must exceed it several times to count.
    direction : (P,) array or None
        The unit direction of the largest fall.
    step : float
        The step along it.
    upward : bool
        Whether a rise was looked for instead (at a degenerate maximum); `drop` is then the rise.
    """

    directions: int
    evaluations: int
    drop: float
    noise: float
    direction: NDArray[np.float64] | None
    step: float
    upward: bool = False

    @property
    def goes_down(self) -> bool:
        """Whether a way down was found."""
        return self.direction is not None and not self.upward


@dataclass(frozen=True)
class CriticalPoint:
    """A point, what kind it is, and what that rests on.

    Attributes
    ----------
    kind : Kind
        By the certified counts and, where they leave it open, by the probe.
    gradient : GradientCheck
        Whether the gradient is small, with its threshold.
    inertia : Inertia
        Certified counts of signs; of the matrix-free method: what the converged pairs certify.
    eigenvalues, residuals : (k,) arrays
        The lowest and the highest eigenvalues computed, ascending, and ``|H v - lambda v|``.
    eigenvectors : (P, k) array
        Unit vectors, a column for each of `eigenvalues`.
    spectrum : (P,) array or None
        All eigenvalues, where the Hessian was assembled.
    assembly_error, solver_error : float
        How far an eigenvalue may be off because of rounding in the Hessian (an estimate, or a
        bound where the operator gives one) and in the eigen-solver (a bound).
    criticality_error : float
        How far an eigenvalue may differ from that of the critical point near by, because the
        gradient is small but not zero (an estimate); 0 where the gradient is not small.
    probe : Probe or None
        Set where second order leaves the kind open and the loss can be evaluated.
    loss : float or None
        At the point.
    method : str
        ``"dense"`` or ``"lanczos"``.
    products : int
        Hessian products that the answer took.
    seconds : float
        Wall time that it took.
    not_checked : tuple of str
        What would have to be true as well and was not looked at.
    remedy : str
        What to do at such a point.
    null_space : NullSpace or None
        Which of the undetermined eigenvalues are zero for a known reason; None where only the ends
        of the spectrum were computed.
    lowest_bound : LowestBound or None
        Below what no eigenvalue lies, with a probability; set where only the ends of the spectrum
        were computed and they show no negative one.
    homework : Homework or None
        What the criterion of a course's homework says here; set with ``preset="hylee2021"``.
    """

    kind: Kind
    gradient: GradientCheck
    inertia: Inertia
    eigenvalues: NDArray[np.float64]
    residuals: NDArray[np.float64]
    eigenvectors: NDArray[np.float64] = field(repr=False)
    spectrum: NDArray[np.float64] | None = field(repr=False)
    assembly_error: float
    solver_error: float
    criticality_error: float
    probe: Probe | None = field(repr=False)
    loss: float | None
    method: str
    products: int
    seconds: float
    not_checked: tuple[str, ...]
    remedy: str
    null_space: NullSpace | None = None
    lowest_bound: LowestBound | None = None
    homework: Homework | None = None

    def __str__(self) -> str:
        return describe(self)

    @property
    def gradient_norm(self) -> float:
        """``|g|``, over the full batch."""
        return self.gradient.norm

    @property
    def lowest(self) -> float:
        """The smallest eigenvalue computed."""
        return float(self.eigenvalues[0])

    @property
    def highest(self) -> float:
        """The largest eigenvalue computed."""
        return float(self.eigenvalues[-1])

    @property
    def has_way_down(self) -> bool:
        """Whether a direction is known along which the loss falls, small gradient or not."""
        certified = self.gradient.small and self.inertia.negative > 0
        return certified or (self.probe is not None and self.probe.goes_down)
