"""What the processes of a torch.distributed group tell each other, so that all stay in step."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray

__all__ = ["Processes"]

Vector = NDArray[np.float64]
# The first message is as long in every process, whatever each has to say: who is elsewhere is seen.
_FRAME = 256


class Processes:
    """The processes of a group, and sums over them that are the same bits in each.

    What a `saddlescape.eig.OperatorInPieces` of your own needs::

        class Mine:
            def __init__(self, group):
                self.processes = Processes(group)
                self.piece, n = self.processes.piece(len(rows))
                self.shape, self.reduce = (n, n), self.processes.reduce

    Every method is called in all processes, in the same order; where they are seen to be elsewhere
    a RuntimeError says so in all.

    Parameters
    ----------
    group : torch.distributed process group
        ``torch.distributed.group.WORLD``, or another.
    """

    def __init__(self, group: Any) -> None:
        self._group = group
        self.rank, self.count = dist.get_rank(group), dist.get_world_size(group)
        nccl = dist.get_backend(group) == "nccl"
        self._device = torch.device("cuda", torch.cuda.current_device()) if nccl else "cpu"

    def reduce(self, numbers: Vector) -> Vector:
        """Return the sums over the processes of (k,) numbers, added in the order of ranks."""
        return np.asarray(self.from_all(numbers, "reduce").sum(axis=0))

    def piece(self, rows: int) -> tuple[slice, int]:
        """Return where this process' rows lie, in the order of ranks, and how many all have."""
        ends = np.cumsum([0, *self.from_all(np.array([float(rows)]), "piece").ravel()]).astype(int)
        return slice(int(ends[self.rank]), int(ends[self.rank + 1])), int(ends[-1])

    def from_all(self, values: Vector, what: str) -> Vector:
        """Return what each process says, (processes, k) from (k,) for the same `what` and k."""
        head = np.zeros(_FRAME)
        head[:2] = zlib.crc32(what.encode()), values.size
        room = _FRAME - 2
        head[2 : 2 + min(room, values.size)] = values[:room]
        heads = self._exchanged(head)
        if (heads[:, :2] != heads[0, :2]).any():
            raise RuntimeError(
                f"{what}: the processes are out of step, expected the same calls with the same "
                "numbers in each"
            )
        if values.size <= room:
            return heads[:, 2 : 2 + values.size]
        return np.concatenate([heads[:, 2:], self._exchanged(values[room:].copy())], axis=1)

    def summed(self, values: Vector) -> Vector:
        """Return the sum of long vectors, taken in the first process."""
        total = torch.from_numpy(values.copy()).to(self._device)
        root = self._global(0)
        dist.reduce(total, dst=root, group=self._group)
        dist.broadcast(total, src=root, group=self._group)
        return np.asarray(total.cpu().numpy())

    def gathered(self, own: Vector, pieces: list[slice]) -> Vector:
        """Return the processes' pieces, one after the other, from (n_r,) in each."""
        full = torch.zeros(pieces[-1].stop, dtype=torch.float64, device=self._device)
        full[pieces[self.rank]] = torch.from_numpy(own).to(self._device)
        for r, piece in enumerate(pieces):
            dist.broadcast(full[piece], src=self._global(r), group=self._group)
        return np.asarray(full.cpu().numpy())

    def _exchanged(self, values: Vector) -> Vector:
        own = torch.from_numpy(values).to(self._device)
        found = [torch.empty_like(own) for _ in range(self.count)]
        dist.all_gather(found, own, group=self._group)
        return np.stack([each.cpu().numpy() for each in found])

    def _global(self, rank: int) -> int:
        return dist.get_global_rank(self._group, rank) if self._group is not None else rank
