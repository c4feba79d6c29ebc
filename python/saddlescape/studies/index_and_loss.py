"""The higher a critical point lies, the more ways lead down from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saddlescape import _check, critical, curvature, data, optim
from saddlescape.critical import FindOutcome, Found
from saddlescape.net import MLP
from saddlescape.studies.panel import Panel

__all__ = ["IndexAndLoss", "index_and_loss"]

_SIZES, _SAMPLES = (16, 5, 10), 500
_DECAY, _RATE = 3e-3, 2.0
_FURTHEST = 200  # steps of descent before a search begins
_BANDS = 4


@dataclass(frozen=True, eq=False)
class IndexAndLoss:
    """What `index_and_loss` found; an entry for each critical point, by rising loss.

    Attributes
    ----------
    losses : (K,) array
        With weight decay.
    low, high : (K,) arrays
        Bounds of the index, the share of negative eigenvalues: the certified negative ones, and
        those with the undetermined.
    flat, unfinished : int
        Searches that ended where the gradient is not zero but ``H g`` is, and those that came to
        an end elsewhere.
    minimum : float
        The loss that saddle-free Newton, which leaves saddles, comes down to.
    minimum_negative : int
        Certified negative eigenvalues there.
    """

    losses: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    flat: int
    unfinished: int
    minimum: float
    minimum_negative: int

    @property
    def rank_correlation(self) -> float:
        """Spearman's, between loss and certified index; NaN for fewer than three points."""
        if len(self.losses) < 3:
            return float("nan")
        return float(np.corrcoef(_ranks(self.losses), _ranks(self.low))[0, 1])

    def __str__(self) -> str:
        """Return a line for each quarter of the critical points, and what else was found."""
        lines = ["         loss      index (share of negative eigenvalues, certified)"]
        for part in np.array_split(np.arange(len(self.losses)), _BANDS):
            if len(part):
                ends = f"{self.losses[part[0]]:.4f} to {self.losses[part[-1]]:.4f}"
                share = f"{self.low[part].mean():.3f} on average of {len(part)}"
                lines.append(f"{ends}  {share}")
        return "\n".join(
            [
                *lines,
                f"rank correlation of loss and index: {self.rank_correlation:.2f} over "
                f"{len(self.losses)} critical points",
                f"searches that ended gradient-flat, not critical: {self.flat}; unfinished: "
                f"{self.unfinished}",
                f"saddle-free Newton, which leaves saddles: loss {self.minimum:.4f}, "
                f"{self.minimum_negative} negative eigenvalues",
            ]
        )

    def panels(self) -> tuple[Panel, ...]:
        """Return the index of every critical point against its loss."""
        points = {
            "with the undetermined": (self.losses, self.high),
            "certified": (self.losses, self.low),
        }
        title = "share of negative eigenvalues"
        marks = {"minimum": self.minimum}
        return (Panel("critical points", "loss", title, points, marks=marks, dots=True),)


def index_and_loss(searches: int = 60, seed: int = 0) -> IndexAndLoss:
    """Find critical points of a network on the digits and compare their height and their index.

    A 16-5-10 tanh network (145 parameters) on 500 digits of 4 x 4 pixels, squared loss, weight
    decay 0.003. Each search starts at another network, after 0 to 200 steps of descent, and
    minimises the gradient's norm, so that it stops at saddles too; only points that `classify`
    calls critical count, with certified signs. Without weight decay hardly any search arrives:
    valleys go on to infinity.

    Disagreement with the paper: its points come from Newton's method on the loss, for which
    saddles attract, and its threshold of the gradient is not given. Most searches end
    gradient-flat, which such a threshold would have counted; that is [2]_.

    Parameters
    ----------
    searches : int
        About a third of them end at a critical point.
    seed : int
        Of the first network and of the samples.

    Returns
    -------
    IndexAndLoss
        ``low`` over ``losses``, and their ``rank_correlation``.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type or out of its range.

    Examples
    --------
    >>> from saddlescape import studies
    >>> found = studies.index_and_loss(searches=20)
    >>> found.rank_correlation > 0.5
    True

    References
    ----------
    .. [1] Dauphin, Pascanu, Gulcehre, Cho, Ganguli, Bengio (2014), "Identifying and attacking the
       saddle point problem in high-dimensional non-convex optimization", section 4, figure 1.
    .. [2] Frye, Simon, Wadia, Ligeralde, DeWeese, Bouchard (2021), "Critical point-finding methods
       reveal gradient-flat regions of deep network losses", Neural Computation 33(6).
    """
    searches = _check.integer("searches", searches, low=1)
    seed = _check.integer("seed", seed, low=0)
    X, Y = _digits(seed)
    found = [_search(X, Y, seed + i, "gradient_norm") for i in range(searches)]
    outcomes = [each.outcome for each in found]
    points = sorted((each for each in found if each.outcome is FindOutcome.CRITICAL), key=_loss)
    counts = [each.point.inertia for each in points]
    lowest = _search(X, Y, seed, "saddle_free_newton")
    return IndexAndLoss(
        losses=np.array([_loss(each) for each in points]),
        low=np.array([each.negative / each.n for each in counts]),
        high=np.array([(each.n - each.positive) / each.n for each in counts]),
        flat=outcomes.count(FindOutcome.GRADIENT_FLAT),
        unfinished=len(outcomes) - len(points) - outcomes.count(FindOutcome.GRADIENT_FLAT),
        minimum=_loss(lowest),
        minimum_negative=lowest.point.inertia.negative,
    )


def _digits(seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    digits = data.load_digits()
    pooled = digits.X.reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4)).reshape(-1, 16)
    pooled = (pooled - pooled.mean(axis=0)) / pooled.std()
    chosen = np.random.default_rng(seed).permutation(len(pooled))[:_SAMPLES]
    return np.ascontiguousarray(pooled[chosen]), np.eye(10)[digits.y[chosen]]


def _search(X: NDArray[np.float64], Y: NDArray[np.float64], seed: int, method: str) -> Found:
    net = MLP(_SIZES, loss="mse", dtype="float64", seed=seed)
    opt = optim.SGD(net.theta, lr=_RATE, weight_decay=_DECAY)
    for _ in range(int(np.random.default_rng(seed).integers(0, _FURTHEST))):
        opt.step(net.gradient(X, Y))
    return critical.find(_with_decay(net, X, Y), method=method, max_steps=300)


def _with_decay(
    net: MLP, X: NDArray[np.float64], Y: NDArray[np.float64]
) -> curvature.FunctionCurvature:
    """``L(theta) + decay |theta|^2 / 2``, the loss that SGD with this weight decay descends."""

    def at(theta: NDArray[np.float64]) -> MLP:
        net.theta = theta
        return net

    def ridge(theta: NDArray[np.float64]) -> float:
        return 0.5 * _DECAY * float(theta @ theta)

    return curvature.from_functions(
        lambda theta: at(theta).loss(X, Y) + ridge(theta),
        lambda theta: at(theta).gradient(X, Y) + _DECAY * theta,
        lambda theta: at(theta).hessian(X, Y) + _DECAY * np.eye(net.parameters),
        net.theta.copy(),
        lower_bound=0.0,
    )


def _loss(found: Found) -> float:
    return float("nan") if found.loss is None else found.loss


def _ranks(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 0, equal ones sharing their mean."""
    return np.array([((x < each).sum() + (x <= each).sum() - 1) / 2 for each in x])
