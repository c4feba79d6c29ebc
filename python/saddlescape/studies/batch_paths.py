"""Which way gradient descent goes with all samples at once, with a few, and with one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saddlescape import _check, data, optim
from saddlescape.net import MLP
from saddlescape.studies.panel import Panel
from saddlescape.studies.small import numbers

__all__ = ["BatchPaths", "batch_paths"]

_SIZES = (20, 5, 1)
_NAMES = ("full batch", "mini-batches", "one at a time")
_START = (-1.0, 2.5)  # w and b; the least loss is near (2, 0.5)
_RATE = 0.1


@dataclass(frozen=True, eq=False)
class BatchPaths:
    """What `batch_paths` saw; a row for each size of batch.

    Attributes
    ----------
    sizes : (R,) array
        Samples in a batch: 20, 5, 1.
    paths : tuple of (T + 1, 2) arrays
        w and b before every update, and after the last.
    losses : tuple of (T + 1,) arrays
        The loss over all 20 samples there.
    cosines : (R,) array
        The mean cosine between an update and the way straight down, ``-grad L`` over all samples.
    least : float
        The least loss that any w and b have.
    ground : (x, y, z)
        The loss over a grid of w and b.
    """

    sizes: NDArray[np.int64]
    paths: tuple[NDArray[np.float64], ...]
    losses: tuple[NDArray[np.float64], ...]
    cosines: NDArray[np.float64]
    least: float
    ground: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]

    @property
    def updates(self) -> NDArray[np.int64]:
        """How many updates each took, (R,)."""
        return np.array([len(losses) - 1 for losses in self.losses])

    @property
    def uphill(self) -> NDArray[np.float64]:
        """The share of updates that made the loss over all samples larger, (R,)."""
        return np.array([float((np.diff(losses) > 0).mean()) for losses in self.losses])

    @property
    def detour(self) -> NDArray[np.float64]:
        """The length of each path over the distance between its ends, (R,)."""
        lengths = [np.linalg.norm(np.diff(path, axis=0), axis=1).sum() for path in self.paths]
        ends = [np.linalg.norm(path[-1] - path[0]) for path in self.paths]
        return np.asarray(np.array(lengths) / ends)

    def __str__(self) -> str:
        """Return a line for each size of batch."""
        lines = ["batch  updates  uphill  cosine to -grad  path / distance    loss less the least"]
        for i, size in enumerate(self.sizes):
            lines.append(
                f"{size:5d} {self.updates[i]:8d} {self.uphill[i]:7.0%} {self.cosines[i]:16.2f} "
                f"{self.detour[i]:16.2f} {self.losses[i][0] - self.least:12.3f} to "
                f"{self.losses[i][-1] - self.least:.4f}"
            )
        return "\n".join(lines)

    def panels(self) -> tuple[Panel, ...]:
        """Return a panel for each path, over the contours of the loss."""
        return tuple(
            Panel(
                title=f"{name}: {updates} updates",
                x="w",
                y="b",
                lines={name: (path[:, 0], path[:, 1])},
                ground=self.ground,
            )
            for name, updates, path in zip(_NAMES, self.updates, self.paths, strict=True)
        )


def batch_paths(epochs: int = 15, seed: int = 0) -> BatchPaths:
    """Follow descent on 20 samples by full batches, by mini-batches, and one sample at a time.

    The line ``y = w x + b``, squared loss, rate 0.1. A full batch goes straight down, once an
    epoch; one sample at a time gives 20 updates an epoch that point every way but go down on
    average; mini-batches stand between.

    Parameters
    ----------
    epochs : int
        How often each goes through the samples.
    seed : int
        Of the order of the samples.

    Returns
    -------
    BatchPaths
        ``uphill`` and ``cosines`` by size of batch.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type or out of its range.

    Examples
    --------
    >>> from saddlescape import studies
    >>> seen = studies.batch_paths(epochs=10)
    >>> seen.updates.tolist(), float(seen.uphill[0])
    ([10, 40, 200], 0.0)

    References
    ----------
    H. Lee, "Machine Learning" (2021), National Taiwan University, lecture on batch and momentum.
    """
    epochs = _check.integer("epochs", epochs, low=1)
    seed = _check.integer("seed", seed, low=0)
    X, y = numbers(data.twenty())
    runs = [_descend(X, y, size, epochs, seed) for size in _SIZES]
    best, *_ = np.linalg.lstsq(np.hstack([X, np.ones_like(X)]), y, rcond=None)
    return BatchPaths(
        sizes=np.array(_SIZES),
        paths=tuple(path for path, _, _ in runs),
        losses=tuple(losses for _, losses, _ in runs),
        cosines=np.array([cosine for _, _, cosine in runs]),
        least=float(_loss(X, y, best[0], best[1])),
        ground=_ground(X, y),
    )


def _loss(X: NDArray[np.float64], y: NDArray[np.float64], w: float, b: float) -> float:
    return float(((w * X[:, 0] + b - y) ** 2).mean())


def _descend(
    X: NDArray[np.float64], y: NDArray[np.float64], size: int, epochs: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    net = MLP((1, 1), loss="mse", dtype="float64")
    net.theta = np.array(_START)
    opt = optim.SGD(net.theta, lr=_RATE)
    path, losses, cosines = [net.theta.copy()], [net.loss(X, y)], []
    for epoch in range(epochs):
        order = np.random.default_rng((seed, epoch)).permutation(len(X))
        for batch in np.split(order, len(X) // size):
            g, whole = net.gradient(X[batch], y[batch]), net.gradient(X, y)
            cosines.append(g @ whole / (np.linalg.norm(g) * np.linalg.norm(whole)))
            opt.step(g)
            path.append(net.theta.copy())
            losses.append(net.loss(X, y))
    return np.array(path), np.array(losses), float(np.mean(cosines))


def _ground(
    X: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    w, b = np.linspace(-1.5, 3.5, 61), np.linspace(-0.8, 2.8, 61)
    return w, b, np.array([[_loss(X, y, wi, bi) for wi in w] for bi in b])
