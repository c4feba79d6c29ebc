"""Inputs brought to mean 0 and standard deviation 1, by the training data's own, in the network."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from saddlescape.net import checks

__all__ = ["Standardised", "column_moments"]

_Net = TypeVar("_Net", bound="Standardised")
_BLOCK = 1 << 16  # numbers in float64 at a time


class Standardised:
    """What a network does to its inputs before anything else."""

    sizes: tuple[int, ...]
    _standardisation: NDArray[np.float64] | None = None

    @property
    def standardisation(self) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Mean and standard deviation (d,) of each input, in float64, or None; no parameters."""
        if self._standardisation is None:
            return None
        mean, deviation = self._standardisation
        return mean, deviation

    def standardise(self, X: NDArray[Any]) -> None:
        """Take X's means and standard deviations into the network, and raw inputs from then on.

        Every call that takes samples takes them as they are and computes with
        ``(X - mean) / std``, in float64 and then cast. Fitted on training data alone, nothing of
        the test data is in it. Called again, it takes the new X's instead.

        Parameters
        ----------
        X : (N, d) array
            Training data, float32 or float64. The standard deviation is that over N, and 1 for a
            column that is constant.

        Raises
        ------
        TypeError, ValueError
            Naming what was given; nothing is changed.

        Examples
        --------
        >>> import numpy as np, saddlescape as ss
        >>> net = ss.MLP((2, 1), "linear", "mse", init="constant", init_scale=1.0)
        >>> net.standardise(np.array([[1000.0, 7.0], [3000.0, 7.0]]))
        >>> net.standardisation
        (array([2000.,    7.]), array([1000.,    1.]))
        >>> net.predict(np.array([[5000.0, 7.0]]))
        array([[3.]], dtype=float32)
        """
        checks.samples(X, self.sizes[0], X.dtype if isinstance(X, np.ndarray) else np.dtype(float))
        if not len(X):
            raise ValueError(f"X: shape {X.shape}, expected at least one sample")
        checks.finite(X, X, "finite numbers")
        moments = column_moments(X)
        moments.setflags(write=False)
        self._standardisation = moments

    def after_standardisation(self: _Net) -> _Net:
        """Return the network behind it, which takes inputs that are standardised already.

        It shares parameters and averages with this one; it is this one if nothing is standardised.
        """
        if self._standardisation is None:
            return self
        twin = copy.copy(self)
        twin._standardisation = None
        return twin

    def _inputs(self, X: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
        if self._standardisation is None:
            return checks.samples(X, self.sizes[0], dtype)
        checks.samples(X, self.sizes[0], getattr(X, "dtype", dtype))
        mean, deviation = self._standardisation
        out = np.empty(X.shape, dtype)
        with np.errstate(over="ignore", invalid="ignore"):  # not finite: refused by the core
            for rows in _blocks(X):
                out[rows] = (X[rows] - mean) / deviation
        return out


def column_moments(X: NDArray[Any]) -> NDArray[np.float64]:
    """Return the mean and the standard deviation, over N, of each column of X (N, d): (2, d).

    In two passes with the correction of Chan, Golub, LeVeque (1983), "Algorithms for computing the
    sample variance", The American Statistician 37(3), eq. 1.7, in numbers that powers of two have
    brought near 1: no square overflows or vanishes.
    """
    low, high = X.min(axis=0).astype(np.float64), X.max(axis=0).astype(np.float64)
    unit = _power_of_two(np.maximum(-low, high))
    mean = _mean_of(lambda rows: rows / unit, X)
    mean += _mean_of(lambda rows: rows / unit - mean, X)
    spread = _power_of_two(np.maximum(high / unit - mean, mean - low / unit))
    rest = _mean_of(lambda rows: (rows / unit - mean) / spread, X)
    squares = _mean_of(lambda rows: ((rows / unit - mean) / spread) ** 2, X)
    deviation = np.sqrt(np.maximum(squares - rest**2, 0.0)) * spread * unit
    deviation[deviation == 0] = 1.0  # a constant column's: the corrected mean is that number itself
    return np.stack([mean * unit, deviation])


def _power_of_two(magnitude: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the largest one that is not above `magnitude`, 1 for 0."""
    power: NDArray[np.float64] = np.ldexp(1.0, np.frexp(magnitude)[1] - 1)
    return np.where(magnitude > 0, power, 1.0)


def _mean_of(
    function: Callable[[NDArray[Any]], NDArray[np.float64]], X: NDArray[Any]
) -> NDArray[np.float64]:
    total = np.zeros(X.shape[1])
    for rows in _blocks(X):
        total += function(X[rows]).sum(axis=0)
    return total / len(X)


def _blocks(X: NDArray[Any]) -> list[slice]:
    size = max(1, _BLOCK // X.shape[1])
    return [slice(first, first + size) for first in range(0, len(X), size)]
