"""What an estimator is fitted on: samples, targets, weights, and the part that is held out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split
from sklearn.utils import check_array, check_random_state

__all__ = ["Samples", "random_of", "split", "weights_of"]


@dataclass(frozen=True)
class Samples:
    """X (N, d), targets Y (N, C) of the same dtype, weights (N,) float64 or None."""

    X: NDArray[Any]
    Y: NDArray[Any]
    weight: NDArray[np.float64] | None

    @property
    def weight_sum(self) -> float:
        """What the samples weigh together: N without weights."""
        return float(len(self.X) if self.weight is None else self.weight.sum())


def weights_of(
    given: Any, samples: int, factor: NDArray[np.float64] | None = None
) -> NDArray[np.float64] | None:
    """Return a weight for each sample, times a factor; a single number stands for all."""
    if given is None:
        return factor
    if np.isscalar(given):
        given = np.full(samples, given)
    weight: NDArray[np.float64] = check_array(
        given, ensure_2d=False, dtype=np.float64, input_name="sample_weight"
    )
    if weight.shape != (samples,):
        raise ValueError(f"sample_weight: shape {weight.shape}, expected ({samples},)")
    if (weight < 0).any():
        i = int(np.flatnonzero(weight < 0)[0])
        raise ValueError(f"sample_weight: {weight[i]:g} at {i}, expected numbers >= 0")
    if not weight.any():
        raise ValueError("sample_weight: all zero, expected at least one number > 0")
    return weight if factor is None else weight * factor


def random_of(given: Any) -> np.random.RandomState:
    """Return scikit-learn's generator for a `random_state`."""
    try:
        random: np.random.RandomState = check_random_state(given)
    except ValueError as error:
        raise ValueError(
            f"random_state: {given!r}, expected an integer, a RandomState or None"
        ) from error
    return random


def split(
    samples: Samples, fraction: float, classes: NDArray[Any] | None, random: np.random.RandomState
) -> tuple[Samples, Samples]:
    """Hold a part out: what is trained on, and the rest.

    As scikit-learn's documentation says, each class (N,) is in both parts by its share; its code
    does so for two classes and draws at random from more. Where a class is too small for that, all
    are drawn at random.
    """
    count = len(samples.X)
    held = int(np.ceil(fraction * count))
    if held < 2 or held >= count:
        raise ValueError(
            f"validation_fraction: {fraction:g} of {count} samples leaves {count - held} to train "
            f"on and {held} to validate, expected at least 1 and 2"
        )
    if classes is not None:
        sizes = np.unique(classes, return_counts=True)[1]
        if sizes.min() < 2 or len(sizes) > min(held, count - held):
            classes = None
    trained, kept = train_test_split(
        np.arange(count), test_size=fraction, random_state=random, stratify=classes
    )
    return _rows(samples, trained), _rows(samples, kept)


def _rows(samples: Samples, rows: NDArray[np.int64]) -> Samples:
    weight = None if samples.weight is None else samples.weight[rows]
    return Samples(samples.X[rows], samples.Y[rows], weight)
