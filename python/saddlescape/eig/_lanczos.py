"""A few eigenpairs at both ends of a spectrum, from products alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from saddlescape._check import integer, optional_function, real
from saddlescape._core import eig as _eig
from saddlescape.eig._device import checked_start
from saddlescape.eig._operator import Operator, order, solvers
from saddlescape.eig._pieces import pieces_of, together

__all__ = ["EigResult", "Outcome", "lanczos"]


_SHOWN = 5  # pairs of each end in a table


class Outcome(Enum):
    """How a run ended; the value says what to do."""

    CONVERGED = "every pair has converged, and the check found none missing: nothing to do"
    UNCHECKED = (
        "every pair has converged, but the check that none is missing between them did not end: "
        "raise max_products, and leave missing below 1"
    )
    STAGNATED = (
        "the residuals do not fall below the rounding or the noise of the operator's own products: "
        "raise tol, or compute the products in float64"
    )
    BUDGET = (
        "max_products was reached: the pairs are as good as their residuals say; raise "
        "max_products or tol"
    )
    STOPPED = "the callback stopped the run: the pairs are as good as their residuals say"


@dataclass(frozen=True, eq=False)
class EigResult:
    """Eigenpairs of a symmetric operator, k = min(low + high, n) of them.

    Attributes
    ----------
    eigenvalues : ndarray, shape (k,), float64
        Ascending: the `low` smallest, then the `high` largest.
    eigenvectors : ndarray, shape (n, k), float64
        Unit vectors by columns, orthogonal to each other; each column is contiguous. Of an operator
        in pieces these are the rows that this process holds; of one on a CUDA device a
        ``DeviceArray``.
    residuals : ndarray, shape (k,), float64
        ||A x - theta x||, with what rounding may add. Within this distance of theta there is an
        exact eigenvalue. It is the recurrence's; where the products show themselves to be less
        exact than a hundredth of ``tol * ||A||`` (float32, finite differences) it is computed with
        a product more for each pair.
    bounds : ndarray, shape (k,), float64
        How far the eigenvalue may be from theta: the smaller of the residual and, by Kato and
        Temple, residual^2 / gap; and rounding. As good as `gaps` is.
    gaps : ndarray, shape (k,), float64
        From theta to the nearest other eigenvalue. It assumes that none is missing, and that behind
        the innermost pair of each end the next one is no further out than the next Ritz value less
        its residual; 0 where pairs can't be told apart, infinite if there is no other.
    multiplicities : ndarray, shape (k,), int64
        How many of these pairs have an eigenvalue that can't be told from theta by their residuals,
        this one included. Beside the innermost pair of an end more copies may lie outside.
    converged : ndarray, shape (k,), bool
        Whether the residual is at most ``tol * ||A||``.
    missing : float
        Probability, over the random start of the check, that an eigenvalue at least as far out as
        the last but one of either end exists besides these and was not seen: if the outcome is
        CONVERGED what was asked for, 0 if all n dimensions were searched, 1 if nothing was
        checked. Where the products' own noise ends the check it may be larger. An eigenvalue
        between the last two must have escaped both this start and that of the search. A copy of the
        last one is none of the k that were asked for.
    products : int
        Products with a vector that were used, all of them.
    outcome : Outcome
        How the run ended; ``outcome.value`` says what to do.
    """

    eigenvalues: NDArray[np.float64]
    eigenvectors: NDArray[np.float64] = field(repr=False)
    residuals: NDArray[np.float64]
    bounds: NDArray[np.float64]
    gaps: NDArray[np.float64] = field(repr=False)
    multiplicities: NDArray[np.int64]
    converged: NDArray[np.bool_]
    missing: float
    products: int
    outcome: Outcome

    def __repr__(self) -> str:
        """Return the pairs as a table, the outermost ones of many."""
        k, n = len(self.eigenvalues), self.eigenvectors.shape[0]
        lines = [
            f"EigResult: {self.outcome.name.lower()}, {k} of {n:,} pairs by {self.products:,} "
            f"products, probability of a missing one {self.missing:.1e}",
            "    eigenvalue  +- bound  residual  multiplicity  converged",
        ]
        for i in range(k):
            if _SHOWN <= i < k - _SHOWN:
                lines += [f"    ... {k - 2 * _SHOWN} more"] if i == _SHOWN else []
                continue
            lines.append(
                f"{self.eigenvalues[i]:14.6g}  {self.bounds[i]:8.1e}  {self.residuals[i]:8.1e}  "
                f"{self.multiplicities[i]:12d}  {'yes' if self.converged[i] else 'no'}"
            )
        return "\n".join(lines)


def lanczos(
    op: Operator,
    low: int = 1,
    high: int = 1,
    tol: float = 1e-6,
    max_products: int | None = None,
    block: int = 1,
    seed: int = 0,
    callback: Callable[[int, NDArray[np.float64], NDArray[np.float64]], bool | None] | None = None,
    start: ArrayLike | None = None,
    basis: int | None = None,
    missing: float = 1e-4,
) -> EigResult:
    """Find the eigenpairs at both ends of a symmetric operator's spectrum.

    Thick-restart block Lanczos: one Krylov space span(Q, A Q, A^2 Q, ...) serves both ends, with
    every vector orthogonalised twice against all others and

        A V = V T + Q C,   T = V^T A V,   ||A V s - theta V s|| = ||C s||.

    A pair has converged when ||A x - theta x|| <= tol ||A||, with ||A|| the largest |theta| seen.
    Then the pairs are kept, and a random start orthogonal to them looks for pairs that the first
    space could not contain (copies of a multiple eigenvalue), until it is improbable that one
    exists.

    Vectors may be spread over processes (`OperatorInPieces`): all of them call this with the same
    arguments, each holds its own rows of the basis, of `start` and of the eigenvectors, and inner
    products are added up over all, those with the whole basis at once. Everything but the rows is
    the same in each, bit for bit. What raises in one process raises in all.

    With `op` on a CUDA device (`Operator`) the basis, its orthogonalisation and the products stay
    there, and so do the eigenvectors; only inner products and the small projected matrix come to
    the host. What is claimed of the result is the same.

    Parameters
    ----------
    op : array of shape (n, n), scipy LinearOperator, or anything with ``.shape`` and ``@``
        Symmetric and deterministic: both are watched at every product. It gets vectors (n,), and
        with `block` > 1 also matrices (n, k), in float64, or in float32 if its ``dtype`` says so.
    low, high : int
        How many of the smallest, of the largest eigenvalues; low + high >= n gives all n.
    tol : float
        Relative to ||A||, not to the eigenvalue: one near zero would never satisfy that
        (as in PRIMME; ARPACK, SciPy's ``eigsh`` and Spectra measure against |theta|).
    max_products : int, optional
        The most products with a vector, those for the final residuals included. None is 100 times
        `basis`.
    block : int
        Vectors multiplied at once. More cost more products, and less time where a block is cheap.
    seed : int
        Of the random start; the same seed gives the same result.
    callback : callable, optional
        ``callback(products, eigenvalues, residuals)``, called about ten times a restart with what
        is known of the wanted pairs; True stops the run. Of several processes some may have one.
    start : array, shape (n,) or (n, k), optional
        Vectors to begin near, for example the eigenvectors of the same network some steps of
        training ago; a random vector is mixed in, so that what they are orthogonal to is found too.
    basis : int, optional
        The most vectors of length n that are held in float64: fewer take less memory and more
        products. At least low + high + 2 block; None is max(40, 2 (low + high) + 20, low + high + 8
        block), and up to 160 where 64 MB hold as many.
    missing : float
        The check ends when ``result.missing`` is no larger than this, or where the rounding of the
        products hides what is left: then the number says what was reached, about 1e-8 in float64.
        1 leaves the check out, and the outcome is UNCHECKED.

    Returns
    -------
    EigResult
        Also when it did not converge: ``outcome`` says so, ``residuals`` how far it came.

    Raises
    ------
    TypeError
        If an argument is of another type, or a product is not real.
    ValueError
        If `op` is not square, if it shows itself not symmetric or not deterministic, if a product
        is not finite or of another shape, or if a number is out of its range. What `op` or
        `callback` raise passes through unchanged.
    RuntimeError
        If another of the processes that hold pieces raised.

    Examples
    --------
    >>> import numpy as np
    >>> from saddlescape import eig
    >>> result = eig.lanczos(np.diag(np.arange(-3.0, 97.0)), low=2, high=1)
    >>> np.round(result.eigenvalues, 6)
    array([-3., -2., 96.])
    >>> print(result)  # doctest: +ELLIPSIS
    EigResult: converged, 3 of 100 pairs by ... products, probability of a missing one ...
        eigenvalue  +- bound  residual  multiplicity  converged
                -3  ...             1  yes
                -2  ...             1  yes
                96  ...             1  yes

    References
    ----------
    Wu, Simon, "Thick-restart Lanczos method for large symmetric eigenvalue problems", SIAM J.
    Matrix Anal. Appl. 22 (2000); Stathopoulos, McCombs, "PRIMME", ACM TOMS 37
    (2010), for the stopping rule; Parlett, "The symmetric eigenvalue problem" (1998), theorem
    11.7.1, for the bounds; van Dorsselaer, Hochstenbach, van der Vorst, "Computing probabilistic
    bounds for extreme eigenvalues of symmetric matrices with the Lanczos method" (1999), for the
    check.
    """
    pieces = pieces_of(op)
    with together(pieces, "lanczos"):
        n = order(op, pieces=True)
        if pieces is not None:
            pieces.check(n)
        here = n if pieces is None else pieces.count
        core, apply, where = solvers(op, "lanczos", pieces)
        if core is _eig:
            vectors = None if start is None else _start(start, here)
        else:
            vectors = checked_start(start, lambda source: _start(source, here))
        arguments = (
            integer("low", low, 0),
            integer("high", high, 0),
            real("tol", tol, "a positive number"),
            0 if max_products is None else integer("max_products", max_products, 1),
            integer("block", block, 1),
            integer("seed", seed, 0),
            0 if basis is None else integer("basis", basis, 1),
            real("missing", missing, "a probability above 0 and up to 1"),
        )
        optional_function("callback", callback)
    values, rows, residuals, gaps, bounds, multiplicities, converged, missing, used, outcome = (
        core.lanczos(n, apply, *arguments, vectors, callback, where)
    )
    ended = Outcome[outcome]
    return EigResult(
        values,
        rows.T if core is _eig else rows,  # a device's come by columns
        residuals,
        bounds,
        gaps,
        multiplicities,
        converged,
        missing,
        used,
        ended,
    )


def _start(start: ArrayLike, n: int) -> NDArray[np.float64]:
    """Return the start's columns by rows."""
    vectors = np.asarray(start)
    if vectors.dtype.kind not in "fiu":
        raise TypeError(f"start: dtype {vectors.dtype}, expected real numbers")
    if vectors.ndim not in (1, 2) or vectors.shape[0] != n or vectors.shape[1:] == (0,):
        raise ValueError(f"start: shape {vectors.shape}, expected ({n},) or ({n}, k)")
    if not np.isfinite(vectors).all():
        raise ValueError("start: NaN or an infinite number, expected finite ones")
    columns = vectors[:, None] if vectors.ndim == 1 else vectors
    return np.ascontiguousarray(columns.T, dtype=np.float64)
