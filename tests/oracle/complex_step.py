"""A small network's loss and gradient in extended precision, and its Hessian to that precision.

The gradient is written for complex parameters, so that ``H v = Im g(theta + i h v) / h`` has no
cancellation (Squire and Trapp 1998): with h = 1e-40 the error is that of the extended format.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
_H = np.longdouble("1e-40")


def gradient(
    theta: Array, sizes: tuple[int, ...], X: Array, Y: Array, activation: str, loss: str
) -> tuple[Any, Array]:
    """Loss and gradient of an MLP with biases, layer by layer W (out, in), then b (out,)."""
    layers, at = [], 0
    for d, m in itertools.pairwise(sizes):
        layers.append((theta[at : at + d * m].reshape(m, d), theta[at + d * m : at + d * m + m]))
        at += d * m + m
    a: list[Array] = [X.astype(theta.dtype)]
    for i, (W, b) in enumerate(layers):
        z = a[-1] @ W.T + b
        a.append(z if i == len(layers) - 1 else _activate(z, activation))
    value, delta = _loss(a[-1], Y, loss)
    parts = []
    for i in reversed(range(len(layers))):
        parts.append(np.concatenate([(delta.T @ a[i]).ravel(), delta.sum(axis=0)]))
        if i:
            delta = (delta @ layers[i][0]) * _slope(a[i], activation)
    return value, np.concatenate(parts[::-1])


def hessian(
    theta: Array, sizes: tuple[int, ...], X: Array, Y: Array, activation: str, loss: str
) -> Array:
    wide = theta.astype(np.longdouble)
    columns = []
    for unit in np.eye(len(theta), dtype=np.longdouble):
        g = gradient(wide + 1j * _H * unit, sizes, X, Y, activation, loss)[1]
        columns.append(g.imag / _H)
    return np.stack(columns, axis=1)


def _activate(z: Array, activation: str) -> Array:
    return {"tanh": np.tanh, "linear": lambda s: s, "sigmoid": lambda s: 1 / (1 + np.exp(-s))}[
        activation
    ](z)


def _slope(a: Array, activation: str) -> Array:
    return {"tanh": 1 - a * a, "linear": np.ones_like(a), "sigmoid": a * (1 - a)}[activation]


def _loss(out: Array, Y: Array, loss: str) -> tuple[Any, Array]:
    if loss == "mse":
        return ((out - Y) ** 2).sum() / Y.size, 2 * (out - Y) / Y.size
    top = out.real.max(axis=1, keepdims=True)
    e = np.exp(out - top)
    p = e / e.sum(axis=1, keepdims=True)
    value = (Y * (np.log(e.sum(axis=1, keepdims=True)) + top - out)).sum() / len(Y)
    return value, (p * Y.sum(axis=1, keepdims=True) - Y) / len(Y)
