"""What batch normalisation changes, in speed and in the landscape, and what it does not."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from saddlescape import _check, curvature, data, eig, optim
from saddlescape.net import MLP, Draw
from saddlescape.studies.panel import Panel

__all__ = ["BatchNorm", "batch_norm"]

_RATE, _BATCH, _STEPS = 0.1, 64, 500
_GOAL = 0.5  # the training loss that counts as learnt, on a mean of ten steps
_NETWORKS = (("sigmoid", (32, 32, 32)), ("gelu", (32, 32, 32, 32)))
_EVERY, _CURVED_EVERY, _CURVED = 20, 100, 500  # steps between measurements; samples for curvature
_REACH = (0.25, 0.5, 1.0, 2.0, 4.0)  # of a step, along which the gradient is followed
# activation, with batch normalisation, times the rate
_ROWS = (("sigmoid", False, 1), ("sigmoid", True, 1), ("sigmoid", True, 5),
         ("gelu", False, 1), ("gelu", True, 1))  # fmt: skip


@dataclass(frozen=True, eq=False)
class BatchNorm:
    """What `batch_norm` measured; a row for each way to train, a column for each network.

    Attributes
    ----------
    names : tuple of str
        The ways to train: activation, with or without, and times which rate.
    losses : (R, networks, T) array
        The batch's loss at every step.
    unsteady : (R, networks) array
        Gradient predictiveness: the furthest that the gradient moves within four steps straight
        ahead, over its length; the mean over the run. Small is predictable.
    smooth : (R, networks) array
        The largest ``|g - g'| / |theta - theta'|`` on that way, likewise.
    sharpest : (R, networks) array
        The largest lambda_max met on the way.
    shifts : (R, networks) array
        Internal covariate shift: ``|G' - G| / |G|``, G' a layer's gradient after the layers below
        it have taken their step; the mean over layers and the run.
    """

    names: tuple[str, ...]
    losses: NDArray[np.float64]
    unsteady: NDArray[np.float64]
    smooth: NDArray[np.float64]
    sharpest: NDArray[np.float64]
    shifts: NDArray[np.float64]

    @property
    def steps(self) -> NDArray[np.float64]:
        """Steps until the mean loss of ten is below 0.5, (R, networks); infinite if never."""
        means = np.apply_along_axis(lambda row: np.convolve(row, np.full(10, 0.1), "valid"), 2,
                                    self.losses)  # fmt: skip
        below = means < _GOAL
        return np.where(below.any(axis=2), 10.0 + below.argmax(axis=2), np.inf)

    def __str__(self) -> str:
        """Return a line for each way to train: medians over the networks."""
        lines = [
            f"medians of {self.losses.shape[1]} networks; loss {_GOAL} is the goal",
            "                       steps  loss at  |g'-g|  |g'-g| /  lambda_max  covariate",
            "                     to goal  the end    /|g|  |th'-th|     at most      shift",
        ]
        ends = self.losses[:, :, -10:].mean(axis=2)
        table = [self.steps, ends, self.unsteady, self.smooth, self.sharpest, self.shifts]
        for name, *values in zip(self.names, *(np.median(v, axis=1) for v in table), strict=True):
            steps = f"{values[0]:7.0f}" if np.isfinite(values[0]) else "  never"
            lines.append(
                f"{name:21s}{steps} {values[1]:8.4f} {values[2]:7.2f} {values[3]:9.2f} "
                f"{values[4]:11.2f} {values[5]:10.3f}"
            )
        return "\n".join(lines)

    def panels(self) -> tuple[Panel, ...]:
        """Return the first network's losses by activation, and the gradient's predictiveness."""
        width = 15
        x = np.arange(self.losses.shape[2] - width + 1.0) + width
        shown = []
        for activation, _ in _NETWORKS:
            lines = {
                name: (x, np.convolve(row, np.full(width, 1 / width), "valid"))
                for name, row in zip(self.names, self.losses[:, 0], strict=True)
                if name.startswith(activation)
            }
            title = f"{activation}: mean loss of {width} steps"
            shown.append(Panel(title, "step", "loss", lines, log_y=True, levels={"goal": _GOAL}))
        networks = np.arange(1.0, self.unsteady.shape[1] + 1)
        moved = {
            name: (networks, row)
            for name, row in zip(self.names, self.unsteady, strict=True)
            if name.startswith("gelu")  # sigmoid without it stands still: nothing to predict
        }
        title = "how far the gradient moves, four steps ahead"
        return (*shown, Panel(title, "network", "|g' - g| / |g|", moved, dots=True))


def batch_norm(networks: int = 3, seed: int = 0) -> BatchNorm:
    """Train with and without batch normalisation, and measure what it is said to change.

    On the digits, SGD with batches of 64. Three sigmoid layers fail without it and learn with it,
    and with it bear five times the rate. Four gelu layers learn either way, with it in far fewer
    steps; there, in the median of the networks, the gradient stays what it was for longer, and the
    largest curvature met is smaller. The internal covariate shift is not: that is not how it helps.

    Much of that hangs on the start, LeCun's, too small for gelu: from He's the plain network learns
    in as few steps, on standardised inputs in somewhat fewer.

    Parameters
    ----------
    networks : int
        For each way to train.
    seed : int
        Of the first network's weights and batches; the others count on from it.

    Returns
    -------
    BatchNorm
        ``steps``, ``unsteady``, ``smooth``, ``sharpest`` and ``shifts``.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type or out of its range.

    Examples
    --------
    >>> from saddlescape import studies
    >>> found = studies.batch_norm(networks=1)
    >>> found.names[0], float(found.steps[0, 0]), bool(found.steps[1, 0] < 500)
    ('sigmoid without', inf, True)

    References
    ----------
    Ioffe, Szegedy (2015), "Batch normalization", arXiv 1502.03167; Santurkar, Tsipras, Ilyas, Madry
    (2018), "How does batch normalization help optimization?", arXiv 1805.11604, definition 2.1 and
    figure 4. Their shift is a length; here it is a share of the gradient's, as the lengths differ.
    """
    networks = _check.integer("networks", networks, low=1)
    seed = _check.integer("seed", seed, low=0)
    rows = [[_run(*row, seed + i) for i in range(networks)] for row in _ROWS]
    measured = np.array([[values for _, values in row] for row in rows])
    return BatchNorm(
        tuple(f"{name} with{'' if norm else 'out'}{f', rate x{times}' if times > 1 else ''}"
              for name, norm, times in _ROWS),
        np.array([[losses for losses, _ in row] for row in rows]),
        *np.moveaxis(measured, 2, 0),
    )  # fmt: skip


def _run(
    activation: str, normalised: bool, times: int, seed: int
) -> tuple[list[float], tuple[float, float, float, float]]:
    digits = data.load_digits()
    X, y = digits.X / 16 - (digits.X / 16).mean(axis=0), digits.y
    net = MLP(
        (64, *dict(_NETWORKS)[activation], 10), activation, init="lecun", dtype="float64",
        normalisation="batch" if normalised else None, seed=seed,
    )  # fmt: skip
    rate, generator = _RATE * times, np.random.default_rng(seed)
    opt = optim.SGD(net.theta, lr=rate)
    losses, ahead, top, shifts = [], [], [], []
    for step in range(_STEPS):
        batch = generator.permutation(len(X))[:_BATCH]
        draw, part = Draw(seed, step), (X[batch], y[batch])
        loss, g = net.loss_and_gradient(*part, draw, momentum=0.9)
        losses.append(loss)
        if step % _EVERY == 0:
            ahead.append(_ahead(net, part, draw, g, _RATE))
            shifts.append(_shift(net, part, draw, g, rate))
        if step % _CURVED_EVERY == 0:
            top.append(_sharpness(net, X[:_CURVED], y[:_CURVED]))
        opt.step(g)
    unsteady, smooth = np.mean(ahead, axis=0)
    return losses, (float(unsteady), float(smooth), max(top), float(np.mean(shifts)))


Batch = tuple[NDArray[np.float64], NDArray[np.int64]]


def _ahead(
    net: MLP, batch: Batch, draw: Draw, g: NDArray[np.float64], rate: float
) -> tuple[float, float]:
    """Return how far the gradient moves along ``-g``, over its length and over the way's."""
    theta, length = net.theta.copy(), np.linalg.norm(g)
    moved = []
    for reach in _REACH:
        net.theta[:] = theta - reach * rate * g
        moved.append(float(np.linalg.norm(net.gradient(*batch, draw) - g) / length))
    net.theta[:] = theta
    return max(moved), max(m / (reach * rate) for m, reach in zip(moved, _REACH, strict=True))


def _shift(net: MLP, batch: Batch, draw: Draw, g: NDArray[np.float64], rate: float) -> float:
    """Return the mean over layers of ``|G' - G| / |G|``: the layers below have stepped in G'."""
    theta = net.theta.copy()
    layers = range(1, len(net.sizes))
    starts = [*(net.network.weight_offset(layer) for layer in layers), net.parameters]
    shifts = []
    for start, end in list(pairwise(starts))[1:]:
        net.theta[:start] = theta[:start] - rate * g[:start]
        moved = net.gradient(*batch, draw)[start:end] - g[start:end]
        shifts.append(np.linalg.norm(moved) / np.linalg.norm(g[start:end]))
        net.theta[:] = theta
    return float(np.mean(shifts))


def _sharpness(net: MLP, X: NDArray[np.float64], y: NDArray[np.int64]) -> float:
    # As it is trained: with the statistics of the samples, which move along with theta.
    H = curvature.NetworkCurvature(net, X, y, training=net.normalisation is not None)
    return float(eig.lanczos(H, low=0, high=1, tol=1e-2).eigenvalues[-1])
