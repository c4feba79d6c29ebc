"""Gradient, Hessian products and dense Hessian of a 64-32-10 network on 1797 samples.

The size of the digits data set. With M = sum of d_l d_{l-1} multiplications a sample, a forward
pass is 2 N M operations, the gradient up to 4 N M more, each Hessian product up to 12 N M more (4
of them for the first layer, which no tangent enters and no error leaves).

The rival is JAX, jitted, where it can be imported, otherwise NumPy written by hand for this very
network. Both sides must give the same numbers to 1e-12.
"""

from __future__ import annotations

import importlib
import importlib.util
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import saddlescape as ss
from oracle.network import one_hot

Array = NDArray[Any]
SIZES, N = (64, 32, 10), 1797
M = sum(a * b for a, b in pairwise(SIZES))
FIRST = SIZES[0] * SIZES[1]
GRADIENT = 2 * N * (3 * M - FIRST)
PRODUCT = 2 * N * (6 * M - 4 * FIRST)
RIVAL = "jax" if importlib.util.find_spec("jax") else "numpy"


def parts(theta: Any) -> tuple[Any, Any, Any, Any]:
    return (
        theta[:2048].reshape(32, 64),
        theta[2048:2080],
        theta[2080:2400].reshape(10, 32),
        theta[2400:],
    )


class _NumPy:
    def __init__(self, X: Array, Y: Array) -> None:
        self.X, self.Y = X, Y

    def gradient(self, theta: Array) -> Array:
        return self.passes(theta, theta[:, None][:, :0])[0]

    def products(self, theta: Array, V: Array) -> Array:
        return self.passes(theta, V)[1]

    def passes(self, theta: Array, V: Array) -> tuple[Array, Array]:
        X, (W1, b1, W2, b2) = self.X, parts(theta)
        A = np.tanh(X @ W1.T + b1)
        F = A @ W2.T + b2
        P = np.exp(F - F.max(axis=1, keepdims=True))
        P /= P.sum(axis=1, keepdims=True)
        D2, slope = (P - self.Y) / len(X), 1 - A * A
        B = D2 @ W2
        D1 = B * slope
        HV = np.empty_like(V)
        for j in range(V.shape[1]):
            V1, c1, V2, c2 = parts(V[:, j])
            RZ = X @ V1.T + c1
            RA = slope * RZ
            RF = RA @ W2.T + A @ V2.T + c2
            RD2 = P * (RF - (P * RF).sum(axis=1, keepdims=True)) / len(X)
            RD1 = (RD2 @ W2 + D2 @ V2) * slope - 2 * B * A * slope * RZ
            HV[:, j] = self.flat(RD1.T @ X, RD1, RD2.T @ A + D2.T @ RA, RD2)
        return self.flat(D1.T @ X, D1, D2.T @ A, D2), HV

    @staticmethod
    def flat(dW1: Array, D1: Array, dW2: Array, D2: Array) -> Array:
        return np.concatenate([dW1.ravel(), D1.sum(axis=0), dW2.ravel(), D2.sum(axis=0)])


class _Jax:
    """Computes in the type of X and Y."""

    def __init__(self, X: Array, Y: Array) -> None:
        jax: Any = importlib.import_module("jax")
        jax.config.update("jax_enable_x64", True)

        def loss(theta: Any) -> Any:
            W1, b1, W2, b2 = parts(theta)
            f = jax.numpy.tanh(X @ W1.T + b1) @ W2.T + b2
            return -(Y * jax.nn.log_softmax(f)).sum(axis=1).mean()

        def product(theta: Any, v: Any) -> Any:
            return jax.jvp(jax.grad(loss), (theta,), (v,))[1]

        self._gradient = jax.jit(jax.grad(loss))
        self._products = jax.jit(jax.vmap(product, in_axes=(None, 1), out_axes=1))

    def gradient(self, theta: Array) -> Array:
        return np.asarray(self._gradient(theta))

    def products(self, theta: Array, V: Array) -> Array:
        return np.asarray(self._products(theta, V))


class _Ours:
    def __init__(self, net: ss.MLP, X: Array, y: Array) -> None:
        self.net, self.X, self.y = net, X, y

    def gradient(self, theta: Array) -> Array:
        self.net.theta = theta
        return self.net.gradient(self.X, self.y)

    def products(self, theta: Array, V: Array) -> Array:
        self.net.theta = theta
        return self.net.hvp(self.X, self.y, V)


class _Kept(_Ours):
    """The operator of one point, which keeps what all its products have in common."""

    def __init__(self, net: ss.MLP, X: Array, y: Array) -> None:
        super().__init__(net, X, y)
        self.operator = ss.curvature.of(net, X, y)

    def products(self, theta: Array, V: Array) -> Array:  # noqa: ARG002 - its own
        return self.operator @ V


@pytest.fixture(scope="module")
def sides() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    net = ss.MLP(SIZES, "tanh", "cross_entropy", dtype="float64", seed=1)
    X, y = rng.random((N, 64)), rng.integers(0, 10, N)
    rival = (_Jax if RIVAL == "jax" else _NumPy)(X, one_hot(y, 10))
    return {"saddlescape": _Ours(net, X, y), RIVAL: rival}


V = np.random.default_rng(1).standard_normal((2410, 16))


def agree(got: Array, right: Array) -> None:
    """To 1e-12 in float64, 1e-5 in float32, where each side has some hundred roundings."""
    assert got.dtype == right.dtype
    allowed = 1e-12 if right.dtype == np.float64 else 1e-5
    assert np.abs(got - right).max() <= allowed * np.abs(right).max()


@pytest.mark.benchmark(group="net gradient")
@pytest.mark.parametrize("who", ["saddlescape", RIVAL])
def test_gradient(benchmark: Any, sides: Any, who: str) -> None:
    theta = sides["saddlescape"].net.theta
    benchmark.extra_info.update(flops=GRADIENT)
    g = benchmark.pedantic(sides[who].gradient, (theta,), rounds=20, warmup_rounds=2)
    agree(g, sides[RIVAL].gradient(theta))


@pytest.mark.benchmark(group="net products")
@pytest.mark.parametrize("k", [1, 16])
@pytest.mark.parametrize("who", ["saddlescape", RIVAL])
def test_products(benchmark: Any, sides: Any, who: str, k: int) -> None:
    theta, few = sides["saddlescape"].net.theta, np.ascontiguousarray(V[:, :k])
    benchmark.group = f"net products, {k} vectors"
    benchmark.extra_info.update(flops=GRADIENT + k * PRODUCT, vectors=k)
    HV = benchmark.pedantic(sides[who].products, (theta, few), rounds=5, warmup_rounds=1)
    agree(HV, sides[RIVAL].products(theta, few))


@pytest.mark.slow
@pytest.mark.benchmark(group="net dense Hessian")
def test_hessian(benchmark: Any, sides: Any) -> None:
    """No rival: exact symmetry, and the rival's products."""
    ours = sides["saddlescape"]
    P = ours.net.parameters
    benchmark.extra_info.update(flops=P // 64 * GRADIENT + P * PRODUCT, bytes=8 * P * P)
    H = benchmark.pedantic(ours.net.hessian, (ours.X, ours.y), rounds=1)
    np.testing.assert_array_equal(H, H.T)
    agree(H @ V, sides[RIVAL].products(ours.net.theta, V))
