"""A quadratic model in a basis that makes it diagonal, and its lowest value within a radius.

Two models of the same shape. With H = sum_i lambda_i v_i v_i^T, g = sum_i c_i v_i and a step
p = sum_i p_i v_i:

* saddle-free Newton (Dauphin et al. 2014): ``g^T p + 1/2 p^T |H| p``,
  lowest at ``p_i = -c_i / (|lambda_i| + mu)``;
* the linearised gradient (Levenberg 1944, Marquardt 1963): ``1/2 |g + H p|^2``,
  lowest at ``p_i = -lambda_i c_i / (lambda_i^2 + mu)``;

mu >= 0 so that |p| is at most the radius. A third is the first one for ``1/2 |g|^2`` in place of
the loss, with the gradient ``H g`` and the Hessian ``H^2 + D^3 L[g]`` that the second leaves out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from saddlescape._krylov import krylov
from saddlescape.curvature import Curvature, MovableCurvature, NotFiniteError
from saddlescape.eig import eigh

__all__ = ["Model", "curved_model", "gradient_model", "saddle_free_model"]

Vector = NDArray[np.float64]
_EPS = float(np.finfo(np.float64).eps)
_HALVINGS = 80  # of the logarithm of mu: to the last place
_SMALL = 1e-30  # of the largest mu
_RESIDUAL = 1e-3  # of Newton's equation, at which a Krylov space is large enough
_STATIONARY = 1e-5  # of H g: |g + H p| is as small as this space allows, and stays so
_SPACE = 60  # the most vectors of one; P times this is held


@dataclass(frozen=True)
class Model:
    """Values (k,) of sign +, the gradient's coordinates (k,), the basis (P, k)."""

    values: Vector
    along: Vector
    basis: Vector
    linearised: bool
    size: float  # the largest value
    norm: float  # |H|, of the third model the root of its own
    noise: float  # rounding of a gradient: that of terms like H theta
    products: int

    def step(self, radius: float) -> tuple[Vector, float]:
        """Return the step p (P,) with |p| <= radius, and by how much the model falls."""
        inside = self._at(0.0)
        if not np.linalg.norm(inside) <= radius:
            length = float(np.linalg.norm(self.along))
            # |p(mu)| <= |c| / mu, or |H| |c| / mu for the linearised gradient
            high = length * (self.size if self.linearised else 1.0) / radius
            low = high * _SMALL
            for _ in range(_HALVINGS):
                middle = float(np.sqrt(low) * np.sqrt(high))
                if np.linalg.norm(self._at(middle)) > radius:
                    low = middle
                else:
                    high = middle
            inside = self._at(high)
        c, s = self.along, self.values
        if self.linearised:
            fall = -0.5 * float(np.sum(s * inside * (2 * c + s * inside)))
        else:
            fall = -float(np.sum(inside * (c + 0.5 * s * inside)))
        return self.basis @ inside, fall

    def _at(self, mu: float) -> Vector:
        c, s = self.along, self.values
        # Where H is zero to rounding a linearised gradient has nowhere to go, and a gradient that
        # is zero to rounding is no reason to go.
        flat = s <= 8 * _EPS * len(s) * self.size
        idle = flat if self.linearised else flat & (np.abs(c) <= self.noise)
        above, below = (s * c, s * s + mu) if self.linearised else (c, s + mu)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(idle, 0.0, -above / below)


def saddle_free_model(operator: Curvature, dense: bool) -> Model:
    """``|H|`` from all eigenpairs, or from the Ritz pairs of the Krylov space of the gradient."""
    g = operator.gradient()
    if dense:
        values, V = eigh(np.ascontiguousarray(operator.dense()))
        return _model(operator, np.abs(values), V.T @ g, V, False, len(g))
    V, T = krylov(operator, g, _SPACE, lambda T: _solved(T, float(np.linalg.norm(g))))
    k = V.shape[1]
    values, S = np.linalg.eigh(T[:k])
    return _model(operator, np.abs(values), float(np.linalg.norm(g)) * S[0], V @ S, False, k)


def gradient_model(operator: Curvature, dense: bool) -> Model:
    """``|g + H p|`` over all p, or over the Krylov space of the gradient (as MINRES takes it)."""
    g = operator.gradient()
    if dense:
        values, V = eigh(np.ascontiguousarray(operator.dense()))
        signs = np.where(values < 0, -1.0, 1.0)
        return _model(operator, np.abs(values), signs * (V.T @ g), V, True, len(g))
    length = float(np.linalg.norm(g))
    V, T = krylov(operator, g, _SPACE, lambda T: _solved(T, length))
    # g + H V y = V_{k+1} (|g| e_1 + T y), T = A diag(s) B^T
    A, s, Bt = np.linalg.svd(T, full_matrices=False)
    return _model(operator, s, length * A[0], V @ Bt.T, True, V.shape[1])


def _model(
    operator: Curvature, s: Vector, c: Vector, basis: Vector, linearised: bool, products: int
) -> Model:
    size, scale = float(s.max()), max(1.0, float(np.linalg.norm(operator.theta)))
    return Model(s, c, basis, linearised, size, size, 8 * _EPS * size * scale, products)


def curved_model(operator: MovableCurvature) -> Model | None:
    """``1/2 |g + H p + ...|^2`` to second order; None where H can't be taken on both sides.

    Where the gradient stays and H g vanishes, ``H^2`` alone is a bad guess of the curvature of
    ``1/2 |g|^2``, and steps by it creep. ``D^3 L[g] = d/dr H(theta + r g)``, by differences.
    """
    g, H = operator.gradient(), operator.dense()
    scale, length = max(1.0, float(np.linalg.norm(operator.theta))), float(np.linalg.norm(g))
    r = float(np.cbrt(_EPS)) * scale / length
    try:
        ahead, behind = (operator.at(operator.theta + k * r * g).dense() for k in (1, -1))
    except NotFiniteError:
        return None
    M = H @ H + (ahead - behind) / (2 * r)
    values, V = eigh(np.ascontiguousarray((M + M.T) / 2))
    model = _model(operator, np.abs(values), V.T @ (H @ g), V, False, 3 * len(g))
    return replace(model, norm=float(np.sqrt(model.size)))


def _solved(T: Vector, length: float) -> bool:
    """Whether Newton's equation ``T y = -|g| e_1`` is solved as well as this step needs it."""
    right = np.zeros(len(T))
    right[0] = -length
    y = np.linalg.lstsq(T, right, rcond=None)[0]
    rest = right - T @ y
    if np.linalg.norm(rest) <= _RESIDUAL * length:
        return True
    return bool(np.linalg.norm(T.T @ rest) <= _STATIONARY * np.linalg.norm(T.T @ right))
