"""Numbers in 16 and 8 bits once more, from their definitions, in NumPy and float64.

A type of 16 bits is a grid: multiples of a unit that doubles from one power of two to the next.
An 8-bit code is an index into a table of levels. Rounding compares real numbers; nothing here looks
at the bits of a float.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, sqrt

import numpy as np

__all__ = [
    "BFLOAT16",
    "FLOAT16",
    "Grid",
    "dither",
    "expand",
    "levels",
    "quantise",
]

PLASTIC = 1.3247179572447460259609  # x^3 = x + 1
GOLDEN = (1 + sqrt(5)) / 2
STEPS = [floor(2**32 / constant) for constant in (PLASTIC, PLASTIC**2, GOLDEN)]


def dither(n: int, step: int, slot: int):
    """The 32-bit number of each of n elements in a step, for its state (or parameter) `slot`."""
    index, time, state = STEPS
    return (np.arange(n, dtype=np.int64) * index + (step * time + slot * state) % 2**32) % 2**32


@dataclass(frozen=True)
class Grid:
    """Numbers of `precision` bits, from the power `smallest` (normal) to the power `largest`."""

    precision: int
    smallest: int
    largest: int

    @property
    def most(self) -> float:
        return (2 - 2.0 ** (1 - self.precision)) * 2.0**self.largest

    def unit(self, x):
        """The distance of the grid's points at x."""
        with np.errstate(divide="ignore"):
            power = np.frexp(np.abs(np.asarray(x, np.float64)))[1] - 1
        return np.ldexp(1.0, np.maximum(power, self.smallest) - (self.precision - 1))

    def nearest(self, x):
        """Round to nearest, ties to the even multiple."""
        x = np.asarray(x, np.float64)
        rounded = np.rint(x / self.unit(x)) * self.unit(x)
        return np.where(np.abs(rounded) > self.most, np.copysign(np.inf, x), rounded)

    def dithered(self, x, numbers):
        """Round up where the part that is cut off and the dither's fraction together reach 1.

        A float32 has 24 bits: as many of the dither count as there are bits that may be cut off.
        """
        x = np.asarray(x, np.float64)
        multiple = np.abs(x) / self.unit(x)
        cut = np.where(np.abs(x) < 2.0**self.smallest, 24, 24 - self.precision)
        if self.smallest == -126:  # float32's own: its denormals have no more bits than its normals
            cut = 24 - self.precision
        part = (numbers >> (32 - cut)) * 2.0**-cut
        rounded = np.minimum(np.floor(multiple + part) * self.unit(x), self.most)
        return np.copysign(rounded, x)


BFLOAT16 = Grid(precision=8, smallest=-126, largest=127)
FLOAT16 = Grid(precision=11, smallest=-14, largest=15)


def levels(square: bool):
    """What the codes 0, 1, 2, ... stand for, with scale 1.

    Chords of l^4 (squares) or l^2 between the powers of 1/2, with l = c / 256 or c / 128.
    """
    power, count = (4, 256) if square else (2, 128)
    knots = np.append(0.5 ** np.arange(9.0), 0.0)[::-1]
    return np.interp(np.arange(count) / count, knots, knots**power)


def expand(codes, scales, square: bool):
    """The numbers of 8-bit codes (uint8) with a scale for each block of 64."""
    codes = np.asarray(codes).ravel()
    signed = codes.astype(np.int64) if square else codes.view(np.int8).astype(np.int64)
    scale = np.repeat(np.asarray(scales, np.float64), 64)[: len(codes)]
    return np.sign(signed) * levels(square)[np.abs(signed)] * scale


def quantise(x, square: bool, numbers=None):
    """Return signed codes, scales, and where float32 can't tell on which side of a threshold x is.

    The scale puts a block's largest number at the last level. The part of a gap that
    x has passed is counted in 1/4096, as is the dither's fraction, one half without one; together
    they must reach the gap.
    """
    x = np.asarray(x, np.float64).ravel()
    table = levels(square)
    padded = np.zeros(-(-len(x) // 64) * 64)
    padded[: len(x)] = np.abs(x)
    scales = padded.reshape(-1, 64).max(axis=1) / table[-1]
    scales = np.where(scales > 0, np.maximum(scales, 2.0**-94), 0)
    each = np.repeat(scales, 64)[: len(x)]
    part = np.divide(np.abs(x), each, out=np.zeros_like(x), where=each > 0)
    below = np.minimum(np.searchsorted(table, part, "right") - 1, len(table) - 2)
    low, high = table[below], table[below + 1]
    passed = (part - low) / (high - low)
    up = 0.5 if numbers is None else (numbers >> 20) / 4096
    codes = below + (np.rint(passed * 4096) / 4096 + up >= 1)
    if square:
        codes = np.where(x != 0, np.maximum(codes, 1), 0)
    # Half a count, and a handful of float32 roundings in up to 256 levels of 4096 counts.
    unsure = np.abs(passed + up - 1) <= 1.1 / 4096
    return (np.where(x < 0, -codes, codes), scales, unsure)
