"""How the weights start; biases start at zero.

``fan_in`` and ``fan_out`` are the inputs and outputs of a layer.
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

import numpy as np
from numpy.typing import NDArray

__all__ = ["SCALES", "initial_weights"]

# name -> standard deviation of a normal distribution
SCALES: dict[str, Callable[[int, int], float]] = {
    # He, Zhang, Ren, Sun (2015), "Delving deep into rectifiers", eq. 10
    "he": lambda fan_in, fan_out: sqrt(2.0 / fan_in),  # noqa: ARG005
    # LeCun, Bottou, Orr, Mueller (1998), "Efficient backprop", section 4.6
    "lecun": lambda fan_in, fan_out: sqrt(1.0 / fan_in),  # noqa: ARG005
    "normal": lambda fan_in, fan_out: 0.01,  # noqa: ARG005
    # Glorot, Bengio (2010), "Understanding the difficulty of training deep networks", eq. 12
    "xavier": lambda fan_in, fan_out: sqrt(2.0 / (fan_in + fan_out)),
    # every unit of a layer alike: a saddle by symmetry, for as long as nothing breaks it
    "zeros": lambda fan_in, fan_out: 0.0,  # noqa: ARG005
}


def initial_weights(
    init: str, fan_in: int, fan_out: int, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Draw W (fan_out, fan_in) in float64, so that float32 and float64 networks start alike."""
    return generator.standard_normal((fan_out, fan_in)) * SCALES[init](fan_in, fan_out)
