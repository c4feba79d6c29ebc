"""Which samples each step of a run sees: epochs, batches, and where a run stands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saddlescape.train.batches import order_of

__all__ = ["BEGINNING", "Plan", "Position"]


@dataclass(frozen=True)
class Position:
    """Where a run stands: the epoch, and which of its batches comes next (both from 0)."""

    epoch: int = 0
    first: int = 0


BEGINNING = Position()


class Plan:
    """The batches of all epochs; steps are counted through, from the first epoch's first on."""

    def __init__(
        self, samples: int, size: int, epochs: int, seed: int, shuffle: bool = True
    ) -> None:
        self.samples, self.size, self.epochs, self.seed = samples, size, epochs, seed
        self.shuffle = shuffle
        self.batches = -(-samples // size)  # steps in an epoch
        self.steps = epochs * self.batches
        self._epoch = -1  # of which the order was drawn last
        self._order: NDArray[np.int64] | None = None

    def position(self, done: int) -> Position:
        """Return where a run stands after that many steps."""
        return Position(*divmod(done, self.batches))

    def done(self, position: Position) -> int:
        """Return how many steps come before a position."""
        return position.epoch * self.batches + position.first

    def begun(self, done: int) -> int:
        """Return how many epochs were begun where so many steps are done."""
        return min(self.epochs, max(1, -(-done // self.batches)))

    def ahead(self, done: int, most: int) -> int:
        """Return how many of the next `most` steps can be taken over one order of samples."""
        left = self.steps - done if self.batches == 1 else self.batches - done % self.batches
        return min(left, most)

    def rows(self, done: int, count: int) -> NDArray[np.int64] | None:
        """Return the sample numbers of the next `count` steps, of one epoch; None: as given."""
        epoch, first = divmod(done, self.batches)
        if self.batches > 1 and epoch != self._epoch:
            self._order = (
                order_of(self.samples, self.size, epoch, self.seed)
                if self.shuffle
                else np.arange(self.samples)
            )
            self._epoch = epoch
        if self._order is None:
            return None
        return self._order[first * self.size : (first + count) * self.size]
