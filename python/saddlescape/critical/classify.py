"""What kind of critical point is this: gradient, certified signs, and a probe where they end."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape import _backend
from saddlescape._sums import Sums
from saddlescape.critical.ask import DENSE_LIMIT, Ask
from saddlescape.critical.gradient import check_gradient
from saddlescape.critical.hylee2021 import homework
from saddlescape.critical.kind import Kind
from saddlescape.critical.lowest_bound import LowestBound, bound_lowest
from saddlescape.critical.null_space import NullSpace, explain
from saddlescape.critical.point import CriticalPoint, Probe
from saddlescape.critical.probe import probe
from saddlescape.critical.solved import (
    PAIRS,
    Solved,
    at_the_critical_point,
    by_assembly,
    by_lanczos,
)
from saddlescape.critical.text import not_checked, remedy
from saddlescape.curvature import (
    AnyCurvature,
    Curvature,
    CurvatureInPieces,
    MatrixCurvature,
    OperatorCurvature,
)
from saddlescape.curvature.products import is_operator
from saddlescape.eig import Inertia

__all__ = ["DENSE_LIMIT", "classify", "kind_by_signs"]

Vector = NDArray[np.float64]
_ONE_SIGN = (Kind.MINIMUM, Kind.MAXIMUM, Kind.DEGENERATE_MINIMUM, Kind.DEGENERATE_MAXIMUM)


def classify(
    H: AnyCurvature | NDArray[Any],
    gradient: NDArray[Any] | None = None,
    *,
    gradient_tolerance: float | None = None,
    method: str = "auto",
    tau: float | None = None,
    delta: float = 1e-6,
    null_directions: dict[str, Vector] | None = None,
    preset: str | None = None,
    seed: int = 0,
) -> CriticalPoint:
    """Say what kind of critical point H stands at, if it stands at one.

    The signs of the eigenvalues decide, as far as they are certain. With n+ and n- the certified
    counts, n? the rest, and a small gradient: all positive is a minimum, all negative a maximum,
    both signs a saddle. Where some are undetermined the loss is measured along those directions:
    if it falls, a ``degenerate_minimum`` is a ``degenerate_saddle``. So is a ``minimum`` where the
    loss has kinks (`silent`) and is measured to fall along any direction.

    Parameters
    ----------
    H : operator or (P, P) array
        ``curvature.of(net, X, y)`` or another operator of `saddlescape.curvature`; of a plain
        symmetric array, a sparse one or a SciPy ``LinearOperator`` only the signs are judged. Of an
        operator whose vectors are in pieces (``.in_pieces()``) all processes get the same verdict,
        each with its own rows of the eigenvectors.
    gradient : (P,) array, optional
        With an array `H`: the gradient; taken as zero if left out, and listed as not checked. An
        array doesn't say where it was taken: here ``max(1, |theta|)`` is 1.
    gradient_tolerance : float, optional
        The norm up to which the gradient counts as zero. By default it is small at a relative
        distance of 1e-6 from a critical point, ``|g| <= 1e-6 |H| max(1, |theta|)``, or where
        the quadratic model leaves less than 1e-4 of the loss to gain; both are scale-free.
    method : str
        ``"dense"`` assembles H and certifies every sign, ``"lanczos"`` only the ends of the
        spectrum, ``"auto"`` takes the first up to 3,000 parameters.
    tau, delta : float
        Of ``"lanczos"``: say with probability ``1 - delta`` that no eigenvalue lies below -tau, in
        as many steps as that takes [1]_. Without `tau`: what 100 steps allow to say.
    null_directions : dict of (P,) or (P, k) arrays, optional
        Directions, by reason, along which the loss is known to be flat: what they explain of the
        undetermined eigenvalues is measured and counted, and which of them are not flat here. Those
        of our own networks are known.
    preset : str, optional
        ``"hylee2021"`` adds, for a network's operator, what a course's homework says of this point,
        and how that differs (`CriticalPoint.homework`).
    seed : int
        Of the Lanczos start vectors, the probe's directions, and the one direction that stands for
        a multiple lowest eigenvalue.

    Returns
    -------
    CriticalPoint
        With the kind, the counts, extreme eigenpairs and residuals, and what was not checked.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what came and what is allowed.

    Examples
    --------
    >>> import numpy as np
    >>> from saddlescape import critical
    >>> point = critical.classify(np.array([[0.0, -2.0], [-2.0, 0.0]]))
    >>> print(point.kind, point.inertia.positive, point.inertia.negative)
    saddle 1 1

    References
    ----------
    .. [1] J. Kuczynski, H. Wozniakowski (1992), Estimating the largest eigenvalue by the power and
       Lanczos algorithms with a random start, SIAM J. Matrix Anal. Appl. 13(4), theorem 4.2.
    """
    started = time.perf_counter()
    operator = _operator(H, gradient)
    with Sums(operator).together("classify"):
        ask = Ask.checked(
            operator, gradient_tolerance, method, tau, delta, null_directions, preset, seed
        )
    Sums(operator).check_alike("classify", repr(ask))
    return _classified(operator, ask, gradient is None, started)


def _classified(
    operator: AnyCurvature, ask: Ask, no_gradient: bool, started: float
) -> CriticalPoint:
    seed = ask.seed
    found = by_assembly(operator, seed) if ask.dense else by_lanczos(operator, seed)
    check, model_gap = check_gradient(operator, found, ask.gradient_tolerance)
    if check.small:
        found = at_the_critical_point(found, operator)
    kind = kind_by_signs(check.small, found.inertia)
    probed = _probed(operator, kind, found, model_gap, seed) if check.small else None
    kind = _kind_after_probe(kind, probed)
    lowest_bound = _lowest_bound(operator, found, ask)
    lowest = np.unique(np.r_[:PAIRS, -PAIRS:0] % len(found.eigenvalues))
    values, vectors = found.eigenvalues[lowest], found.eigenvectors[:, lowest]
    return CriticalPoint(
        kind=kind,
        gradient=check,
        inertia=found.inertia,
        eigenvalues=values,
        residuals=_residuals(operator, found, lowest),
        eigenvectors=Sums(operator).oriented(vectors),
        spectrum=found.eigenvalues if found.complete else None,
        assembly_error=found.assembly_error,
        solver_error=found.solver_error,
        criticality_error=found.criticality_error,
        probe=probed,
        loss=_loss(operator),
        method="dense" if ask.dense else "lanczos",
        products=found.products + (0 if lowest_bound is None else lowest_bound.steps),
        seconds=time.perf_counter() - started,
        not_checked=not_checked(operator, kind, found, probed, no_gradient),
        remedy=remedy(kind, found.complete, probed, check, operator.silent is not None),
        null_space=_null_space(operator, found, ask),
        lowest_bound=lowest_bound,
        homework=homework(operator, str(kind), found.inertia) if ask.preset else None,
    )


def kind_by_signs(small: bool, counts: Inertia) -> Kind:
    """Name the kind by the certified counts alone, before any probe."""
    if not small:
        return Kind.NOT_CRITICAL
    up, down, unknown = counts.positive > 0, counts.negative > 0, counts.undetermined > 0
    if up and down:
        return Kind.SADDLE
    if not up and not down:
        return Kind.DEGENERATE
    if up:
        return Kind.DEGENERATE_MINIMUM if unknown else Kind.MINIMUM
    return Kind.DEGENERATE_MAXIMUM if unknown else Kind.MAXIMUM


def _probed(
    operator: AnyCurvature, kind: Kind, found: Solved, gap: float, seed: int
) -> Probe | None:
    """Measure the loss where second order does not decide: no sign is certain, or there are kinks.

    At a kink the loss may fall although every eigenvalue is positive: all directions are open.
    """
    upward = kind in (Kind.DEGENERATE_MAXIMUM, Kind.MAXIMUM)
    if found.inertia.undetermined and kind != Kind.SADDLE:
        return probe(operator, found.undetermined, gap, upward, seed)
    if operator.silent and kind in (Kind.MINIMUM, Kind.MAXIMUM):
        return probe(operator, None, gap, upward, seed)
    return None


def _kind_after_probe(kind: Kind, probed: Probe | None) -> Kind:
    found = probed is not None and probed.direction is not None
    return Kind.DEGENERATE_SADDLE if found and kind in _ONE_SIGN else kind


def _lowest_bound(operator: AnyCurvature, found: Solved, ask: Ask) -> LowestBound | None:
    """Say how low an eigenvalue between the computed ones may be, unless one is surely negative."""
    if found.complete or found.inertia.negative:
        return None
    return bound_lowest(
        operator,
        float(found.eigenvalues[0]),
        float(found.eigenvalues[-1]),
        delta=ask.delta,
        tau=ask.tau,
        error=found.assembly_error,
        seed=ask.seed,
    )


def _null_space(operator: AnyCurvature, found: Solved, ask: Ask) -> NullSpace | None:
    """Explain the undetermined eigenvalues where all are known."""
    if not found.complete or isinstance(operator, CurvatureInPieces):
        return None
    known = getattr(operator, "invariances", tuple)
    return explain(operator, found.inertia, known(), ask.null_directions)


def _residuals(operator: AnyCurvature, found: Solved, which: NDArray[np.intp]) -> Vector:
    if found.residuals is not None:
        return found.residuals[which]
    V = found.eigenvectors[:, which]
    return Sums(operator).norms(operator @ V - V * found.eigenvalues[which])


def _loss(operator: AnyCurvature) -> float | None:
    value = operator.loss()
    return value if np.isfinite(value) else None


def _operator(H: Any, gradient: NDArray[Any] | None) -> AnyCurvature:
    if isinstance(H, np.ndarray):
        return MatrixCurvature(H, gradient)
    if isinstance(H, (CurvatureInPieces, Curvature)):
        if gradient is None:
            return H
        raise ValueError("gradient: given with an operator, expected only with a plain array H")
    if not is_operator(H):
        raise TypeError(
            f"H: {_backend.came(H)}, expected a square array or an operator of "
            "saddlescape.curvature, such as curvature.of(net, X, y)"
        )
    return OperatorCurvature(H, gradient)
