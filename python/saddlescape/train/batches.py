"""The order in which samples are seen: each once in an epoch, reshuffled for every epoch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["batches"]


def batches(
    samples: int, size: int, epochs: int, seed: int
) -> Iterator[tuple[int, bool, NDArray[np.intp] | None]]:
    """Yield (epoch, whether it is the epoch's last, the batch's sample numbers).

    The numbers are None for a full batch, which is taken in the data's own order. The last batch of
    an epoch is smaller if `size` does not divide `samples`. The order of epoch e depends on `seed`
    and e alone, so that any epoch can be replayed.
    """
    for epoch in range(epochs):
        if size >= samples:
            yield epoch, True, None
            continue
        order = np.random.default_rng((seed, epoch)).permutation(samples)
        for start in range(0, samples, size):
            yield epoch, start + size >= samples, order[start : start + size]
