"""How much each sample counts: weights of samples and of classes, with a mean of 1."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape import _check

__all__ = ["class_weights", "normalised", "sample_weights"]

_CLASS_WEIGHT = '"balanced", a mapping {class: weight}, or None'


def sample_weights(given: Any, samples: int) -> NDArray[np.float64] | None:
    """Return sample weights (N,) as float64: finite, at least 0."""
    if given is None:
        return None
    if not isinstance(given, np.ndarray):
        raise TypeError(f"sample_weight: {type(given).__name__}, expected a NumPy array or None")
    if given.dtype.kind not in "iubf":
        raise TypeError(f"sample_weight: dtype {given.dtype}, expected numbers")
    if given.shape != (samples,):
        raise ValueError(f"sample_weight: shape {given.shape}, expected ({samples},)")
    weights = given.astype(np.float64)
    bad = ~(np.isfinite(weights) & (weights >= 0))
    if bad.any():
        i = int(np.flatnonzero(bad)[0])
        raise ValueError(f"sample_weight: {given[i]:g} at {i}, expected finite numbers >= 0")
    return weights


def class_weights(
    given: Any, classes: NDArray[np.integer] | None, outputs: int
) -> NDArray[np.float64] | None:
    """Return a weight (N,) for each sample, by its class.

    ``"balanced"``: N / (classes in y * samples of the class), so that every class counts the same.
    A class that a mapping leaves out has weight 1.
    """
    if given is None:
        return None
    if isinstance(given, str):
        _check.choice("class_weight", given, ["balanced"])
    elif not isinstance(given, Mapping):
        raise TypeError(f"class_weight: {type(given).__name__}, expected {_CLASS_WEIGHT}")
    if classes is None:
        raise ValueError("class_weight: given without classes, expected integer classes y (N,)")
    count = max(2, outputs)
    if isinstance(given, str):
        sizes = np.bincount(classes, minlength=count)
        return np.asarray(len(classes) / (np.count_nonzero(sizes) * sizes[classes]))
    table = np.ones(count)
    for label, weight in given.items():
        if isinstance(label, bool) or not isinstance(label, Integral):
            raise TypeError(
                f"class_weight: {type(label).__name__} as a class, expected 0 to {count - 1}"
            )
        number = int(label)
        if not 0 <= number < count:
            raise ValueError(f"class_weight: class {label}, expected 0 to {count - 1}")
        table[number] = _check.non_negative(f"class_weight[{label}]", weight)
    return np.asarray(table[classes], dtype=np.float64)


def normalised(*factors: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
    """Return the product of the weights that there are, divided by its mean."""
    given = [factor for factor in factors if factor is not None]
    if not given:
        return None
    with np.errstate(over="ignore"):  # refused below
        product = np.prod(given, axis=0)
        mean = float(np.mean(product))
    if not 0 < mean < float("inf"):
        raise ValueError(
            f"sample_weight, class_weight: a mean of {mean:g} over the training samples, expected "
            "a finite number > 0"
        )
    weights: NDArray[np.float64] = product / mean
    return weights
