"""What a network's loss is as a function of its parameters: value, gradient, Hessian."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape import _check, _core
from saddlescape.net import checks
from saddlescape.net.draw import Draw

__all__ = ["Derivatives"]


class Derivatives(ABC):
    """Value and derivatives of the mean loss at ``theta``, by the core.

    References
    ----------
    .. [1] B. Pearlmutter (1994), "Fast exact multiplication by the Hessian", Neural Computation
       6(1), 147-160.
    .. [2] C. Bishop (1992), "Exact calculation of the Hessian matrix for the multilayer
       perceptron", Neural Computation 4(4), 494-501.
    """

    sizes: tuple[int, ...]
    dtype: np.dtype[Any]
    _network: _core.net.Network
    _theta: NDArray[Any]
    _running: NDArray[np.float64]

    @abstractmethod
    def encode(
        self, X: NDArray[Any], y: NDArray[Any], dtype: np.dtype[Any] | None = None
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return X and the (N, C) targets, checked."""

    @abstractmethod
    def mode(self, training: Draw | bool = False) -> _core.net.Mode:
        """Return what the core takes for test mode, or for training mode with a draw of masks."""

    def loss(self, X: NDArray[Any], y: NDArray[Any], training: Draw | bool = False) -> float:
        """Return the mean loss over the samples X (N, d) with targets y (N,) or (N, C)."""
        return self._network.loss(self._theta, *self.encode(X, y), self.mode(training))

    def gradient(
        self, X: NDArray[Any], y: NDArray[Any], training: Draw | bool = False
    ) -> NDArray[Any]:
        """Return the gradient (P,) of the mean loss."""
        return self.loss_and_gradient(X, y, training)[1]

    def loss_and_gradient(
        self,
        X: NDArray[Any],
        y: NDArray[Any],
        training: Draw | bool = False,
        momentum: float | None = None,
    ) -> tuple[float, NDArray[Any]]:
        """Return the mean loss and its gradient (P,), from one pass.

        With `momentum` p, batch normalisation in training moves its averages by this batch's:
        ``running = p running + (1 - p) batch``. PyTorch's momentum is ``1 - p``, and its variance
        there the unbiased one, N / (N - 1) times ours, with which the batch itself was normalised.
        """
        mode = self.mode(training)
        if momentum is None or training is False or not self._running.size:
            return self._network.gradient(self._theta, *self.encode(X, y), mode)
        p = _check.fraction("momentum", momentum)
        data = self.encode(X, y)
        loss, gradient, moments = self._network.gradient_and_moments(self._theta, *data, mode)
        if np.isfinite(moments).all():  # a diverged batch leaves the averages as they are
            self._running[:] = p * self._running + (1 - p) * moments
        return loss, gradient

    def hvp(
        self, X: NDArray[Any], y: NDArray[Any], V: NDArray[Any], training: Draw | bool = False
    ) -> NDArray[Any]:
        """Return the exact Hessian products H V of V (P,) or (P, k), in the network's dtype [1]_.

        ``R{g} = d/dr g(theta + r v)`` at r = 0, carried through the forward and the backward pass.
        """
        wide = isinstance(V, np.ndarray) and V.ndim == 2
        columns = checks.columns(
            "V", V, (self._theta.size, "k") if wide else (self._theta.size,), self.dtype
        )
        rows = np.ascontiguousarray(columns.T if wide else columns[None, :])
        products = self._network.hvp(self._theta, *self.encode(X, y), rows, self.mode(training))
        return np.ascontiguousarray(products.T).reshape(V.shape)

    def hessian(
        self,
        X: NDArray[Any],
        y: NDArray[Any],
        part: str = "all",
        layer: int | None = None,
        training: Draw | bool = False,
    ) -> NDArray[np.float64]:
        """Return the exact Hessian (P, P), symmetric, in float64 whatever the network's dtype.

        By products of matrices, ``N P^2`` operations at most [2]_; with normalisation, residual or
        dropout by P Hessian products. `part`: ``"gauss_newton"`` is
        ``G = J^T (d2 loss / df2) J``, ``"functional"`` the rest ``F = H - G``. With `layer` (from
        1) only the block of that layer's parameters.
        """
        first, last = checks.layer_range(layer, len(self.sizes) - 1)
        data = self._wide(X, y)
        return self._network.hessian(*data, checks.part(part), first, last, self.mode(training))

    def hessian_diagonal(
        self, X: NDArray[Any], y: NDArray[Any], part: str = "all", training: Draw | bool = False
    ) -> NDArray[np.float64]:
        """Return the exact diagonal (P,) of the Hessian or of a part of it, in float64."""
        which, data = checks.part(part), self._wide(X, y)
        return self._network.hessian_diagonal(*data, which, self.mode(training))

    def _wide(
        self, X: NDArray[Any], y: NDArray[Any]
    ) -> tuple[NDArray[np.float64], NDArray[Any], NDArray[Any]]:
        wide = np.dtype(np.float64)
        return (self._theta.astype(wide), *self.encode(X, y, wide))
