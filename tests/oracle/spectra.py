"""Symmetric matrices whose spectrum is known without an eigensolver.

`eigenvalues` are those of the ideal matrix; `stored` bounds how far rounding its elements to
float64 can have moved them (Weyl: ||stored - ideal||_F).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

U = 2.0**-53


@dataclass(frozen=True)
class Known:
    """A matrix, its exact eigenvalues ascending, and how far storing it moved them."""

    name: str
    A: np.ndarray
    eigenvalues: np.ndarray
    stored: float

    @property
    def n(self) -> int:
        return len(self.A)

    @property
    def norm(self) -> float:
        return float(np.abs(self.eigenvalues).max(initial=0))

    @property
    def counts(self) -> tuple[int, int, int]:
        """Positive, negative, zero."""
        w = self.eigenvalues
        return int((w > 0).sum()), int((w < 0).sum()), int((w == 0).sum())


def known(name: str, A: np.ndarray, eigenvalues: np.ndarray, exact: bool = False) -> Known:
    A64 = np.ascontiguousarray(A, dtype=np.float64)
    w = np.sort(np.asarray(eigenvalues, dtype=np.float64))
    # Twice: the elements' own formula may have been off by one more rounding.
    stored = 0.0 if exact else 2 * U * float(np.linalg.norm(A64))
    return Known(f"{name}-{len(A64)}", A64, w, stored)


def tridiagonal(d: np.ndarray, e: np.ndarray) -> np.ndarray:
    return np.diag(d) + np.diag(e, 1) + np.diag(e, -1)


def sturm(d: np.ndarray, e: np.ndarray) -> np.ndarray:
    """Eigenvalues of a tridiagonal matrix by bisection on Sturm counts, in long double."""
    d, e = np.asarray(d, dtype=np.longdouble), np.asarray(e, dtype=np.longdouble)
    n = len(d)
    radius = np.max(np.abs(d)) + 2 * np.max(np.abs(e), initial=0)
    low, high = np.full(n, -radius), np.full(n, radius)
    k = np.arange(n)
    tiny = np.longdouble(1e-300)
    for _ in range(80):
        x = (low + high) / 2
        count = np.zeros(n, dtype=int)
        pivot = np.full(n, np.inf, dtype=np.longdouble)
        for i in range(n):
            pivot = d[i] - x - (e[i - 1] ** 2 if i else 0) / pivot
            pivot = np.where(np.abs(pivot) < tiny, -tiny, pivot)
            count += pivot < 0
        low, high = np.where(count <= k, x, low), np.where(count <= k, high, x)
    return np.asarray((low + high) / 2, dtype=np.float64)


def clement(n: int) -> Known:
    """+-(n-1), +-(n-3), ...; a zero if n is odd."""
    i = np.arange(1, n)
    return known("clement", tridiagonal(np.zeros(n), np.sqrt(i * (n - i))), np.arange(1 - n, n, 2))


def wilkinson_plus(n: int = 21) -> Known:
    """Pairs that agree to about 1e-14."""
    d, e = np.abs(np.arange(n) - n // 2).astype(float), np.ones(n - 1)
    return known("wilkinson+", tridiagonal(d, e), sturm(d, e), exact=True)


def wilkinson_minus(n: int = 21) -> Known:
    """Symmetric about zero, and a zero."""
    d, e = (n // 2 - np.arange(n)).astype(float), np.ones(n - 1)
    w = sturm(d, e)
    w[n // 2] = 0.0
    return known("wilkinson-", tridiagonal(d, e), w, exact=True)


def glued_wilkinson(blocks: int = 5, glue: float = 1e-8) -> Known:
    """Clusters of `blocks` eigenvalues within about the glue."""
    d = np.tile(np.abs(np.arange(21) - 10).astype(float), blocks)
    e = np.ones(21 * blocks - 1)
    e[20::21] = glue
    return known("glued", tridiagonal(d, e), sturm(d, e), exact=True)


def rosser() -> Known:
    A = np.array(
        [
            [611, 196, -192, 407, -8, -52, -49, 29],
            [196, 899, 113, -192, -71, -43, -8, -44],
            [-192, 113, 899, 196, 61, 49, 8, 52],
            [407, -192, 196, 611, 8, 44, 59, -23],
            [-8, -71, 61, 8, 411, -599, 208, 208],
            [-52, -43, 49, 44, -599, 411, 208, 208],
            [-49, -8, 8, 59, 208, 208, 99, -911],
            [29, -44, 52, -23, 208, 208, -911, 99],
        ]
    )
    r, s = 10 * np.sqrt(10405.0), 100 * np.sqrt(26.0)
    # 510 - s = 100 / (510 + s) without cancellation.
    return known("rosser", A, [-r, 0, 100 / (510 + s), 1000, 1000, 510 + s, 1020, r], exact=True)


def second_difference(n: int) -> Known:
    k = np.arange(1, n + 1)
    w = 4 * np.cos(k * np.pi / (2 * n + 2)) ** 2
    return known("tridiag121", tridiagonal(np.full(n, 2.0), np.ones(n - 1)), w, exact=True)


def minimum(n: int) -> Known:
    """min(i, j): graded, positive definite."""
    i = np.arange(1, n + 1)
    w = 1 / (4 * np.sin((2 * i - 1) * np.pi / (4 * n + 2)) ** 2)
    return known("min_ij", np.minimum.outer(i, i), w, exact=True)


def cycle(n: int) -> Known:
    """Laplacian of the cycle: 0, and the others double."""
    eye = np.eye(n)
    w = 4 * np.sin(np.arange(n) * np.pi / n) ** 2
    return known("cycle", 2 * eye - np.roll(eye, 1, 0) - np.roll(eye, -1, 0), w, exact=True)


def identity(n: int) -> Known:
    return known("identity", np.eye(n), np.ones(n), exact=True)


def zero(n: int) -> Known:
    return known("zero", np.zeros((n, n)), np.zeros(n), exact=True)


def graded(n: int) -> Known:
    """1, 1e-8, 1e-16, ... on the diagonal, as far as float64 goes."""
    d = 10.0 ** (-8 * (np.arange(n) % 38))
    return known("graded", np.diag(d), d, exact=True)


def planted(eigenvalues: np.ndarray, seed: int = 0, name: str = "planted") -> Known:
    """Q diag(w) Q^T with a random orthogonal Q, in long double, then rounded."""
    w = np.asarray(eigenvalues, dtype=np.longdouble)
    rng = np.random.default_rng(seed)
    A = np.diag(w)
    for _ in range(2):
        v = rng.standard_normal(len(w)).astype(np.longdouble)
        v /= np.sqrt(v @ v)
        # H A H with H = I - 2 v v^T
        y = A @ v
        A = A - 2 * np.outer(v, y) - 2 * np.outer(y, v) + 4 * (v @ y) * np.outer(v, v)
    return known(name, (A + A.T) / 2, w)


def outliers(n: int) -> np.ndarray:
    """As a trained network has it: a bulk at zero, ten large eigenvalues, a few negative."""
    bulk = 1e-3 * np.random.default_rng(0).standard_normal(n)
    bulk[:10] = np.geomspace(0.5, 20, 10)
    bulk[10:13] = [-0.3, -0.2, -0.1]
    return np.sort(bulk)


def two_valued(n: int) -> Known:
    return planted(np.r_[np.ones(n // 2), np.full(n - n // 2, 50.0)], seed=n, name="two_valued")


def low_rank(n: int, rank: int) -> Known:
    w = np.zeros(n)
    w[:rank] = (-1.0) ** np.arange(rank) * np.arange(1, rank + 1)
    return planted(w, seed=n, name=f"rank{rank}")


def all_known() -> Iterator[Known]:
    for n in (1, 2, 7, 50, 201):
        yield clement(n)
    yield from (wilkinson_plus(), wilkinson_minus(), rosser())
    yield from (glued_wilkinson(5, glue) for glue in (1e-8, 1e-11, 1e-14))
    for n in (1, 2, 3, 5, 33, 63, 64, 65, 127, 128, 129, 300):
        yield from (identity(n), zero(n), graded(n), second_difference(n), minimum(n))
        yield planted(np.random.default_rng(n).standard_normal(n), seed=n)
        if n >= 3:
            yield from (cycle(n), two_valued(n), low_rank(n, 2))
