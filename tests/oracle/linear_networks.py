"""Two-layer linear networks: every critical point, its loss and its index (Baldi, Hornik 1989).

With inputs of covariance I and targets ``Y = X M^T``, ``M = U diag(s) V^T`` with distinct s, the
critical points of ``mean |Y - X (W2 W1)^T|^2`` are, up to ``W2 C^-1, C W1``: a choice I of singular
triples, ``W2 = U_I``, ``W1 = diag(s_I) V_I^T``, the other hidden units zero. The loss is the sum of
the s_j^2 left out. A chosen triple goes down towards each larger one left out, a free hidden unit
towards each of them:

    index = sum_{i in I} #{j not in I: s_j > s_i} + (h - |I|) #{j not in I: s_j > 0}.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class BaldiHornik:
    X: Vector
    Y: Vector
    U: Vector
    s: Vector
    V: Vector
    hidden: int

    @property
    def sizes(self) -> tuple[int, int, int]:
        return (self.X.shape[1], self.hidden, self.Y.shape[1])

    def theta(self, chosen: tuple[int, ...], seed: int | None = None) -> Vector:
        """Weights, layer by layer; with a seed mixed by a random invertible C near I."""
        W2 = np.zeros((self.Y.shape[1], self.hidden))
        W1 = np.zeros((self.hidden, self.X.shape[1]))
        for unit, k in enumerate(chosen):
            W2[:, unit], W1[unit] = self.U[:, k], self.s[k] * self.V[:, k]
        if seed is not None:
            noise = np.random.default_rng(seed).standard_normal((self.hidden, self.hidden))
            C = np.eye(self.hidden) + 0.2 * noise
            W2, W1 = W2 @ np.linalg.inv(C), C @ W1
        return np.concatenate([W1.ravel(), W2.ravel()])

    def loss(self, chosen: tuple[int, ...]) -> float:
        """The mean over all N C elements, as the networks take it."""
        rest = [k for k in range(len(self.s)) if k not in chosen]
        return float(np.sum(self.s[rest] ** 2)) / self.Y.shape[1]

    def index(self, chosen: tuple[int, ...]) -> int:
        rest = [k for k in range(len(self.s)) if k not in chosen]
        swaps = sum(self.s[j] > self.s[i] for i in chosen for j in rest)
        return int(swaps) + (self.hidden - len(chosen)) * len(rest)


def baldi_hornik(d: int, hidden: int, c: int, seed: int = 0) -> BaldiHornik:
    rng = np.random.default_rng([d, hidden, c, seed])
    n = 4 * d
    X = np.linalg.qr(rng.standard_normal((n, d)))[0] * np.sqrt(n)
    U = np.linalg.qr(rng.standard_normal((c, c)))[0]
    V = np.linalg.qr(rng.standard_normal((d, d)))[0]
    k = min(c, d)
    s = np.linspace(2.0, 1.0, k)
    M = (U[:, :k] * s) @ V[:, :k].T
    return BaldiHornik(np.ascontiguousarray(X), np.ascontiguousarray(X @ M.T), U, s, V, hidden)
