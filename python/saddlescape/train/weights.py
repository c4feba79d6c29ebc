"""How much each sample counts: weights of classes, and of samples, with a mean of 1."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape import _check
from saddlescape.net.checks import mean_one

__all__ = ["class_weights", "normalised"]

_CLASS_WEIGHT = '"balanced", a mapping {class: weight}, or None'


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
    product = np.prod([factor / (factor.max() or 1.0) for factor in given], axis=0)
    if not product.any():
        raise ValueError(
            "sample_weight, class_weight: all 0 for the training samples, expected at least one "
            "above 0"
        )
    return mean_one(product)
