"""What kind of critical point is this: gradient, certified signs, and a probe where they end."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape import _check
from saddlescape.critical.gradient import check_gradient
from saddlescape.critical.multiple import generic_lowest
from saddlescape.critical.point import CriticalPoint, Kind, Probe
from saddlescape.critical.probe import probe
from saddlescape.critical.text import not_checked, remedy
from saddlescape.curvature import Curvature, MatrixCurvature, OperatorCurvature
from saddlescape.curvature.products import is_operator
from saddlescape.eig import Inertia, certified_eigh, inertia, lanczos

__all__ = ["DENSE_LIMIT", "classify", "kind_by_signs"]

DENSE_LIMIT = (
    3000  # parameters up to which "auto" assembles H: 72 MB, some ten seconds on two cores
)
_PAIRS = 3  # at each end
_CRITICALITY = 8.0
Vector = NDArray[np.float64]


def classify(
    H: Curvature | NDArray[Any],
    gradient: NDArray[Any] | None = None,
    *,
    gradient_tolerance: float | None = None,
    method: str = "auto",
    seed: int = 0,
) -> CriticalPoint:
    """Say what kind of critical point H stands at, if it stands at one.

    The signs of the eigenvalues decide, as far as they are certain. With n+ and n- the certified
    counts, n? the rest, and a small gradient: all positive is a minimum, all negative a maximum,
    both signs a saddle. Where some are undetermined the loss is measured along those directions:
    if it falls, a ``degenerate_minimum`` is a ``degenerate_saddle``.

    Parameters
    ----------
    H : operator or (P, P) array
        ``curvature.of(net, X, y)`` or another operator of `saddlescape.curvature`; of a plain
        symmetric array, a sparse one or a SciPy ``LinearOperator`` only the signs are judged.
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
    """
    started = time.perf_counter()
    operator = _operator(H, gradient)
    method = _check.choice("method", method, ("auto", "dense", "lanczos"))
    seed = _check.integer("seed", seed, low=0)
    if gradient_tolerance is not None:
        gradient_tolerance = _check.non_negative("gradient_tolerance", gradient_tolerance)
    if method == "auto":
        method = "dense" if operator.shape[0] <= DENSE_LIMIT else "lanczos"
    found = _by_assembly(operator, seed) if method == "dense" else _by_lanczos(operator, seed)
    check, model_gap = check_gradient(operator, found, gradient_tolerance)
    if check.small:
        found = _at_the_critical_point(found, operator)
    kind = kind_by_signs(check.small, found.inertia)
    probed = None
    if check.small and found.inertia.undetermined and kind != Kind.SADDLE:
        probed = probe(
            operator, found.undetermined, model_gap, kind == Kind.DEGENERATE_MAXIMUM, seed
        )
        kind = _kind_after_probe(kind, probed)
    lowest = np.unique(np.r_[:_PAIRS, -_PAIRS:0] % len(found.eigenvalues))
    values, vectors = found.eigenvalues[lowest], _oriented(found.eigenvectors[:, lowest])
    return CriticalPoint(
        kind=kind,
        gradient=check,
        inertia=found.inertia,
        eigenvalues=values,
        residuals=_residuals(operator, found, lowest),
        eigenvectors=vectors,
        spectrum=found.eigenvalues if found.complete else None,
        assembly_error=found.assembly_error,
        solver_error=found.solver_error,
        criticality_error=found.criticality_error,
        probe=probed,
        loss=_loss(operator),
        method=method,
        products=found.products,
        seconds=time.perf_counter() - started,
        not_checked=not_checked(operator, kind, found, probed, gradient is None),
        remedy=remedy(kind, found.complete, probed),
    )


@dataclass(frozen=True)
class Found:
    """Eigenvalues of either method, and the space in which signs stay open."""

    eigenvalues: Vector
    eigenvectors: Vector
    residuals: Vector | None
    inertia: Inertia
    assembly_error: float
    solver_error: float
    products: int
    complete: bool
    criticality_error: float = 0.0

    @property
    def undetermined(self) -> Vector | None:
        """Eigenvectors (P, n?) of undetermined sign; None if only the ends were computed."""
        if not self.complete:
            return None
        return self.eigenvectors[:, np.abs(self.eigenvalues) <= self.inertia.tolerance]


def _at_the_critical_point(found: Found, operator: Curvature) -> Found:
    """Count again with the band widened by what the distance to the critical point can do.

    A small gradient is not a zero one, and H changes on the way to the critical point that is
    meant: over a step d by about ``|H| d / max(1, |theta|)``, if it varies on the scale of theta.
    Taken eight-fold; an estimate. The step is Newton's, ``d^2 = sum (g_i / lambda_i)^2``. It is
    long along soft directions: on ``x^2 + y^3`` at y = 5e-4 all curvature is positive, the way to
    the origin is y / 2, and nothing near by is a minimum. An eigenvalue that such a step could
    bring to zero is undetermined and leads no step itself, so the band b is the smallest with

        8 |H| d(b) / max(1, |theta|) <= b,   d(b) over |lambda_i| > b.
    """
    scale = max(1.0, float(np.linalg.norm(operator.theta)))
    g = operator.gradient()
    base = found.solver_error + found.assembly_error
    band = base + _CRITICALITY * float(np.linalg.norm(g)) / scale  # where d is |g| / |H|
    sizes = np.abs(found.eigenvalues)
    order = np.argsort(sizes)
    sizes, parts = sizes[order], (found.eigenvectors.T @ g)[order]
    first = int(np.searchsorted(sizes, band, side="right"))
    squares = (parts[first:] / sizes[first:]) ** 2
    lengths = np.sqrt(np.cumsum(squares[::-1])[::-1])
    for size, length in zip(sizes[first:], lengths, strict=True):
        need = base + _CRITICALITY * float(sizes[-1] * length) / scale
        if need < size:
            band = max(band, need)
            break
        band = max(band, float(size))
    counts = _counted(found, band, operator.shape[0])
    return replace(found, inertia=counts, criticality_error=band - base)


def _counted(found: Found, band: float, n: int) -> Inertia:
    positive = int((found.eigenvalues > band).sum())
    negative = int((found.eigenvalues < -band).sum())
    return Inertia(positive, negative, n - positive - negative, band, found.solver_error)


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


def _kind_after_probe(kind: Kind, probed: Probe | None) -> Kind:
    found = probed is not None and probed.direction is not None
    if found and kind in (Kind.DEGENERATE_MINIMUM, Kind.DEGENERATE_MAXIMUM):
        return Kind.DEGENERATE_SADDLE
    return kind


def _by_assembly(operator: Curvature, seed: int) -> Found:
    A = np.ascontiguousarray(operator.dense())
    spectrum = certified_eigh(A)
    assembly = operator.error()
    error = spectrum.error_bound + assembly
    return Found(
        eigenvalues=spectrum.eigenvalues,
        eigenvectors=generic_lowest(spectrum.eigenvalues, spectrum.eigenvectors, error, seed),
        residuals=None,
        inertia=inertia(tolerance=assembly, spectrum=spectrum),
        assembly_error=assembly,
        solver_error=spectrum.error_bound,
        products=len(A),
        complete=True,
    )


def _by_lanczos(operator: Curvature, seed: int) -> Found:
    n = operator.shape[0]
    pairs = lanczos(operator, low=min(_PAIRS, n), high=min(_PAIRS, n), seed=seed)
    assembly = operator.error()
    # Kahan: k orthonormal vectors with residual block R have k eigenvalues of H within |R|_F.
    bound = float(np.linalg.norm(pairs.residuals))
    found = Found(
        eigenvalues=pairs.eigenvalues,
        eigenvectors=pairs.eigenvectors,
        residuals=pairs.residuals,
        inertia=Inertia(0, 0, n, bound + assembly, bound),
        assembly_error=assembly,
        solver_error=bound,
        products=pairs.products,
        complete=len(pairs.eigenvalues) == n,
    )
    return replace(found, inertia=_counted(found, bound + assembly, n))


def _oriented(V: Vector) -> Vector:
    """Choose the sign of each column so that its largest entry is positive: a reader's (1, 1)."""
    largest = np.argmax(np.abs(V), axis=0)
    return V * np.where(V[largest, np.arange(V.shape[1])] < 0, -1.0, 1.0)


def _residuals(operator: Curvature, found: Found, which: NDArray[np.intp]) -> Vector:
    if found.residuals is not None:
        return found.residuals[which]
    V = found.eigenvectors[:, which]
    return np.asarray(np.linalg.norm(operator @ V - V * found.eigenvalues[which], axis=0))


def _loss(operator: Curvature) -> float | None:
    value = operator.loss()
    return value if np.isfinite(value) else None


def _operator(H: Any, gradient: NDArray[Any] | None) -> Curvature:
    if isinstance(H, np.ndarray):
        return MatrixCurvature(H, gradient)
    if isinstance(H, Curvature):
        if gradient is None:
            return H
        raise ValueError("gradient: given with an operator, expected only with a plain array H")
    if not is_operator(H):
        raise TypeError(
            f"H: {type(H).__name__}, expected a square array or an operator of "
            "saddlescape.curvature, such as curvature.of(net, X, y)"
        )
    return OperatorCurvature(H, gradient)
