"""Where the parameters of a network's layers stand in theta, as views of it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape import _core

__all__ = ["running_averages", "scales", "weights_and_biases"]


def weights_and_biases(
    network: _core.net.Network, theta: NDArray[Any], sizes: tuple[int, ...], bias: bool
) -> list[tuple[NDArray[Any], NDArray[Any] | None]]:
    """W (out, in) and b (out,) of each layer, None without biases."""
    views: list[tuple[NDArray[Any], NDArray[Any] | None]] = []
    for layer, (fan_in, fan_out) in enumerate(pairwise(sizes), 1):
        start, end = network.weight_offset(layer), network.bias_offset(layer)
        weights = theta[start:end].reshape(fan_out, fan_in)
        views.append((weights, theta[end : end + fan_out] if bias else None))
    return views


def scales(
    network: _core.net.Network, theta: NDArray[Any], sizes: tuple[int, ...]
) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """The gamma and beta (out,) of each hidden layer, which are all normalised."""
    views = []
    for layer, units in enumerate(sizes[1:-1], 1):
        start = network.scale_offset(layer)
        views.append((theta[start : start + units], theta[start + units : start + 2 * units]))
    return views


def running_averages(sizes: tuple[int, ...], normalisation: str | None) -> NDArray[np.float64]:
    """Means 0 and variances 1 (2, hidden units); (2, 0) without batch normalisation."""
    averages = np.zeros((2, sum(sizes[1:-1]) if normalisation == "batch" else 0))
    averages[1] = 1.0
    return averages
