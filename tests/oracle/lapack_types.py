"""The 21 types of symmetric matrices that LAPACK's dchkst tests eigensolvers with.

Type 21 is tridiagonal there, and types 16 to 20 are given to the solvers for positive definite
tridiagonal matrices; here all of them are dense. LAPACK's dlatms turns by Haar-distributed
rotations; here by two random reflectors (`spectra.planted` says why that is enough), in float64:
the spectrum is planted, not exact.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

ULP = 2.0**-52
UNDERFLOW, OVERFLOW = np.finfo(float).tiny, np.finfo(float).max
Make = Callable[[int, np.random.Generator], np.ndarray]


def turned(w: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """U^T diag(w) U."""
    A = np.diag(w)
    for _ in range(2):
        v = rng.standard_normal(len(w))
        v /= np.linalg.norm(v)
        y = A @ v
        A = A - 2 * np.outer(v, y) - 2 * np.outer(y, v) + 4 * (v @ y) * np.outer(v, v)
    return (A + A.T) / 2


def evenly(n: int) -> np.ndarray:
    return np.linspace(1, ULP, n)


def geometric(n: int) -> np.ndarray:
    return np.geomspace(1, ULP, n) if n > 1 else np.ones(1)


def clustered(n: int) -> np.ndarray:
    """One large, the others all ulp."""
    return np.r_[1.0, np.full(n - 1, ULP)]


def signed(w: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return w * rng.choice([-1.0, 1.0], len(w))


def uniform(n: int, rng: np.random.Generator) -> np.ndarray:
    A = rng.uniform(-1, 1, (n, n))
    return np.tril(A) + np.tril(A, -1).T


def dominant(n: int) -> np.ndarray:
    """Tridiagonal, geometric diagonal, off-diagonal below half the geometric mean."""
    d = geometric(n)
    e = 0.45 * np.sqrt(d[:-1] * d[1:])
    return np.diag(d) + np.diag(e, 1) + np.diag(e, -1)


SMALL, LARGE = np.sqrt(UNDERFLOW), np.sqrt(OVERFLOW)
SPECTRA = {"evenly": evenly, "geometric": geometric, "clustered": clustered}


def scaled(make: Make, factor: float) -> Make:
    return lambda n, rng: make(n, rng) * factor


def table() -> dict[str, Make]:
    types: dict[str, Make] = {
        "1 zero": lambda n, _: np.zeros((n, n)),
        "2 identity": lambda n, _: np.eye(n),
    }
    for i, (name, w) in enumerate(SPECTRA.items()):
        types[f"{3 + i} diagonal {name}"] = lambda n, rng, w=w: np.diag(signed(w(n), rng))
        types[f"{8 + i} {name}"] = lambda n, rng, w=w: turned(signed(w(n), rng), rng)
        types[f"{16 + i} positive {name}"] = lambda n, rng, w=w: turned(w(n), rng)
    for i, factor in enumerate((LARGE, SMALL)):
        types[f"{6 + i} 4 scaled"] = scaled(types["4 diagonal geometric"], factor)
        types[f"{11 + i} 8 scaled"] = scaled(types["8 evenly"], factor)
        types[f"{14 + i} 13 scaled"] = scaled(uniform, factor)
        types[f"{19 + i} 16 scaled"] = scaled(types["16 positive evenly"], factor)
    types["13 random"] = uniform
    types["21 dominant"] = lambda n, _: dominant(n)
    return dict(sorted(types.items(), key=lambda item: int(item[0].split()[0])))


TYPES = table()
SIZES = (1, 2, 3, 5, 20, 33, 63, 64, 65, 127, 128, 129, 500, 1000)


def matrix(name: str, n: int) -> np.ndarray:
    rng = np.random.default_rng([int(name.split()[0]), n])
    return np.ascontiguousarray(TYPES[name](n, rng))
