"""Directions along which a network's loss is known to have no curvature, before any is computed.

Some change nothing that the network computes (rescaling, mixing of linear units, the softmax's
shift, inputs that carry no information): there ``H v = -(dv/dtheta)^T g``, zero where the gradient
is. Others change nothing on these samples (dead units) or nothing as long as units are alike
(duplicates). All are candidates: whether ``H v`` vanishes is for the caller to see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from saddlescape import _core

__all__ = ["Architecture", "directions"]

Vector = NDArray[np.float64]
_EPS = float(np.finfo(np.float64).eps)
_ALIKE = 1e-12  # relative distance of incoming weights that are taken as equal


class Architecture:
    """The layers of a network at theta, and the inputs of its samples.

    Parameters
    ----------
    sizes : sequence of int
        ``(d, h1, ..., C)``.
    activation, loss : str
    bias : bool
    theta : (P,) array
    X : (N, d) array
    normalisation : str, optional
    normalise_after : bool
    residual : bool
    dropout : float
        0 at test time.
    training : bool
        Whether batch normalisation takes the statistics of X.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: str,
        loss: str,
        bias: bool,
        theta: Vector,
        X: Vector,
        *,
        normalisation: str | None = None,
        normalise_after: bool = False,
        residual: bool = False,
        dropout: float = 0.0,
        training: bool = False,
    ) -> None:
        self.sizes, self.activation, self.loss, self.bias = tuple(sizes), activation, loss, bias
        self.theta, self.X = theta, X
        self.normalisation, self.training = normalisation, training
        self.shiftable = normalisation is not None and not normalise_after
        self.plain = normalisation is None and not residual and dropout == 0
        network = _core.net.Network(list(sizes), activation, loss, bias, normalisation or "none")
        layers = range(1, len(sizes))
        self.starts = [network.weight_offset(layer) for layer in layers]
        self.ends = [*self.starts[1:], theta.size]

    @property
    def depth(self) -> int:
        """Layers of weights."""
        return len(self.starts)

    def split(self, flat: Vector, layer: int) -> tuple[Vector, Vector]:
        """Views of W (out, in) and b (out,), empty without biases, of a layer from 0, in `flat`."""
        rows, columns = self.sizes[layer + 1], self.sizes[layer]
        middle = self.starts[layer] + rows * columns
        end = middle + (rows if self.bias else 0)
        return flat[self.starts[layer] : middle].reshape(rows, columns), flat[middle:end]

    def inputs_of(self, layer: int) -> Vector:
        """Pre-activations (N, out) of a layer from 0 of a plain network."""
        sizes = list(self.sizes[: layer + 2])
        part = _core.net.Network(sizes, self.activation, "mse", self.bias)
        theta = np.ascontiguousarray(self.theta[: self.ends[layer]])
        return np.asarray(part.predict(theta, self.X))


def directions(net: Architecture) -> Iterator[tuple[str, Vector]]:
    """Yield each family's name and its directions (P, k), those first that explain the most."""
    for reason, maker, holds in (
        ("inputs that are zero, constant or depend on each other", _inputs, True),
        (
            "the softmax, which an equal shift of all outputs leaves alone",
            _softmax,
            net.loss == "cross_entropy",
        ),
        ("shifts that normalisation takes away again", _shifts, net.shiftable),
        # A mask, a mean over units or a connection past them tells units apart that were alike.
        ("dead units, which no sample makes active", _dead, net.plain and net.activation == "relu"),
        (
            "rescaling, c times the weights into a unit and 1/c times those out of it",
            _rescaling,
            net.plain and net.activation in ("relu", "leaky_relu"),
        ),
        (
            "linear units, mixed and unmixed again behind",
            _mixing,
            net.plain and net.activation == "linear",
        ),
        ("duplicate units, between which weight can move", _duplicates, net.plain),
    ):
        if holds:
            yield reason, _collected(net, maker)


Maker = Callable[[Architecture], Iterator[Vector]]


def _collected(net: Architecture, maker: Maker) -> Vector:
    found = list(maker(net))
    return np.stack(found, axis=1) if found else np.zeros((net.theta.size, 0))


def _inputs(net: Architecture) -> Iterator[Vector]:
    """Rows u of ``[X 1] u = 0`` for each unit of the first layer: its pre-activations stay."""
    A = np.column_stack([net.X, np.ones(len(net.X))]) if net.bias else net.X
    # of R in A = Q R: the same rows, without a matrix as large as the samples' square
    R = np.linalg.qr(A, mode="r") if len(A) > A.shape[1] else A
    _, s, rows = np.linalg.svd(R, full_matrices=True)
    rank = int((s > _EPS * max(net.X.shape) * s[0]).sum())
    for u in rows[rank:]:
        for unit in range(net.sizes[1]):
            v = np.zeros_like(net.theta)
            W, b = net.split(v, 0)
            W[unit] = u[: net.sizes[0]]
            b[unit : unit + 1] = u[net.sizes[0] :]
            yield v


def _softmax(net: Architecture) -> Iterator[Vector]:
    """``W_L += 1 u^T, b_L += c``: softmax(z + c 1) = softmax(z)."""
    for column in range(net.sizes[-2]):
        v = np.zeros_like(net.theta)
        net.split(v, net.depth - 1)[0][:, column] = 1.0
        yield v
    if net.bias:
        v = np.zeros_like(net.theta)
        net.split(v, net.depth - 1)[1][:] = 1.0
        yield v


def _shifts(net: Architecture) -> Iterator[Vector]:
    """One amount for a unit's whole batch, or for all of a sample's units: the mean takes it.

    Each bias before batch normalisation in training; before layer normalisation the biases
    together, and the weights out of an input together.
    """
    for layer in range(net.depth - 1):
        if net.normalisation == "layer":
            for column in range(net.sizes[layer]):
                v = np.zeros_like(net.theta)
                net.split(v, layer)[0][:, column] = 1.0
                yield v
        if not net.bias or (net.normalisation == "batch" and not net.training):
            continue
        biases = np.arange(net.sizes[layer + 1])
        for shifted in [biases] if net.normalisation == "layer" else biases:
            v = np.zeros_like(net.theta)
            net.split(v, layer)[1][shifted] = 1.0
            yield v


def _dead(net: Architecture) -> Iterator[Vector]:
    """Each weight in and out of a unit whose pre-activation is positive for no sample."""
    for layer in range(net.depth - 1):
        for unit in np.flatnonzero((net.inputs_of(layer) <= 0).all(axis=0)):
            marks = np.zeros_like(net.theta)
            W, b = net.split(marks, layer)
            W[unit], b[unit : unit + 1] = 1.0, 1.0
            net.split(marks, layer + 1)[0][:, unit] = 1.0
            for index in np.flatnonzero(marks):
                v = np.zeros_like(net.theta)
                v[index] = 1.0
                yield v


def _rescaling(net: Architecture) -> Iterator[Vector]:
    """``(w_in, b_in, -w_out)`` for each hidden unit: phi(c s) / c = phi(s) for c > 0."""
    for layer in range(net.depth - 1):
        for unit in range(net.sizes[layer + 1]):
            v = np.zeros_like(net.theta)
            for part, values in zip(net.split(v, layer), net.split(net.theta, layer), strict=True):
                part[unit : unit + 1] = values[unit : unit + 1]
            column = net.split(net.theta, layer + 1)[0][:, unit]
            net.split(v, layer + 1)[0][:, unit] = -column
            yield v


def _mixing(net: Architecture) -> Iterator[Vector]:
    """``W_l += E W_l, b_l += E b_l, W_{l+1} -= W_{l+1} E`` with E = e_i e_j^T: GL(h)."""
    for layer in range(net.depth - 1):
        W, b = net.split(net.theta, layer)
        behind = net.split(net.theta, layer + 1)[0]
        for i in range(len(W)):
            for j in range(len(W)):
                v = np.zeros_like(net.theta)
                dW, db = net.split(v, layer)
                dW[i], db[i : i + 1] = W[j], b[j : j + 1]
                net.split(v, layer + 1)[0][:, j] = -behind[:, i]
                yield v


def _duplicates(net: Architecture) -> Iterator[Vector]:
    """Weight out of one unit, into another output's share of a unit with equal weights in.

    With f outputs behind, each of f directions keeps what is computed; H v vanishes along those in
    the span of the two units' weights out, for there their gradients say so (Fukumizu and Amari
    2000), and along all if no more than one output follows.
    """
    for layer in range(net.depth - 1):
        W, b = net.split(net.theta, layer)
        rows = np.column_stack([W, b]) if len(b) else W
        first: list[int] = []
        for unit in range(len(rows)):
            size = float(np.linalg.norm(rows[unit]))
            twin = next(
                (k for k in first if np.linalg.norm(rows[unit] - rows[k]) <= _ALIKE * size), None
            )
            if twin is None:
                first.append(unit)
                continue
            for output in range(net.sizes[layer + 2]):
                v = np.zeros_like(net.theta)
                column = net.split(v, layer + 1)[0]
                column[output, unit], column[output, twin] = 1.0, -1.0
                yield v
