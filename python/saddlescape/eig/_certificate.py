"""A proof of an inertia that can be kept, sent, and checked without the code that found it."""

from __future__ import annotations

import io
import math
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from saddlescape._check import non_negative
from saddlescape._core import eig as _eig
from saddlescape._files import write_whole
from saddlescape.eig._check_certificate import (
    Factors,
    check_certificate,
    counted,
    residual_bound,
    scaled,
)

__all__ = ["Certificate", "certificate"]

MOST_TRIES = 4


@dataclass(frozen=True, eq=False)
class Certificate:
    """A claim about the signs of a matrix A, with the factors that prove it.

    With S = 2^-exponent (A + A^T) / 2 and a permutation P of each,

        P (S - shift I) P^T = L D L^T + E,     P (S + shift I) P^T = L D L^T + E

    of which `minus` and `plus` hold P, L and D. It does not hold A.

    Attributes
    ----------
    positive, negative : int
        The claim: so many eigenvalues of A are surely above `tolerance`, below its negative. They
        are the positive eigenvalues of the D of `minus`, the negative ones of that of `plus`.
    tolerance : float
        In the units of A.
    exponent : int
    shift : float
        In the units of S.
    minus, plus : Factors
        ``order`` (n,), ``L`` (n, n), ``d`` and ``e`` (n,).
    """

    positive: int
    negative: int
    tolerance: float
    exponent: int
    shift: float
    minus: Factors = field(repr=False)
    plus: Factors = field(repr=False)

    @property
    def n(self) -> int:
        """The order of the matrix."""
        return len(self.minus.order)

    @property
    def undetermined(self) -> int:
        """How many eigenvalues nothing is claimed about."""
        return self.n - self.positive - self.negative

    def check(self, A: NDArray[np.float32] | NDArray[np.float64]) -> bool:
        """Return whether the claim is proved for this `A`: see `check_certificate`."""
        return check_certificate(A, self)

    def save(self, path: str | Path) -> Path:
        """Write the certificate to a .npz file, 16 n^2 bytes, whole or not at all.

        Parameters
        ----------
        path : str or Path

        Returns
        -------
        Path
        """
        arrays = {
            f"{side}_{name}": getattr(factors, name)
            for side, factors in (("minus", self.minus), ("plus", self.plus))
            for name in ("order", "L", "d", "e")
        }
        claim = np.array([self.positive, self.negative, self.exponent], dtype=np.int64)
        scale = np.array([self.tolerance, self.shift])
        content = io.BytesIO()
        np.savez(content, claim=claim, scale=scale, **arrays)
        return write_whole(Path(path), content.getvalue())

    @classmethod
    def load(cls, path: str | Path) -> Certificate:
        """Read what `save` has written; nothing is unpickled, and nothing is believed.

        Parameters
        ----------
        path : str or Path

        Returns
        -------
        Certificate

        Raises
        ------
        OSError
            If the file can't be read.
        ValueError
            If it is damaged, or something else.
        """
        try:
            with Path(path).open("rb") as content, np.load(content, allow_pickle=False) as file:
                sides = [
                    Factors(*(file[f"{side}_{name}"] for name in ("order", "L", "d", "e")))
                    for side in ("minus", "plus")
                ]
                positive, negative, exponent = map(int, file["claim"])
                tolerance, shift = map(float, file["scale"])
        except (KeyError, TypeError, AttributeError, ValueError, EOFError, zipfile.BadZipFile) as e:
            raise ValueError(f"{path}: not a certificate: {e}") from e
        return cls(positive, negative, tolerance, exponent, shift, *sides)


def certificate(
    A: NDArray[np.float32] | NDArray[np.float64], tolerance: float | None = None
) -> Certificate:
    """Count as `inertia` does, and keep the factors that prove the counts.

    The shift is taken so that the bound of the checker, not of the elimination, stays below it:
    what this returns has been checked, and ``check(A)`` is true.

    Parameters
    ----------
    A : ndarray, shape (n, n), float32 or float64, C-contiguous
        Finite and symmetric; it is not modified.
    tolerance : float, optional
        At least 0, in the units of `A`. None is 0.

    Returns
    -------
    Certificate
        With two matrices of n^2 numbers.

    Raises
    ------
    TypeError, ValueError
        As `inertia`.
    ArithmeticError
        If no shift was large enough.

    Examples
    --------
    >>> import numpy as np
    >>> from saddlescape import eig
    >>> A = np.array([[0.0, 1.0], [1.0, 0.0]])
    >>> proof = eig.certificate(A)
    >>> proof.positive, proof.negative, proof.check(A), proof.check(-A + np.eye(2))
    (1, 1, True, False)

    References
    ----------
    As `inertia`.
    """
    allowed = "a finite number of at least 0, or None"
    asked = 0.0 if tolerance is None else non_negative("tolerance", tolerance, allowed)
    _eig.check_symmetric(A, "A")
    n = len(A)
    exponent = math.frexp(max(float(np.abs(A).max(initial=0)), asked))[1]
    S, before = scaled(A, exponent)
    t = math.ldexp(asked, -exponent) * (1 + 2.0**-50)
    row_sum = float(np.abs(S).sum(axis=1).max(initial=0))
    # The first guess is that of the elimination; then twice what the checker has found.
    shift = t + before + 18 * n ** (4 / 3) * 2.0**-53 * row_sum + 2.0**-500
    for _ in range(MOST_TRIES):
        minus = Factors(*_eig.shifted_factors(A, exponent, -shift))
        plus = Factors(*_eig.shifted_factors(A, exponent, shift))
        error = before + max(residual_bound(S, -shift, minus), residual_bound(S, shift, plus))
        if shift - error >= t:
            claimed = counted(minus)[0], counted(plus)[1]
            return Certificate(*claimed, asked, exponent, shift, minus, plus)
        shift = t + 2 * error
    raise ArithmeticError("A: no certificate found, its elimination is not bounded; use inertia")
