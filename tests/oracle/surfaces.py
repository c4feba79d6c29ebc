"""Functions of two numbers to go down on: each returns its value and its gradient."""

from __future__ import annotations

import math

__all__ = ["beale", "ravine", "rosenbrock", "saddle"]

COS, SIN = math.cos(math.pi / 6), math.sin(math.pi / 6)


def rosenbrock(x, y):
    """A curved valley, 2500 times as steep across as along; minimum 0 at (1, 1)."""
    r = y - x * x
    return (1 - x) ** 2 + 100 * r * r, (-2 * (1 - x) - 400 * x * r, 200 * r)


def beale(x, y):
    """Plateaus between steep walls; minimum 0 at (3, 1/2)."""
    a, b, c = 1.5 - x + x * y, 2.25 - x + x * y**2, 2.625 - x + x * y**3
    along = 2 * (a * (y - 1) + b * (y**2 - 1) + c * (y**3 - 1))
    return a * a + b * b + c * c, (along, 2 * x * (a + 2 * b * y + 3 * c * y**2))


def ravine(x, y):
    """Curvatures 1 and 100 along axes that are turned by 30 degrees; minimum 0 at the origin."""
    u, v = COS * x + SIN * y, COS * y - SIN * x
    return (u * u + 100 * v * v) / 2, (COS * u - 100 * SIN * v, SIN * u + 100 * COS * v)


def saddle(x, y):
    """Up along x, down along y; the gradient beside the ridge y = 0 leads to the origin."""
    return x * x - y * y, (2 * x, -2 * y)
