"""A number that was estimated from random vectors, with how far off it may be."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from saddlescape._check import fraction

__all__ = ["Estimate", "quantile"]

Value = TypeVar("Value", float, NDArray[np.float64])


@dataclass(frozen=True, eq=False)
class Estimate(Generic[Value]):
    """An estimate and its standard error.

    Attributes
    ----------
    value : float, or ndarray of shape (n,)
        Unbiased: its mean over all seeds is the exact one.
    standard_error : float, or ndarray of shape (n,)
        The spread of `value` over seeds, estimated from this run alone; 0 where it is exact up to
        rounding.
    products : int
        Products with a vector that were used.
    """

    value: Value
    standard_error: Value
    products: int

    def interval(self, confidence: float = 0.95) -> tuple[Value, Value]:
        """Return ``value -+ z standard_error``, with z the quantile of the normal distribution.

        Raises
        ------
        TypeError, ValueError
            If `confidence` is not a number >= 0 and < 1.

        Examples
        --------
        >>> from saddlescape.eig import Estimate
        >>> low, high = Estimate(10.0, 1.0, 100).interval()
        >>> round(low, 2), round(high, 2)
        (8.04, 11.96)
        """
        reach = quantile(confidence) * self.standard_error
        return self.value - reach, self.value + reach


def quantile(confidence: float) -> float:
    """Return z: a standard normal number lies in [-z, z] with this probability."""
    return NormalDist().inv_cdf(0.5 + fraction("confidence", confidence) / 2)
