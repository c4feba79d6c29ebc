"""Large arrays that repeat a block: filled at once, and checked in every element against one block.

Array i starts at its own place in the block, so that two small arrays which are mixed up show.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

PERIOD = 1 << 16
STRIDE = 97  # between the places where array i and array i + 1 start

Array = NDArray[Any]


def random_block(seed: int) -> Array:
    """Return standard normal numbers of float32's precision, as float64, shape (PERIOD,)."""
    return np.random.default_rng(seed).standard_normal(PERIOD, np.float32).astype(np.float64)


def _placed(block: Array, i: int) -> Array:
    return np.roll(block, -STRIDE * i)


def fill(arrays: list[Array], block: Array) -> None:
    for i, array in enumerate(arrays):
        flat, placed = array.reshape(-1), _placed(block, i).astype(array.dtype)
        whole = len(flat) // PERIOD * PERIOD
        flat[:whole].reshape(-1, PERIOD)[:] = placed
        flat[whole:] = placed[: len(flat) - whole]


def errors(arrays: list[Array], block: Array) -> tuple[float, float]:
    """Return the largest and the mean distance from the block; NaN if there is one in an array."""
    largest, total, count = 0.0, 0.0, 0
    for i, array in enumerate(arrays):
        flat, placed = array.reshape(-1), _placed(block, i)
        for start in range(0, len(flat), PERIOD):
            distance = np.abs(flat[start : start + PERIOD] - placed[: len(flat) - start])
            largest = float(np.maximum(largest, distance.max()))  # unlike max, it keeps a NaN
            total, count = total + float(distance.sum()), count + len(distance)
    return largest, total / count
