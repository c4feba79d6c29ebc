"""What a network's loss is as a function of its parameters: value, gradient, Hessian."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape import _check, _core
from saddlescape.net import checks
from saddlescape.net.draw import Draw
from saddlescape.net.placed import Placed

__all__ = ["Derivatives"]


class Derivatives(Placed):
    """Value and derivatives of the mean loss at ``theta``, by the core.

    References
    ----------
    .. [1] B. Pearlmutter (1994), "Fast exact multiplication by the Hessian", Neural Computation
       6(1), 147-160.
    .. [2] C. Bishop (1992), "Exact calculation of the Hessian matrix for the multilayer
       perceptron", Neural Computation 4(4), 494-501.
    """

    sizes: tuple[int, ...]
    _running: NDArray[np.float64]

    @abstractmethod
    def encode(
        self, X: NDArray[Any], y: NDArray[Any], dtype: np.dtype[Any] | None = None
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return X and the (N, C) targets, checked."""

    @abstractmethod
    def smoothed(self, Y: NDArray[Any]) -> NDArray[Any]:
        """Return the targets that the loss has for those (N, C) of `encode`."""

    @abstractmethod
    def mode(self, training: Draw | bool = False) -> _core.net.Mode:
        """Return what the core takes for test mode, or for training mode with a draw of masks."""

    def loss(
        self,
        X: NDArray[Any],
        y: NDArray[Any],
        training: Draw | bool = False,
        *,
        sample_weight: NDArray[Any] | None = None,
    ) -> float:
        """Return the mean loss over the samples X (N, d) with targets y (N,) or (N, C).

        With `sample_weight` (N,), finite, >= 0 and not all 0, here and for the derivatives
        ``L = 1/N sum_i w_i l_i``, w the weights divided by their mean in this call: 3 for all is
        the same as none, and 2 for one sample as if it came twice.

        PyTorch's ``CrossEntropyLoss(weight=)`` divides by the sum of a batch's weights: the same
        for all samples at once. In batches it is another loss in each; `train` divides by the mean
        over all samples instead, so that the mean of an epoch's equal batches is the whole.
        """
        data, weight = self._data(X, y, sample_weight)
        return self._engine.loss(*data, self.mode(training), weight)

    def gradient(
        self,
        X: NDArray[Any],
        y: NDArray[Any],
        training: Draw | bool = False,
        *,
        sample_weight: NDArray[Any] | None = None,
    ) -> NDArray[Any]:
        """Return the gradient (P,) of the mean loss."""
        return self.loss_and_gradient(X, y, training, sample_weight=sample_weight)[1]

    def loss_and_gradient(
        self,
        X: NDArray[Any],
        y: NDArray[Any],
        training: Draw | bool = False,
        momentum: float | None = None,
        *,
        sample_weight: NDArray[Any] | None = None,
    ) -> tuple[float, NDArray[Any]]:
        """Return the mean loss and its gradient (P,), from one pass.

        With `momentum` p, batch normalisation in training moves its averages by this batch's:
        ``running = p running + (1 - p) batch``. PyTorch's momentum is ``1 - p``, and its variance
        there the unbiased one, N / (N - 1) times ours, with which the batch itself was normalised.
        Weights of samples do not move them, as in PyTorch.
        """
        data, weight = self._data(X, y, sample_weight)
        return self._loss_and_gradient(data, weight, training, momentum)

    def batch_gradient(
        self,
        X: NDArray[Any],
        y: NDArray[Any],
        weight: NDArray[Any] | None,
        training: Draw | bool = False,
        momentum: float | None = None,
    ) -> tuple[float, NDArray[Any]]:
        """`loss_and_gradient` of a batch whose weights (N,), of the network's dtype, stand as is.

        They were divided by their mean over all samples, which the batch is drawn from.
        """
        return self._loss_and_gradient(self._data(X, y)[0], weight, training, momentum)

    def _loss_and_gradient(
        self,
        data: tuple[NDArray[Any], NDArray[Any], NDArray[Any]],
        weight: NDArray[Any] | None,
        training: Draw | bool,
        momentum: float | None,
    ) -> tuple[float, NDArray[Any]]:
        mode = self.mode(training)
        if momentum is None or training is False or not self._running.size:
            return self._engine.gradient(*data, mode, weight)
        p = _check.fraction("momentum", momentum)
        loss, gradient, moments = self._engine.gradient_and_moments(*data, mode, weight)
        # a diverged batch leaves the averages as they are
        if np.isfinite(loss) and np.isfinite(moments).all():
            self._running[:] = p * self._running + (1 - p) * moments
        return loss, gradient

    def hvp(
        self,
        X: NDArray[Any],
        y: NDArray[Any],
        V: NDArray[Any],
        training: Draw | bool = False,
        *,
        sample_weight: NDArray[Any] | None = None,
    ) -> NDArray[Any]:
        """Return the exact Hessian products H V of V (P,) or (P, k), in the network's dtype [1]_.

        ``R{g} = d/dr g(theta + r v)`` at r = 0, carried through the forward and the backward pass.
        """
        if self._stands_there(V):
            data, weight = self._data(X, y, sample_weight)
            return self._engine.hvp(*data, V, self.mode(training), weight)
        wide = isinstance(V, np.ndarray) and V.ndim == 2
        columns = checks.columns(
            "V", V, (self._theta.size, "k") if wide else (self._theta.size,), self.dtype
        )
        data, weight = self._data(X, y, sample_weight)
        if self._there is not None:
            return self._engine.hvp(*data, columns, self.mode(training), weight)
        rows = np.ascontiguousarray(columns.T if wide else columns[None, :])
        products = self._network.hvp(*data, rows, self.mode(training), weight)
        return np.ascontiguousarray(products.T).reshape(V.shape)

    def hessian(
        self,
        X: NDArray[Any],
        y: NDArray[Any],
        part: str = "all",
        layer: int | None = None,
        training: Draw | bool = False,
        *,
        sample_weight: NDArray[Any] | None = None,
    ) -> NDArray[np.float64]:
        """Return the exact Hessian (P, P), symmetric, in float64 whatever the network's dtype.

        By products of matrices, ``N P^2`` operations at most [2]_; with normalisation, residual or
        dropout by P Hessian products. `part`: ``"gauss_newton"`` is
        ``G = J^T (d2 loss / df2) J``, ``"functional"`` the rest ``F = H - G``. With `layer` (from
        1) only the block of that layer's parameters.
        """
        first, last = checks.layer_range(layer, len(self.sizes) - 1)
        data, weight = self._data(X, y, sample_weight, np.dtype(np.float64))
        mode = self.mode(training)
        return self._engine.hessian(*data, checks.part(part), first, last, mode, weight)

    def hessian_diagonal(
        self,
        X: NDArray[Any],
        y: NDArray[Any],
        part: str = "all",
        training: Draw | bool = False,
        *,
        sample_weight: NDArray[Any] | None = None,
    ) -> NDArray[np.float64]:
        """Return the exact diagonal (P,) of the Hessian or of a part of it, in float64."""
        which = checks.part(part)
        self.need_cpu("hessian_diagonal")
        data, weight = self._data(X, y, sample_weight, np.dtype(np.float64))
        return self._network.hessian_diagonal(*data, which, self.mode(training), weight)

    def _data(
        self,
        X: NDArray[Any],
        y: NDArray[Any],
        sample_weight: NDArray[Any] | None = None,
        dtype: np.dtype[Any] | None = None,
    ) -> tuple[tuple[NDArray[Any], NDArray[Any], NDArray[Any]], NDArray[Any] | None]:
        """Return theta, X and the targets, and the weights divided by their mean, in `dtype`."""
        inputs, targets = self.encode(X, y, dtype)
        if self._there is not None and self._there.holds(sample_weight):
            sample_weight = self._there.on_host(sample_weight, "sample_weight")
        weight = checks.sample_weight(sample_weight, inputs, inputs.dtype)
        theta = self._theta_in(inputs.dtype)
        return (theta, inputs, self.smoothed(targets)), weight
