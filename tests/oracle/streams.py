"""The random numbers of training in plain Python: splitmix64 of a counter, in integers."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

MASK = 2**64 - 1
PURPOSES = {"weights": 1, "shuffle": 2, "dropout": 3, "split": 4}


def mix(z: int) -> int:
    """splitmix64 (Steele, Lea, Flood 2014)."""
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def at(key: int, i: int) -> int:
    """Element i, from 1, of the stream that begins at `key`."""
    return mix((mix(key) + 0x9E3779B97F4A7C15 * i) & MASK)


def key(purpose: str, seed: int, index: int) -> int:
    """The key of a stream of that seed."""
    return at(seed, (PURPOSES[purpose] << 61) + index)


def normals(purpose: str, seed: int, index: int, count: int) -> NDArray[np.float64]:
    """Box and Muller (1958), two at a time."""
    stream = key(purpose, seed, index)
    uniforms = [((at(stream, i) >> 11) + 1) * 2.0**-53 for i in range(1, count + 2)]
    drawn: list[float] = []
    for u, v in zip(uniforms[::2], uniforms[1::2], strict=False):
        radius, angle = math.sqrt(-2 * math.log(u)), 2 * math.pi * v
        drawn += [radius * math.cos(angle), radius * math.sin(angle)]
    return np.array(drawn[:count])


def permutation(purpose: str, seed: int, index: int, count: int) -> NDArray[np.int64]:
    """Fisher and Yates; a draw in the last, incomplete round of partners is made anew."""
    stream, taken = key(purpose, seed, index), 0
    order = list(range(count))
    for i in range(count - 1, 0, -1):
        choices = i + 1
        while True:
            taken += 1
            product = at(stream, taken) * choices
            if (product & MASK) >= 2**64 % choices:
                break
        j = product >> 64
        order[i], order[j] = order[j], order[i]
    return np.array(order, dtype=np.int64)
