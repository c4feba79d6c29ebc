"""What a step and an epoch cost, by size of batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from saddlescape import _check, _core, data, optim
from saddlescape.net import MLP
from saddlescape.studies.panel import Panel

__all__ = ["BatchCost", "batch_cost", "knee"]

_HIDDEN = (256, 256)
_LEAST, _ROUNDS = 0.01, 5  # seconds of steps in a round; the median round counts


@dataclass(frozen=True, eq=False)
class BatchCost:
    """What `batch_cost` timed; a row for each size of batch.

    Attributes
    ----------
    sizes : (R,) array
        Samples in a batch, from 1 to all N.
    threads : (T,) array
        Numbers of threads: 1, and as many as may be used.
    seconds : (R, T) array
        Of a step: loss, gradient, update.
    """

    sizes: NDArray[np.int64]
    threads: NDArray[np.int64]
    seconds: NDArray[np.float64]

    @property
    def epoch_seconds(self) -> NDArray[np.float64]:
        """Seconds of an epoch, (R, T): of ``ceil(N / B)`` steps."""
        return np.asarray(np.ceil(self.sizes[-1] / self.sizes)[:, None] * self.seconds)

    @property
    def knees(self) -> NDArray[np.float64]:
        """The `knee` for each number of threads, (T,)."""
        return np.array([knee(self.sizes, column) for column in self.seconds.T])

    def __str__(self) -> str:
        """Return a line for each size of batch, and the knees."""
        heads = [f"{n} thread{'s' if n > 1 else ''}" for n in self.threads]
        lines = ["batch" + "".join(f"{h + ': step':>19}       epoch" for h in heads)]
        for size, steps, epochs in zip(self.sizes, self.seconds, self.epoch_seconds, strict=True):
            times = (
                f"{1e6 * s:16,.1f} us {1e3 * e:8,.2f} ms"
                for s, e in zip(steps, epochs, strict=True)
            )
            lines.append(f"{size:5d}" + "".join(times))
        for head, at in zip(heads, self.knees, strict=True):
            said = (
                f"knee at a batch of {at:.0f}" if np.isfinite(at) else "no knee up to all samples"
            )
            lines.append(f"{head}: {said}")
        return "\n".join([*lines, "(the knee: where a step costs twice one of a single sample)"])

    def panels(self) -> tuple[Panel, ...]:
        """Return the time of a step, and that of an epoch."""
        marks = {
            f"knee {at:.0f}": float(at) for at in self.knees[-1:] if np.isfinite(at)
        }  # of all threads
        shown = []
        for what, seconds in (("step", self.seconds), ("epoch", self.epoch_seconds)):
            lines = {
                f"{n} thread{'s' if n > 1 else ''}": (self.sizes.astype(float), 1e3 * column)
                for n, column in zip(self.threads, seconds.T, strict=True)
            }
            panel = Panel(
                f"time for one {what}",
                "samples in a batch",
                "milliseconds",
                lines,
                True,
                True,
                marks,
            )
            shown.append(panel)
        return tuple(shown)


def knee(sizes: NDArray[np.int64], seconds: NDArray[np.float64]) -> float:
    """Return the size of batch where a step costs twice one of the smallest batch.

    Between the sizes that were timed the logarithm of the time is taken to be linear in the
    logarithm of the size; of several such places it is the first. Where a step of B samples takes
    ``a + b B`` it is ``a / b + 2``: up to there most of a step is what taking one costs at all.

    Parameters
    ----------
    sizes : (R,) array
        Rising.
    seconds : (R,) array
        Of a step of each.

    Returns
    -------
    float
        Infinite if no step costs that much.

    Examples
    --------
    >>> sizes = np.array([1, 2, 4, 8, 16, 32, 64])
    >>> round(knee(sizes, np.maximum(1.0, sizes / 8)), 12)
    16.0
    """
    over = np.flatnonzero(seconds >= 2 * seconds[0])
    if not len(over):
        return float("inf")
    i = int(over[0])
    x, t = np.log(sizes[i - 1 : i + 1]), np.log(seconds[i - 1 : i + 1] / (2 * seconds[0]))
    return float(np.exp(x[0] - t[0] * (x[1] - x[0]) / (t[1] - t[0])))


def batch_cost(most: int | None = None, seed: int = 0) -> BatchCost:
    """Time a step and an epoch for batches of 1, 2, 4, ... up to all samples.

    A 64-256-256-10 tanh network on the digits, float32, with one thread and with all. A larger
    batch takes no longer, until it is too large; an epoch of small batches takes longer than one of
    large batches. The times are this machine's, at this moment.

    Parameters
    ----------
    most : int, optional
        The largest batch; all 1,797 samples if left out.
    seed : int
        Of the weights.

    Returns
    -------
    BatchCost
        ``seconds``, ``epoch_seconds`` and ``knees``.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type or out of its range.

    Examples
    --------
    >>> from saddlescape import studies
    >>> timed = studies.batch_cost(most=4)
    >>> timed.sizes.tolist(), timed.seconds.shape == (3, len(timed.threads))
    ([1, 2, 4], True)

    References
    ----------
    H. Lee, "Machine Learning" (2021), National Taiwan University, lecture on batch and momentum.
    """
    digits = data.load_digits()
    most = len(digits.X) if most is None else _check.integer("most", most, low=2)
    if most > len(digits.X):
        raise ValueError(f"most: {most}, expected 2 to {len(digits.X)}")
    net = MLP((64, *_HIDDEN, 10), seed=_check.integer("seed", seed, low=0))
    X, y = (digits.X[:most] / 16).astype(np.float32), digits.y[:most]
    sizes = [*(2**k for k in range(most.bit_length()) if 2**k < most), most]
    before = _core.threads()
    threads = sorted({1, before})
    try:
        columns = [_timed(net, X, y, sizes, n) for n in threads]
    finally:
        _core.set_threads(before)
    return BatchCost(np.array(sizes), np.array(threads), np.array(columns).T)


def _timed(
    net: MLP, X: NDArray[np.float32], y: NDArray[np.int64], sizes: list[int], threads: int
) -> list[float]:
    _core.set_threads(threads)
    opt = optim.Adam(net.theta, lr=1e-6)  # next to no way: every step finds the same numbers
    parts = [(np.ascontiguousarray(X[:size]), y[:size]) for size in sizes]

    def step(A: NDArray[np.float32], b: NDArray[np.int64]) -> None:
        opt.step(net.gradient(A, b))

    return [_seconds(partial(step, *part)) for part in parts]


def _seconds(step: Callable[[], None]) -> float:
    step()  # memory and threads are there from now on
    rounds = []
    for _ in range(_ROUNDS):
        count, start = 0, perf_counter()
        while (now := perf_counter()) - start < _LEAST or not count:
            step()
            count += 1
        rounds.append((now - start) / count)
    return float(np.median(rounds))
