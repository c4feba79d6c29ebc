"""A minimum ratio without a tolerance counts signs of rounding errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saddlescape import _check, critical, curvature, optim
from saddlescape.critical import CriticalPoint
from saddlescape.critical.hylee2021 import GRADIENT, Homework
from saddlescape.net import MLP
from saddlescape.studies.panel import Panel

__all__ = ["MinimumRatio", "minimum_ratio"]

_SAMPLES, _HIDDEN, _MOST_STEPS, _LOOK = 6, 128, 20_000, 100


@dataclass(frozen=True, eq=False)
class MinimumRatio:
    """What `minimum_ratio` found; an entry for each network.

    Attributes
    ----------
    points : tuple of CriticalPoint
        Each with its ``homework``: the verdict and the ratio of the course's criterion.
    """

    points: tuple[CriticalPoint, ...]

    @property
    def homework(self) -> tuple[Homework, ...]:
        """What the criterion says of each network."""
        return tuple(point.homework for point in self.points if point.homework is not None)

    def __str__(self) -> str:
        """Return a line for each network."""
        lines = [
            "         the homework's criterion           the same, certified  whole Hessian",
            "network  |g|      ratio  verdict            ratio  n+ of 128     n+ / n- / n?",
        ]
        for i, (point, said) in enumerate(zip(self.points, self.homework, strict=True)):
            counts = point.inertia
            sure = ", ".join(str(each.positive) for each in said.certified)
            ratio = np.mean([each.positive / each.n for each in said.certified])
            lines.append(
                f"{i:7d}  {said.gradient_norm:.1e}  {said.minimum_ratio:.3f}  {said.verdict:17s}  "
                f"{ratio:.3f}  {sure:12s}  "
                f"{counts.positive} / {counts.negative} / {counts.undetermined}"
            )
        return "\n".join(lines)

    def panels(self) -> tuple[Panel, ...]:
        """Return the share of eigenvalues that count as positive, by either count."""
        said = [each.minimum_ratio for each in self.homework]
        sure = [np.mean([m.positive / m.n for m in each.certified]) for each in self.homework]
        x = np.arange(1.0, len(said) + 1)
        lines = {"signs as computed": (x, np.array(said)), "certified": (x, np.array(sure))}
        return (Panel("minimum ratio", "network", "share positive", lines, dots=True),)


def minimum_ratio(networks: int = 10, seed: int = 0) -> MinimumRatio:
    """Judge trained networks by a course's minimum ratio and by certified signs.

    A homework of 2021 calls a point with a small gradient "local minima like" where more than half
    of the eigenvalues are positive, "saddle point" elsewhere. Its matrices are of Gauss-Newton
    type, which have no negative eigenvalue, and of 128 at most 6 that are not zero, one for each
    sample; the sign of a computed zero is rounding, and the ratio comes out anywhere. The setting
    is the homework's: a 1-128-1 ReLU network fitted to ``sin(5 pi x) / (5 pi x)`` at 6 points (our
    own: its file of data is not free), by Adam until its gradient counts as zero there.

    Parameters
    ----------
    networks : int
        Each with points and weights of its own.
    seed : int
        Of the first network; the others count on from it.

    Returns
    -------
    MinimumRatio
        ``points``; ``homework`` is the criterion's part of each.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type or out of its range.

    Examples
    --------
    >>> from saddlescape import studies
    >>> found = studies.minimum_ratio(networks=1)
    >>> certified = max(each.positive for each in found.homework[0].certified)
    >>> found.homework[0].minimum_ratio > 0.1, certified <= 6
    (True, True)

    References
    ----------
    Lee, H. (2021), "Machine Learning", National Taiwan University, homework 2-2, "Hessian Matrix".
    """
    networks = _check.integer("networks", networks, low=1)
    seed = _check.integer("seed", seed, low=0)
    return MinimumRatio(tuple(_judge(seed + i) for i in range(networks)))


def _judge(seed: int) -> CriticalPoint:
    x = np.random.default_rng(seed).uniform(0.0, 1.0, (_SAMPLES, 1))
    y = np.sinc(5 * x)
    net = MLP((1, _HIDDEN, 1), activation="relu", loss="mse", dtype="float64", seed=seed)
    opt = optim.Adam(net.theta, lr=1e-3)
    for step in range(_MOST_STEPS):
        gradient = net.gradient(x, y)
        if step % _LOOK == 0 and _mean_norm(gradient) < GRADIENT / 2:
            break
        opt.step(gradient)
    return critical.classify(curvature.NetworkCurvature(net, x, y), preset="hylee2021", seed=seed)


def _mean_norm(gradient: NDArray[np.float64]) -> float:
    """Of the two weight matrices, biases left out, as the homework has it."""
    first, last = gradient[:_HIDDEN], gradient[2 * _HIDDEN : 3 * _HIDDEN]
    return float(np.linalg.norm(first) + np.linalg.norm(last)) / 2
