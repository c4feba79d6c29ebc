"""Signs of eigenvalues that are proved, and those that can't be."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape._check import flag, non_negative
from saddlescape._core import eig as _eig
from saddlescape.eig._device import device_solvers, on_device

__all__ = ["Eigenpairs", "Inertia", "Spectrum", "certified_eigh", "inertia"]


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Eigenpairs with a bound on the error of the eigenvalues.

    Attributes
    ----------
    eigenvalues : ndarray, shape (n,), float64
        Ascending; the i-th differs from the i-th exact one by at most `error_bound`.
    eigenvectors : ndarray, shape (n, n), float64, or None
        Column i belongs to eigenvalue i; each column is contiguous. None if only the eigenvalues
        were computed.
    error_bound : float
        In the units of the matrix.
    """

    eigenvalues: NDArray[np.float64]
    eigenvectors: NDArray[np.float64] | None = field(repr=False)
    error_bound: float


@dataclass(frozen=True, eq=False)
class Eigenpairs(Spectrum):
    """A spectrum whose eigenvectors are there."""

    eigenvectors: NDArray[np.float64] = field(repr=False)


@dataclass(frozen=True)
class Inertia:
    """How many eigenvalues are surely positive, surely negative, or neither.

    Attributes
    ----------
    positive, negative : int
        Eigenvalues that are surely above, surely below the tolerance that was asked for.
    undetermined : int
        The rest: zero, or too near to it for a sign.
    tolerance : float
        Half the width of the band round zero in which a sign need not have been found: every
        eigenvalue beyond it on either side was counted.
    error_bound : float
        What the elimination, or the computed eigenvalues, may be wrong by.
    """

    positive: int
    negative: int
    undetermined: int
    tolerance: float
    error_bound: float

    @property
    def n(self) -> int:
        """The order of the matrix."""
        return self.positive + self.negative + self.undetermined

    @property
    def minimum_ratio(self) -> tuple[float, float]:
        """Bounds of n+/n, the share of positive eigenvalues: 1 at a strict minimum.

        The lower one counts the proved, the upper one also the undetermined. An empty matrix has
        no negative eigenvalue: (1.0, 1.0).
        """
        if self.n == 0:
            return 1.0, 1.0
        return self.positive / self.n, (self.n - self.negative) / self.n

    def __str__(self) -> str:
        """Return the counts, the minimum ratio and the band in one line."""
        low, high = self.minimum_ratio
        ratio = f"{low:.4g}" if low == high else f"in [{low:.4g}, {high:.4g}]"
        return (
            f"{self.positive} positive, {self.negative} negative, {self.undetermined} undetermined "
            f"(|eigenvalue| <= {self.tolerance:.2g}); minimum ratio {ratio}"
        )


def certified_eigh(A: NDArray[np.float32] | NDArray[np.float64]) -> Eigenpairs:
    """Compute all eigenpairs, and a bound on the error of the eigenvalues from the pairs alone.

    With R = A V - V diag(w) and d >= ||V^T V - I||, Weyl's inequality for the orthogonal polar
    factor of V gives for every i

        |lambda_i - w_i| <= (||R|| + 2 d max|w|) / (1 - d) + ||A - A^T||_F / 2,

    where R and d are computed in floating point and what that may have got wrong is added.
    Nothing is assumed of LAPACK. It is a bound, not an estimate: about 5e-16 n^2 ||A||.

    Parameters
    ----------
    A : ndarray, shape (n, n), float32 or float64, C-contiguous
        Finite and symmetric; it is not modified.

    Returns
    -------
    Eigenpairs
        A `Spectrum`: ``eigenvalues`` (n,), ``eigenvectors`` (n, n) by columns, ``error_bound``.

    Raises
    ------
    TypeError, ValueError
        As `eigh`.

    Examples
    --------
    >>> import numpy as np
    >>> from saddlescape import eig
    >>> spectrum = eig.certified_eigh(np.diag([1.0, 2.0, 3.0]))
    >>> spectrum.error_bound < 1e-13
    True

    References
    ----------
    Parlett, "The Symmetric Eigenvalue Problem" (1998), chapters 10 (Weyl's inequality) and 11
    (residual bounds); Higham, "Accuracy and Stability of Numerical Algorithms" (2002), section 3.5
    (rounding errors of a matrix product).
    """
    values, rows, bound = _eig.certified_eigh(A)
    return Eigenpairs(values, rows.T, bound)


def inertia(
    A: NDArray[np.float32] | NDArray[np.float64] | None = None,
    tolerance: float | None = None,
    *,
    spectrum: Spectrum | None = None,
    overwrite: bool = False,
) -> Inertia:
    """Count the eigenvalues that are surely positive and surely negative.

    Without eigenvalues: ``A - s I`` and ``A + s I`` are factored as ``L D L^T``, whose pivots have
    their signs (Sylvester), with a bound b on what each factorization is off by, counted on the
    way. For ``s >= tolerance + b`` the positive pivots of the one stand for eigenvalues that are
    surely above `tolerance`, the negative ones of the other for those surely below its negative.
    What is left is said to be undetermined, not guessed. It takes two thirds of n^3 operations, and
    room for n^2 numbers beside `A`; for none of that size with `overwrite`.

    On a CUDA device the factors are those of cuSOLVER's ``sytrf`` (Bunch and Kaufman), in room for
    n^2 numbers, and nothing is assumed of them: with R = P (A -+ s I) P^T - L D L^T computed by a
    kernel of ours, by sums of 64 products, n / 64 of which are added up,

        b = max row sum of |R| + gamma_(70 + n/64) (|A| + s + |L| |D| |L^T|),   gamma_k ~ k 2^-53,

    and what the shift, the scaling and A's asymmetry were rounded by. All that is assumed is that
    the device's float64 sums and products are rounded as IEEE 754 says; no product is cuBLAS's. n
    is at most 46,340 there.

    With a `spectrum` that is there already a computed eigenvalue w counts as positive if
    w > tolerance + error_bound, as negative if w < -(tolerance + error_bound).

    Parameters
    ----------
    A : ndarray, or array on a CUDA device, (n, n), float32 or float64, C-contiguous, optional
        Finite and symmetric. The certificate is about this very matrix: what an assembly in float32
        got wrong before belongs into `tolerance`.
    tolerance : float, optional
        At least 0, in the units of `A`: eigenvalues up to it are not told from zero. None is 0.
    spectrum : Spectrum, optional
        Eigenvalues with a bound on their error, with or without eigenvectors, instead of `A`, if
        they are there already: what `certified_eigh` or `certified_eigvalsh` returned.
    overwrite : bool, optional
        Work in the upper triangle of `A`, which is filled again from the lower one at the end. An
        exactly symmetric `A` holds the same numbers afterwards, another one its symmetric part
        ``(A + A.T) / 2``; in the meantime nobody else may use it. A refused `A` is left alone.

    Returns
    -------
    Inertia
        ``positive``, ``negative``, ``undetermined``, ``tolerance``, ``error_bound``, and
        ``minimum_ratio``.

    Raises
    ------
    TypeError
        If an argument is of another type; with `overwrite`, if `A` is not of float64.
    ValueError
        If neither or both of `A` and `spectrum` are given, if `tolerance` is negative or not
        finite, or if `A` is refused as by `eigvalsh`; with `overwrite`, if `A` can't be written to,
        is on a device, or there is none.
    RuntimeError, MemoryError
        As `eigvalsh`.
    ArithmeticError
        If a factorization on a device proves nothing.

    Examples
    --------
    >>> import numpy as np
    >>> from saddlescape import eig
    >>> counts = eig.inertia(np.diag([4.0, 0.0, -1.0]))
    >>> counts.positive, counts.negative, counts.undetermined
    (1, 1, 1)
    >>> [round(bound, 3) for bound in counts.minimum_ratio]
    [0.333, 0.667]

    References
    ----------
    Sylvester's law of inertia; Golub, Van Loan, "Matrix Computations" (2013), Theorem 8.1.17.
    Ashcraft, Grimes, Lewis, "Accurate symmetric indefinite linear equation solvers", SIAM J. Matrix
    Anal. Appl. 20 (1998), section 2.4 (rook pivoting). Higham, "Accuracy and Stability of Numerical
    Algorithms" (2002), section 11.1 (the bound). With a spectrum: as `certified_eigh` and
    `certified_eigvalsh`.
    """
    allowed = "a finite number of at least 0, or None"
    asked = 0.0 if tolerance is None else non_negative("tolerance", tolerance, allowed)
    if flag("overwrite", overwrite) and A is None:
        raise ValueError("overwrite: True without A, expected an A to work in")
    if A is None and spectrum is None:
        raise ValueError("A, spectrum: neither is given, expected one of them")
    if A is not None:
        if spectrum is not None:
            raise ValueError("A, spectrum: both are given, expected one of them")
        if on_device(A):
            return _on_device(A, asked, overwrite)
        signs = _eig.certified_signs(A, asked, overwrite)
        if signs is not None:
            positive, negative, band, error = signs
            return Inertia(positive, negative, len(A) - positive - negative, band, error)
        # An elimination without a bound: nothing is known of its signs.
        spectrum = certified_eigh(A)
    if not isinstance(spectrum, Spectrum):
        raise TypeError(
            f"spectrum: {type(spectrum).__name__}, expected a Spectrum, as of certified_eigh"
        )
    # Upward, so that the rounding of this sum can't make a claim.
    band = asked + spectrum.error_bound
    if asked > 0:
        band = math.nextafter(band, math.inf)
    positive = int(np.count_nonzero(spectrum.eigenvalues > band))
    negative = int(np.count_nonzero(spectrum.eigenvalues < -band))
    undetermined = len(spectrum.eigenvalues) - positive - negative
    return Inertia(positive, negative, undetermined, band, spectrum.error_bound)


def _on_device(A: Any, asked: float, overwrite: bool) -> Inertia:
    if flag("overwrite", overwrite):
        raise ValueError("overwrite: True with A on a CUDA device, expected False there")
    signs = device_solvers("inertia").certified_signs(A, asked)
    if signs is None:
        raise ArithmeticError(
            "A: its factorization on the device has no bound that proves a sign; bring A to the "
            "host, where eigenvalues can be taken"
        )
    positive, negative, band, error = signs
    return Inertia(positive, negative, int(A.shape[0]) - positive - negative, band, error)
