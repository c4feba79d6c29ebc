"""More symmetric matrices whose spectrum, or inertia, is known without an eigensolver."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from oracle import spectra
from oracle.spectra import Known, known, sturm, tridiagonal


def jacobi(name: str, n: int) -> Known:
    """Gauss quadrature: the eigenvalues are the nodes; symmetric about zero but for Laguerre's."""
    k = np.arange(1, n, dtype=float)
    d = 2 * np.arange(n) + 1.0 if name == "laguerre" else np.zeros(n)
    chebyshev = np.full(n - 1, 0.5)
    chebyshev[:1] = np.sqrt(0.5)
    e = {
        "legendre": k / np.sqrt(4 * k**2 - 1),
        "hermite": np.sqrt(k / 2),
        "chebyshev": chebyshev,
        "laguerre": k,
    }[name]
    w = sturm(d, e)
    if name != "laguerre" and n % 2:
        w[n // 2] = 0.0
    return known(name, tridiagonal(d, e), w)


def mikota(n: int) -> Known:
    """Squares 1, 4, 9, ...: M^(-1/2) K M^(-1/2) of Mikota's chain of springs and masses."""
    i = np.arange(1, n + 1, dtype=float)
    mass, spring = 1 / i, np.arange(n, 0, -1, dtype=float)
    stiffness = spring + np.append(spring[1:], 0)
    root = np.sqrt(mass)
    A = tridiagonal(stiffness / mass, -spring[1:] / (root[1:] * root[:-1]))
    return known("mikota", A, i**2)


def elastic_rod(n: int) -> Known:
    """Finite elements of a rod that is clamped at one end: K x = lambda M x, both of Toeplitz."""
    eye = np.eye(n)
    K = 2 * eye - np.eye(n, k=1) - np.eye(n, k=-1)
    M = 4 * eye + np.eye(n, k=1) + np.eye(n, k=-1)
    K[-1, -1], M[-1, -1] = 1, 2
    # M^(-1/2) K M^(-1/2) has the same inertia as K, of which the spectrum is known.
    theta = (2 * np.arange(1, n + 1) - 1) * np.pi / (2 * n + 1)
    return known("rod", K, 2 - 2 * np.cos(theta), exact=True)


def hilbert(n: int) -> Known:
    """1 / (i + j - 1): positive definite, for n >= 14 not in float64; all but the largest ~0."""
    i = np.arange(n)
    A = 1 / (1.0 + i[:, None] + i)
    w = np.zeros(n)
    w[-1] = np.linalg.norm(A)  # at least the largest; the others lie in between
    return known("hilbert", A, w)


def all_closed() -> Iterator[Known]:
    for name in ("legendre", "hermite", "chebyshev", "laguerre"):
        for n in (1, 2, 5, 20, 95, 96, 97):
            yield jacobi(name, n)
    for n in (2, 3, 20, 96, 130):
        yield mikota(n)
        yield elastic_rod(n)
    for n in (95, 96, 97, 98, 191, 192, 193, 289):
        yield spectra.clement(n)


def congruent(seed: int, n: int) -> tuple[np.ndarray, tuple[int, int, int]]:
    """X D X^T in integers that float64 holds, X permuted unit triangular: D's inertia, exactly."""
    rng = np.random.default_rng([seed, n])
    X = np.eye(n) + np.tril(rng.choice([-1, 0, 1], (n, n), p=[0.02, 0.96, 0.02]), -1)
    X = X[rng.permutation(n)]
    d = rng.integers(-1000, 1001, n) * (rng.random(n) < 0.9)
    A = (X * d) @ X.T
    assert np.abs(A).max(initial=0) < 2.0**53 / n
    return A, (int((d > 0).sum()), int((d < 0).sum()), int((d == 0).sum()))


def softmax_hessian(samples: int, inputs: int, classes: int, seed: int = 0) -> np.ndarray:
    """Cross-entropy of a linear model: sum of (diag(p) - p p^T) kron x x^T, in long double."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((samples, inputs)).astype(np.longdouble)
    Z = X @ rng.standard_normal((inputs, classes))
    p = np.exp(Z - Z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    H = np.zeros((classes * inputs,) * 2, dtype=np.longdouble)
    for x, q in zip(X, p, strict=True):
        H += np.kron(np.diag(q) - np.outer(q, q), np.outer(x, x))
    return np.asarray((H + H.T) / 2, dtype=np.float64)


def linear_net_origin(Sigma: np.ndarray, hidden: int) -> np.ndarray:
    """W2 W1 x with half the squared error at W = 0: only the products of W1 and W2 are left.

    Sigma (C, d) is E y x^T; eigenvalues +- its singular values, `hidden` times each.
    """
    C, d = Sigma.shape
    # Parameters W1 (hidden, d), then W2 (C, hidden).
    block = -np.einsum("hk,cj->hjck", np.eye(hidden), Sigma).reshape(hidden * d, C * hidden)
    zero = np.zeros
    return np.block(
        [
            [zero((hidden * d, hidden * d)), block],
            [block.T, zero((C * hidden, C * hidden))],
        ]
    )


def gauss_newton(samples: int, outputs: int, parameters: int, seed: int = 0) -> np.ndarray:
    """J^T J in small integers, exactly: an interpolating minimum of the squared error."""
    J = np.random.default_rng(seed).integers(-3, 4, (samples * outputs, parameters)).astype(float)
    return J.T @ J


def relu_net(samples: int, inputs: int, hidden: int, seed: int = 0) -> np.ndarray:
    """One hidden ReLU layer with zero residuals: J^T J / N, where each unit has a null direction.

    Scaling (w_in, b_in) by 1 + t and w_out by 1 - t leaves the output as it is.
    """
    rng = np.random.default_rng(seed)
    X = np.c_[rng.integers(-4, 5, (samples, inputs)), np.ones(samples)].astype(float)
    V = rng.integers(-2, 3, (hidden, inputs + 1)).astype(float)
    out = rng.choice([-2.0, -1.0, 1.0, 2.0], hidden)
    S = X @ V.T
    on = (S > 0).astype(float)
    J = np.c_[(on[:, :, None] * out[None, :, None] * X[:, None, :]).reshape(samples, -1), on * S]
    return J.T @ J
