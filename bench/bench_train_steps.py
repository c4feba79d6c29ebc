"""Whole training steps beside PyTorch and jitted JAX with optax: forward, backward, Adam, records.

A step on n samples of a network with M = sum of d_l d_{l-1} weights takes
``2 n (3 M - d_0 d_1)`` operations in its products (two for each multiplication: forward, errors
backward but for the inputs', gradients). It moves at least 9 numbers for each of P parameters: Adam
reads four arrays and writes three; the gradient is written, and the record reads the last one. So a
batch of one sample is bound by memory, a large one by multiplications, and a small network by what
stands between them.

Each side starts with the same weights and sees the same batches; the losses of the first steps are
compared before the clock starts. Ours records loss, gradient norm, its angle, update norm and rate
of every step, the rivals nothing.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import saddlescape as ss
from saddlescape import _core, optim
from saddlescape.optim.ahead import Ahead

Array = NDArray[Any]
LR = 1e-3
CHECKED = 5  # steps whose losses are compared
CASES = {
    "2-16-16-2, batch 8": ((2, 16, 16, 2), 8, 1 / 20),
    "64-32-10, batch 32": ((64, 32, 10), 32, 1 / 10),
    "784-256-256-10, batch 1": ((784, 256, 256, 10), 1, 1 / 3),
    "784-256-256-10, batch 32": ((784, 256, 256, 10), 32, 1 / 2.2),
    "784-256-256-10, batch 128": ((784, 256, 256, 10), 128, 1 / 1.8),
    "784-256-256-10, batch 4096": ((784, 256, 256, 10), 4096, 1 / 1.2),
}


def flops(sizes: tuple[int, ...], n: int) -> int:
    products = [a * b for a, b in pairwise(sizes)]
    return 2 * n * (3 * sum(products) - products[0])


def moved(sizes: tuple[int, ...]) -> int:
    """Return the bytes that a step cannot but move: Adam's seven arrays and the gradient's two."""
    return 4 * 9 * sum(a * b + b for a, b in pairwise(sizes))


def batches_of(n: int) -> int:
    return 2 if n > 1000 else 256 if n <= 32 else 64


def samples(sizes: tuple[int, ...], n: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    count = n * batches_of(n)
    X = rng.standard_normal((count, sizes[0])).astype(np.float32)
    return X, rng.integers(0, sizes[-1], count)


class _Ours:
    def __init__(self, sizes: tuple[int, ...], n: int) -> None:
        X, y = samples(sizes, n)
        self.net = ss.MLP(sizes, activation="relu", seed=1)
        self.optimizer = optim.Adam(self.net.theta, lr=LR)
        self.loop = _core.train.Loop(
            self.net.network, Ahead(self.optimizer).core, self.net.theta, *self.net.encode(X, y), n
        )
        self.order, self.n = np.arange(len(X)), n
        self.steps = batches_of(n)

    def run(self, steps: int | None = None) -> Array:
        steps = steps or self.steps
        rows = self.order[: steps * self.n]
        self.loop.run(rows, np.full(steps, LR), np.zeros(steps), 1e9)
        return self.loop.records[:, 0]


class _Torch:
    def __init__(self, sizes: tuple[int, ...], n: int) -> None:
        import torch

        torch.set_num_threads(int(ss.info()["threads"]))
        X, y = samples(sizes, n)
        self.n, self.steps = n, batches_of(n)
        layers: list[Any] = []
        for (W, b), (below, above) in zip(weights(sizes), pairwise(sizes), strict=True):
            layer = torch.nn.Linear(below, above)
            layer.weight.data, layer.bias.data = torch.from_numpy(W), torch.from_numpy(b)
            layers += [layer, torch.nn.ReLU()]
        self.model = torch.nn.Sequential(*layers[:-1])
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=LR, fused=True)
        self.measure = torch.nn.CrossEntropyLoss()
        self.X, self.y = torch.from_numpy(X), torch.from_numpy(y)

    def run(self, steps: int | None = None) -> Array:
        losses = []
        for i in range(steps or self.steps):
            rows = slice(i * self.n, (i + 1) * self.n)
            self.optimizer.zero_grad()
            loss = self.measure(self.model(self.X[rows]), self.y[rows])
            loss.backward()
            self.optimizer.step()
            losses.append(loss.detach())
        return np.array([float(loss) for loss in losses])


class _Jax:
    def __init__(self, sizes: tuple[int, ...], n: int) -> None:
        import jax
        import optax

        X, y = samples(sizes, n)
        self.n, self.steps = n, batches_of(n)
        rule = optax.adam(LR)
        self.state: Any = [(jax.numpy.asarray(W), jax.numpy.asarray(b)) for W, b in weights(sizes)]
        self.state = (self.state, rule.init(self.state))
        self.batches = [
            (jax.numpy.asarray(X[i : i + n]), jax.numpy.asarray(y[i : i + n]))
            for i in range(0, len(X), n)
        ]

        def mean_loss(layers: Any, x: Any, t: Any) -> Any:
            for W, b in layers[:-1]:
                x = jax.nn.relu(x @ W.T + b)
            f = x @ layers[-1][0].T + layers[-1][1]
            return optax.softmax_cross_entropy_with_integer_labels(f, t).mean()

        def step(state: Any, x: Any, t: Any) -> Any:
            layers, moments = state
            loss, gradient = jax.value_and_grad(mean_loss)(layers, x, t)
            updates, moments = rule.update(gradient, moments)
            return (optax.apply_updates(layers, updates), moments), loss

        self.step = jax.jit(step, donate_argnums=0)

    def run(self, steps: int | None = None) -> Array:
        losses = []
        for x, t in self.batches[: steps or self.steps]:
            self.state, loss = self.step(self.state, x, t)
            losses.append(loss)
        return np.array([float(loss) for loss in losses])


RIVALS: dict[str, tuple[tuple[str, ...], Callable[..., Any]]] = {
    "torch eager": (("torch",), _Torch),
    "jitted jax, optax": (("jax", "optax"), _Jax),
}


def weights(sizes: tuple[int, ...]) -> list[tuple[Array, Array]]:
    net = ss.MLP(sizes, activation="relu", seed=1)
    return [(W.copy(), b.copy()) for W, b in net.layers() if b is not None]


def agreed(sizes: tuple[int, ...], n: int, make: Callable[..., Any]) -> tuple[_Ours, Any]:
    """Return both sides, whose first losses were compared."""
    ours, rival = _Ours(sizes, n), make(sizes, n)
    steps = min(CHECKED, batches_of(n))
    # float32, and Adam's first steps are the gradient's sign: a few units of 6e-8, grown
    np.testing.assert_allclose(ours.run(steps), rival.run(steps), rtol=2e-4)
    return ours, rival


@pytest.mark.parametrize("case", CASES)
def test_steps(benchmark, case):
    sizes, n, _ = CASES[case]
    benchmark.group = f"steps, {case}"
    ours = _Ours(sizes, n)
    benchmark.extra_info.update(flops=ours.steps * flops(sizes, n), bytes=moved(sizes))
    benchmark(ours.run)


@pytest.mark.parametrize("rival", RIVALS)
@pytest.mark.parametrize("case", CASES)
def test_steps_of_rivals(benchmark, case, rival):
    packages, make = RIVALS[rival]
    if any(importlib.util.find_spec(package) is None for package in packages):
        pytest.skip(f"needs {' and '.join(packages)}")
    sizes, n, _ = CASES[case]
    benchmark.group = f"steps, {case}"
    _, side = agreed(sizes, n, make)
    benchmark(side.run)
