"""Curvature from products that somebody else computes: SciPy's operators, sparse matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape import _check
from saddlescape.curvature import checks
from saddlescape.curvature.assembly import chunks_of_identity, symmetrise
from saddlescape.curvature.block import Blocks

__all__ = ["OperatorCurvature", "from_operator", "is_operator"]

Vector = NDArray[np.float64]
_NOT_SYMMETRIC = 0.1  # share of H that may be antisymmetric before it counts as a mistake
_NOT_SAME = 0.01  # of a product, between two calls
_LAST_PLACES = 4


def from_operator(
    op: Any,
    gradient: NDArray[Any] | None = None,
    theta: Vector | None = None,
    *,
    loss: Callable[[Vector], float] | None = None,
    lower_bound: float | None = None,
    error: float | None = None,
) -> OperatorCurvature:
    """Return the operator of a Hessian of which only the products are known.

    Three products with random vectors are compared before any other: an operator that gives
    another result for the same vector, or that is not symmetric, is refused.

    Parameters
    ----------
    op : scipy LinearOperator, sparse matrix, or anything with ``.shape`` and ``@``
        Symmetric (P, P). It gets vectors (P,) and matrices (P, k), in float64, or in float32 if
        its ``dtype`` says so.
    gradient : (P,) array, optional
        Taken as zero if left out.
    theta : (P,) array, optional
        The point; zero if left out.
    loss : callable, optional
        Takes theta and returns the loss; without it nothing is probed and nothing escapes.
    lower_bound : float, optional
        A value below which the loss can't be.
    error : float, optional
        ``|H_computed - H|_F``, where you know it. If left out it is four last places of the
        operator's type, and what the random products show.

    Returns
    -------
    OperatorCurvature
        ``.shape``, ``H @ v``, ``H @ V``, ``.dense()``, ``.gradient()``, ``.loss()``, ``.error()``.

    Raises
    ------
    TypeError, ValueError
        If an argument is of a wrong kind or shape or not finite, or if products are not finite,
        not repeatable or not symmetric. What `op` and `loss` raise passes through.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse.linalg import LinearOperator
    >>> from saddlescape import critical, curvature
    >>> d = np.linspace(-1, 9, 50)
    >>> H = curvature.from_operator(LinearOperator((50, 50), matvec=lambda v: d * v, dtype=float))
    >>> print(critical.classify(H, method="lanczos").kind)
    saddle
    """
    if not is_operator(op):
        raise TypeError(
            f"op: {type(op).__name__}, expected a scipy LinearOperator, a sparse matrix, or an "
            "object with .shape and @"
        )
    return OperatorCurvature(op, gradient, theta, loss, lower_bound, error)


def is_operator(op: object) -> bool:
    """Say whether something has the two members that a product needs."""
    return hasattr(op, "shape") and hasattr(op, "__matmul__")


class OperatorCurvature(Blocks):
    """What `from_operator` returns; see `saddlescape.curvature.Curvature` for its members."""

    silent: str | None = None

    def __init__(
        self,
        op: Any,
        gradient: NDArray[Any] | None = None,
        theta: Vector | None = None,
        loss: Callable[[Vector], float] | None = None,
        lower_bound: float | None = None,
        error: float | None = None,
    ) -> None:
        shape = tuple(op.shape)
        if len(shape) != 2 or shape[0] != shape[1] or shape[0] < 1:
            raise ValueError(f"op: shape {shape}, expected (P, P) with P at least 1")
        n = self._n = int(shape[0])
        self._op, self._loss = op, loss
        self._type: np.dtype[Any] = np.dtype(
            np.float32 if getattr(op, "dtype", None) == np.float32 else np.float64
        )
        self.theta = np.zeros(n) if theta is None else checks.point(theta)
        if self.theta.size != n:
            raise ValueError(f"theta: shape {self.theta.shape}, expected ({n},)")
        self._gradient = np.zeros(n) if gradient is None else checks.vector("gradient", gradient, n)
        self._gradient.setflags(write=False)
        self.has_gradient = gradient is not None
        stated = None if error is None else _check.non_negative("error", error)
        self.lower_bound = checks.lower_bound(lower_bound, self.loss())
        self._dense: Vector | None = None
        seen = self._examine()
        self._error = seen if stated is None else stated

    @property
    def has_loss(self) -> bool:
        """Whether the loss itself can be evaluated."""
        return self._loss is not None

    def __matmul__(self, V: Vector) -> Vector:
        V = checks.operand(V, self._n)
        if not V.size:
            return np.zeros_like(V)
        product = self._op @ V.astype(self._type, copy=False)
        result = checks.in_host_memory("op @ V", product)
        if result.dtype.kind not in "fiu":
            raise TypeError(f"op @ V: dtype {result.dtype}, expected real numbers")
        if result.shape != V.shape:
            raise ValueError(f"op @ V: shape {result.shape}, expected {V.shape}")
        checks.finite("op @ V", result)
        return result.astype(np.float64)

    def dense(self) -> Vector:
        """``H`` (P, P): products with the unit vectors, some at a time, then symmetrised; once."""
        if self._dense is None:
            A = np.empty((self._n, self._n))
            for start, rows in chunks_of_identity(self._n):
                A[start : start + len(rows)] = (self @ rows.T).T
            asymmetry, size = symmetrise(A), float(np.linalg.norm(A))
            if asymmetry > _NOT_SYMMETRIC * size and asymmetry > 100 * self._error:
                raise ValueError(_asymmetric(asymmetry / size))
            self._dense, self._error = A, float(np.hypot(self._error, asymmetry))
            A.setflags(write=False)
        return self._dense

    def gradient(self) -> Vector:
        """The gradient (P,), zero if none was given."""
        return self._gradient

    def loss(self, theta: Vector | None = None) -> float:
        """The loss, at the point or at another one; NaN where none was given."""
        return checks.loss_at(self._loss, self.theta, theta)

    def error(self) -> float:
        """What `error` said, or last places of H and what random products showed."""
        return self._error

    def _examine(self) -> float:
        """Compare products with random u and v; estimate ``|E|_F`` from what they show.

        ``|H|_F^2`` is n times the mean of ``|H u|^2`` over unit vectors, that of ``u^T K v`` with
        ``K = H - H^T`` is ``|K|_F^2 / n^2``.
        """
        u, v = np.random.default_rng(0).standard_normal((2, self._n))
        u, v = u / np.linalg.norm(u), v / np.linalg.norm(v)
        Hu, again, Hv = self @ u, self @ u, self @ v
        size = float(np.linalg.norm(Hu) + np.linalg.norm(Hv))
        noise = float(np.linalg.norm(Hu - again))
        if noise > _NOT_SAME * size:
            raise ValueError(
                f"op: two products with the same vector differ by {noise:.3g} (size {size:.3g}), "
                "expected the same result: no dropout, no random batches"
            )
        gap, root = abs(float(u @ Hv - v @ Hu)), float(np.sqrt(self._n))
        if root * gap > _NOT_SYMMETRIC * size:
            raise ValueError(_asymmetric(root * gap / size))
        eps = float(np.finfo(self._type).eps)
        # The sums u^T H v themselves are rounded: what is no larger says nothing of H.
        asymmetry = self._n * gap if gap > _LAST_PLACES * eps * size else 0.0
        return float(np.hypot(_LAST_PLACES * eps * root * size / 2 + root * noise, asymmetry))

    def __repr__(self) -> str:
        return f"OperatorCurvature({type(self._op).__name__}, P = {self._n:,})"


def _asymmetric(share: float) -> str:
    return (
        f"op: not symmetric (the antisymmetric part has about {share:.0%} of its size), expected "
        "a Hessian"
    )
