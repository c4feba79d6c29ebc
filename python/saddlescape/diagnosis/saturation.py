"""How much of the time each hidden unit stands where its activation is flat, and hears nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape import _core
from saddlescape.net import MLP
from saddlescape.net.checks import weights

__all__ = ["STUCK", "Saturation", "Unit", "measured", "saturation"]

STUCK = 0.99  # share of the samples from which on a unit counts as saturated
_FLAT = 0.01  # of the steepest slope
_GRID = np.linspace(-8, 8, 2**14 + 1)[None]  # with 0, where the sigmoid is steepest, on it
_ROWS = 1024  # samples at a time


@dataclass(frozen=True)
class Unit:
    """One hidden unit.

    Attributes
    ----------
    layer : int
        From 1.
    unit : int
        From 0, its row of ``net.layers()[layer - 1][0]``.
    share : float
        Of the samples, at which it is flat.
    """

    layer: int
    unit: int
    share: float


@dataclass(frozen=True, eq=False)
class Saturation:
    """Shares of the samples at which hidden units are flat; see `saturation`.

    Attributes
    ----------
    activation : str
    samples : int
        How many were looked at.
    shares : tuple of (units,) arrays
        Of the hidden layers, from the first; a share in [0, 1] for each unit.
    weighted : bool
        Whether each sample counted by its weight.
    """

    activation: str
    samples: int
    shares: tuple[NDArray[np.float64], ...] = field(repr=False)
    weighted: bool = False

    @property
    def of_what(self) -> str:
        """What the shares are of, by the way the samples counted."""
        return "the samples' weight" if self.weighted else "the samples"

    @property
    def word(self) -> str:
        """What a unit is called that is flat nearly always: saturated, or of relu dead."""
        return "dead" if self.activation == "relu" else "saturated"

    def stuck(self, layer: int) -> NDArray[np.int64]:
        """Units of a layer (from 1) that are flat for at least 99 % of the samples, worst first."""
        shares = self.shares[layer - 1]
        worst = np.argsort(-shares, kind="stable")
        return np.asarray(worst[shares[worst] >= STUCK])

    def worst(self, count: int | None = None) -> tuple[Unit, ...]:
        """Return all hidden units, or the first `count`, those first that are flat most often."""
        units = [
            Unit(layer, unit, float(share))
            for layer, shares in enumerate(self.shares, 1)
            for unit, share in enumerate(shares)
        ]
        return tuple(sorted(units, key=lambda unit: -unit.share)[:count])

    def statement(self, layer: int) -> str:
        """Say of a layer how many units are saturated, which, and what that means."""
        stuck, units = self.stuck(layer), len(self.shares[layer - 1])
        always = int((self.shares[layer - 1] == 1).sum())
        text = (
            f"hidden layer {layer}: {len(stuck)} of {units} {self.activation} "
            f"unit{'' if units == 1 else 's'} {self.word} for at least {100 * STUCK:.0f} % of "
            f"{self.of_what}"
        )
        if len(stuck):
            names = ", ".join(str(unit) for unit in stuck[:6]) + (", ..." if len(stuck) > 6 else "")
            rows = "row" if len(stuck) == 1 else "rows"
            text += f" ({rows} {names} of W), {always} of them for all"
        return text

    def __str__(self) -> str:
        """Return a line for each hidden layer."""
        layers = range(1, len(self.shares) + 1)
        return "\n".join(
            f"{self.statement(layer)}; median {100 * np.median(self.shares[layer - 1]):.0f} %"
            for layer in layers
        )


def saturation(
    net: MLP, X: NDArray[Any], *, sample_weight: NDArray[Any] | None = None
) -> Saturation:
    """Measure for each hidden unit at which share of the samples its activation is flat.

    Backpropagation multiplies what comes from above by the slope: ``z_bar = h_bar phi'(z)``. A unit
    is flat at a sample where ``|phi'(z)| < 0.01 max |phi'|``: tanh beyond |z| = 3, the sigmoid
    beyond 6, relu wherever it is off; gelu, silu and hard_swish also within a few hundredths of
    their dip. A unit that is flat for nearly all samples gets next to no gradient (exactly none
    where the slope is 0), and so do the weights below it through it. Of relu half of the samples is
    usual; linear and leaky_relu are never flat.

    Parameters
    ----------
    net : MLP
        Looked at in test mode: without dropout, batch normalisation with its running averages.
    X : (N, d) array
        Samples, at least one.
    sample_weight : (N,) array, optional
        How much each sample counts, >= 0, as in the loss: by its weight it takes part in a unit's
        gradient, with weight 0 not at all.

    Returns
    -------
    Saturation
        No layers if the network has no hidden ones.

    Raises
    ------
    TypeError, ValueError
        If `net` is no network, `X` is not what it takes, `sample_weight` is not as said above, or
        a hidden unit's value overflows.

    Examples
    --------
    >>> import numpy as np, saddlescape as ss
    >>> net = ss.MLP((1, 2, 1), "tanh", "mse", init="zeros", dtype="float64")
    >>> net.layers()[0][0][1] = 10.0  # the second unit takes 10 x
    >>> found = saturation(net, np.array([[-1.0], [0.0], [0.5], [1.0]]))
    >>> found.shares[0]
    array([0.  , 0.75])
    >>> found.worst(1)
    (Unit(layer=1, unit=1, share=0.75),)

    References
    ----------
    Glorot, Bengio (2010), "Understanding the difficulty of training deep feedforward neural
    networks", section 3, on the saturation of sigmoid and tanh layers.
    """
    if not isinstance(net, MLP):
        raise TypeError(f"net: {type(net).__name__}, expected a saddlescape.MLP")
    found = measured(net, X, sample_weight)
    if found is None:
        raise ValueError("net: a hidden unit's value overflows, expected finite ones")
    return found


def measured(net: MLP, X: NDArray[Any], weight: NDArray[Any] | None) -> Saturation | None:
    """Return what `saturation` does; None where a hidden unit's value is not finite."""
    inputs = net.cast(X)
    if not len(inputs):
        raise ValueError(f"X: shape {inputs.shape}, expected at least one sample")
    _, slopes = _core.net.activate(net.network, _GRID.astype(net.dtype))
    # In the network's own dtype: leaky_relu's slope, 1 % rounded, is not below 1 % rounded.
    border = net.dtype.type(_FLAT) * np.abs(slopes).max()
    layers = list(_layers(net))
    counts = np.ones(len(inputs)) if weight is None else weights(weight, len(inputs))
    flat = [np.zeros(units) for units in net.sizes[1:-1]]
    steep = [np.zeros(units) for units in net.sizes[1:-1]]
    for start in range(0, len(inputs), _ROWS):
        a = inputs[start : start + _ROWS]
        for number, layer in enumerate(layers):
            if not np.isfinite(a).all() or not np.isfinite(z := layer.inputs(a)).all():
                return None
            values, slopes = _core.net.activate(net.network, z)
            values = layer.outputs(a, values)
            is_flat, part = np.abs(slopes) < border, counts[start : start + _ROWS]
            flat[number] += part @ is_flat
            steep[number] += part @ ~is_flat
            a = values + a if layer.residual else values
    # of both sums, so that all is 1 and none is 0, whatever rounding does to the weights' own
    shares = tuple(one / (one + other) for one, other in zip(flat, steep, strict=True))
    return Saturation(net.activation, len(inputs), shares, weight is not None)


@dataclass(frozen=True)
class _Layer:
    """A hidden layer without its activation, as a network of its own.

    So that what stands before the activation, normalised or not, is the core's own number; and
    likewise what stands behind it, where that is normalised.
    """

    before: _Part
    behind: _Part | None
    residual: bool

    def inputs(self, a: NDArray[Any]) -> NDArray[Any]:
        return self.before.of(a)

    def outputs(self, a: NDArray[Any], values: NDArray[Any]) -> NDArray[Any]:
        return values if self.behind is None else self.behind.of(a)


@dataclass(frozen=True)
class _Part:
    network: _core.net.Network
    theta: NDArray[Any]
    mode: _core.net.Mode

    def of(self, a: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(self.network.predict(self.theta, a, self.mode))


def _layers(net: MLP) -> Iterator[_Layer]:
    start = 0
    for layer, (below, units) in enumerate(zip(net.sizes, net.sizes[1:-1], strict=False), 1):
        first, last = (net.network.weight_offset(number) for number in (layer, layer + 1))
        theta, running = net.theta[first:last], net.running[:, start : start + units]
        start += units
        residual = net.residual and below == units
        if not net.normalise_after:
            yield _Layer(_part(net, "linear", below, units, theta, running), None, residual)
            continue
        weights = theta[: -2 * units]  # without gamma and beta
        yield _Layer(
            _part(net, "linear", below, units, weights, None),
            _part(net, net.activation, below, units, theta, running),
            residual,
        )


def _part(
    net: MLP,
    activation: str,
    below: int,
    units: int,
    theta: NDArray[Any],
    running: NDArray[np.float64] | None,
) -> _Part:
    """One hidden layer and a last one that hands on; without `running`, its product alone."""
    if running is None or net.normalisation is None:
        network = _core.net.Network([below, units], activation, "mse", net.bias)
        return _Part(network, np.ascontiguousarray(theta), _core.net.Mode())
    handed_on = [np.eye(units, dtype=net.dtype).ravel()]
    if net.bias:
        handed_on.append(np.zeros(units, net.dtype))
    return _Part(
        _core.net.Network(
            [below, units, units], activation, "mse", net.bias, net.normalisation,
            normalise_after=net.normalise_after,
        ),
        np.concatenate([theta, *handed_on]),
        _core.net.Mode(False, 0, 0, np.ascontiguousarray(running)),
    )  # fmt: skip
