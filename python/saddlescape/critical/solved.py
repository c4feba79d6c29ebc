"""The eigenvalues of H at a point: all, or its ends, with the space in which signs stay open."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from saddlescape._krylov import krylov
from saddlescape._sums import Sums
from saddlescape.critical.multiple import generic_lowest
from saddlescape.curvature import AnyCurvature, CurvatureInPieces, NotFiniteError
from saddlescape.eig import Inertia, certified_eigh, inertia, lanczos

__all__ = ["PAIRS", "Solved", "at_the_critical_point", "by_assembly", "by_lanczos"]

PAIRS = 3  # at each end
_CRITICALITY = 8.0
_MEASURED = 4.0  # times the change of H over Newton's step: it goes half the way at least
_CHANGE_STEPS = 8
Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Solved:
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


def at_the_critical_point(found: Solved, operator: AnyCurvature) -> Solved:
    """Count again with the band widened by what the distance to the critical point can do.

    A small gradient is not a zero one, and H changes on the way to the critical point that is
    meant: over a step d by about ``|H| d / max(1, |theta|)``, if it varies on the scale of theta.
    Taken eight-fold; an estimate. The step is Newton's, ``d^2 = sum (g_i / lambda_i)^2``. It is
    long along soft directions: on ``x^2 + y^3`` at y = 5e-4 all curvature is positive, the way to
    the origin is y / 2, and nothing near by is a minimum. An eigenvalue that such a step could
    bring to zero is undetermined and leads no step itself, so the band b is the smallest with

        8 |H| d(b) / max(1, |theta|) <= b,   d(b) over |lambda_i| > b.
    """
    sums = Sums(operator)
    scale = max(1.0, sums.norm(operator.theta))
    g = operator.gradient()
    base = found.solver_error + found.assembly_error
    band = base + _CRITICALITY * sums.norm(g) / scale  # where d is |g| / |H|
    sizes = np.abs(found.eigenvalues)
    order = np.argsort(sizes)
    sizes, parts = sizes[order], sums.dot(found.eigenvectors, g)[order]
    first = int(np.searchsorted(sizes, band, side="right"))
    squares = (parts[first:] / sizes[first:]) ** 2
    lengths = np.sqrt(np.cumsum(squares[::-1])[::-1])
    for size, length in zip(sizes[first:], lengths, strict=True):
        need = base + _CRITICALITY * float(sizes[-1] * length) / scale
        if need < size:
            band = max(band, need)
            break
        band = max(band, float(size))
    band = max(band, base + _MEASURED * _change(operator, found, band))
    counts = _counted(found, band, operator.shape[0])
    return replace(found, inertia=counts, criticality_error=band - base)


def _change(operator: AnyCurvature, found: Solved, band: float) -> float:
    """Measure ``|H(theta + p) - H(theta)|`` over Newton's step p, beyond the rounding of both.

    The estimate above takes theta's own size for the scale on which H varies. At a monkey saddle H
    vanishes as fast as the way to it, whatever theta's size; over Newton's step at least half of it
    goes, at a critical point of any order.
    """
    at = getattr(operator, "at", None)
    if at is None:
        return 0.0
    sums = Sums(operator)
    certain = np.abs(found.eigenvalues) > band
    V, values = found.eigenvectors[:, certain], found.eigenvalues[certain]
    p = -V @ (sums.dot(V, operator.gradient()) / values)
    theta = operator.theta + p
    if sums.same(theta, operator.theta):
        return 0.0
    try:
        there = at(theta)
    except NotFiniteError:
        return 0.0
    start = sums.generator(0).standard_normal(len(p))
    _, T = krylov(_Difference(there, operator), start, _CHANGE_STEPS)
    k = T.shape[1]
    size = float(np.abs(np.linalg.eigvalsh(T[:k])).max())
    return max(0.0, size - 2 * found.assembly_error)


class _Difference:
    """``H_1 - H_2`` as far as a Krylov space needs it."""

    def __init__(self, one: AnyCurvature, other: AnyCurvature) -> None:
        self._one, self._other, self.shape = one, other, one.shape
        if isinstance(one, CurvatureInPieces):
            self.piece, self.reduce = one.piece, one.reduce

    def __matmul__(self, V: Vector) -> Vector:
        return np.asarray((self._one @ V) - (self._other @ V))


def _counted(found: Solved, band: float, n: int) -> Inertia:
    positive = int((found.eigenvalues > band).sum())
    negative = int((found.eigenvalues < -band).sum())
    return Inertia(positive, negative, n - positive - negative, band, found.solver_error)


def by_assembly(operator: AnyCurvature, seed: int) -> Solved:
    """All eigenpairs of the assembled matrix, certified."""
    if isinstance(operator, CurvatureInPieces):
        raise TypeError("H: in pieces, expected whole vectors: it is not assembled")
    A = np.ascontiguousarray(operator.dense())
    spectrum = certified_eigh(A)
    assembly = operator.error()
    error = spectrum.error_bound + assembly
    return Solved(
        eigenvalues=spectrum.eigenvalues,
        eigenvectors=generic_lowest(spectrum.eigenvalues, spectrum.eigenvectors, error, seed),
        residuals=None,
        inertia=inertia(tolerance=assembly, spectrum=spectrum),
        assembly_error=assembly,
        solver_error=spectrum.error_bound,
        products=len(A),
        complete=True,
    )


def by_lanczos(operator: AnyCurvature, seed: int) -> Solved:
    """The pairs at both ends, from products."""
    n = operator.shape[0]
    pairs = lanczos(operator, low=min(PAIRS, n), high=min(PAIRS, n), seed=seed)
    assembly = operator.error()
    # Kahan: k orthonormal vectors with residual block R have k eigenvalues of H within |R|_F.
    bound = float(np.linalg.norm(pairs.residuals))
    found = Solved(
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
