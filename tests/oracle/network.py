"""The multilayer perceptron again, slowly, by another route than the library's.

No backward pass and no R-operator: second-order Taylor coefficients are carried forward. For
parameters moving as ``theta + r e_p + q v`` every quantity z carries ``J = dz/dr`` (for all P
unit directions at once), ``K = dz/dq`` (for k directions v) and ``T = d2z/dr dq``; the loss's own
gradient and Hessian matrix are contracted with them at the end:

    g = sum_n l'(f)^T J,      H v = sum_n J^T l''(f) K + l'(f)^T T.

The arrays decide the precision: float64, or longdouble where the library's own float64 is judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Jet = tuple[Array, Array, Array]  # phi, phi', phi''

__all__ = ["ACTIVATIONS", "LOSSES", "Net", "one_hot"]


def _erf(x: Array) -> Array:
    """2 x / sqrt(pi) exp(-x^2) sum_n (2 x^2)^n / (2n + 1)!!: only positive terms, any precision."""
    inside = np.clip(x, -9, 9)  # beyond, 1 - |erf| < 1e-36
    twice = 2 * inside * inside
    term = np.ones_like(inside)
    total = np.ones_like(inside)
    for n in range(1, 1200):
        term = term * twice / (2 * n + 1)
        total = total + term
        if not np.any(term > total * np.finfo(x.dtype).eps / 8):
            break
    root_pi = np.sqrt(np.arctan(np.ones(1, x.dtype))[0] * 4)
    return 2 * inside / root_pi * np.exp(-inside * inside) * total


def _sigmoid(z: Array) -> Array:
    return np.exp(-np.logaddexp(np.zeros_like(z), -z))


def _sigmoid_jet(z: Array) -> Jet:
    a, b = _sigmoid(z), _sigmoid(-z)
    return a, a * b, -a * b * np.tanh(z / 2)


def _tanh_jet(z: Array) -> Jet:
    slope = 4 * _sigmoid(2 * z) * _sigmoid(-2 * z)  # 1 / cosh^2, without its overflow
    return np.tanh(z), slope, -2 * np.tanh(z) * slope


def _softplus_jet(z: Array) -> Jet:
    a = _sigmoid(z)
    return np.logaddexp(np.zeros_like(z), z), a, a * _sigmoid(-z)


def _silu_jet(z: Array) -> Jet:
    a, da, dda = _sigmoid_jet(z)
    return z * a, a + z * da, 2 * da + z * dda


def _gelu_jet(z: Array) -> Jet:
    two = z.dtype.type(2)
    Phi = (1 + _erf(z / np.sqrt(two))) / 2
    pi = np.arctan(np.ones(1, z.dtype))[0] * 4
    density = np.exp(-z * z / 2) / np.sqrt(2 * pi)
    return z * Phi, Phi + z * density, 2 * density - z * z * density


def _linear_below(below: str) -> Callable[[Array], Jet]:
    def jet(z: Array) -> Jet:
        slope = np.where(z > 0, z.dtype.type(1), z.dtype.type(below))
        return slope * z, slope, np.zeros_like(z)

    return jet


def _hard(kink: int, inside: Callable[[Array], Jet], rising: int = 0) -> Callable[[Array], Jet]:
    """`inside` between -kink and kink; constant to the left, with slope `rising` to the right."""

    def jet(z: Array) -> Jet:
        value, slope, curvature = inside(z)
        flat = np.zeros_like(z)
        low, high = inside(flat - kink)[0], inside(flat + kink)[0] + rising * (z - kink)
        outside = [z <= -kink, z >= kink]
        return (
            np.select(outside, [low, high], value),
            np.select(outside, [flat, flat + rising], slope),
            np.select(outside, [flat, flat], curvature),
        )

    return jet


def _hard_sigmoid(z: Array) -> Jet:
    return (z + 3) / 6, np.ones_like(z) / 6, np.zeros_like(z)


def _hard_swish(z: Array) -> Jet:
    return z * (z + 3) / 6, (2 * z + 3) / 6, np.ones_like(z) / 3


def _elu_jet(z: Array) -> Jet:
    low = np.minimum(z, 0)
    return (
        np.where(z > 0, z, np.expm1(low)),
        np.where(z > 0, 1, np.exp(low)),
        np.where(z > 0, 0, np.exp(low)),
    )


ACTIVATIONS: dict[str, Callable[[Array], Jet]] = {
    "elu": _elu_jet,
    "gelu": _gelu_jet,
    "hard_sigmoid": _hard(3, _hard_sigmoid),
    "hard_swish": _hard(3, _hard_swish, rising=1),
    "hard_tanh": _hard(1, lambda z: (z, np.ones_like(z), np.zeros_like(z))),
    "leaky_relu": _linear_below("0.01"),
    "linear": _linear_below("1"),
    "relu": _linear_below("0"),
    "sigmoid": _sigmoid_jet,
    "silu": _silu_jet,
    "softplus": _softplus_jet,
    "tanh": _tanh_jet,
}


# Losses: outputs f (N, C), targets y (N, C) -> values (N,), gradients (N, C), Hessians (N, C, C).


def _cross_entropy(f: Array, y: Array) -> Jet:
    shifted = f - f.max(axis=1, keepdims=True)
    p = np.exp(shifted)
    p /= p.sum(axis=1, keepdims=True)
    log_p = shifted - np.logaddexp.reduce(shifted, axis=1, keepdims=True)
    # By pairs of classes, where nothing cancels: s p_c - y_c = sum_d (p_c y_d - p_d y_c), and the
    # Hessian is the Laplacian of a graph whose edges weigh s p_c p_d.
    gradient = (p[:, :, None] * y[:, None, :] - p[:, None, :] * y[:, :, None]).sum(axis=2)
    eye = np.eye(f.shape[1], dtype=f.dtype)
    edges = y.sum(axis=1)[:, None, None] * p[:, :, None] * p[:, None, :] * (1 - eye)
    return -(y * log_p).sum(axis=1), gradient, edges.sum(axis=2)[:, :, None] * eye - edges


def _bce(f: Array, y: Array) -> Jet:
    p, q = _sigmoid(f), _sigmoid(-f)
    log_p, log_q = -np.logaddexp(0, -f), -np.logaddexp(0, f)
    hessian = (p * q)[:, :, None] * np.eye(f.shape[1], dtype=f.dtype)
    return -(y * log_p + (1 - y) * log_q).sum(axis=1), (1 - y) * p - y * q, hessian


def _mse(f: Array, y: Array) -> Jet:
    C = f.shape[1]
    hessian = np.broadcast_to(2 * np.eye(C, dtype=f.dtype) / C, (len(f), C, C))
    return ((f - y) ** 2).mean(axis=1), 2 * (f - y) / C, hessian


def _mae(f: Array, y: Array) -> Jet:
    C = f.shape[1]
    return np.abs(f - y).mean(axis=1), np.sign(f - y) / C, np.zeros((*f.shape, C), f.dtype)


def _huber(f: Array, y: Array, delta: float = 1.0) -> Jet:
    C = f.shape[1]
    e, d = f - y, f.dtype.type(delta)
    near = np.abs(e) < d
    value = np.where(near, e * e / 2, d * np.abs(e) - d * d / 2)
    hessian = near[:, :, None] * np.eye(C, dtype=f.dtype) / C
    return value.mean(axis=1), np.clip(e, -d, d) / C, hessian


LOSSES: dict[str, Callable[[Array, Array], Jet]] = {
    "bce": _bce,
    "cross_entropy": _cross_entropy,
    "huber": _huber,
    "mae": _mae,
    "mse": _mse,
}


def one_hot(classes: Array, C: int) -> Array:
    return (classes[:, None] == np.arange(C)).astype(np.float64)


@dataclass
class Net:
    """Architecture of a network; its parameters come as one vector, by layer W (out, in), b."""

    sizes: tuple[int, ...]
    activation: str
    loss_name: str
    bias: bool
    rows: int = 32  # samples at a time
    delta: float = 1.0  # of loss "huber"
    weight: Array | None = None  # (N,), of samples; divided by their mean

    @property
    def parameters(self) -> int:
        return sum((i + self.bias) * o for i, o in zip(self.sizes, self.sizes[1:], strict=False))

    def layers(self, theta: Array) -> Iterator[tuple[Array, Array]]:
        """W (out, in) and b (out,) of each layer; trailing axes of theta are kept."""
        start = 0
        for fan_in, fan_out in zip(self.sizes, self.sizes[1:], strict=False):
            end = start + fan_out * fan_in
            W = theta[start:end].reshape(fan_out, fan_in, *theta.shape[1:])
            start = end + fan_out * self.bias
            b = (
                theta[end:start]
                if self.bias
                else np.zeros((fan_out, *theta.shape[1:]), theta.dtype)
            )
            yield W, b

    def predict(self, theta: Array, X: Array) -> Array:
        a = X
        for layer, (W, b) in enumerate(self.layers(theta), 1):
            s = np.einsum("ni,oi->no", a, W) + b
            a = ACTIVATIONS[self.activation](s)[0] if layer < len(self.sizes) - 1 else s
        return a

    def losses(self, f: Array, Y: Array, rows: slice = slice(None)) -> Jet:
        """Values (n,), gradients and Hessians of the samples `rows`, times their weights."""
        jet = (
            _huber(f, Y, self.delta) if self.loss_name == "huber" else LOSSES[self.loss_name](f, Y)
        )
        if self.weight is None:
            return jet
        w = (self.weight.astype(f.dtype) / self.weight.astype(f.dtype).mean())[rows]
        return jet[0] * w, jet[1] * w[:, None], jet[2] * w[:, None, None]

    def loss(self, theta: Array, X: Array, Y: Array) -> Any:
        return self.losses(self.predict(theta, X), Y)[0].mean()

    def gradient(self, theta: Array, X: Array, Y: Array) -> Array:
        return self._sums(theta, X, Y, np.zeros((theta.size, 0), theta.dtype))[0]

    def product(self, theta: Array, X: Array, Y: Array, V: Array) -> Array:
        """H V of V (P, k)."""
        return self._sums(theta, X, Y, V)[1]

    def hessian(self, theta: Array, X: Array, Y: Array) -> Array:
        return self.product(theta, X, Y, np.eye(theta.size, dtype=theta.dtype))

    def gauss_newton(self, theta: Array, X: Array, Y: Array) -> Array:
        """The mean over the samples of J^T l''(f) J."""
        f, J, _, _ = self._taylor(theta, X, np.zeros((theta.size, 0), theta.dtype))
        curvature = self.losses(f, Y)[2]
        return np.einsum("ncp,ncd,ndq->pq", J, curvature, J, optimize=True) / len(X)

    def _sums(self, theta: Array, X: Array, Y: Array, V: Array) -> tuple[Array, Array]:
        g, HV = np.zeros_like(theta), np.zeros_like(V)
        for start in range(0, len(X), self.rows):
            rows = slice(start, start + self.rows)
            f, J, K, T = self._taylor(theta, X[rows], V)
            _, slope, curvature = self.losses(f, Y[rows], rows)
            g += np.einsum("nc,ncp->p", slope, J)
            HV += np.tensordot(J, np.einsum("ncd,ndk->nck", curvature, K), ([0, 1], [0, 1]))
            HV += np.tensordot(slope, T, ([0, 1], [0, 1]))
        return g / len(X), HV / len(X)

    def _taylor(self, theta: Array, X: Array, V: Array) -> tuple[Array, Array, Array, Array]:
        """Outputs (n, C) with J (n, C, P), K (n, C, k), T (n, C, P, k)."""
        n, P, k = len(X), theta.size, V.shape[1]
        unit, E = theta.dtype.type(1), np.eye(P, dtype=theta.dtype)
        a = X
        J, K, T = (np.zeros((n, X.shape[1], *tail), theta.dtype) for tail in ((P,), (k,), (P, k)))
        walk = zip(self.layers(theta), self.layers(E), self.layers(V), strict=True)
        for layer, ((W, b), (We, be), (Wv, bv)) in enumerate(walk, 1):
            # s = W a + b; the product rule for W and a both moving
            dot = np.tensordot
            Ts = np.moveaxis(dot(W * unit, T, (1, 1)), 0, 1)
            if layer > 1:
                Ts += np.einsum("oip,nik->nopk", We, K) + np.einsum("oik,nip->nopk", Wv, J)
            Js = np.moveaxis(dot(W, J, (1, 1)), 0, 1) + np.einsum("ni,oip->nop", a, We) + be
            Ks = np.moveaxis(dot(W, K, (1, 1)), 0, 1) + np.einsum("ni,oik->nok", a, Wv) + bv
            s = np.einsum("ni,oi->no", a, W) + b
            if layer == len(self.sizes) - 1:
                return s, Js, Ks, Ts
            a, slope, curvature = ACTIVATIONS[self.activation](s)
            J, K = slope[..., None] * Js, slope[..., None] * Ks
            T = slope[..., None, None] * Ts
            T += curvature[..., None, None] * Js[..., :, None] * Ks[..., None, :]
        raise AssertionError("a network has at least one layer")
