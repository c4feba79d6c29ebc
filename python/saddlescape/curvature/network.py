"""The Hessian of an MLP's loss over a full batch."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from saddlescape import _core
from saddlescape.curvature import checks
from saddlescape.curvature.assembly import product_extended
from saddlescape.curvature.block import Blocks, named_slices
from saddlescape.curvature.entropy import mean_entropy
from saddlescape.curvature.invariances import Architecture, directions
from saddlescape.curvature.layout import block_sizes
from saddlescape.curvature.piecewise import KINKS, hidden_by, warn_of_kinks
from saddlescape.net import MLP, Draw
from saddlescape.net.checks import sample_weight as sample_weights

__all__ = ["NetworkCurvature", "of"]

_PROBES = 3
_SAFETY = 4.0  # three probes of |E v|^2, whose mean is |E|_F^2, all miss by this with p < 1e-3
_EXTENDED_LIMIT = 4e9  # multiplications of an extended-precision product that are worth a wait
_KEPT_BYTES = 1 << 29  # of activations and their derivatives, for the next product
_LARGER = 8  # times the block: up to there layers are assembled for it


def of(
    net: MLP,
    X: NDArray[np.floating],
    y: NDArray[np.generic],
    training: Draw | bool = False,
    *,
    sample_weight: NDArray[np.generic] | None = None,
) -> NetworkCurvature:
    """Return the Hessian of ``net.loss(X, y)`` as an operator, at the parameters of this moment.

    Parameters
    ----------
    net : MLP
        The network; a later change of its parameters does not change the operator.
    X : (N, d) array
        All samples that the loss is a mean over. Not copied if it is float64 already: leave it as
        it is while the operator is in use.
    y : (N,) or (N, C) array
        Their targets.
    training : bool or Draw
        Of which loss: at test time, or in training, with a draw of dropout's masks and with batch
        normalisation over all of X. There its products keep the activations of all samples.
    sample_weight : (N,) array, optional
        Of the loss, as in ``net.loss(X, y, sample_weight=...)``.

    Returns
    -------
    NetworkCurvature
        ``.shape``, ``H @ v``, ``H @ V``, ``.dense()``, ``.gradient()``, ``.loss()``.

    Raises
    ------
    TypeError, ValueError
        If `net` is no MLP, if X and y don't fit it, or if X or a parameter is not finite.
    PiecewiseLinearWarning
        Is issued if the slope of the activation or of the loss jumps: relu, leaky_relu,
        hard_sigmoid, hard_tanh, hard_swish, mae.

    Examples
    --------
    >>> import numpy as np, saddlescape as ss
    >>> from saddlescape import curvature
    >>> net = ss.MLP((1, 1, 1), activation="linear", loss="mse", bias=False, init="zeros")
    >>> H = curvature.of(net, np.ones((1, 1)), np.ones((1, 1)))
    >>> H @ np.array([1.0, 1.0])
    array([-2., -2.])
    """
    H = NetworkCurvature(net, X, y, training, sample_weight=sample_weight)
    warn_of_kinks(H.kinks, H.architecture())
    return H


class NetworkCurvature(Blocks):
    """What `of` returns; see `saddlescape.curvature.Curvature` for its members.

    The first product keeps the activations of all samples and their derivatives, up to 512 MiB, so
    that the next ones begin where they differ. Beyond that every product computes them again, to
    the same bits.
    """

    def __init__(
        self,
        net: MLP,
        X: NDArray[np.floating],
        y: NDArray[np.generic],
        training: Draw | bool = False,
        *,
        sample_weight: NDArray[np.generic] | None = None,
    ) -> None:
        if not isinstance(net, MLP):
            raise TypeError(f"net: {type(net).__name__}, expected an MLP")
        net.need_cpu("net")
        wide = np.dtype(np.float64)
        self._X, targets = net.encode(X, y, wide)
        self._Y = net.smoothed(targets)
        if not len(self._X):
            raise ValueError(f"X: shape {self._X.shape}, expected at least one sample")
        for name, values in (("X", self._X), ("net.theta", net.theta)):
            checks.finite(name, values)
        self._weight = sample_weights(sample_weight, self._X, wide)
        self._net = net.copy()
        self._network, self._mode = self._net.network, self._net.mode(training)
        self._training = training is not False
        self._theta = net.theta.astype(wide)
        self._theta.setflags(write=False)
        self._loss_name, self._activation = net.loss_name, net.activation
        self._layers = len(net.sizes) - 1
        if len(self._X) < 2:
            self._network.loss(
                self._theta, self._X, self._Y, self._mode, self._weight
            )  # refuses what it must
        self._products: _core.net.Products | None = None
        self.slices = named_slices(block_sizes(net))
        self._gradient: NDArray[np.float64] | None = None
        self._loss = 0.0
        self._dense: NDArray[np.float64] | None = None

    @property
    def theta(self) -> NDArray[np.float64]:
        """The parameters at which the curvature is taken, (P,)."""
        return self._theta

    @property
    def lower_bound(self) -> float:
        """0, or for soft targets of cross-entropy their mean entropy (Gibbs' inequality).

        Smoothed classes are soft targets.
        """
        return mean_entropy(self._Y, self._loss_name, self._weight)

    @property
    def kinks(self) -> tuple[str, ...]:
        """What has a slope that jumps: the activation, the loss, or neither."""
        bent = self._activation in KINKS and self._layers > 1
        found = {self._activation: bent, self._loss_name: self._loss_name == "mae"}
        return tuple(name for name, holds in found.items() if holds)

    @property
    def silent(self) -> str | None:
        """What a network or loss with kinks hides from second derivatives."""
        return "; ".join(hidden_by(name) for name in self.kinks) or None

    def __matmul__(self, V: NDArray[np.float64]) -> NDArray[np.float64]:
        V = checks.operand(V, self.shape[0])
        rows = np.ascontiguousarray(V.reshape(self.shape[0], -1).T)
        if self._products is None:
            self._products = _core.net.Products(
                self._network, self._theta, self._X, self._Y, _KEPT_BYTES, self._mode, self._weight
            )
        return self._products.product(rows).T.reshape(V.shape)

    def dense(self) -> NDArray[np.float64]:
        """``H`` (P, P), exactly symmetric; assembled once."""
        if self._dense is None:
            self._dense = self._hessian("all", 1, self._layers)
            self._dense.setflags(write=False)
        return self._dense

    def dense_block(self, indices: NDArray[np.intp]) -> NDArray[np.float64] | None:
        """A block (k, k) out of those of whole layers; None where they are far larger than it."""
        if self._dense is not None:
            return self._dense[np.ix_(indices, indices)]
        starts = [self._network.weight_offset(i) for i in range(1, self._layers + 1)]
        starts.append(self._theta.size)
        first, last = np.searchsorted(starts, (indices.min(), indices.max()), side="right")
        begin, end = starts[first - 1], starts[last]
        if end - begin > _LARGER * indices.size:
            return None
        H = self._hessian("all", int(first), int(last))
        inside = indices - begin
        whole = np.array_equal(inside, np.arange(end - begin))
        return H if whole else H[np.ix_(inside, inside)]

    def gauss_newton(self, layer: int | None = None) -> NDArray[np.float64]:
        """``G = J^T (d2 loss / df2) J`` (P, P): H without the network's own curvature.

        With `layer` (from 1) only the block of that layer's parameters.
        """
        first, last = (1, self._layers) if layer is None else (layer, layer)
        return self._hessian("gauss_newton", first, last)

    def _hessian(self, part: str, first: int, last: int) -> NDArray[np.float64]:
        return self._network.hessian(
            self._theta, self._X, self._Y, part, first, last, self._mode, self._weight
        )

    def gauss_newton_gram(self) -> NDArray[np.float64]:
        """The matrix (N C, N C) of N samples and C outputs that has G's eigenvalues.

        ``G = B^T B`` with a row of B for each sample and output; this is ``B B^T``, set up without
        B, so that P may be in the millions. Its eigenvalues are those of G, but for P - N C zeros.

        Examples
        --------
        A linear fit through two points, with a thousand weights:

        >>> import numpy as np, saddlescape as ss
        >>> from saddlescape import curvature, eig
        >>> net = ss.MLP((1000, 1), activation="linear", loss="mse", bias=False, init="zeros")
        >>> X = np.zeros((2, 1000))
        >>> X[0, 0], X[1, 1] = 1, 2
        >>> eig.eigvalsh(curvature.of(net, X, np.ones((2, 1))).gauss_newton_gram())
        array([1., 4.])
        """
        return self._network.gauss_newton_gram(
            self._theta, self._X, self._Y, self._mode, self._weight
        )

    def at(self, theta: NDArray[np.float64]) -> NetworkCurvature:
        """Return the operator of the same network and samples at other parameters (P,)."""
        moved = copy.copy(self)
        moved._theta = checks.another(theta, self._theta.size)
        moved._gradient, moved._loss, moved._dense = None, 0.0, None
        moved._products = None
        return moved

    def gradient(self) -> NDArray[np.float64]:
        """The gradient over all samples, (P,)."""
        if self._gradient is None:
            self._loss, self._gradient = self._network.gradient(
                self._theta, self._X, self._Y, self._mode, self._weight
            )
            self._gradient.setflags(write=False)
        return self._gradient

    def loss(self, theta: NDArray[np.float64] | None = None) -> float:
        """The mean loss over all samples, at the point or at another one."""
        if theta is not None:
            return self._network.loss(
                np.ascontiguousarray(theta, dtype=np.float64),
                self._X,
                self._Y,
                self._mode,
                self._weight,
            )
        self.gradient()
        return self._loss

    def error(self) -> float:
        """Estimate ``|H_computed - H|_F``, the rounding error of the Hessian.

        For random v with unit variances the mean of ``|E v|^2`` is ``|E|_F^2``; ``H v`` is computed
        once more in extended precision, and the largest of three probes is taken four-fold. Where
        that would take minutes, ``8 eps sqrt(P) |H v|`` stands in for it.
        """
        generator = np.random.default_rng(0)
        V = generator.standard_normal((self.shape[0], _PROBES))
        if 12.0 * len(self._X) * self.shape[0] > _EXTENDED_LIMIT:
            size = float(np.linalg.norm(self @ V[:, 0]))
            return 8 * float(np.finfo(np.float64).eps) * float(np.sqrt(self.shape[0])) * size
        exact = [
            self._network.hvp_extended(self._theta, self._X, self._Y, v, self._mode, self._weight)
            for v in V.T.copy()
        ]
        ours = self @ V if self._dense is None else product_extended(self._dense, V)
        return _SAFETY * max(float(np.linalg.norm(ours[:, j] - exact[j])) for j in range(_PROBES))

    def architecture(self) -> Architecture:
        """The layers at these parameters: where their weights are, what their units see."""
        net = self._net
        return Architecture(
            net.sizes,
            net.activation,
            net.loss_name,
            net.bias,
            self._theta,
            self._X,
            normalisation=net.normalisation,
            normalise_after=net.normalise_after,
            residual=net.residual,
            dropout=net.dropout if self._training else 0.0,
            training=self._training,
        )

    def invariances(self) -> Iterator[tuple[str, NDArray[np.float64]]]:
        """Yield families of directions (P, k) that have no curvature for a known reason, by name.

        Candidates: along some of them H v vanishes only where the gradient does.
        """
        yield from directions(self.architecture())
        if self._Y.size < self._theta.size:
            values, V = np.linalg.eigh(self.gauss_newton())
            silent = np.abs(values) <= len(values) * np.finfo(np.float64).eps * values[-1]
            yield "directions that change no output on the samples, to first order", V[:, silent]

    def __repr__(self) -> str:
        said = f"; {self.silent}" if self.silent else ""
        return f"NetworkCurvature(P = {self.shape[0]:,}, N = {len(self._X):,}{said})"
