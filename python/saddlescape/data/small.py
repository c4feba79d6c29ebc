"""The small sets that lectures on optimization work with: each shows one thing.

Of the table with a ravine and the one sample the numbers are the lectures' own. Those of the twenty
samples and of the daily views are made here (the lectures show what comes of theirs, not the data);
they are the same on every machine: sums of a generator's bits and a few cosines, rounded.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from saddlescape import _check
from saddlescape.data.columns import Numbers, Table
from saddlescape.data.errors import DataError

__all__ = ["SMALL", "one_sample", "ravine", "small", "twenty", "views"]

_DAYS = 1461  # 2017-01-01 to 2020-12-31, a leap year among them
_WINDOWS = (1, 7, 28, 56)
_MOST_DAYS = 365


def ravine() -> Table:
    """Return three rows whose features are large and nearly equal: a ravine for gradient descent.

    The features' second moments, X^T X / 3, have the condition number 8.8e5; centred, 2.5. Values
    near 1,000 make both weights move together, and only their difference says anything of t.

    Examples
    --------
    >>> table = ravine()
    >>> [column.values.tolist() for column in (*table.features, table.target)]
    [[1003.2, 1001.1, 998.3], [1005.1, 1008.2, 1003.4], [3.3, 4.8, 2.9]]

    References
    ----------
    R. Grosse, CSC421 "Neural Networks and Deep Learning", University of Toronto, lecture on
    optimization: ill-conditioned curvature.
    """
    rows = np.array([[1003.2, 1005.1, 3.3], [1001.1, 1008.2, 4.8], [998.3, 1003.4, 2.9]])
    return _amounts("ravine", ("x1", "x2"), rows[:, :2], "t", rows[:, 2])


def one_sample() -> Table:
    """Return x = 1, y = 1, all data of the network f = w2 w1 x, whose origin is a saddle.

    Examples
    --------
    >>> table = one_sample()
    >>> len(table), table.features[0].values.tolist(), table.target.values.tolist()
    (1, [1.0], [1.0])

    References
    ----------
    H. Lee, "Machine Learning" (2021), National Taiwan University, lecture "When gradient is small".
    """
    return _amounts("one-sample", ("x",), np.ones((1, 1)), "y", np.ones(1))


def twenty() -> Table:
    """Return N = 20 samples of a noisy line, for counting updates: 1 an epoch, or 20.

    y = 0.5 + 2 x + e with x from -0.95 to 0.95 in equal steps and e of standard deviation 0.3.

    Examples
    --------
    >>> table = twenty()
    >>> len(table), table.features[0].values[:3].tolist()
    (20, [-0.95, -0.85, -0.75])
    """
    x = (np.arange(20) * 2 - 19) / 20
    y = np.round(0.5 + 2 * x + 0.3 * _normals(20, seed=20), 3)
    return _amounts("twenty", ("x",), x[:, None], "y", y)


def views(days: int = 7) -> Table:
    """Return the views of a channel on a day, to be predicted from those of the days before it.

    A made-up stand-in for the lecture's series: thousands of views on each of the 1,461 days from
    2017 to 2020, with a weekly cycle, slow swings, and noise that lasts for some days. What it has
    in common with the lecture's: one day before alone predicts badly, a week before much better,
    and eight weeks hardly better than four.

    Parameters
    ----------
    days : int
        How many days are looked back on, 1 to 365: feature ``x_j`` is the views j days before.

    Returns
    -------
    Table
        ``1461 - days`` samples, the oldest first.

    Examples
    --------
    >>> table = views(days=7)
    >>> len(table), [column.name for column in table.features][:2], table.target.name
    (1454, ['x_1', 'x_2'], 'views')

    References
    ----------
    H. Lee, "Machine Learning" (2021), National Taiwan University, lecture 1: models that look back
    on 1, 7, 28 and 56 days.
    """
    days = _check.integer("days", days, low=1)
    if days > _MOST_DAYS:
        raise ValueError(f"days: {days}, expected 1 to {_MOST_DAYS}")
    day = np.arange(_DAYS)
    week = np.array([0.8, 0.5, 0.2, 0.05, -0.35, -1.0, -0.2])[day % 7]
    swings = 0.8 * np.cos(2 * np.pi * day / 365.25 + 0.4) + 0.5 * np.cos(2 * np.pi * day / 91)
    level = np.zeros(_DAYS)
    shocks = 0.35 * _normals(_DAYS, seed=2017)
    for i in range(1, _DAYS):
        level[i] = 0.8 * level[i - 1] + shocks[i]
    series = np.round(np.maximum(5 + swings + week * (1 + 0.1 * swings) + level, 0.3), 2)
    X = np.stack([series[days - j : _DAYS - j] for j in range(1, days + 1)], axis=1)
    names = tuple(f"x_{j}" for j in range(1, days + 1))
    return _amounts(f"views-{days}", names, X, "views", series[days:])


SMALL: dict[str, Callable[[], Table]] = {
    "ravine": ravine,
    "one-sample": one_sample,
    "twenty": twenty,
    **{f"views-{days}": partial(views, days) for days in _WINDOWS},
}


def small(name: str) -> Table:
    """Return the small set of that name.

    Examples
    --------
    >>> print(small("views-28").name)
    views-28
    """
    if name not in SMALL:
        raise DataError(f"{name}: no small set, expected one of {', '.join(SMALL)}")
    return SMALL[name]()


def _amounts(
    name: str,
    names: tuple[str, ...],
    X: NDArray[np.float64],
    target: str,
    y: NDArray[np.float64],
) -> Table:
    features = tuple(Numbers(n, x.copy()) for n, x in zip(names, X.T, strict=True))
    return Table(name, features, Numbers(target, y.copy()), "regression")


def _normals(count: int, seed: int) -> NDArray[np.float64]:
    """Sums of twelve uniforms less 6: the same numbers whatever NumPy's `normal` becomes."""
    bits = np.random.PCG64(seed).random_raw(12 * count) >> np.uint64(11)
    uniforms = bits.astype(np.float64).reshape(count, 12) * 2.0**-53
    total: NDArray[np.float64] = uniforms.sum(axis=1) - 6
    return total
