"""Data for the tests of scikit-learn's estimators."""

from __future__ import annotations

import numpy as np

from saddlescape.sklearn import MLPClassifier, MLPRegressor

N = 60
RNG = np.random.default_rng(0)
X60 = RNG.standard_normal((N, 4))
TARGETS = {
    "binary": RNG.integers(0, 2, N),
    "multi": RNG.integers(0, 3, N),
    "labels": RNG.integers(0, 2, (N, 3)),
    "one": X60[:, 0] ** 2 + X60[:, 1],
    "two": np.c_[X60[:, 0] ** 2, X60[:, 1] * X60[:, 2]],
}
CLASSES = ("binary", "multi", "labels")


def model(kind, **arguments):
    """An estimator for a kind of targets, small and quick."""
    given = {"hidden_layer_sizes": (5, 4), "random_state": 3, "max_iter": 5, **arguments}
    return (MLPClassifier if kind in CLASSES else MLPRegressor)(**given)
