"""What tests of the lectures' rows share: the bundled sets as arrays, and each study run once."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape import data, studies

F64 = np.float64


@cache
def study(name: str, **arguments: Any) -> Any:
    return getattr(studies, name)(**arguments)


def line() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The N = 20 samples of a noisy line."""
    table = data.twenty()
    return table.features[0].values[:, None].copy(), table.target.values.copy()


def week() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Views of a day and of the seven before it, standardised."""
    table = data.views(7)
    X = np.stack([column.values for column in table.features], axis=1)
    y = table.target.values
    return (X - X.mean(axis=0)) / X.std(axis=0), (y - y.mean()) / y.std()


@cache
def digits() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """All 1,797, centred, from -1 to 1, in an order that mixes the writers."""
    table = data.load_digits()
    order = np.random.default_rng(0).permutation(len(table.X))
    return (table.X / 16 - (table.X / 16).mean(axis=0))[order], table.y[order]


def split_digits(
    trained: int, seed: int, wrong: float = 0.0
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """X, y to train on, with a share of labels drawn anew, and the rest to test on."""
    X, y = digits()
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(X))
    a, b = order[:trained], order[trained:]
    given = y[a].copy()
    spoilt = rng.random(trained) < wrong
    given[spoilt] = rng.integers(0, 10, np.count_nonzero(spoilt))
    return X[a], given, X[b], y[b]
