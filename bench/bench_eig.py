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

from oracle.spectra import outliers
from saddlescape import eig


def symmetric(n: int) -> np.ndarray:
    A = np.random.default_rng(0).standard_normal((n, n))
    return (A + A.T) / 2


def uniform(n: int) -> np.ndarray:
    return np.linspace(-1, 1, n)


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


SIGNS = {
    "saddlescape": lambda A: eig.inertia(A).positive,
    "saddlescape in place": lambda A: eig.inertia(A, overwrite=True).positive,
    "numpy eigenvalues": lambda A: int((np.linalg.eigvalsh(A) > 0).sum()),
}


@pytest.mark.benchmark(group="certified inertia, n = 1500: 2/3 n^3 operations")
@pytest.mark.parametrize("name", SIGNS)
def test_inertia(benchmark: Any, name: str) -> None:
    A = symmetric(1500)
    positive = benchmark(SIGNS[name], A)
    assert positive == np.count_nonzero(np.linalg.eigvalsh(symmetric(1500)) > 0)


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


HIDDEN = 32


def trained_network(steps: int, seed: int = 0) -> tuple[Any, np.ndarray, np.ndarray]:
    """Return a 64-32-10 tanh network after `steps` of gradient descent on the digits, and them."""
    from sklearn.datasets import load_digits

    import saddlescape as ss

    digits = load_digits()
    X, y = digits.data / 16.0, digits.target
    net = ss.MLP((64, HIDDEN, 10), activation="tanh", dtype="float64", seed=seed)
    for _ in range(steps):
        net.theta[:] -= 0.3 * net.gradient(X, y)
    return net, X, y


def jax_products(net: Any, X: np.ndarray, y: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Return jitted Hessian products of the same network: forward over reverse."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    Y, first = np.eye(10)[y], 64 * HIDDEN

    def loss(t: Any) -> Any:
        W1, b1 = t[:first].reshape(HIDDEN, 64), t[first : first + HIDDEN]
        W2, b2 = t[first + HIDDEN : -10].reshape(10, HIDDEN), t[-10:]
        f = jnp.tanh(X @ W1.T + b1) @ W2.T + b2
        return -(Y * jax.nn.log_softmax(f)).sum(axis=1).mean()

    theta = jnp.asarray(net.theta.copy())
    product = jax.jit(lambda v: jax.jvp(jax.grad(loss), (theta,), (v,))[1])
    return lambda v: np.asarray(product(v))


def network_ends(
    steps: int, seed: int = 0, missing: float = 1e-4
) -> tuple[Callable[[], np.ndarray], Callable[[], np.ndarray], dict[str, int]]:
    """Return three pairs at each end by us and by ARPACK with JAX, and each one's products.

    ARPACK gets the tolerance that a user would give, 1e-6 of each eigenvalue, and does not look for
    pairs that it missed; ours does unless `missing` is 1. Both are right to 1e-6 of the norm.
    """
    from saddlescape import curvature

    net, X, y = trained_network(steps, seed)
    ours, theirs = curvature.of(net, X, y), jax_products(net, X, y)
    n, counts = ours.shape[0], {"saddlescape": 0, "arpack": 0}
    start = np.random.default_rng(0).standard_normal(n)

    def counted(v: np.ndarray) -> np.ndarray:
        counts["arpack"] += 1
        return theirs(v)

    def by_lanczos() -> np.ndarray:
        result = eig.lanczos(ours, 3, 3, tol=1e-6, missing=missing)
        counts["saddlescape"] = result.products
        return result.eigenvalues

    def by_arpack() -> np.ndarray:
        counts["arpack"] = 0
        linear = LinearOperator((n, n), matvec=counted, dtype=np.float64)
        return np.sort(eigsh(linear, 6, which="BE", tol=1e-6, v0=start, return_eigenvectors=False))

    exact = np.linalg.eigvalsh(net.hessian(X, y))
    for found in (by_lanczos(), by_arpack()):
        assert np.abs(found - np.r_[exact[:3], exact[-3:]]).max() <= 1e-6 * np.abs(exact).max()
    return by_lanczos, by_arpack, counts


@pytest.mark.benchmark(group="three pairs at each end of a network's Hessian")
@pytest.mark.parametrize("steps", [0, 50, 500])
@pytest.mark.parametrize("solver", ["saddlescape", "arpack"])
def test_network_ends(benchmark: Any, solver: str, steps: int) -> None:
    pytest.importorskip("jax")
    ours, theirs, counts = network_ends(steps)
    benchmark.pedantic(ours if solver == "saddlescape" else theirs, rounds=3)
    benchmark.extra_info["products"] = counts[solver]


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


def lanczos_overhead(
    n: int = 1_000_000, steps: int = 100
) -> tuple[Callable[[], np.ndarray], Callable[[], np.ndarray], int]:
    """Return Lanczos on a product that is nearly free, the roofline of its steps, and its bytes.

    Two passes of orthogonalisation need three sweeps over the basis: products with it, the update
    with the second products in one, the second update. The roofline is three products of BLAS with
    a basis of that size, each reading all of it once.
    """
    op = Counted(uniform(n))

    def ours() -> np.ndarray:
        op.products = 0
        result = eig.lanczos(op, 1, 1, tol=1e-14, max_products=steps, basis=steps + 20)
        assert op.products <= steps
        return result.eigenvalues

    basis, w = np.ones((steps, n)), np.ones(n)

    def roofline() -> np.ndarray:
        for j in range(1, steps + 1):
            for _ in range(3):
                dots = basis[:j] @ w
        return dots

    assert ours() == pytest.approx([-1.0, 1.0], abs=0.02)
    assert roofline() == pytest.approx(np.full(steps, float(n)))
    return ours, roofline, 3 * 8 * n * steps * (steps + 1) // 2
