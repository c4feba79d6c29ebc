"""What a framework's loss is asked before anything is built on it.

Is it the same each time? Is its gradient its own? Is the derivative of the gradient? Differences
answer, at several steps, for the loss may have kinks: agreement at one step is enough. Where theta
lies on a kink they can't, so a point close by is asked as well.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape.curvature import differences
from saddlescape.curvature.engine import Engine, NoSecondDerivativeError
from saddlescape.curvature.shaken import loss_rounding

__all__ = ["Examined", "examine"]

Vector = NDArray[np.float64]
_SAME = 100.0  # last places by which two evaluations may differ for the order of their sums
_NOT_SAME = 0.01  # whatever the type
_REPEATS = 4  # where random numbers are drawn: two alike may be chance
_DISAGREE = 0.05  # share of H v by which differences may part from it, beyond their error
_FINE = 0.01  # the same at the short steps that float64 allows
_TRUST = 20.0  # times the estimated error of differences
_OTHER = 0.1  # share by which the loss's own slope may part from g^T v
_NEARBY = 1e-3  # how far away the other point is, in units of theta
_LAST_PLACES = 8.0
_SHORT = {True: (1e-7, 1e-8, 1e-6, 1e-5), False: (1e-3, 1e-4, 1e-2)}  # by: is it float64?


@dataclass(frozen=True)
class Examined:
    """What was found.

    Attributes
    ----------
    noise : float
        By how much two products ``H v`` with a unit vector differ.
    flat : bool
        Whether H v is exactly zero for a random v while the gradient is not.
    differences : str or None
        Why products have to be differences of gradients.
    doubt : str or None
        What could not be settled.
    """

    noise: float
    flat: bool
    differences: str | None
    doubt: str | None


def examine(engine: Engine, loss: float, gradient: Vector) -> Examined:
    """Evaluate again, here and near by; raise ValueError where the loss can't be used.

    Parameters
    ----------
    engine : Engine
        The framework.
    loss, gradient : float, (P,) array
        What it gave at theta.
    """
    theta = engine.theta
    u, v = np.random.default_rng(2).standard_normal((2, theta.size))
    u, v = u / np.linalg.norm(u), v / np.linalg.norm(v)
    gradients = []
    for _ in range(_REPEATS if engine.draws else 1):
        again, g = engine.gradient(theta)
        _same(engine, "the loss", np.array([loss]), np.array([again]), 0.0)
        gradients.append(g)
    reason, doubt, noise = None, None, 0.0
    rows = np.stack([v, u])
    try:
        # one by one, as they will be repeated: many at once may be summed in another order
        products = np.concatenate([engine.products(theta, row[None]) for row in rows])
    except NoSecondDerivativeError as error:
        reason = str(error)
        products = np.stack([_difference(engine, row) for row in rows[:1]])
    size = float(np.linalg.norm(products[0]))
    if not np.isfinite(size):
        raise ValueError(
            f"loss_fn: H v is {size} for a random v, expected a loss with second derivatives "
            "at params (a root or a norm at zero has none)"
        )
    # g is a sum of terms like H theta: at a critical point its rounding is that of those.
    for g in gradients:
        _same(engine, "the gradient", gradient, g, size * float(np.linalg.norm(theta)))
    if reason is None:
        noise = _same(engine, "H v", products[0], engine.products(theta, rows[:1])[0], 0.0)
    _check_gradient(engine, gradient)
    if reason is None:
        reason, doubt = _compare(engine, rows, products)
    flat = reason is None and size == 0 and bool(gradient.any())
    if flat and engine.by_hand:  # another mode may have been found
        flat = not engine.products(theta, rows[:1]).any()
    return Examined(noise, flat, reason, doubt)


def _difference(engine: Engine, v: Vector) -> Vector:
    return differences.product(
        lambda theta: engine.gradient(theta)[1], engine.theta, v, engine.eps, engine.rounded
    )[0]


def _same(engine: Engine, what: str, first: Vector, second: Vector, scale: float) -> float:
    gap = float(np.linalg.norm(first - second))
    if gap == 0:
        return 0.0
    size = float(np.linalg.norm(first)) + scale
    if not gap <= min(_SAME * engine.eps, _NOT_SAME) * size:
        raise ValueError(
            f"loss_fn: {what} differs by {gap:.3g} between two calls at the same params "
            f"(size {size:.3g}), expected the same result: {engine.advice}"
        )
    warnings.warn(
        f"loss_fn: {what} differs by {gap:.2g} between two calls, as sums in another order do; "
        "error() takes it into account",
        RuntimeWarning,
        stacklevel=5,
    )
    return gap


def _check_gradient(engine: Engine, gradient: Vector) -> None:
    """Raise where the loss's own slope is not ``g^T v``, neither here nor near by.

    Hooks on parameters, straight-through and scaled gradients make it another one, and reentrant
    checkpointing leaves parameters out.
    """
    if _is_slope(engine, engine.theta, gradient):
        return
    close = _close(engine)
    if not _is_slope(engine, close, engine.gradient(close)[1]):
        raise ValueError(
            "loss_fn: the gradient is not that of loss_fn (the loss itself changes otherwise), "
            f"expected no {engine.detours}"
        )


def _is_slope(engine: Engine, theta: Vector, gradient: Vector) -> bool:
    if not np.isfinite(gradient).all():
        return True
    noise = loss_rounding(engine, theta, gradient)
    random = np.random.default_rng(3).standard_normal(theta.size)
    size = float(np.linalg.norm(gradient))
    along = gradient / size if size else random
    return all(
        _agree(
            lambda t: np.array([engine.loss(t)]),
            engine, theta, v / np.linalg.norm(v), np.array([gradient @ (v / np.linalg.norm(v))]),
            [engine.eps ** (1 / 3) / 4**k for k in range(4)], _OTHER, noise, True,
        )
        for v in (along, random)
    )  # fmt: skip


def _agree(
    function: Callable[[Vector], Vector],
    engine: Engine,
    theta: Vector,
    v: Vector,
    expected: Vector,
    steps: Any,
    share: float,
    noise: float = 0.0,
    bent: bool = False,
) -> bool:
    """Whether ``(f(theta + h v) - f(theta - h v)) / 2h`` is what is expected for one h.

    True also where no h can tell: rounding is in the way, or D changes too much with h. `bent`: the
    slope may change on the way, by curvature and kinks, as far as the value in the middle shows.
    """
    told, last, here = False, None, function(theta)
    for D, bend, rounding in _slopes(function, engine, theta, here, v, steps, noise):
        size = max(float(np.linalg.norm(D)), float(np.linalg.norm(expected)))
        gap = float(np.linalg.norm(D - expected))
        apart = 0.0 if last is None else float(np.linalg.norm(D - last))
        last = D
        if not np.isfinite(gap) or _TRUST * rounding > share * size:
            continue
        if max(apart, bend if bent else 0.0) > 0.5 * size:
            continue
        if gap <= share * size + _TRUST * rounding + (bend if bent else 0.0):
            return True
        told = True
    return not told


def _slopes(
    function: Callable[[Vector], Vector],
    engine: Engine,
    theta: Vector,
    here: Vector,
    v: Vector,
    steps: Any,
    noise: float,
) -> Iterator[tuple[Vector, float, float]]:
    """D(h) for each step, by how much the slope changes on it, and what rounding may have done."""
    for power in steps:
        h = differences.first_step(theta, v, power)
        ahead, behind = engine.rounded(theta + h * v), engine.rounded(theta - h * v)
        apart = float((ahead - behind) @ v)
        if apart > 0:
            there, back = function(ahead), function(behind)
            size = max(float(np.linalg.norm(there)), float(np.linalg.norm(back)))
            yield (
                (there - back) / apart,
                float(np.linalg.norm(there - 2 * here + back)) / apart,
                max(noise, _LAST_PLACES * engine.eps * size) / apart,
            )


def _compare(engine: Engine, rows: Vector, products: Vector) -> tuple[str | None, str | None]:
    """Notice a gradient whose derivative the framework computes, but wrongly.

    A backward pass written by hand, on detached values, counts as constant: H v comes out as
    zero, or as a part of itself, without an error. Differences of gradients see the rest; so does
    ``u^T H v - v^T H u``, if H is no longer symmetric.
    """
    (v, u), (Hv, Hu) = rows, products
    lopsided = _asymmetry(u, v, Hu, Hv) > max(_DISAGREE, _SAME * engine.eps)
    if not engine.kinks:
        other, error = differences.product(
            lambda t: engine.gradient(t)[1], engine.theta, v, engine.eps, engine.rounded
        )
        gap = float(np.linalg.norm(other - Hv))
        size = max(float(np.linalg.norm(other)), float(np.linalg.norm(Hv)))
        # lopsided though differences agree: there is no Hessian, and dense() says so
        allowed = _TRUST * error + _DISAGREE * size
        if gap <= allowed:
            return None, None
        again = engine.otherwise(engine.theta, v[None])
        if again is not None and float(np.linalg.norm(other - again)) <= allowed:
            return None, None
        return _parts(f"by {gap / size:.0%}"), None
    if _is_product(engine, engine.theta, v, Hv):
        return None, None
    close = _close(engine)
    there = engine.products(close, v[None])[0]
    if np.isfinite(there).all() and _is_product(engine, close, v, there):
        return None, None
    if lopsided or engine.eps < 1e-12:
        again = engine.otherwise(engine.theta, v[None])
        if again is not None and _is_product(engine, engine.theta, v, again[0]):
            return None, None
        return _parts("at every step"), None
    by_hand = ", ".join(engine.by_hand)
    doubt = f"the derivative of {by_hand}, written by hand, could not be checked across kinks"
    return None, doubt if by_hand else None


def _parts(how: str) -> str:
    return (
        f"exact products part from them {how}: a backward pass that can't be differentiated, or "
        "kinks"
    )


def _asymmetry(u: Vector, v: Vector, Hu: Vector, Hv: Vector) -> float:
    """Estimate the antisymmetric part's share: |H v|^2 ~ |H|^2 / n, (u^T K v)^2 ~ |K|^2 / n^2."""
    size = float(np.linalg.norm(Hu) + np.linalg.norm(Hv)) / 2
    return float(np.sqrt(u.size)) * abs(float(u @ Hv - v @ Hu)) / size if size else 0.0


def _is_product(engine: Engine, theta: Vector, v: Vector, Hv: Vector) -> bool:
    fine = engine.eps < 1e-12
    return _agree(
        lambda t: engine.gradient(t)[1], engine, theta, v, Hv, _SHORT[fine],
        _FINE if fine else _DISAGREE,
    )  # fmt: skip


def _close(engine: Engine) -> Vector:
    """A point near by, where no kink is to be expected exactly."""
    theta = engine.theta
    aside = np.random.default_rng(4).standard_normal(theta.size)
    return engine.rounded(theta + _NEARBY * np.maximum(1.0, np.abs(theta)) * aside)
