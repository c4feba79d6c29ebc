"""Small batches against large ones: how well they train, how well that generalises, how flat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saddlescape import _check, curvature, data, eig, optim
from saddlescape.metrics.quality import accuracy
from saddlescape.net import MLP
from saddlescape.studies.panel import Panel
from saddlescape.train import train

__all__ = ["BatchSize", "batch_size"]

_SIZES = (8, 32, 128, 512, 1437)
_EPOCHS, _RATE = 20, 0.1  # of the part with as many epochs for all
_FLAT_SIZES, _FLAT_SAMPLES = (4, 20, 100, 500), 500
_UPDATES, _FLAT_RATE = 4000, 2.0  # of the part with as many updates for all


@dataclass(frozen=True, eq=False)
class BatchSize:
    """What `batch_size` measured; a row for each size of batch, a column for each network.

    Attributes
    ----------
    sizes : (R,) array
        Samples in a batch; the last is all of them.
    losses, train, validation : (R, networks) arrays
        After as many epochs for all: the training loss, and the share of samples that are
        classified rightly, of those trained on and of those held out.
    variances : (R, networks) array
        ``E |g_B - g|^2 / |g|^2`` of the first epoch's batches, all at the start.
    flat_sizes : (F,) array
        Samples in a batch of the second part.
    flatness : (F, networks) array
        ``eta lambda_max / 2`` after as many updates for all.
    flat_train, flat_validation : (F, networks) arrays
        Shares classified rightly there.
    """

    sizes: NDArray[np.int64]
    losses: NDArray[np.float64]
    train: NDArray[np.float64]
    validation: NDArray[np.float64]
    variances: NDArray[np.float64]
    flat_sizes: NDArray[np.int64]
    flatness: NDArray[np.float64]
    flat_train: NDArray[np.float64]
    flat_validation: NDArray[np.float64]

    @property
    def suggested(self) -> int:
        """The largest batch that validates as well as the best one, to one standard error."""
        means = self.validation.mean(axis=1)
        best = int(means.argmax())
        few = max(1, self.validation.shape[1] - 1)
        error = np.sqrt(self.validation[best].var() / few)
        return int(self.sizes[means >= means[best] - error].max())

    def __str__(self) -> str:
        """Return a line for each size of batch in either part."""
        steps = -(-self.sizes[-1] // self.sizes) * _EPOCHS
        lines = [f"after {_EPOCHS} epochs, cross-entropy, rate {_RATE}:"]
        lines += ["                noise of  training  accuracy:"]
        lines += ["batch  updates  gradient      loss   training        validation"]
        for i, size in enumerate(self.sizes):
            lines.append(
                f"{size:5d} {steps[i]:8d} {self.variances[i].mean():9.2g} "
                f"{self.losses[i].mean():9.4f} {self.train[i].mean():10.2%} "
                f"{_mean(self.validation[i]):>17}"
            )
        lines.append(f"largest that validates as well as the best: {self.suggested}")
        lines += ["", f"after {_UPDATES:,} updates, squared loss, rate {_FLAT_RATE:g}:"]
        lines.append("batch          eta lambda_max/2   training        validation")
        for i, size in enumerate(self.flat_sizes):
            lines.append(
                f"{size:5d} {self.flatness[i].mean():25.3f} {self.flat_train[i].mean():10.2%} "
                f"{_mean(self.flat_validation[i]):>17}"
            )
        return "\n".join(lines)

    def panels(self) -> tuple[Panel, ...]:
        """Return accuracy, noise and flatness against the size of batch."""
        x = self.sizes.astype(float)
        shares = {
            "training": (x, self.train.mean(axis=1)),
            "validation": (x, self.validation.mean(axis=1)),
        }
        noise = {"at the start": (x[:-1], self.variances.mean(axis=1)[:-1])}
        flat = {"mean": (self.flat_sizes.astype(float), self.flatness.mean(axis=1))}
        size, ratio = "samples in a batch", "eta lambda_max / 2"
        return (
            Panel(f"after {_EPOCHS} epochs", size, "classified rightly", shares, log_x=True),
            Panel("noise of the gradient", size, "E |g_B - g|² / |g|²", noise, True, True),
            Panel(f"sharpness, {_UPDATES:,} updates", size, ratio, flat, True, levels={"edge": 1}),
        )


def batch_size(networks: int = 5, seed: int = 0) -> BatchSize:
    """Train on the digits with batches of 8 to all samples, and look at what becomes of it.

    Two questions, which are often taken for one. After as many epochs, large batches have done
    worse in training, so in validation too: they took fewer updates. After as many updates, at a
    rate at which a full batch stands at the edge of stability, small batches end where the loss is
    flatter. That they then validate better does not follow, and here they don't.

    Parameters
    ----------
    networks : int
        Each with a split and weights of its own: 64-32-10, tanh.
    seed : int
        Of the first; the others count on from it.

    Returns
    -------
    BatchSize
        ``train``, ``validation``, ``variances`` and ``flatness`` by size of batch.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type or out of its range.

    Examples
    --------
    >>> from saddlescape import studies
    >>> found = studies.batch_size(networks=1)
    >>> bool(found.train[0] > found.train[-1]), bool(found.flatness[0] < found.flatness[-1])
    (True, True)

    References
    ----------
    Keskar, Mudigere, Nocedal, Smelyanskiy, Tang (2017), "On large-batch training for deep learning:
    generalization gap and sharp minima", ICLR, arXiv 1609.04836.
    """
    networks = _check.integer("networks", networks, low=1)
    seed = _check.integer("seed", seed, low=0)
    epochs = [_as_many_epochs(seed + i) for i in range(networks)]
    updates = [_as_many_updates(seed + i) for i in range(networks)]
    losses, trained, validation, variances = np.transpose(epochs, (2, 1, 0))
    flatness, flat_train, flat_validation = np.transpose(updates, (2, 1, 0))
    return BatchSize(
        np.array(_SIZES), losses, trained, validation, variances,
        np.array(_FLAT_SIZES), flatness, flat_train, flat_validation,
    )  # fmt: skip


def _split(count: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64], int]:
    digits = data.load_digits()
    order = np.random.default_rng(seed).permutation(len(digits.X))
    X = digits.X / 16
    return np.ascontiguousarray((X - X[order[:count]].mean(axis=0))[order]), digits.y[order], count


def _as_many_epochs(seed: int) -> list[tuple[float, float, float, float]]:
    X, y, n = _split(_SIZES[-1], seed)
    rows = []
    for size in _SIZES:
        net = MLP((64, 32, 10), init="lecun", dtype="float64", seed=seed)
        noise = _noise(net, X[:n], y[:n], size, seed)
        train(net, X[:n], y[:n], optimizer="sgd", lr=_RATE, batch_size=size, epochs=_EPOCHS,
              seed=seed)  # fmt: skip
        shares = accuracy(net, X[:n], y[:n]), accuracy(net, X[n:], y[n:])
        rows.append((net.loss(X[:n], y[:n]), *shares, noise))
    return rows


def _noise(net: MLP, X: NDArray[np.float64], y: NDArray[np.int64], size: int, seed: int) -> float:
    g = net.gradient(X, y)
    order = np.random.default_rng(seed).permutation(len(X))
    parts = np.split(order[: len(X) // size * size], len(X) // size)
    squares = [np.sum((net.gradient(X[part], y[part]) - g) ** 2) for part in parts]
    return float(np.mean(squares) / np.sum(g**2))


def _as_many_updates(seed: int) -> list[tuple[float, float, float]]:
    X, y, n = _split(_FLAT_SAMPLES, seed)
    Y = np.eye(10)[y[:n]]
    rows = []
    for size in _FLAT_SIZES:
        net = MLP((64, 32, 10), loss="mse", init="lecun", dtype="float64", seed=seed)
        opt = optim.SGD(net.theta, lr=_FLAT_RATE)
        train(net, X[:n], Y, optimizer=opt, batch_size=size, epochs=_UPDATES * size // n, seed=seed)
        top = eig.lanczos(curvature.NetworkCurvature(net, X[:n], Y), low=0, high=1, tol=1e-3)
        sharpness = _FLAT_RATE / 2 * float(top.eigenvalues[-1])
        rows.append((sharpness, accuracy(net, X[:n], y[:n]), accuracy(net, X[n:], y[n:])))
    return rows


def _mean(values: NDArray[np.float64]) -> str:
    if len(values) < 2:
        return f"{values[0]:.2%}"
    return f"{values.mean():.2%} +- {100 * values.std(ddof=1) / np.sqrt(len(values)):.2f}"
