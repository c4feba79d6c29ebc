"""Functions with a point whose kind is known, with all derivatives written out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Planted:
    """A function with its gradient and Hessian, a point, and what is to be said there.

    `kind` is the answer where the loss can be probed, `signs` where only the Hessian is known.
    """

    name: str
    loss: Callable[[Vector], float]
    gradient: Callable[[Vector], Vector]
    hessian: Callable[[Vector], Vector]
    theta: Vector
    kind: str
    signs: str
    counts: tuple[int, int, int]
    lower_bound: float | None = None
    way_down: bool = False

    def at(self, theta: list[float] | Vector, **changes: object) -> Planted:
        return replace(self, theta=np.asarray(theta, dtype=np.float64), **changes)


def scaled(p: Planted, loss: float, unit: float) -> Planted:
    """``loss * L(theta / unit)``: the same point in other units."""
    return replace(
        p,
        name=f"{p.name}, loss x {loss:g}, parameters x {unit:g}",
        loss=lambda t: loss * p.loss(t / unit),
        gradient=lambda t: loss / unit * p.gradient(t / unit),
        hessian=lambda t: loss / unit**2 * p.hessian(t / unit),
        theta=p.theta * unit,
        lower_bound=None if p.lower_bound is None else p.lower_bound * loss,
    )


def rotated(p: Planted, seed: int) -> Planted:
    """``L(Q^T theta)`` with a random orthogonal Q."""
    Q = orthogonal(len(p.theta), seed)

    def hessian(t: Vector) -> Vector:
        H = Q @ p.hessian(Q.T @ t) @ Q.T
        return (H + H.T) / 2

    return replace(
        p,
        name=f"{p.name}, rotated",
        loss=lambda t: p.loss(Q.T @ t),
        gradient=lambda t: Q @ p.gradient(Q.T @ t),
        hessian=hessian,
        theta=Q @ p.theta,
    )


def orthogonal(n: int, seed: int) -> Vector:
    Q, R = np.linalg.qr(np.random.default_rng(seed).standard_normal((n, n)))
    return Q * np.sign(np.diag(R))


def separable(name: str, powers: list[tuple[float, int]], kind: str, signs: str) -> Planted:
    """``sum_i c_i x_i^k_i`` at the origin."""
    c = np.array([a for a, _ in powers])
    k = np.array([b for _, b in powers])
    second = np.where(k == 2, 2 * c, 0.0)
    counts = (int((second > 0).sum()), int((second < 0).sum()), int((second == 0).sum()))
    return Planted(
        name,
        lambda x: float(np.sum(c * x**k)),
        lambda x: c * k * x ** (k - 1),
        lambda x: np.diag(c * k * (k - 1) * x ** np.maximum(k - 2, 0)),
        np.zeros(len(powers)),
        kind,
        signs,
        counts,
        way_down=bool(((c < 0) | (k % 2 == 1)).any()),
    )


def quadratic(n: int, index: int, seed: int = 0) -> Planted:
    """A rotated quadratic form at its critical point, with `index` negative eigenvalues."""
    rng = np.random.default_rng([n, index, seed])
    values = 10.0 ** rng.uniform(-3, 0, n)
    values[:index] *= -1
    kind = "minimum" if index == 0 else "maximum" if index == n else "saddle"
    half = [(0.5 * v, 2) for v in values]
    form = separable(f"quadratic, n = {n}, index {index}", half, kind, kind)
    return rotated(form, seed + 1) if n > 1 else form


VALLEY = Planted(
    "the lectures' valley, (1 - x y)^2 at (1, 1)",
    lambda t: float((1 - t[0] * t[1]) ** 2),
    lambda t: -2 * (1 - t[0] * t[1]) * t[::-1],
    lambda t: np.array(
        [[2 * t[1] ** 2, -2 + 4 * t[0] * t[1]], [-2 + 4 * t[0] * t[1], 2 * t[0] ** 2]]
    ),
    np.ones(2),
    "degenerate_minimum",
    "degenerate_minimum",
    (1, 0, 1),
    lower_bound=0.0,
)
MONKEY = Planted(
    "monkey saddle, x^3 - 3 x y^2",
    lambda t: float(t[0] ** 3 - 3 * t[0] * t[1] ** 2),
    lambda t: np.array([3 * t[0] ** 2 - 3 * t[1] ** 2, -6 * t[0] * t[1]]),
    lambda t: np.array([[6 * t[0], -6 * t[1]], [-6 * t[1], -6 * t[0]]]),
    np.zeros(2),
    "degenerate",
    "degenerate",
    (0, 0, 2),
    way_down=True,
)


def _floor(t: Vector) -> float:
    return float(np.sum(np.maximum(np.abs(t) - 1, 0) ** 3))


def plateau(n: int) -> Planted:
    return Planted(
        f"constant, n = {n}",
        lambda _: 0.5,
        np.zeros_like,
        lambda t: np.zeros((len(t), len(t))),
        np.full(n, 0.3),
        "degenerate",
        "degenerate",
        (0, 0, n),
    )


FLAT_FLOOR = Planted(
    "a floor with walls at 1",
    _floor,
    lambda t: 3 * np.sign(t) * np.maximum(np.abs(t) - 1, 0) ** 2,
    lambda t: np.diag(6 * np.maximum(np.abs(t) - 1, 0)),
    np.zeros(3),
    "degenerate",
    "degenerate",
    (0, 0, 3),
    lower_bound=0.0,
)
WALL = Planted(
    "x^2 + y^4 - y^6 / 2: lower beyond a wall",
    lambda t: float(t[0] ** 2 + t[1] ** 4 - 0.5 * t[1] ** 6),
    lambda t: np.array([2 * t[0], 4 * t[1] ** 3 - 3 * t[1] ** 5]),
    lambda t: np.diag([2.0, 12 * t[1] ** 2 - 15 * t[1] ** 4]),
    np.zeros(2),
    "degenerate_minimum",
    "degenerate_minimum",
    (1, 0, 1),
)
TOY_SADDLE = VALLEY.at([0.0, 0.0], name="the lectures' saddle, (1 - x y)^2 at (0, 0)").at(
    [0.0, 0.0], kind="saddle", signs="saddle", counts=(1, 1, 0), way_down=True
)

S, DMIN, DMAX, D = "degenerate_saddle", "degenerate_minimum", "degenerate_maximum", "degenerate"
DEGENERATE = [
    separable("x^2 in two dimensions", [(1, 2), (0, 2)], DMIN, DMIN),
    separable("-x^2 in two dimensions", [(-1, 2), (0, 2)], DMAX, DMAX),
    separable("x^2 + y^4", [(1, 2), (1, 4)], DMIN, DMIN),
    separable("x^2 - y^4", [(1, 2), (-1, 4)], S, DMIN),
    separable("x^2 + y^3", [(1, 2), (1, 3)], S, DMIN),
    separable("-x^2 + y^4", [(-1, 2), (1, 4)], S, DMAX),
    separable("-x^2 + y^3", [(-1, 2), (1, 3)], S, DMAX),
    separable("-x^2 - y^4", [(-1, 2), (-1, 4)], DMAX, DMAX),
    separable("y^4", [(1, 4)], D, D),
    separable("y^3", [(1, 3)], D, D),
    separable("-y^4 - z^4", [(-1, 4), (-1, 4)], D, D),
    separable("x^2 - y^2 + z^4", [(1, 2), (-1, 2), (1, 4)], "saddle", "saddle"),
    separable("50 dimensions, half of them flat", [(1, 2)] * 25 + [(0, 2)] * 25, DMIN, DMIN),
    VALLEY,
    MONKEY,
    FLAT_FLOOR,
    WALL,
    plateau(1),
    plateau(3),
    plateau(50),
]
QUADRATIC = [
    quadratic(n, index)
    for n, indices in [(1, (0, 1)), (2, (0, 1, 2)), (3, (0, 1, 2, 3)), (50, (0, 1, 25, 49, 50))]
    for index in indices
]
N = "not_critical"
LINEAR = Planted(
    "a linear function",
    lambda t: float(t.sum()),
    np.ones_like,
    lambda t: np.zeros((len(t), len(t))),
    np.array([1.0, -2.0]),
    N,
    N,
    (0, 0, 2),
)
NOT_CRITICAL = [
    separable("x^2 at 1e-3", [(1, 2)], N, N).at([1e-3]),
    separable("5 x^2 - y^2 at (0, 1/2)", [(5, 2), (-1, 2)], N, N).at([0.0, 0.5]),
    separable("5 x^2 - y^2 at (1, 1)", [(5, 2), (-1, 2)], N, N).at([1.0, 1.0]),
    LINEAR,
]
