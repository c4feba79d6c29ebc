"""Gaussian classes, a network trained on them, and the top of its Hessian."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from saddlescape import curvature, eig, optim
from saddlescape.net import MLP

__all__ = ["blobs", "network", "top", "train"]

_INPUTS, _HIDDEN, _PER_CLASS = 50, 50, 40
_SPREAD = 0.5  # standard deviation; class means are sqrt(50) from the origin, orthogonal
_RATE, _BATCH = 0.1, 32


def blobs(classes: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return X (40 C, 50) and y: orthogonal class means of norm sqrt(50), plus noise."""
    generator = np.random.default_rng(seed)
    directions, _ = np.linalg.qr(generator.standard_normal((_INPUTS, classes)))
    y = np.arange(_PER_CLASS * classes) % classes
    noise = _SPREAD * generator.standard_normal((len(y), _INPUTS))
    return np.ascontiguousarray(np.sqrt(_INPUTS) * directions.T[y] + noise), y


def network(classes: int, seed: int) -> MLP:
    """Return a 50-50-50-C ReLU network with cross-entropy."""
    sizes = (_INPUTS, _HIDDEN, _HIDDEN, classes)
    return MLP(sizes, activation="relu", dtype="float64", seed=seed)


def train(
    net: MLP,
    X: NDArray[np.float64],
    y: NDArray[np.int64],
    steps: int,
    seed: int,
    before: Callable[[int], None] | None = None,
) -> None:
    """Take SGD steps on batches of 32 drawn with replacement; `before` sees each step's number."""
    generator = np.random.default_rng(seed)
    opt = optim.SGD(net.theta, lr=_RATE)
    for step in range(steps):
        if before is not None:
            before(step)
        batch = generator.integers(0, len(X), _BATCH)
        opt.step(net.gradient(X[batch], y[batch]))


def top(
    net: MLP, X: NDArray[np.float64], y: NDArray[np.int64], k: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the k largest eigenvalues, descending, and their eigenvectors (P, k)."""
    pairs = eig.lanczos(curvature.NetworkCurvature(net, X, y), low=0, high=k, tol=1e-5, seed=seed)
    return pairs.eigenvalues[::-1], pairs.eigenvectors[:, ::-1]
