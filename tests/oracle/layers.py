"""Networks with normalisation, residual connections and dropout, for complex parameters.

Only the loss is written out, no backward pass: ``g_p = Im L(theta + i h e_p) / h`` (Squire and
Trapp 1998) has no cancellation and is exact to rounding. A Hessian product is the central
difference of such gradients in long double over ``h = 1e-6``, extrapolated once (Richardson): off
by some 1e-13, of rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oracle import streams
from oracle.streams import at

Array = NDArray[Any]
EPSILON = 1e-5


def _logistic(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


def _above(z: Array, below: Any) -> Array:
    return np.where(z.real > 0, z, below)


def _clip(z: Array, low: float, high: float) -> Array:
    return np.where(z.real <= low, low, np.where(z.real >= high, high, z))


def _erf(z: Array) -> Array:
    """2 z / sqrt(pi) exp(-z^2) sum (2 z^2)^n / (2n + 1)!!: only positive terms."""
    near = np.abs(z.real) < 6  # beyond, 1 - |erf| < 1e-16
    inside = np.where(near, z, 0)
    term = total = np.ones_like(inside)
    for n in range(1, 200):
        term = term * 2 * inside * inside / (2 * n + 1)
        total = total + term
    root_pi = np.sqrt(np.arctan(z.real.dtype.type(1)) * 4)
    series = 2 * inside / root_pi * np.exp(-inside * inside) * total
    return np.where(near, series, np.sign(z.real))


ACTIVATIONS: dict[str, Any] = {
    "elu": lambda z: _above(z, np.exp(z) - 1),
    "gelu": lambda z: z * (1 + _erf(z / np.sqrt(z.real.dtype.type(2)))) / 2,
    "hard_sigmoid": lambda z: _clip(z + 3, 0, 6) / 6,
    "hard_swish": lambda z: z * _clip(z + 3, 0, 6) / 6,
    "hard_tanh": lambda z: _clip(z, -1, 1),
    "leaky_relu": lambda z: _above(z, z.real.dtype.type("0.01") * z),
    "linear": lambda z: z,
    "relu": lambda z: _above(z, 0 * z),
    "sigmoid": _logistic,
    "silu": lambda z: z * _logistic(z),
    "softplus": lambda z: np.log(1 + np.exp(z)),
    "tanh": np.tanh,
}


def _cross_entropy(f: Array, y: Array) -> Array:
    shifted = f - f.real.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return -(y * log_p).sum(axis=1)


def _huber(e: Array, delta: float = 1.0) -> Array:
    size = e * np.sign(e.real)
    return np.where(size.real < delta, e * e / 2, delta * size - delta * delta / 2)


# outputs (N, C), targets (N, C) -> values (N,)
LOSSES: dict[str, Any] = {
    "bce": lambda f, y: (y * np.log(1 + np.exp(-f)) + (1 - y) * np.log(1 + np.exp(f))).sum(axis=1),
    "cross_entropy": _cross_entropy,
    "huber": lambda f, y: _huber(f - y).mean(axis=1),
    "mae": lambda f, y: ((f - y) * np.sign((f - y).real)).mean(axis=1),
    "mse": lambda f, y: ((f - y) ** 2).mean(axis=1),
}


@lru_cache(maxsize=1000)
def mask(seed: int, step: int, layer: int, samples: int, units: int, rate: float) -> Array:
    """Which units (samples, units) a layer from 1 keeps."""
    key = at(streams.key("dropout", seed, step), layer + 1)
    draws = [at(key, i + 1) >> 11 for i in range(samples * units)]
    return (np.array(draws, dtype=np.float64) * 2.0**-53 >= rate).reshape(samples, units)


@dataclass
class Layered:
    """What `ss.MLP` takes; theta is layer by layer W, b, gamma, beta."""

    sizes: tuple[int, ...]
    activation: str
    loss_name: str
    bias: bool
    normalisation: str | None
    residual: bool
    dropout: float
    delta: float = 1.0  # of loss "huber"
    weight: Array | None = None  # (N,), of samples; divided by their mean
    after: bool = False  # phi(s) is normalised, not s

    def predict(
        self, theta: Array, X: Array, running: Array, draw: tuple[int, int] | None
    ) -> tuple[Array, list[tuple[Array, Array]]]:
        """Outputs, and the moments that each layer was normalised with."""
        a: Array = X
        start, unit, depth = 0, 0, len(self.sizes) - 1
        moments = []

        def take(count: int) -> Array:
            nonlocal start
            start += count
            return theta[start - count : start]

        for layer in range(1, depth + 1):
            fan_in, d = self.sizes[layer - 1], self.sizes[layer]
            W = take(d * fan_in).reshape(d, fan_in)
            u = a @ W.T + (take(d) if self.bias else 0)
            if layer == depth:
                return u, moments
            if self.after:
                u = ACTIVATIONS[self.activation](u)
            if self.normalisation is not None:
                mean, var = self._moments(u, running[:, unit : unit + d], draw is not None)
                moments.append((mean.ravel(), var.ravel()))
                u = (u - mean) / np.sqrt(var + EPSILON)
                u = u * take(d) + take(d)
            h = u if self.after else ACTIVATIONS[self.activation](u)
            if draw is not None and self.dropout:
                h = h * mask(*draw, layer, len(X), d, self.dropout) / (1 - self.dropout)
            a = h + a if self.residual and d == fan_in else h
            unit += d
        raise AssertionError("a network has at least one layer")

    def _moments(self, s: Array, running: Array, training: bool) -> tuple[Array, Array]:
        if self.normalisation == "batch" and not training:
            return running[0], running[1]
        axis = 0 if self.normalisation == "batch" else 1
        mean = s.mean(axis=axis, keepdims=True)
        return mean, ((s - mean) ** 2).mean(axis=axis, keepdims=True)

    def loss(self, theta: Array, X: Array, Y: Array, running: Array, draw: Any) -> Any:
        f = self.predict(theta, X, running, draw)[0]
        if self.loss_name == "huber":
            values = _huber(f - Y, self.delta).mean(axis=1)
        else:
            values = LOSSES[self.loss_name](f, Y)
        w = np.ones(len(X)) if self.weight is None else self.weight.astype(np.longdouble)
        return (w / w.mean() * values).mean()

    def gradient(self, theta: Array, X: Array, Y: Array, running: Array, draw: Any) -> Array:
        h = theta.dtype.type(1e-30)
        wide = theta.astype(np.result_type(theta, np.complex64))
        parts = []
        for p in range(len(theta)):
            moved = wide.copy()
            moved[p] += 1j * h
            parts.append(self.loss(moved, X, Y, running, draw).imag / h)
        return np.array(parts)

    def product(
        self, theta: Array, X: Array, Y: Array, running: Array, draw: Any, v: Array
    ) -> Array:
        wide = theta.astype(np.longdouble)

        def slope(h: Any) -> Array:
            ahead, behind = (
                self.gradient(wide + sign * h * v, X, Y, running, draw) for sign in (1, -1)
            )
            return (ahead - behind) / (2 * h)

        h = np.longdouble("1e-6")
        product: Array = (4 * slope(h / 2) - slope(h)) / 3
        return product.astype(np.float64)
