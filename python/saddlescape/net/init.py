"""How the weights start; biases start at zero.

``fan_in`` and ``fan_out`` are the inputs and outputs of a layer. What is drawn depends on the seed
and the layer's number alone (`cpp/core/streams.hpp`), in float64, so that float32 and float64
networks start alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from saddlescape import _check, _core

__all__ = ["INITS", "checked_scale", "draw_weights"]

Weights = NDArray[np.float64]


class _Layer(NamedTuple):
    """Of the layer whose weights (fan_out, fan_in) are drawn; its number counts from 1."""

    fan_in: int
    fan_out: int
    seed: int
    number: int
    scale: float | None  # init_scale


_Init = Callable[[_Layer], Weights]


def _normal(deviation: Callable[[_Layer], float]) -> _Init:
    def draw(layer: _Layer) -> Weights:
        count = layer.fan_out * layer.fan_in
        drawn = _core.random.normals("weights", layer.seed, layer.number, count)
        return drawn.reshape(layer.fan_out, layer.fan_in) * deviation(layer)

    return draw


def _orthogonal(layer: _Layer) -> Weights:
    """Orthonormal rows, or columns where there are more rows than columns, times the gain.

    The distribution is that of PyTorch's ``orthogonal_``.
    """
    few, many = sorted((layer.fan_in, layer.fan_out))
    vectors = _core.random.orthonormal("weights", layer.seed, layer.number, few, many)
    return (vectors if layer.fan_out == few else vectors.T) * (layer.scale or 1.0)


def _constant(layer: _Layer) -> Weights:
    """Every unit of a layer alike: a saddle by symmetry, for as long as nothing breaks it."""
    return np.full((layer.fan_out, layer.fan_in), layer.scale or 0.0)


INITS: dict[str, _Init] = {
    "constant": _constant,
    # He, Zhang, Ren, Sun (2015), "Delving deep into rectifiers", eq. 10
    "he": _normal(lambda layer: sqrt(2.0 / layer.fan_in)),
    # LeCun, Bottou, Orr, Mueller (1998), "Efficient backprop", section 4.6
    "lecun": _normal(lambda layer: sqrt(1.0 / layer.fan_in)),
    "normal": _normal(lambda layer: layer.scale or 0.01),
    # Saxe, McClelland, Ganguli (2014), "Exact solutions to the nonlinear dynamics of learning in
    # deep linear neural networks", arXiv 1312.6120, section 3
    "orthogonal": _orthogonal,
    # Glorot, Bengio (2010), "Understanding the difficulty of training deep networks", eq. 12
    "xavier": _normal(lambda layer: sqrt(2.0 / (layer.fan_in + layer.fan_out))),
    "zeros": _constant,
}

# Whose weights `init_scale` scales, with the check of it
_SCALED: dict[str, Callable[[str, object], float]] = {
    "constant": _check.finite,
    "normal": _check.positive,
    "orthogonal": _check.positive,
}


def checked_scale(init: str, scale: object) -> float | None:
    """Return `init_scale` as a float, or None where it was left out and may be."""
    if scale is None:
        if init == "constant":
            raise ValueError("init_scale: left out, expected the weights' value (init 'constant')")
        return None
    if init not in _SCALED:
        raise ValueError(
            f"init_scale: given with init {init!r}, expected only with {', '.join(_SCALED)}"
        )
    return _SCALED[init]("init_scale", scale)


def draw_weights(
    layers: Sequence[tuple[NDArray[Any], NDArray[Any] | None]],
    init: str,
    scale: float | None,
    seed: int,
) -> None:
    """Write the weights W (out, in) of each layer."""
    for number, (weights, _) in enumerate(layers, 1):
        fan_out, fan_in = weights.shape
        layer = _Layer(fan_in, fan_out, seed, number, scale)
        with np.errstate(over="ignore"):  # refused below
            weights[...] = INITS[init](layer)
        if scale is not None and not np.isfinite(weights).all():
            raise ValueError(f"init_scale: {scale:g}, expected weights that {weights.dtype} holds")
