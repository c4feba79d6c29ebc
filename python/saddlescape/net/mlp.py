"""A multilayer perceptron whose parameters are one flat vector."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape import _check, _core
from saddlescape.net import checks, store
from saddlescape.net.init import SCALES, initial_weights
from saddlescape.net.targets import encode_targets

__all__ = ["MLP"]


class MLP:
    """A multilayer perceptron: ``a_l = phi(W_l a_{l-1} + b_l)``, the last layer without phi.

    Parameters
    ----------
    sizes : sequence of int
        ``(d, h1, ..., C)``: inputs, hidden layers, outputs.
    activation : str
        elu, gelu, leaky_relu, linear, relu, sigmoid, silu, softplus, tanh.
    loss : str
        ``"cross_entropy"`` (softmax inside) and ``"bce"`` (sigmoid inside) are means over the N
        samples, ``"mse"`` and ``"mae"`` over all N*C elements.
    init : str
        he, lecun, normal (standard deviation 0.01), xavier, zeros.
    bias : bool
        Whether the layers have biases.
    dtype : str or dtype
        float32 or float64.
    seed : int
        Of the generator that draws the weights.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what was given and what is allowed.

    Examples
    --------
    The lectures' two-weight network, ``L = (1 - w1 w2)^2``, at its saddle:

    >>> import numpy as np, saddlescape as ss
    >>> net = ss.MLP((1, 1, 1), activation="linear", loss="mse", bias=False,
    ...              init="zeros", dtype="float64")
    >>> X, y = np.ones((1, 1)), np.ones((1, 1))
    >>> net.loss(X, y), net.gradient(X, y)
    (1.0, array([0., 0.]))
    >>> net.hessian(X, y)
    array([[ 0., -2.],
           [-2.,  0.]])

    References
    ----------
    .. [1] B. Pearlmutter (1994), "Fast exact multiplication by the Hessian", Neural Computation
       6(1), 147-160.
    .. [2] C. Bishop (1992), "Exact calculation of the Hessian matrix for the multilayer
       perceptron", Neural Computation 4(4), 494-501.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: str = "tanh",
        loss: str = "cross_entropy",
        init: str = "he",
        bias: bool = True,
        dtype: str | np.dtype[Any] | type[np.floating[Any]] = "float32",
        seed: int = 0,
    ) -> None:
        self.sizes = checks.sizes(sizes)
        self.activation = _check.choice("activation", activation, _core.net.activations())
        self.loss_name = _check.choice("loss", loss, _core.net.losses())
        self.init = _check.choice("init", init, sorted(SCALES))
        self.bias = _check.flag("bias", bias)
        self.dtype = checks.dtype(dtype)
        self.seed = _check.integer("seed", seed, low=0)
        if self.loss_name == "cross_entropy" and self.sizes[-1] < 2:
            raise ValueError(
                "sizes: 1 output with loss 'cross_entropy', expected at least 2 "
                "(or loss 'bce' for one logit)"
            )
        self._network = _core.net.Network(list(self.sizes), activation, loss, bias)
        self._theta = np.zeros(self._network.parameters, dtype=self.dtype)
        generator = np.random.default_rng(self.seed)
        for (weights, _), fan_in, fan_out in zip(
            self.layers(), self.sizes[:-1], self.sizes[1:], strict=True
        ):
            weights[...] = initial_weights(init, fan_in, fan_out, generator)

    @property
    def theta(self) -> NDArray[Any]:
        """All parameters, (P,): layer by layer W (out, in) row-major, then b (out,); writable.

        Assigning copies into it: integers or floats of the same shape, finite in its dtype, or
        nothing is changed.
        """
        return self._theta

    @theta.setter
    def theta(self, values: NDArray[Any]) -> None:
        self._theta[:] = checks.columns("theta", values, self._theta.shape, self.dtype)

    @property
    def parameters(self) -> int:
        """How many parameters there are: P."""
        return self._theta.size

    def layers(self) -> list[tuple[NDArray[Any], NDArray[Any] | None]]:
        """Return writable views of each layer's W (out, in) and b (out,), None without biases."""
        views: list[tuple[NDArray[Any], NDArray[Any] | None]] = []
        for layer, (fan_in, fan_out) in enumerate(
            zip(self.sizes[:-1], self.sizes[1:], strict=True), 1
        ):
            start, end = self._network.weight_offset(layer), self._network.bias_offset(layer)
            weights = self._theta[start:end].reshape(fan_out, fan_in)
            views.append((weights, self._theta[end : end + fan_out] if self.bias else None))
        return views

    @property
    def core(self) -> _core.net.Network:
        """The architecture as the core has it."""
        return self._network

    def predict(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return the outputs (N, C): logits for cross_entropy and bce, values for mse and mae."""
        return self._network.predict(self._theta, self.cast(X))

    def loss(self, X: NDArray[Any], y: NDArray[Any]) -> float:
        """Return the mean loss over the samples X (N, d) with targets y (N,) or (N, C)."""
        return self._network.loss(self._theta, *self.encode(X, y))

    def gradient(self, X: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
        """Return the gradient (P,) of the mean loss."""
        return self.loss_and_gradient(X, y)[1]

    def loss_and_gradient(self, X: NDArray[Any], y: NDArray[Any]) -> tuple[float, NDArray[Any]]:
        """Return the mean loss and its gradient (P,), from one pass."""
        return self._network.gradient(self._theta, *self.encode(X, y))

    def hvp(self, X: NDArray[Any], y: NDArray[Any], V: NDArray[Any]) -> NDArray[Any]:
        """Return the exact Hessian products H V of V (P,) or (P, k), in the network's dtype [1]_.

        ``R{g} = d/dr g(theta + r v)`` at r = 0, carried through the forward and the backward pass.
        """
        wide = isinstance(V, np.ndarray) and V.ndim == 2
        columns = checks.columns(
            "V", V, (self.parameters, "k") if wide else (self.parameters,), self.dtype
        )
        rows = np.ascontiguousarray(columns.T if wide else columns[None, :])
        products = self._network.hvp(self._theta, *self.encode(X, y), rows)
        return np.ascontiguousarray(products.T).reshape(V.shape)

    def hessian(
        self, X: NDArray[Any], y: NDArray[Any], part: str = "all", layer: int | None = None
    ) -> NDArray[np.float64]:
        """Return the exact Hessian (P, P), symmetric, in float64 whatever the network's dtype.

        By products of matrices, ``N P^2`` operations at most [2]_. `part`: ``"gauss_newton"`` is
        ``G = J^T (d2 loss / df2) J``, ``"functional"`` the rest ``F = H - G``. With `layer` (from
        1) only the block of that layer's weights and biases.
        """
        first, last = self._layer_range(layer)
        return self._network.hessian(*self._wide(X, y), _part(part), first, last)

    def hessian_diagonal(
        self, X: NDArray[Any], y: NDArray[Any], part: str = "all"
    ) -> NDArray[np.float64]:
        """Return the exact diagonal (P,) of the Hessian or of a part of it, in float64."""
        return self._network.hessian_diagonal(*self._wide(X, y), _part(part))

    def _wide(
        self, X: NDArray[Any], y: NDArray[Any]
    ) -> tuple[NDArray[np.float64], NDArray[Any], NDArray[Any]]:
        wide = np.dtype(np.float64)
        return (self._theta.astype(wide), *self.encode(X, y, wide))

    def _layer_range(self, layer: int | None) -> tuple[int, int]:
        last = len(self.sizes) - 1
        if layer is None:
            return 1, last
        one = _check.integer("layer", layer, low=1)
        if one > last:
            raise ValueError(f"layer: {one}, expected 1 to {last}")
        return one, one

    def encode(
        self, X: NDArray[Any], y: NDArray[Any], dtype: np.dtype[Any] | None = None
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return X and the (N, C) targets as the core takes them, checked."""
        inputs = self.cast(X, dtype)
        targets = encode_targets(y, self.loss_name, len(inputs), self.sizes[-1], inputs.dtype)
        return inputs, targets

    def cast(self, X: NDArray[Any], dtype: np.dtype[Any] | None = None) -> NDArray[Any]:
        """Return X (N, d) in `dtype`, the network's by default; X itself if it has it already."""
        if not isinstance(X, np.ndarray):
            raise TypeError(f"X: {type(X).__name__}, expected a NumPy array of float32 or float64")
        if X.dtype not in (np.float32, np.float64):
            raise TypeError(f"X: dtype {X.dtype}, expected float32 or float64")
        if X.ndim != 2 or X.shape[1] != self.sizes[0]:
            raise ValueError(f"X: shape {X.shape}, expected (any, {self.sizes[0]})")
        if not X.flags.c_contiguous:
            raise ValueError(
                f"X: strides {X.strides}, expected a C-contiguous array; "
                "copy it with np.ascontiguousarray"
            )
        with np.errstate(over="ignore"):  # what float32 can't hold is refused by the core, as inf
            return X.astype(dtype or self.dtype, copy=False)

    def copy(self) -> MLP:
        """Return a network of its own with the same parameters."""
        twin = MLP(
            self.sizes, self.activation, self.loss_name, "zeros", self.bias, self.dtype, self.seed
        )
        twin.init = self.init
        twin._theta[:] = self._theta  # whatever it holds, a diverged run's NaN too
        return twin

    def save(self, path: str | Path) -> Path:
        """Write architecture and parameters as safetensors, atomically; nothing is pickled."""
        return store.write(path, self._theta, self._architecture())

    @classmethod
    def load(cls, path: str | Path) -> MLP:
        """Read what `save` wrote.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If it is damaged or not a network, with its name and what is wrong.
        """
        theta, arguments = store.read(path)
        try:
            net = cls(**{**arguments, "init": "zeros"})
            net.init = _check.choice("init", arguments["init"], sorted(SCALES))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"path: {path}: no architecture of this version ({error})") from error
        if theta.shape != net.theta.shape or theta.dtype != net.dtype:
            raise ValueError(
                f"path: {path}: theta of shape {theta.shape} and dtype {theta.dtype}, "
                f"expected {net.theta.shape} and {net.dtype}"
            )
        net._theta[:] = theta  # bit for bit, a diverged run's NaN too
        return net

    def _architecture(self) -> dict[str, Any]:
        return {
            "sizes": list(self.sizes),
            "activation": self.activation,
            "loss": self.loss_name,
            "init": self.init,
            "bias": self.bias,
            "dtype": self.dtype.name,
            "seed": self.seed,
        }

    def __repr__(self) -> str:
        widths = "-".join(str(n) for n in self.sizes)
        biases = "" if self.bias else ", no biases"
        count = f"{self.parameters:,} parameters"
        return f"MLP({widths} {self.activation}, {self.loss_name}{biases}, {self.dtype}, {count})"


def _part(part: str) -> str:
    return _check.choice("part", part, ("all", "functional", "gauss_newton"))
