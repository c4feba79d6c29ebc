"""Gradient descent sharpens its own path until it can just stand on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saddlescape import _check, curvature, data, eig, optim
from saddlescape.net import MLP
from saddlescape.studies.panel import Panel

__all__ = ["EdgeOfStability", "edge_of_stability"]

_SAMPLES, _EVERY = 500, 100
_SHARES = (0.7, 0.8, 0.95)  # of the largest stable rate at the start


@dataclass(frozen=True, eq=False)
class EdgeOfStability:
    """What `edge_of_stability` measured; a row for each learning rate.

    Attributes
    ----------
    rates : (R,) array
        Learning rates eta.
    steps : (T,) array
        The steps at which the largest eigenvalue was computed.
    ratios : (R, T) array
        ``eta lambda_max / 2``: above 1 the quadratic model of the loss makes descent diverge.
    losses : (R, S + 1) array
        The loss before every step, and the last.
    """

    rates: NDArray[np.float64]
    steps: NDArray[np.int64]
    ratios: NDArray[np.float64]
    losses: NDArray[np.float64]

    @property
    def settled(self) -> NDArray[np.float64]:
        """The mean ratio of each rate over the second half of the run, (R,)."""
        return np.asarray(self.ratios[:, len(self.steps) // 2 :].mean(axis=1))

    @property
    def rising(self) -> NDArray[np.float64]:
        """The share of steps of the second half in which the loss went up, (R,)."""
        half = self.losses.shape[1] // 2
        return np.asarray((np.diff(self.losses[:, half:], axis=1) > 0).mean(axis=1))

    def __str__(self) -> str:
        """Return a line for each rate."""
        lines = ["    eta  eta lambda_max/2: start  settled at   loss: start     end  steps upward"]
        for i, rate in enumerate(self.rates):
            lines.append(
                f"{rate:7.3f} {self.ratios[i, 0]:24.3f} {self.settled[i]:11.3f} "
                f"{self.losses[i, 0]:13.4f} {self.losses[i, -1]:7.4f} {self.rising[i]:13.0%}"
            )
        return "\n".join(lines)

    def panels(self) -> tuple[Panel, ...]:
        """Return the ratio and the loss against the step."""
        names = [f"eta = {rate:.3f}" for rate in self.rates]
        steps = np.arange(self.losses.shape[1], dtype=np.float64)
        x = self.steps.astype(float)
        ratios = {name: (x, row) for name, row in zip(names, self.ratios, strict=True)}
        losses = {name: (steps, row) for name, row in zip(names, self.losses, strict=True)}
        title = "eta lambda_max / 2"
        return (
            Panel("the edge of stability", "step", title, ratios, levels={"edge": 1.0}),
            Panel("loss", "step", "loss", losses, log_y=True),
        )


def edge_of_stability(steps: int = 4000, seed: int = 0) -> EdgeOfStability:
    """Train with full-batch gradient descent and watch the largest eigenvalue.

    On a quadratic of curvature lambda a step ``-eta g`` converges only if ``eta lambda < 2``. A
    network is none: its largest eigenvalue rises to ``2 / eta`` and stays just above it, while the
    loss goes up in many single steps and down over all. A 64-32-32-10 tanh network with squared
    loss on 500 of the digits, at three learning rates.

    Parameters
    ----------
    steps : int
        Of each run, at least 100; the ratio has settled after about 1,500.
    seed : int
        Of the weights and of the choice of samples.

    Returns
    -------
    EdgeOfStability
        ``settled`` is the number to look at: 1.0 to 1.1.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type or out of its range.

    Examples
    --------
    >>> from saddlescape import studies
    >>> run = studies.edge_of_stability(steps=2000)
    >>> bool((run.settled > 0.97).all() and (run.settled < 1.1).all())
    True

    References
    ----------
    Cohen, Kaur, Li, Kolter, Talwalkar (2021), "Gradient descent on neural networks typically
    occurs at the edge of stability", ICLR.
    """
    steps = _check.integer("steps", steps, low=100)
    seed = _check.integer("seed", seed, low=0)
    digits = data.load_digits()
    chosen = np.random.default_rng(seed).permutation(len(digits.X))[:_SAMPLES]
    X = np.ascontiguousarray((digits.X / 16 - (digits.X / 16).mean(axis=0))[chosen])
    Y = np.eye(10)[digits.y[chosen]]
    start = MLP((64, 32, 32, 10), loss="mse", init="lecun", dtype="float64", seed=seed)
    rates = np.array(_SHARES) * 2 / _sharpness(start, X, Y)
    runs = [_descend(start.copy(), X, Y, rate, steps) for rate in rates]
    return EdgeOfStability(
        rates=rates,
        steps=np.arange(0, steps + 1, _EVERY),
        ratios=np.array([rate / 2 * sharp for rate, (sharp, _) in zip(rates, runs, strict=True)]),
        losses=np.array([losses for _, losses in runs]),
    )


def _descend(
    net: MLP, X: NDArray[np.float64], Y: NDArray[np.float64], rate: float, steps: int
) -> tuple[NDArray[np.float64], list[float]]:
    opt = optim.SGD(net.theta, lr=float(rate))
    sharp, losses = [], []
    for step in range(steps + 1):
        if step % _EVERY == 0:
            sharp.append(_sharpness(net, X, Y))
        loss, gradient = net.loss_and_gradient(X, Y)
        losses.append(loss)
        if step < steps:
            opt.step(gradient)
    return np.array(sharp), losses


def _sharpness(net: MLP, X: NDArray[np.float64], Y: NDArray[np.float64]) -> float:
    top = eig.lanczos(curvature.NetworkCurvature(net, X, Y), low=0, high=1, tol=1e-3)
    return float(top.eigenvalues[-1])
