"""A multilayer perceptron whose parameters are one flat vector."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape import _check, _core
from saddlescape.net import store
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
        self.sizes = _checked_sizes(sizes)
        self.activation = _check.choice("activation", activation, _core.net.activations())
        self.loss_name = _check.choice("loss", loss, _core.net.losses())
        self.init = _check.choice("init", init, sorted(SCALES))
        self.bias = _check.flag("bias", bias)
        self.dtype = _checked_dtype(dtype)
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
        self._theta[:] = _checked_columns("theta", values, self._theta.shape, self.dtype)

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
        columns = _checked_columns(
            "V", V, (self.parameters, "k") if wide else (self.parameters,), self.dtype
        )
        rows = np.ascontiguousarray(columns.T if wide else columns[None, :])
        products = self._network.hvp(self._theta, *self.encode(X, y), rows)
        return np.ascontiguousarray(products.T).reshape(V.shape)

    def hessian(self, X: NDArray[Any], y: NDArray[Any]) -> NDArray[np.float64]:
        """Return the exact Hessian (P, P), in float64 whatever the network's dtype, symmetric."""
        wide = np.dtype(np.float64)
        inputs, targets = self.encode(X, y, wide)
        return self._network.hessian(
            self._theta.astype(wide), inputs, targets, "all", 1, len(self.sizes) - 1
        )

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


def _checked_sizes(sizes: Any) -> tuple[int, ...]:
    if isinstance(sizes, (str, bytes)) or not isinstance(sizes, (Sequence, np.ndarray)):
        raise TypeError(f"sizes: {type(sizes).__name__}, expected a sequence of layer sizes")
    if isinstance(sizes, np.ndarray) and sizes.ndim != 1:
        raise ValueError(f"sizes: shape {sizes.shape}, expected (layers + 1,)")
    if len(sizes) < 2:
        raise ValueError(f"sizes: {len(sizes)} given, expected at least 2, inputs and outputs")
    checked = tuple(_check.integer(f"sizes[{i}]", n, low=1) for i, n in enumerate(sizes))
    for i, n in enumerate(checked):
        if n >= 2**31:
            raise ValueError(f"sizes[{i}]: {n}, expected below 2^31 (BLAS counts in 32 bits)")
    return checked


def _checked_dtype(dtype: Any) -> np.dtype[Any]:
    try:
        name = "" if dtype is None else str(np.dtype(dtype))  # NumPy takes None for float64
    except (TypeError, ValueError):
        name = ""
    if name not in ("float32", "float64"):
        raise ValueError(f"dtype: {dtype!r}, expected float32 or float64")
    return np.dtype(name)


def _checked_columns(
    name: str, values: Any, shape: tuple[int | str, ...], dtype: np.dtype[Any]
) -> NDArray[Any]:
    """Return `values` in `dtype`, or raise if they are no finite numbers or not of `shape`."""
    if not isinstance(values, np.ndarray):
        raise TypeError(
            f"{name}: {type(values).__name__}, expected a NumPy array of shape {_text(shape)}"
        )
    if values.dtype.kind not in "iuf":
        raise TypeError(f"{name}: dtype {values.dtype}, expected floats")
    if values.ndim != len(shape) or values.shape[0] != shape[0]:
        raise ValueError(f"{name}: shape {values.shape}, expected {_text(shape)}")
    with np.errstate(over="ignore"):  # what float32 can't hold is refused as inf
        result: NDArray[Any] = values.astype(dtype, copy=False)
    if not np.isfinite(result).all():
        i = tuple(int(k) for k in np.argwhere(~np.isfinite(result))[0])
        raise ValueError(f"{name}: {result[i]:g} at {_text(i)}, expected finite numbers in {dtype}")
    return result


def _text(shape: tuple[int | str, ...]) -> str:
    return f"({', '.join(str(n) for n in shape)}{',' if len(shape) == 1 else ''})"
