"""The network that an estimator starts with."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from saddlescape.net import MLP
from saddlescape.sklearn.arguments import UNIFORM, Settings

__all__ = ["check_alike", "make_net"]


def make_net(
    settings: Settings,
    sizes: tuple[int, ...],
    loss: dict[str, Any],
    dtype: np.dtype[Any],
    random: np.random.RandomState | None,
) -> MLP:
    """Return the network, with zeros where `random` is None."""
    own = random is not None and settings.init != UNIFORM
    net = MLP(
        sizes,
        activation=settings.activation,
        init=settings.init if own else "zeros",
        init_scale=settings.init_scale if own else None,
        dtype=dtype,
        seed=int(random.randint(2**31 - 1)) if random is not None and own else 0,
        normalisation=settings.normalisation,
        normalise_after=settings.normalise_after,
        residual=settings.residual,
        dropout=settings.dropout,
        **loss,
    )
    if random is not None and not own:
        _draw_uniform(net, random)
    return net


def _draw_uniform(net: MLP, random: np.random.RandomState) -> None:
    """Draw weights and biases as scikit-learn does, number by number.

    Uniform within +-sqrt(6 / (fan_in + fan_out)), 2 in the place of 6 with sigmoid (Glorot, Bengio
    2010, eq. 16); they have no biases but zero, scikit-learn draws them alike.
    """
    bound = 2.0 if net.activation == "sigmoid" else 6.0
    for weights, biases in net.layers():
        fan_out, fan_in = weights.shape
        limit = math.sqrt(bound / (fan_in + fan_out))
        weights[...] = random.uniform(-limit, limit, (fan_in, fan_out)).T
        if biases is not None:
            biases[...] = random.uniform(-limit, limit, fan_out)


def check_alike(net: MLP, wanted: MLP) -> None:
    """Refuse to go on with a network of another architecture."""
    before = "as in the fitted network, with which warm_start and partial_fit go on"
    if net.sizes[-1] != wanted.sizes[-1]:
        raise ValueError(f"y: {wanted.sizes[-1]} outputs, expected {net.sizes[-1]} {before}")
    if net.sizes != wanted.sizes:
        raise ValueError(f"hidden_layer_sizes: sizes {wanted.sizes}, expected {net.sizes} {before}")
    names = ("activation", "loss", "normalisation", "normalise_after", "residual", "dropout")
    for name in names:
        attribute = "loss_name" if name == "loss" else name
        old, new = getattr(net, attribute), getattr(wanted, attribute)
        if old != new:
            raise ValueError(f"{name}: {new!r}, expected {old!r} {before}")
