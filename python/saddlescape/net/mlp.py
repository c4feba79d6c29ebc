"""A multilayer perceptron whose parameters are one flat vector."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape import _check, _core
from saddlescape._extras import require
from saddlescape.net import checks, store, views
from saddlescape.net.derivatives import Derivatives
from saddlescape.net.device import there_if_wanted
from saddlescape.net.draw import Draw, checked_draw
from saddlescape.net.init import INITS, checked_scale, draw_weights
from saddlescape.net.standardise import Standardised
from saddlescape.net.targets import encode_targets, smoothed

__all__ = ["MLP"]


class MLP(Standardised, Derivatives):
    """A multilayer perceptron: ``a_l = phi(W_l a_{l-1} + b_l)``, the last layer without phi.

    Parameters
    ----------
    sizes : sequence of int
        ``(d, h1, ..., C)``: inputs, hidden layers, outputs.
    activation : str
        elu, gelu, hard_sigmoid, hard_swish, hard_tanh, leaky_relu, linear, relu, sigmoid, silu,
        softplus, tanh.
    loss : str
        ``"cross_entropy"`` (softmax inside) and ``"bce"`` (sigmoid inside) are means over the N
        samples, ``"mse"``, ``"mae"`` and ``"huber"`` over all N*C elements.
    init : str
        constant, he, lecun, normal, orthogonal, xavier, zeros.
    bias : bool
        Whether the layers have biases.
    dtype : str or dtype
        float32 or float64.
    seed : int
        Of the generator that draws the weights.
    normalisation : str, optional
        Of the hidden layers: ``"batch"`` [1]_ (see `running`) or ``"layer"`` [2]_,
        ``u = (s - mean) / sqrt(var + 1e-5) gamma + beta`` before the activation, with the biased
        variance of a unit over the batch, or of a sample over its units.
    normalise_after : bool
        Whether it stands behind the activation, ``a_l = (phi(s) - mean) / sqrt(var + 1e-5) gamma +
        beta``: the next layer's inputs have mean 0 and variance 1, a sigmoid may be flat.
    residual : bool
        Whether ``a_l = phi(u) + a_{l-1}`` in hidden layers as wide as what is below them, the
        inputs included.
    dropout : float
        Chance of a hidden unit's output to be left out in training, in [0, 1); what is kept is
        divided by ``1 - dropout``.
    huber_delta : float
        Of loss ``"huber"``, above 0: ``e^2 / 2`` for errors ``|e| < huber_delta``, beyond it
        ``huber_delta (|e| - huber_delta / 2)``.
    label_smoothing : float
        Of loss ``"cross_entropy"``, in [0, 1): its targets are ``y (1 - e) + e / C``, whether y
        came as classes, one-hot or as probabilities. What looks at classes sees y.
    init_scale : float, optional
        The weights' value (constant), standard deviation (normal: 0.01) or gain (orthogonal: 1).
    device : str
        Where `theta` stands and the network computes: ``"cpu"``, or ``"cuda"`` with the CUDA
        backend. Calls there take NumPy's arrays and give NumPy's, or take arrays in device memory
        (DLPack, ``__cuda_array_interface__``) and give such. See `to`.
    tf32 : bool
        With ``device="cuda"`` and dtype float32: products of matrices in NVIDIA's TF32, whose
        mantissa has 10 bits for float32's 23, with sums in float32. Files say nothing of it.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what was given and what is allowed.
    RuntimeError
        If `device` is ``"cuda"`` and nothing can run there: the line says why.
    MemoryError
        If the device's memory does not hold it, with what was wanted and what would fit.

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
    .. [1] S. Ioffe, C. Szegedy (2015), "Batch normalization", arXiv 1502.03167.
    .. [2] J. Ba, J. Kiros, G. Hinton (2016), "Layer normalization", arXiv 1607.06450.
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
        normalisation: str | None = None,
        residual: bool = False,
        dropout: float = 0.0,
        huber_delta: float = 1.0,
        label_smoothing: float = 0.0,
        init_scale: float | None = None,
        normalise_after: bool = False,
        device: str = "cpu",
        *,
        tf32: bool = False,
    ) -> None:
        self.sizes = checks.sizes(sizes)
        self.activation = _check.choice("activation", activation, _core.net.activations())
        self.loss_name = _check.choice("loss", loss, _core.net.losses())
        self.init = _check.choice("init", init, sorted(INITS))
        self.init_scale = checked_scale(self.init, init_scale)
        self.bias = _check.flag("bias", bias)
        self.dtype = checks.dtype(dtype)
        self.seed = _check.integer("seed", seed, low=0)
        if self.loss_name == "cross_entropy" and self.sizes[-1] < 2:
            raise ValueError(
                "sizes: 1 output with loss 'cross_entropy', expected at least 2 "
                "(or loss 'bce' for one logit)"
            )
        self.normalisation = checks.normalisation(normalisation)
        self.normalise_after = checks.normalise_after(normalise_after, normalisation)
        self.residual = _check.flag("residual", residual)
        self.dropout = _check.fraction("dropout", dropout)
        self.huber_delta = checks.huber_delta(huber_delta, loss, self.dtype)
        self.label_smoothing = checks.label_smoothing(label_smoothing, loss)
        arguments = (
            list(self.sizes), activation, loss, bias, normalisation or "none", residual, dropout,
            self.huber_delta, self.normalise_after,
        )  # fmt: skip
        self._network = _core.net.Network(*arguments)
        there = there_if_wanted(device, tf32, self.dtype, self._network, arguments)
        # where vectors of it do not cross lines of the cache
        self._theta = _core.zeros(self._network.parameters, str(self.dtype))
        self._running = views.running_averages(self.sizes, normalisation)
        for gamma, _ in self.scales():
            gamma[...] = 1.0
        draw_weights(self.layers(), self.init, self.init_scale, self.seed)
        if there is not None:
            self._theta = there.sent(self._theta)
            self._there = there

    @property
    def theta(self) -> NDArray[Any]:
        """All parameters, (P,): layer by layer W (out, in) row-major, then b (out,); writable.

        Of a normalised layer gamma (out,) and beta (out,) follow. With ``device="cuda"`` it is an
        array in device memory, which `saddlescape.optim` steps there.

        Assigning copies into it: integers or floats of the same shape, finite in its dtype, or
        nothing is changed.
        """
        return self._theta

    @theta.setter
    def theta(self, values: NDArray[Any]) -> None:
        if not self._stands_there(values):
            values = checks.columns("theta", values, self._theta.shape, self.dtype)
        self._put(values)

    @property
    def parameters(self) -> int:
        """How many parameters there are: P."""
        return self._theta.size

    def layers(self) -> list[tuple[NDArray[Any], NDArray[Any] | None]]:
        """Return writable views of each layer's W (out, in) and b (out,), None without biases."""
        self.need_cpu("layers")
        return views.weights_and_biases(self._network, self._theta, self.sizes, self.bias)

    def scales(self) -> list[tuple[NDArray[Any], NDArray[Any]]]:
        """Return writable views of gamma and beta (out,) of each normalised layer."""
        self.need_cpu("scales")
        made = self.normalisation is not None
        return views.scales(self._network, self._theta, self.sizes) if made else []

    @property
    def network(self) -> _core.net.Network:
        """The architecture as the core has it, for what computes on the CPU alone."""
        self.need_cpu("net")
        return self._network

    @property
    def running(self) -> NDArray[np.float64]:
        """Averages (2, hidden units) that batch normalisation takes at test time; writable.

        Means and variances of what it normalises, layer by layer, in float64; no parameters.
        Without batch normalisation (2, 0).
        """
        return self._running

    def mode(self, training: Draw | bool = False) -> _core.net.Mode:
        """Return what the core takes for test mode, or for training mode with a draw of masks."""
        draw = checked_draw(training) or Draw()
        return _core.net.Mode(training is not False, draw.seed, draw.step, self._running)

    def predict(self, X: NDArray[Any], training: Draw | bool = False) -> NDArray[Any]:
        """Return the outputs (N, C): logits for cross_entropy and bce, for other losses values.

        Here and for the loss and its derivatives `training` False is test mode: dropout does
        nothing, and batch normalisation takes the averages `running`. With a `Draw` (or True, for
        the first one) dropout takes that draw's masks, and batch normalisation the statistics of X
        itself, of at least 2 samples; derivatives are those of the loss as a function of theta with
        these masks, the statistics moving along.
        """
        return self._engine.predict(self._theta, self.cast(X), self.mode(training))

    def encode(
        self, X: NDArray[Any], y: NDArray[Any], dtype: np.dtype[Any] | None = None
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return X and the (N, C) targets, checked; the core takes those `smoothed`."""
        inputs = self.cast(X, dtype)
        shape = (inputs.shape[0], self.sizes[-1])
        if self._there is not None and self._there.holds(y):
            return inputs, self._there.targets(y, self.loss_name, shape, inputs.dtype)
        return inputs, encode_targets(y, self.loss_name, *shape, inputs.dtype)

    def smoothed(self, Y: NDArray[Any]) -> NDArray[Any]:
        """Return the targets that the loss has for those (N, C) of `encode`, smoothed or as is."""
        if self._there is not None and self._there.holds(Y):
            return self._there.smoothed(Y, self.label_smoothing)
        return smoothed(Y, self.label_smoothing)

    def cast(self, X: NDArray[Any], dtype: np.dtype[Any] | None = None) -> NDArray[Any]:
        """Return X (N, d), standardised if so wanted, in `dtype`, the network's by default."""
        if self._there is not None and self._there.holds(X):
            return self._there.samples(X, self._standardisation is not None, dtype or self.dtype)
        return self._inputs(X, dtype or self.dtype)

    def _twin(self, device: str, tf32: bool) -> MLP:
        twin = store.blank(MLP, {**store.architecture(self), "device": device, "tf32": tf32})
        twin._put(self.on_host())  # whatever it holds, a diverged run's NaN too
        twin._running[:] = self._running
        twin._standardisation = self._standardisation
        return twin

    def save(self, path: str | Path) -> Path:
        """Write architecture and parameters as safetensors, atomically; nothing is pickled."""
        return store.save_network(self, path)

    def save_figure(self, path: str | Path) -> Path:
        """Draw the network: its units, what connects them, and each layer's parameters.

        Needs the extra ``[app]``. Wide layers and deep networks are abbreviated.

        Parameters
        ----------
        path : str or Path
            A file name that ends in ``.png`` or ``.svg``, in a folder that exists.

        Returns
        -------
        Path
            The file that was written.

        Raises
        ------
        TypeError, ValueError
            If `path` is no path, or ends in something else.
        OSError
            If it can't be written: there is no such folder, the disk is full.
        ImportError
            If the extra is not installed, with the command that installs it.
        """
        # Found by name: nothing imports the report.
        return Path(require("saddlescape.report", "app").write_network(self, path))

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
        return store.load(cls, path)

    def __repr__(self) -> str:
        where = "" if self._there is None else ", on cuda" + ", tf32" * self.tf32
        return f"MLP({store.description(self)}, {self.parameters:,} parameters{where})"
