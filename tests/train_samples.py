"""Data and a network for the tests of training."""

from __future__ import annotations

import numpy as np

import saddlescape as ss

N = 20
F64 = np.float64


def make_data(n=N, dtype=F64):
    rng = np.random.default_rng(7)
    return rng.standard_normal((n, 3)).astype(dtype), rng.integers(0, 2, n)


def make_net(dtype="float64", seed=1):
    return ss.MLP((3, 5, 2), dtype=dtype, seed=seed)
