"""Curvature from gradients alone: finite differences that know their own error."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from saddlescape import _check
from saddlescape.curvature import checks, differences
from saddlescape.curvature.block import Blocks

__all__ = ["GradientCurvature", "from_gradient"]

Vector = NDArray[np.float64]
_PROBES = 3
_NOT_A_GRADIENT = 0.1


def from_gradient(
    gradient: Callable[[Vector], Vector],
    theta: Vector,
    loss: Callable[[Vector], float] | None = None,
    lower_bound: float | None = None,
    *,
    eps: float | None = None,
) -> GradientCurvature:
    """Return the Hessian of a function of which only the gradient can be evaluated.

    Central differences at three steps, extrapolated (Richardson 1911):
    ``D(h) = (g(theta + h v) - g(theta - h v)) / 2h``, ``H v ~ (4 D(h) - D(2h)) / 3``. What is left
    is of order h^4 and at most about ``|D(2h) - D(h)| / 3``; rounding adds ``4 eps |g| / h`` and
    ``eps |theta| |H v| / (h |v|)``. Where D does not change as h^2 the step is cut to a quarter,
    and the error is the spread of D if that is no help. An estimate, not a bound: a gradient that
    is noisier than its last places say is noticed only as far as the result is not symmetric.

    Parameters
    ----------
    gradient : callable
        Takes theta (P,) and returns the gradient (P,), the same for the same theta.
    theta : (P,) array
        The point.
    loss : callable, optional
        Takes theta and returns the loss; without it nothing is probed and nothing escapes.
    lower_bound : float, optional
        A value below which the loss can't be.
    eps : float, optional
        The relative spacing of the type that `gradient` is computed in. If left out: of the type
        of the array that it returns. Give it where float32 is inside and float64 comes out.

    Returns
    -------
    GradientCurvature
        ``.shape``, ``H @ v``, ``H @ V``, ``.dense()``, ``.gradient()``, ``.loss()``, ``.error()``.

    Raises
    ------
    TypeError, ValueError
        If theta or what a function returned has a wrong type or shape or is not finite, if two
        calls of `gradient` disagree, if the loss lies below its bound, or, from ``.dense()``, if
        the differences are far from symmetric. What a function raises passes through.

    Examples
    --------
    >>> import numpy as np
    >>> from saddlescape import curvature
    >>> H = curvature.from_gradient(lambda t: np.array([2 * t[0], -2 * t[1]]), np.zeros(2))
    >>> np.round(H.dense(), 9)
    array([[ 2.,  0.],
           [ 0., -2.]])
    """
    return GradientCurvature(gradient, theta, loss, lower_bound, eps)


class GradientCurvature(Blocks):
    """What `from_gradient` returns; see `saddlescape.curvature.Curvature`."""

    silent: str | None = None

    def __init__(
        self,
        gradient: Callable[[Vector], Vector],
        theta: Vector,
        loss: Callable[[Vector], float] | None = None,
        lower_bound: float | None = None,
        eps: float | None = None,
    ) -> None:
        self.theta = checks.point(theta)
        self._eps = differences.EPS if eps is None else _spacing(eps)
        self._loss = loss
        self._evaluate = gradient
        self._gradient = self._at(self.theta)
        self._check_determinism()
        self.lower_bound = checks.lower_bound(lower_bound, self.loss())
        self._error = 0.0
        self._dense: Vector | None = None

    def at(self, theta: Vector) -> GradientCurvature:
        """Return the operator of the same functions at another point (P,)."""
        moved = copy.copy(self)
        moved.theta = checks.another(theta, self.theta.size)
        moved._gradient = self._at(moved.theta)
        moved._error, moved._dense = 0.0, None
        return moved

    @property
    def has_loss(self) -> bool:
        """Whether the loss itself can be evaluated."""
        return self._loss is not None

    def __matmul__(self, V: Vector) -> Vector:
        V = checks.operand(V, self.theta.size)
        if V.ndim == 1:
            return self._product(V)[0]
        columns = [self._product(v)[0] for v in V.T]
        return np.stack(columns, axis=1) if columns else np.zeros_like(V)

    def dense(self) -> Vector:
        """``H`` (P, P), a product for each column, then symmetrised; assembled once."""
        if self._dense is None:
            columns = [self._product(unit) for unit in np.eye(self.theta.size)]
            raw = np.stack([column for column, _ in columns], axis=1)
            estimate = float(np.linalg.norm([error for _, error in columns]))
            # |E - E^T|_F / 2 <= |E|_F: what symmetry shows of the error, whatever its cause
            asymmetry = float(np.linalg.norm(raw - raw.T)) / 2
            size = float(np.linalg.norm(raw))
            if asymmetry > _NOT_A_GRADIENT * size and asymmetry > 100 * estimate:
                raise ValueError(
                    f"gradient: its derivative is not symmetric (the antisymmetric part is "
                    f"{asymmetry / size:.0%} of it), expected the gradient of a function"
                )
            self._dense = (raw + raw.T) / 2
            self._dense.setflags(write=False)
            self._error = float(np.hypot(estimate, asymmetry))
        return self._dense

    def gradient(self) -> Vector:
        """The gradient (P,)."""
        return self._gradient

    def loss(self, theta: Vector | None = None) -> float:
        """The loss, at the point or at another one; NaN where no loss was given."""
        return checks.loss_at(self._loss, self.theta, theta)

    def error(self) -> float:
        """``|H_computed - H|_F`` by the differences' own estimate.

        Column by column where H was assembled; else from three products with random unit vectors:
        the mean of ``|E v|^2`` is ``|E|_F^2 / P``.
        """
        if self._dense is not None:
            return self._error
        n = self.theta.size
        V = np.random.default_rng(0).standard_normal((_PROBES, n))
        errors = [self._product(v / np.linalg.norm(v))[1] for v in V]
        return float(np.sqrt(n)) * max(errors)

    def __repr__(self) -> str:
        loss = "" if self.has_loss else ", no loss"
        return (
            f"GradientCurvature(P = {self.theta.size:,}, finite differences of gradients with "
            f"eps = {self._eps:.2g}{loss})"
        )

    def _at(self, theta: Vector) -> Vector:
        # The caller's own array may be used again for the next gradient: a copy is kept.
        value = self._evaluate(theta.copy())
        g = checks.vector("gradient", value, self.theta.size)
        given = np.asarray(value).dtype
        if given.kind == "f":
            self._eps = max(self._eps, float(np.finfo(given).eps))
        g.setflags(write=False)
        return g

    def _check_determinism(self) -> None:
        again = self._at(self.theta)
        if not np.array_equal(self._gradient, again):
            raise ValueError(
                f"gradient: two calls at the same theta differ by "
                f"{np.abs(self._gradient - again).max():.3g}, expected the same result "
                "(no dropout, no random batches)"
            )

    def _product(self, v: Vector) -> tuple[Vector, float]:
        return differences.product(self._at, self.theta, v, self._eps)


def _spacing(eps: object) -> float:
    value = _check.finite("eps", eps)
    if not 0 < value < 1:
        raise ValueError(f"eps: {value:g}, expected between 0 and 1: np.finfo(np.float32).eps")
    return max(value, differences.EPS)
