"""Eigen-solvers beside their rivals: NumPy for dense matrices, ARPACK for products.

A product with a Hessian costs a pass over the data, so for Lanczos the number of products is what
counts; it stands in extra_info. Dense: 4/3 n^3 operations for the values (matrix products, where
LAPACK's one stage reads all of the matrix for every column), about 4 n^3 more for vectors, 4 n^3 of
gemm for the certificate from them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.sparse.linalg import LinearOperator, eigsh

from saddlescape import eig


def symmetric(n: int) -> np.ndarray:
    A = np.random.default_rng(0).standard_normal((n, n))
    return (A + A.T) / 2


def uniform(n: int) -> np.ndarray:
    return np.linspace(-1, 1, n)


def outliers(n: int) -> np.ndarray:
    """As a trained network has it: a bulk at zero, ten large eigenvalues, a few negative."""
    bulk = 1e-3 * np.random.default_rng(0).standard_normal(n)
    bulk[:10] = np.geomspace(0.5, 20, 10)
    bulk[10:13] = [-0.3, -0.2, -0.1]
    return np.sort(bulk)


def squares(n: int) -> np.ndarray:
    """Return a spectrum with a dense lower end: the hard case.

    Shifted from zero for ARPACK's sake: it measures residuals against |theta|, and without the
    shift it answers with the second eigenvalue and no warning.
    """
    return 0.01 + np.linspace(0, 1, n) ** 2


DENSE = {
    "saddlescape": eig.eigvalsh,
    "saddlescape certified": lambda A: eig.certified_eigh(A).eigenvalues,
    "numpy": np.linalg.eigvalsh,
    "numpy with vectors": lambda A: np.linalg.eigh(A)[0],
}


@pytest.mark.benchmark(group="dense eigenvalues, n = 500")
@pytest.mark.parametrize("name", DENSE)
def test_dense(benchmark: Any, name: str) -> None:
    A = symmetric(500)
    w = benchmark(DENSE[name], A)
    assert w.sum() == pytest.approx(np.trace(A), abs=1e-10)
    assert (w**2).sum() == pytest.approx((A**2).sum(), rel=1e-12)


class Counted:
    """A diagonal operator that counts its products."""

    def __init__(self, d: np.ndarray) -> None:
        self.d, self.shape, self.products = d, (len(d), len(d)), 0

    def __matmul__(self, v: np.ndarray) -> np.ndarray:
        self.products += 1
        return self.d * v.ravel()


def ours(op: Counted, k: int) -> np.ndarray:
    result = eig.lanczos(op, k, k, max_products=20_000)
    assert result.outcome is eig.Outcome.CONVERGED
    return result.eigenvalues


def arpack(op: Counted, k: int) -> np.ndarray:
    linear = LinearOperator(op.shape, matvec=op.__matmul__, dtype=np.float64)
    # ARPACK's tol is relative to each eigenvalue, and it looks for no missing pair.
    start = np.random.default_rng(0).standard_normal(len(op.d))
    return np.sort(eigsh(linear, 2 * k, which="BE", tol=1e-6, v0=start, return_eigenvectors=False))


SPECTRA: dict[str, tuple[Callable[[int], np.ndarray], int]] = {
    "outliers": (outliers, 2000),
    "uniform": (uniform, 1000),
    "squares": (squares, 300),
}


VALUES = {
    "saddlescape": eig.eigvalsh,
    "saddlescape certified": lambda A: eig.certified_eigvalsh(A).eigenvalues,
    "saddlescape 3 pairs at each end": lambda A: eig.eigh(A, low=3, high=3)[0],
    "numpy": np.linalg.eigvalsh,
}


@pytest.mark.benchmark(group="dense eigenvalues, n = 3000")
@pytest.mark.parametrize("name", VALUES)
def test_dense_values(benchmark: Any, name: str) -> None:
    A = symmetric(3000)
    w = benchmark.pedantic(VALUES[name], (A,), rounds=3, warmup_rounds=1)
    # Wigner's semicircle: the ends lie near -+ sqrt(2 n).
    assert w[-1] == pytest.approx(np.sqrt(6000), rel=0.03)
    assert w[0] == pytest.approx(-np.sqrt(6000), rel=0.03)
    if len(w) == len(A):
        assert (w**2).sum() == pytest.approx((A**2).sum(), rel=1e-12)


@pytest.mark.benchmark(group="both ends, from products")
@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize("solver", [ours, arpack], ids=["saddlescape", "arpack"])
def test_both_ends(
    benchmark: Any, solver: Callable[[Counted, int], np.ndarray], spectrum: str, k: int
) -> None:
    make, n = SPECTRA[spectrum]
    d = make(n)
    op = Counted(d)
    w = benchmark.pedantic(solver, (op, k), rounds=1)
    exact = np.r_[d[:k], d[-k:]]
    assert np.abs(w - exact).max() <= 1e-6 * np.abs(d).max()
    benchmark.extra_info["products"] = op.products
