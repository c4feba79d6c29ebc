"""What a person sees first: a small network learns the digits."""

from __future__ import annotations

import numpy as np

import saddlescape as ss

EPOCHS, HELD = 30, 360


def test_the_median_of_ten_seeds_reaches_97_percent():
    digits = ss.data.load_digits()
    X, y = (digits.X / 16).astype(np.float32), digits.y
    accuracies = []
    for seed in range(10):
        order = np.random.default_rng(seed).permutation(len(X))
        held, seen = order[:HELD], order[HELD:]
        net = ss.MLP((64, 64, 10), "relu", seed=seed)
        ss.train(net, X[seen], y[seen], epochs=EPOCHS, lr=3e-3, seed=seed)
        accuracies.append(ss.metrics.accuracy(net, X[held], y[held]))
    assert np.median(accuracies) >= 0.97
