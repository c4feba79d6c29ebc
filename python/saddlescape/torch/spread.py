"""A PyTorch loss whose samples or parameters are spread over processes, by torch.distributed.

Each process computes its part; sums are taken in one place and sent to all, so that every process
holds the same bits, takes the same decisions, and stays in step. Each call begins with a word from
every process on what it is about to do and ends with one on how it went: who fails takes the others
along instead of leaving them waiting.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from saddlescape import _check
from saddlescape.curvature import checks
from saddlescape.curvature.engine import NoSecondDerivativeError
from saddlescape.torch.curvature import TorchEngine
from saddlescape.torch.processes import Processes
from saddlescape.torch.watch import KINKS

__all__ = ["SpreadEngine"]

Vector = NDArray[np.float64]
_FINE, _NO_DERIVATIVE, _FAILED = range(3)


class SpreadEngine:
    """As `TorchEngine`, for ``L = sum_r w_r L_r / sum_r w_r`` over the processes r of a group.

    With samples spread (each process has all parameters) gradients and products are summed. With
    parameters spread theta is the processes' pieces, one after the other, in the order of ranks:
    each sees its own piece, and `loss_fn` brings them together by collectives that can be
    differentiated.
    """

    advice, detours = TorchEngine.advice, TorchEngine.detours

    def __init__(
        self,
        loss_fn: Callable[[], Any],
        params: Iterable[Any],
        group: Any,
        weight: float,
        sharded: bool,
    ) -> None:
        if not callable(loss_fn):
            raise TypeError(f"loss_fn: {type(loss_fn).__name__}, expected a function loss_fn()")
        self._processes = Processes(group)
        self.reduce = self._processes.reduce
        weights = self._from_all(np.array([_check.non_negative("weight", weight)]), "weight")
        if not weights.sum() > 0:
            raise ValueError("weight: 0 in every process, expected a positive number in one")
        share = weight / float(weights.sum())

        def part() -> Any:
            loss = loss_fn()
            return loss * share if isinstance(loss, torch.Tensor) else loss

        with self.together("params"):
            self._engine = TorchEngine(part, params)
        # One process must not evaluate once more alone: the others wait in its collectives.
        self._engine.retries = not sharded
        self._sharded, self.by_hand = sharded, self._engine.by_hand
        self.label = f"{self._engine.label}, {self._processes.count} processes"
        self._join()

    def _join(self) -> None:
        """Settle what all processes must agree on: the point, and whatever decides what is done."""
        engine = self._engine
        own = engine.theta
        if self._sharded:
            lengths = self._from_all(np.array([float(own.size)]), "params").astype(int).ravel()
            ends = np.cumsum([0, *lengths]).tolist()
            self.sizes = {f"process{r}": int(n) for r, n in enumerate(lengths)}
            self._pieces = [slice(ends[r], ends[r + 1]) for r in range(len(lengths))]
            self.piece = self._pieces[self._processes.rank]
            self.theta = self._gathered(own)
        else:
            self.sizes, self.theta = engine.sizes, own
            with self.together("theta"):
                self._check_alike(own)
        marks = [float(name in engine.kinks) for name in KINKS]
        told = np.array([engine.eps, float(engine.draws), *marks])
        seen = self._from_all(told, "kinks").max(axis=0)
        self.eps, self.draws = float(seen[0]), bool(seen[1])
        self.kinks = tuple(name for name, mark in zip(KINKS, seen[2:], strict=True) if mark)

    def _check_alike(self, own: Vector) -> None:
        told = np.array([float(own.size), float(zlib.crc32(own.tobytes()))])
        lengths, digests = self._from_all(told, "params").T
        wrong = np.flatnonzero((lengths != lengths[0]) | (digests != digests[0]))
        if wrong.size:
            raise ValueError(
                f"params: not the same in processes 0 and {wrong[0]}, expected copies of one "
                "model (or sharded=True, where each process has parameters of its own)"
            )

    def undisturbed(self) -> AbstractContextManager[None]:
        """As `TorchEngine.undisturbed`."""
        return self._engine.undisturbed()

    def rounded(self, theta: Vector) -> Vector:
        """Return the nearest point that the parameters can hold."""
        own = self._engine.rounded(np.ascontiguousarray(self._own(theta)))
        return self._gathered(own) if self._sharded else own

    def loss(self, theta: Vector) -> float:
        """Return the loss at theta."""
        with self.together("loss", theta):
            own = self._engine.loss(self._own(theta))
        return self._sum(own)

    def gradient(self, theta: Vector) -> tuple[float, Vector]:
        """Return the loss and the gradient at theta."""
        with self.together("gradient", theta):
            loss, own = self._engine.gradient(self._own(theta))
        gradient = self._gathered(own) if self._sharded else self._processes.summed(own)
        return self._sum(loss), gradient

    def products(self, theta: Vector, rows: Vector) -> Vector:
        """Return ``V H`` for V (k, P)."""
        with self.together("products", theta, rows):
            # One scale in all processes: in second derivatives their pieces meet.
            largest = np.abs(rows).max(axis=1, initial=0.0)
            part = np.ascontiguousarray(self._own(rows))
            own = self._engine.products(self._own(theta), part, largest)
        return self._complete(own, rows)

    def otherwise(self, theta: Vector, rows: Vector) -> Vector | None:
        """As `TorchEngine.otherwise`, if it can be in every process."""
        try:
            with self.together("forward mode", theta, rows):
                largest = np.abs(rows).max(axis=1, initial=0.0)
                part = np.ascontiguousarray(self._own(rows))
                own = self._engine.otherwise(self._own(theta), part, largest)
                if own is None:
                    raise NoSecondDerivativeError("no forward mode")
        except NoSecondDerivativeError:
            return None
        return self._complete(own, rows)

    def products_in_pieces(self, theta: Vector, rows: Vector) -> Vector:
        """Return this process' piece of ``V H`` for its piece of V, by rows: no vector is whole."""
        with self.together("products in pieces"):
            own_largest = np.abs(rows).max(axis=1, initial=0.0)
            largest = self._from_all(own_largest, "scale").max(axis=0)
            result: Vector = self._engine.products(self._own(theta), rows, largest)
            return result

    def whole(self, own: Vector) -> Vector:
        """Return the pieces of all processes, one after the other."""
        with self.together("whole"):
            piece = checks.place(own, self._engine.theta.size)
        return self._gathered(piece)

    def _complete(self, own: Vector | None, rows: Vector) -> Vector:
        """Bring the processes' parts of ``V H`` together."""
        if own is None or not len(rows):
            return np.zeros(rows.shape)
        if self._sharded:
            return np.stack([self._gathered(r) for r in own])
        return self._processes.summed(own)

    def _own(self, values: Vector) -> Vector:
        """Return what of (..., P) is in this process."""
        if values is self.theta:
            return self._engine.theta
        return values[..., self.piece] if self._sharded else values

    @contextmanager
    def together(self, what: str, *arrays: Vector) -> Iterator[None]:
        """Raise in all processes if one raises, or if they are not about to do the same."""
        digest = zlib.crc32(what.encode())
        for array in arrays:
            digest = zlib.crc32(np.ascontiguousarray(array).tobytes(), digest)
        if np.unique(self._from_all(np.array([float(digest)]), what)).size > 1:
            raise RuntimeError(
                f"{what}: the processes are out of step, expected the same calls with the same "
                "numbers in each"
            )
        status, reason = _FAILED, ""
        try:
            yield
            status = _FINE
        except NoSecondDerivativeError as error:
            status, reason = _NO_DERIVATIVE, str(error)
        finally:
            statuses = self._from_all(np.array([float(status)]), f"{what}, done").ravel()
        if statuses.max() == _FAILED:
            raise RuntimeError(
                f"process {int(statuses.argmax())} could not compute its part ({what}): its own "
                "error says why"
            )
        if statuses.max() == _NO_DERIVATIVE:
            raise NoSecondDerivativeError(reason or f"in process {int(statuses.argmax())}")

    def _sum(self, number: float) -> float:
        return float(self.reduce(np.array([number]))[0])

    def _from_all(self, values: Vector, what: str) -> Vector:
        return self._processes.from_all(values, what)

    def _gathered(self, own: Vector) -> Vector:
        return self._processes.gathered(own, self._pieces)
