"""The gradient lies where the curvature is: in the space of a few eigenvectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saddlescape import _check
from saddlescape.studies.blobs import blobs, network, top, train
from saddlescape.studies.panel import Panel

__all__ = ["GradientSubspace", "gradient_subspace"]

_STEPS = 300
_LOOK_AT = (0, 1, 2, 5, 10, 20, 50, 100, 200, 299)


@dataclass(frozen=True, eq=False)
class GradientSubspace:
    """What `gradient_subspace` measured; a row for each network.

    Attributes
    ----------
    classes, parameters : int
        C, the dimension of the subspace, and P, that of the whole space.
    steps : (T,) array
        After so many steps it was measured.
    fractions : (networks, T) array
        ``|V^T g|^2 / |g|^2``: g the gradient over all samples, V (P, C) the eigenvectors of the C
        largest eigenvalues.
    """

    classes: int
    parameters: int
    steps: NDArray[np.int64]
    fractions: NDArray[np.float64]

    def __str__(self) -> str:
        """Return a line for each step."""
        low, middle, high = np.quantile(self.fractions, [0, 0.5, 1], axis=0)
        title = f"share of |g|^2 in {self.classes} of {self.parameters:,} dimensions"
        lines = [f"  step  {title}: median (range)"]
        for i, step in enumerate(self.steps):
            lines.append(f"{step:6d}  {middle[i]:.3f} ({low[i]:.3f} to {high[i]:.3f})")
        return "\n".join(lines)

    def panels(self) -> tuple[Panel, ...]:
        """Return each network's share against the step."""
        x = self.steps.astype(float)
        lines = {f"network {i}": (x, row) for i, row in enumerate(self.fractions, 1)}
        title = f"in {self.classes} of {self.parameters:,} dimensions"
        return (Panel(title, "step", "share of |g|²", lines),)


def gradient_subspace(classes: int = 5, networks: int = 5, seed: int = 0) -> GradientSubspace:
    """Measure how much of the gradient lies in the top eigenvectors while SGD runs.

    As many eigenvectors as there are classes hold nearly all of the gradient a few steps after the
    start, and go on holding it. 50-50-50-C ReLU networks on Gaussian classes.

    Parameters
    ----------
    classes : int
        C, from 2 to 20.
    networks : int
        Each with data and weights of its own.
    seed : int
        Of the first network; the others count on from it.

    Returns
    -------
    GradientSubspace
        ``fractions`` over ``steps``.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type or out of its range.

    Examples
    --------
    >>> from saddlescape import studies
    >>> run = studies.gradient_subspace(networks=1)
    >>> bool(run.fractions[0, -1] > 0.9 > run.fractions[0, 0])
    True

    References
    ----------
    Gur-Ari, Roberts, Dyer (2018), "Gradient descent happens in a tiny subspace", section 2.
    """
    classes = _check.integer("classes", classes, low=2)
    if classes > 20:
        raise ValueError(f"classes: {classes}, expected 2 to 20")
    networks = _check.integer("networks", networks, low=1)
    seed = _check.integer("seed", seed, low=0)
    rows = [_fractions(classes, seed + i) for i in range(networks)]
    return GradientSubspace(
        classes, network(classes, seed).parameters, np.array(_LOOK_AT), np.array(rows)
    )


def _fractions(classes: int, seed: int) -> list[float]:
    X, y = blobs(classes, seed)
    net = network(classes, seed)
    shares: list[float] = []

    def look(step: int) -> None:
        if step in _LOOK_AT:
            g = net.gradient(X, y)
            _, V = top(net, X, y, classes, seed)
            shares.append(float(((V.T @ g) ** 2).sum() / (g @ g)))

    train(net, X, y, _STEPS, seed, before=look)
    return shares
