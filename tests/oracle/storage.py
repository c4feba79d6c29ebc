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


def _lines(square: bool, lowest: int = 0):
    """Where the lines that stand for c^2 or c^4 bend: c, and what it stands for in its unit."""
    power = 4 if square else 2
    bends = np.arange(lowest * power, 8 * power + 1)
    whole, part = np.divmod(bends, power)
    return 2.0**whole * (1 + part / power), 2.0**bends


def levels(square: bool):
    """What the codes 0, 1, 2, ... stand for, with scale 1.

    Straight lines between the c = 2^k (1 + j/2) or 2^k (1 + j/4) that stand for powers of two.
    """
    at, value = _lines(square)
    codes = np.arange(256 if square else 128)
    return np.where(codes > 0, np.interp(codes, at, value), 0) / 2.0 ** (32 if square else 14)


def expand(codes, scales, square: bool):
    """The numbers of 8-bit codes (uint8) with a scale for each block of 64."""
    codes = np.asarray(codes).ravel()
    signed = codes.astype(np.int64) if square else codes.view(np.int8).astype(np.int64)
    scale = np.repeat(np.asarray(scales, np.float64), 64)[: len(codes)]
    return np.sign(signed) * levels(square)[np.abs(signed)] * scale


def _level(part, square: bool, dithered: bool):
    """The real number of a code that stands for this part of the scale."""
    if square or not dithered:
        at, value = _lines(square, lowest=-20)
    else:  # between two codes one line, so that the dither keeps the mean
        at = np.arange(129.0)
        value = np.append(levels(square), 1.0) * 2.0**14
    return np.interp(part * 2.0 ** (32 if square else 14), value, at)


def quantise(x, square: bool, numbers=None):
    """Return signed codes, scales, and where float32 can't tell on which side of a threshold x is.

    The scale puts a block's largest number at the last level, 63/64 of it. Without dither the real
    code of each number is rounded to nearest. With it, it is rounded down after a fraction was
    added: the middle of one of 4096 parts of the unit, which is counted in 2^-14.
    """
    x = np.asarray(x, np.float64).ravel()
    padded = np.zeros(-(-len(x) // 64) * 64)
    padded[: len(x)] = np.abs(x)
    scales = padded.reshape(-1, 64).max(axis=1) * 64 / 63
    scales = np.where(scales > 0, np.maximum(scales, 2.0**-94), 0)
    each = np.repeat(scales, 64)[: len(x)]
    part = np.divide(np.abs(x), each, out=np.zeros_like(x), where=each > 0)
    level = _level(part, square, numbers is not None)
    if numbers is None:
        codes, edge = np.rint(level), np.abs(level - np.floor(level) - 0.5)
        unsure = edge <= 2e-7 * level  # the quotient's roundings
    else:
        counted = np.rint(level * 2**14) / 2**14 + ((numbers >> 20) + 0.5) / 4096
        codes = np.floor(counted)
        # A level between two counts, half of which stand beside a fraction's end.
        unsure = np.abs(counted - np.rint(counted)) <= 1.1 / 2**14
    codes = codes.astype(np.int64)
    if square:
        codes = np.where(x != 0, np.maximum(codes, 1), 0)
    return (np.where(x < 0, -codes, codes), scales, unsure & (x != 0))
