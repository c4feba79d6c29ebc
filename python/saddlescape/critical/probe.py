"""Measure the loss where second order is silent."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from saddlescape._sums import Sums
from saddlescape.critical.point import Probe
from saddlescape.curvature import AnyCurvature

__all__ = ["loss_noise", "probe"]

Vector = NDArray[np.float64]
_RANDOM = 24
_AXES = 8  # single eigenvectors at each edge of the band
_STEPS = (1e-3, 1e-2, 1e-1, 0.3, 1.0, 3.0)
_ROUNDING = 64 * float(np.finfo(np.float64).eps)
_BEYOND_MODEL = 10.0


def probe(
    operator: AnyCurvature, space: Vector | None, gap: float, upward: bool, seed: int
) -> Probe | None:
    """Look for a fall of the loss along directions of undetermined curvature.

    A fall counts if it is beyond rounding and ten times beyond what the leftover gradient explains
    (`gap`, and ``|g^T u|`` times the step). Steps are multiples of ``max(1, |theta|)``, and end
    where the loss has risen first: what lies behind a wall says nothing about the kind of point.

    Parameters
    ----------
    operator : Curvature
        The point.
    space : (P, m) array or None
        Orthonormal directions of undetermined sign; None: all directions.
    gap : float
        What the quadratic model still leaves to gain, in units of the loss.
    upward : bool
        Look for a rise instead: is a degenerate maximum really one?
    seed : int
        Of the random directions.

    Returns
    -------
    Probe or None
        None where there is no loss to measure.
    """
    start = operator.loss()
    if not np.isfinite(start):
        return None
    sign = -1.0 if upward else 1.0
    sums = Sums(operator)
    scale = max(1.0, sums.norm(operator.theta))
    g = operator.gradient()
    noise = loss_noise(operator, start)
    best: tuple[float, Vector | None, float] = (0.0, None, 0.0)
    directions = _directions(operator, space, seed)
    evaluations = 0
    for u in directions:
        slope = abs(sums.inner(g, u))
        for step in (s * scale for s in _STEPS):
            at = operator.theta + step * u
            loss = _loss(operator, at)
            evaluations += 1
            fall = sign * (start - loss)
            floor = max(noise, _ROUNDING * abs(loss)) + _BEYOND_MODEL * (gap + slope * step)
            if not np.isfinite(loss) or fall < -floor:
                break
            # Sums inside may have grown on the way: their rounding is measured where it matters.
            if fall > max(floor, best[0]) and fall > loss_noise(operator, loss, at):
                best = (fall, u, step)
    return Probe(
        directions=len(directions),
        evaluations=evaluations,
        drop=best[0],
        noise=noise,
        direction=best[1],
        step=best[2],
        upward=upward,
    )


def loss_noise(operator: AnyCurvature, loss: float, theta: Vector | None = None) -> float:
    """How far rounding may have moved this loss, 64 last places of float64 at least.

    An operator that evaluates it in a narrower type has a method ``loss_error(theta)`` that says
    so.
    """
    own = getattr(operator, "loss_error", None)
    if own is None:
        return _ROUNDING * abs(loss)
    return max(_ROUNDING * abs(loss), float(own() if theta is None else own(theta)))


def _loss(operator: AnyCurvature, theta: Vector) -> float:
    """The loss, infinite where it says that theta is out of its domain."""
    try:
        return operator.loss(theta)
    except FloatingPointError:
        return float("inf")


def _directions(operator: AnyCurvature, space: Vector | None, seed: int) -> list[Vector]:
    """Random unit vectors of the space, some of its own axes, and the opposite of each."""
    sums, n = Sums(operator), operator.shape[0]
    basis = sums.identity(n) if space is None and n <= 2 * _AXES else space
    if basis is None:
        rows = len(operator.theta)
        random = sums.generator(seed).standard_normal((rows, _RANDOM))
        axes = np.empty((rows, 0))
    else:
        mixtures = _RANDOM if basis.shape[1] > 1 else 0  # of one vector: itself again
        generator = np.random.default_rng(seed)  # the same mixtures in all processes
        random = basis @ generator.standard_normal((basis.shape[1], mixtures))
        edge = np.unique(np.r_[:_AXES, -_AXES:0] % basis.shape[1])
        axes = basis[:, edge]
    vectors = np.concatenate([axes, random / sums.norms(random)], axis=1)
    return [sign * u for u in vectors.T for sign in (1.0, -1.0)]
