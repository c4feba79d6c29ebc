"""The order in which samples are seen: each once in an epoch, reshuffled for every epoch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from saddlescape import _core

__all__ = ["batches", "order_of"]


def order_of(samples: int, size: int, epoch: int, seed: int) -> NDArray[np.int64] | None:
    """Return the sample numbers of an epoch in the order that they are seen in; None: as given.

    It depends on `seed` and the epoch's number alone, so that any epoch can be replayed: Fisher and
    Yates' shuffle with the epoch's own stream of random numbers (`cpp/core/streams.hpp`).
    """
    if size >= samples:
        return None
    return _core.random.permutation("shuffle", seed, epoch, samples)


def batches(
    samples: int, size: int, epochs: int, seed: int
) -> Iterator[tuple[int, bool, NDArray[np.intp] | None]]:
    """Yield (epoch, whether it is the epoch's last, the batch's sample numbers).

    The numbers are None for a full batch, which is taken in the data's own order. The last batch of
    an epoch is smaller if `size` does not divide `samples`. The order is that of `order_of`.
    """
    for epoch in range(epochs):
        order = order_of(samples, size, epoch, seed)
        if order is None:
            yield epoch, True, None
            continue
        for start in range(0, samples, size):
            yield epoch, start + size >= samples, order[start : start + size]
