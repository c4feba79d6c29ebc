"""A plain symmetric matrix as a point: signs only, no loss to measure."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape import _backend
from saddlescape.curvature import checks
from saddlescape.curvature.block import Blocks

__all__ = ["MatrixCurvature", "from_matrix"]


def from_matrix(A: NDArray[Any], gradient: NDArray[Any] | None = None) -> MatrixCurvature:
    """Return an operator for a Hessian that was assembled elsewhere.

    Parameters
    ----------
    A : (P, P) array of float32 or float64
        Symmetric, but for the rounding of its own type; copied.
    gradient : (P,) array, optional
        Taken as zero if left out.

    Returns
    -------
    MatrixCurvature
        ``.shape``, ``A @ v``, ``.dense()``, ``.gradient()``, ``.error()``; its loss is NaN.

    Raises
    ------
    TypeError, ValueError
        If A or gradient is of a wrong type or shape or not finite, or if A is not symmetric.

    Examples
    --------
    >>> import numpy as np
    >>> from saddlescape import curvature, eig
    >>> H = curvature.from_matrix(np.diag([3.0, -1.0, 0.5]))
    >>> eig.lanczos(H, low=1, high=0).eigenvalues
    array([-1.])
    >>> H.block([0, 2]).dense()
    array([[3. , 0. ],
           [0. , 0.5]])
    """
    if not isinstance(A, np.ndarray):
        raise TypeError(f"A: {_backend.came(A)}, expected a NumPy array of float32 or float64")
    return MatrixCurvature(A, gradient, "A")


class MatrixCurvature(Blocks):
    """What `from_matrix` returns; see `saddlescape.curvature.Curvature` for its members."""

    lower_bound: float | None = None
    silent: str | None = None

    def __init__(self, H: NDArray[Any], gradient: NDArray[Any] | None, name: str = "H") -> None:
        if H.dtype not in (np.float32, np.float64):
            raise TypeError(f"{name}: dtype {H.dtype}, expected float32 or float64")
        self._H = checks.symmetric(name, H)
        # What the entries of an array are off by, its owner knows: here it is their last place.
        self._error = float(np.finfo(H.dtype).eps) * float(np.linalg.norm(self._H))
        n = len(self._H)
        self._gradient = np.zeros(n) if gradient is None else checks.vector("gradient", gradient, n)
        self.has_gradient = gradient is not None
        self.theta = np.zeros(len(H))
        for array in (self._H, self._gradient, self.theta):
            array.setflags(write=False)

    def __matmul__(self, V: NDArray[np.float64]) -> NDArray[np.float64]:
        return self._H @ checks.operand(V, len(self._H))

    def dense(self) -> NDArray[np.float64]:
        """The matrix."""
        return self._H

    def gradient(self) -> NDArray[np.float64]:
        """The gradient (P,), zero if none was given."""
        return self._gradient

    def loss(self, theta: NDArray[np.float64] | None = None) -> float:  # noqa: ARG002
        """NaN: a matrix has none."""
        return float("nan")

    def error(self) -> float:
        """The last place of the entries, in the Frobenius norm."""
        return self._error

    def __repr__(self) -> str:
        return f"MatrixCurvature(P = {len(self._H):,})"
