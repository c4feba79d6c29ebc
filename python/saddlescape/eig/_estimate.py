"""A number that was estimated from random vectors, with how far off it may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from saddlescape._check import fraction
from saddlescape.eig._beta import student

__all__ = ["Estimate"]

Value = TypeVar("Value", float, NDArray[np.float64])


@dataclass(frozen=True, eq=False)
class Estimate(Generic[Value]):
    """An estimate and its standard error.

    Attributes
    ----------
    value : float, or ndarray of shape (n,)
        Unbiased: its mean over all seeds is the exact one.
    standard_error : float, or ndarray of shape (n,)
        The spread of `value` over seeds, estimated from this run alone. 0 where it was computed
        exactly, and where all samples agree: as a rule because there is nothing to sample, but 10
        samples that are one of two numbers by chance are all the same once in 500 runs.
    products : int
        Products with a vector that were used.
    samples : int
        Random vectors that it is made of; 0 if it was computed exactly.
    """

    value: Value
    standard_error: Value
    products: int
    samples: int

    def interval(self, confidence: float = 0.95) -> tuple[Value, Value]:
        """Return ``value -+ t standard_error``, t from Student's with ``samples - 1`` degrees.

        Raises
        ------
        TypeError, ValueError
            If `confidence` is not a number >= 0 and < 1.

        Examples
        --------
        >>> from saddlescape.eig import Estimate
        >>> low, high = Estimate(10.0, 1.0, 100, 100).interval()
        >>> round(low, 2), round(high, 2)
        (8.02, 11.98)
        """
        t = student(fraction("confidence", confidence), self.samples - 1) if self.samples else 0.0
        reach = t * self.standard_error
        return self.value - reach, self.value + reach
