"""Too small, too large, much too large: what the learning rate does, and where the borders are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saddlescape import _check, data, eig, optim
from saddlescape.net import MLP
from saddlescape.studies.panel import Panel
from saddlescape.studies.small import numbers
from saddlescape.train import train

__all__ = ["LearningRate", "learning_rate"]

_SHARES = (0.01, 0.1, 0.45, 0.9, 0.98, 1.02, 1.2)  # of 2 / lambda_max
_STEPS = 100
_BATCH, _NOISY_SHARES, _NOISY_STEPS = 8, (0.0025, 0.005, 0.01, 0.02, 0.04), 12_000
_DIPS, _DEPTH, _WIDTH = (1.9, 3.9), 0.15, 0.3  # false minima of the function of one variable
_START, _RATES, _WALK = 5.0, (0.05, 3.0, 21.0), 300


@dataclass(frozen=True, eq=False)
class LearningRate:
    """What `learning_rate` measured.

    Attributes
    ----------
    limit, found : float
        ``2 / lambda_max``, and where descent begins to diverge, by trying.
    shares : (R,) array
        Rates, as shares of the limit.
    losses : (R, S + 1) array
        The loss less the least one, before every step and at the end.
    turns : (R,) array
        The share of steps that are turned round, ``<g_t, g_t+1> < 0``.
    noisy_rates, noisy_losses : (Q,) arrays
        Rates of descent by batches of 8, and the loss less the least one that it stays at.
    walk_rates : (3,) array
        Rates on a function of one variable with false minima.
    walks : (3, W + 1) array
        Where descent is on it.
    """

    limit: float
    found: float
    shares: NDArray[np.float64]
    losses: NDArray[np.float64]
    turns: NDArray[np.float64]
    noisy_rates: NDArray[np.float64]
    noisy_losses: NDArray[np.float64]
    walk_rates: NDArray[np.float64]
    walks: NDArray[np.float64]

    @property
    def verdicts(self) -> tuple[str, ...]:
        """Of every rate: slow (a tenth of the loss is left), converges, oscillates, diverges."""
        said = []
        for losses, turns in zip(self.losses, self.turns, strict=True):
            if losses[-1] > losses[0]:
                said.append("diverges")
            elif turns > 0.5:
                said.append("oscillates")
            else:
                said.append("slow" if losses[-1] > 0.1 * losses[0] else "converges")
        return tuple(said)

    @property
    def slope(self) -> float:
        """Of ``log(noisy_losses)`` over ``log(noisy_rates)``."""
        return float(np.polyfit(np.log(self.noisy_rates), np.log(self.noisy_losses), 1)[0])

    def __str__(self) -> str:
        """Return the three parts."""
        lines = [f"full batch, convex; 2 / lambda_max = {self.limit:.4f}, diverges from "
                 f"{self.found:.4f} on"]  # fmt: skip
        lines.append(f"eta lambda_max / 2   loss left after {_STEPS} steps   turned round")
        for share, losses, turns, verdict in zip(
            self.shares, self.losses, self.turns, self.verdicts, strict=True
        ):
            left = losses[-1] / losses[0]
            lines.append(f"{share:18.2f} {left:24.2e} {turns:15.0%}   {verdict}")
        lines += ["", f"batches of {_BATCH}: the rate    stays above the least loss by"]
        for rate, loss in zip(self.noisy_rates, self.noisy_losses, strict=True):
            lines.append(f"{rate:22.5f} {loss:24.5f}")
        lines += [f"slope of the logarithms: {self.slope:.2f}", ""]
        lines.append(f"one variable, false minima near {_DIPS[0]} and {_DIPS[1]}, from {_START:g}:")
        for rate, walk in zip(self.walk_rates, self.walks, strict=True):
            lines.append(f"rate {rate:5.2f}: ends at {walk[-1]:.3g}")
        return "\n".join(lines)

    def panels(self) -> tuple[Panel, ...]:
        """Return the losses by rate, the noise by rate, and the walks."""
        steps = np.arange(_STEPS + 1.0)
        curves = {
            f"{share:g}: {verdict}": (steps, np.where(losses < 1e4, losses, np.nan))
            for share, losses, verdict in zip(self.shares, self.losses, self.verdicts, strict=True)
            if share in (0.01, 0.45, 0.98, 1.02, 1.2)
        }
        noise = {"mean of the second half": (self.noisy_rates, self.noisy_losses)}
        x = np.linspace(-6, 6, 601)
        ground = {"the function": (x, _valley(x)[0])}
        for rate, walk in zip(self.walk_rates, self.walks, strict=True):
            inside = walk[np.abs(walk) <= 6]
            ground[f"rate {rate:g}"] = (inside[:40], _valley(inside[:40])[0])
        return (
            Panel("by share of 2 / lambda_max", "step", "loss less the least", curves, log_y=True),
            Panel(
                f"batches of {_BATCH}", "learning rate", "loss less the least", noise, True, True
            ),
            Panel("false minima", "theta", "loss", ground),
        )


def learning_rate(seed: int = 0) -> LearningRate:
    """Look for the borders between slow, oscillating and diverging descent.

    Linear regression on the week before, by full batches: below ``1 / lambda_max`` no direction
    overshoots, up to ``2 / lambda_max`` the steepest one swings to and fro but shrinks, above it
    grows. By batches of 8 the loss stays above the least one, in proportion to the rate. On a
    function of one variable a small rate is caught by a false minimum, a larger one passes it.

    Parameters
    ----------
    seed : int
        Of the batches.

    Returns
    -------
    LearningRate
        ``verdicts`` by ``shares``, ``found`` beside ``limit``, and ``slope``.

    Raises
    ------
    TypeError, ValueError
        If `seed` is not an integer of at least 0.

    Examples
    --------
    >>> from saddlescape import studies
    >>> seen = studies.learning_rate()
    >>> abs(seen.found / seen.limit - 1) < 0.01
    True

    References
    ----------
    R. Grosse, CSC421 "Neural Networks and Deep Learning", University of Toronto, lecture on
    optimization: learning rate.
    """
    seed = _check.integer("seed", seed, low=0)
    X, y, least = _problem()
    H = _network().hessian(X, y)
    limit = 2 / float(eig.eigvalsh(H)[-1])
    runs = [_descend(X, y, share * limit, _STEPS) for share in _SHARES]
    return LearningRate(
        limit=limit,
        found=_border(X, y, limit),
        shares=np.array(_SHARES),
        losses=np.array([losses - least for losses, _ in runs]),
        turns=np.array([turns for _, turns in runs]),
        noisy_rates=limit * np.array(_NOISY_SHARES),
        noisy_losses=np.array([_noise(X, y, limit * s, seed) - least for s in _NOISY_SHARES]),
        walk_rates=np.array(_RATES),
        walks=np.array([_walk(rate) for rate in _RATES]),
    )


def _problem() -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Return the views of the week before and of the day, standardised, and the least loss."""
    X, y = numbers(data.views(7))
    X, y = (X - X.mean(axis=0)) / X.std(axis=0), (y - y.mean()) / y.std()
    best, *_ = np.linalg.lstsq(X, y, rcond=None)
    return X, y, float(((X @ best - y) ** 2).mean())


def _network() -> MLP:
    return MLP((7, 1), loss="mse", init="zeros", dtype="float64")


def _descend(
    X: NDArray[np.float64], y: NDArray[np.float64], rate: float, steps: int
) -> tuple[NDArray[np.float64], float]:
    net = _network()
    history = train(net, X, y, optimizer="sgd", lr=rate, batch_size="full", epochs=steps).history
    turned = float((history["gradient_cosine"][1:] < 0).mean())
    return np.append(history.loss, net.loss(X, y)), turned


def _border(X: NDArray[np.float64], y: NDArray[np.float64], limit: float) -> float:
    """Return the smallest rate whose loss is growing after 2,000 steps, by bisection to 0.1%."""
    low, high = 0.5 * limit, 2 * limit
    while high - low > 1e-3 * limit:
        middle = (low + high) / 2
        losses, _ = _descend(X, y, middle, 2000)
        grows = not np.isfinite(losses[-1]) or len(losses) < 2001 or losses[-1] > losses[-2]
        low, high = (low, middle) if grows else (middle, high)
    return high


def _noise(X: NDArray[np.float64], y: NDArray[np.float64], rate: float, seed: int) -> float:
    """Return the mean loss over all samples in the second half, batches drawn independently."""
    net, generator, losses = _network(), np.random.default_rng(seed), []
    net.theta[:7], *_ = np.linalg.lstsq(X, y, rcond=None)  # there is no way to go but out
    opt = optim.SGD(net.theta, lr=rate)
    for step in range(_NOISY_STEPS):
        batch = generator.integers(0, len(X), _BATCH)
        opt.step(net.gradient(X[batch], y[batch]))
        if step >= _NOISY_STEPS // 2 and step % 10 == 0:
            losses.append(net.loss(X, y))
    return float(np.mean(losses))


def _valley(x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return ``x^2 / 20 - depth sum exp(-(x - dip)^2 / width^2)`` and its derivative."""
    value, slope = x**2 / 20, x / 10
    for dip in _DIPS:
        dent = _DEPTH * np.exp(-(((x - dip) / _WIDTH) ** 2))
        value, slope = value - dent, slope + 2 * (x - dip) / _WIDTH**2 * dent
    return value, slope


def _walk(rate: float) -> NDArray[np.float64]:
    theta = np.array([_START])
    opt, walk = optim.SGD(theta, lr=rate), [_START]
    for _ in range(_WALK):
        opt.step(_valley(theta)[1])
        walk.append(float(theta[0]))
    return np.array(walk)
