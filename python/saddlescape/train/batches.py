"""The order in which samples are seen: each once in an epoch, reshuffled for every epoch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from saddlescape import _core

__all__ = ["order_of"]


def order_of(samples: int, size: int, epoch: int, seed: int) -> NDArray[np.int64] | None:
    """Return the sample numbers of an epoch in the order that they are seen in; None: as given.

    It depends on `seed` and the epoch's number alone, so that any epoch can be replayed: Fisher and
    Yates' shuffle with the epoch's own stream of random numbers (`cpp/core/streams.hpp`).
    """
    if size >= samples:
        return None
    return _core.random.permutation("shuffle", seed, epoch, samples)
