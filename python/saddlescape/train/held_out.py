"""Samples held out for validation: drawn from the seed, each class by its share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from saddlescape import _core

__all__ = ["held_out"]


def held_out(
    fraction: float, samples: int, classes: NDArray[np.integer] | None, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the sample numbers to train on and to validate with, each in ascending order.

    ``round(fraction N)`` samples, at least 1, are held out. With classes each gives its share, by
    largest remainders, and keeps at least one sample for training.

    Raises
    ------
    ValueError
        If nothing is left for either side.
    """
    count = max(1, round(fraction * samples))
    numbers = np.zeros(samples, np.int64) if classes is None else np.unique(classes, False, True)[1]
    sizes = np.bincount(numbers, minlength=1)
    taken = _shares(count, sizes)
    if not taken.any():
        raise ValueError(
            f"validation: {fraction:g} of {samples} samples of {len(sizes)} classes, expected a "
            "class with a second sample to hold out"
        )
    order = _core.random.permutation("split", seed, 0, samples)
    out = np.concatenate(
        [order[numbers[order] == label][:share] for label, share in enumerate(taken)]
    )
    train = np.ones(samples, dtype=bool)
    train[out] = False
    return np.flatnonzero(train), np.sort(out)


def _shares(count: int, sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Cut `count` into whole shares proportional to `sizes`, each at least 1 below its size.

    What rounding down leaves over goes one by one to the largest remainders, the lower class first;
    a class that would be used up passes its own on.
    """
    most = sizes - 1
    quotas = count * sizes
    shares: NDArray[np.int64] = np.minimum(quotas // sizes.sum(), most)
    by_remainder = np.argsort(-(quotas % sizes.sum()), kind="stable")
    while (left := min(count, most.sum()) - shares.sum()) > 0:
        room = [label for label in by_remainder if shares[label] < most[label]]
        shares[room[:left]] += 1
    return shares
