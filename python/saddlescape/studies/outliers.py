"""As many large eigenvalues as classes, or one less."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saddlescape import _check
from saddlescape.studies.blobs import blobs, network, top, train
from saddlescape.studies.panel import Panel

__all__ = ["Outliers", "outliers"]

_CLASSES = (2, 3, 4, 5, 7, 10)
_STEPS = 200


@dataclass(frozen=True, eq=False)
class Outliers:
    """What `outliers` counted; a row for each number of classes, a column for each network.

    Attributes
    ----------
    classes : (R,) array
        Numbers of classes C.
    counts : (R, networks) array
        How many of the largest 2 C + 2 eigenvalues stand before the widest gap between two of
        them, the one with the largest ratio ``lambda_k / lambda_(k+1)``. For three classes
        the widest stands behind the sixth in about half of the networks.
    gaps : (R, networks) array
        That ratio.
    """

    classes: NDArray[np.int64]
    counts: NDArray[np.int64]
    gaps: NDArray[np.float64]

    @property
    def share(self) -> float:
        """The share of networks with C - 1 or C outliers."""
        fewer = self.classes[:, None] - self.counts
        return float(((fewer == 0) | (fewer == 1)).mean())

    def __str__(self) -> str:
        """Return a line for each number of classes."""
        lines = ["classes  outliers of each network (ratio at the gap)"]
        for classes, counts, gaps in zip(self.classes, self.counts, self.gaps, strict=True):
            row = "  ".join(f"{k} ({gap:.1f})" for k, gap in zip(counts, gaps, strict=True))
            lines.append(f"{classes:7d}  {row}")
        return "\n".join([*lines, f"C - 1 or C outliers: {self.share:.0%} of the networks"])

    def panels(self) -> tuple[Panel, ...]:
        """Return each network's count against the number of classes."""
        x = self.classes.astype(float)
        counts = {
            f"network {i}": (x, column.astype(float)) for i, column in enumerate(self.counts.T, 1)
        }
        return (Panel("large eigenvalues", "classes", "outliers", counts, dots=True),)


def outliers(networks: int = 5, seed: int = 0) -> Outliers:
    """Count the eigenvalues that stand apart from the bulk, for 2 to 10 classes.

    Most eigenvalues of a trained classifier's Hessian are near zero; a few stand out, and their
    number follows the data: about one for each class. 50-50-50-C ReLU networks on Gaussian classes
    with orthogonal means, after 200 steps of SGD; the largest eigenvalues by Lanczos.

    Parameters
    ----------
    networks : int
        For each number of classes, each with data and weights of its own.
    seed : int
        Of the first network; the others count on from it.

    Returns
    -------
    Outliers
        ``counts`` beside ``classes``.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type or out of its range.

    Examples
    --------
    >>> from saddlescape import studies
    >>> found = studies.outliers(networks=2)
    >>> found.share > 0.8
    True

    References
    ----------
    Sagun, Evci, Guney, Dauphin, Bottou (2017), "Empirical analysis of the Hessian of
    over-parametrized neural networks"; Gur-Ari, Roberts, Dyer (2018), "Gradient descent happens in
    a tiny subspace" (C outliers); Ghorbani, Krishnan, Xiao (2019), "An investigation into neural
    net optimization via Hessian eigenvalue density" (C - 1); Papyan (2019), ICML.
    """
    networks = _check.integer("networks", networks, low=1)
    seed = _check.integer("seed", seed, low=0)
    found = [[_count(classes, seed + i) for i in range(networks)] for classes in _CLASSES]
    return Outliers(
        classes=np.array(_CLASSES),
        counts=np.array([[count for count, _ in row] for row in found]),
        gaps=np.array([[gap for _, gap in row] for row in found]),
    )


def _count(classes: int, seed: int) -> tuple[int, float]:
    X, y = blobs(classes, seed)
    net = network(classes, seed)
    train(net, X, y, _STEPS, seed)
    values, _ = top(net, X, y, 2 * classes + 2, seed)
    ratios = values[:-1] / np.maximum(values[1:], np.finfo(float).tiny)
    widest = int(ratios.argmax())
    return widest + 1, float(ratios[widest])
