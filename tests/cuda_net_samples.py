"""A network here and on the device, and samples, for the tests of networks there."""

from __future__ import annotations

import numpy as np

import saddlescape as ss


def twins(loss="cross_entropy", dtype="float32", sizes=(4, 6, 5, 3), **options):
    """The same network here and there."""
    here = ss.MLP(sizes, "silu", loss, dtype=dtype, seed=3, **options)
    return here, here.to("cuda")


def samples(dtype="float32", N=41, classes=True, inputs=4, outputs=3):
    rng = np.random.default_rng(5)
    X = rng.standard_normal((N, inputs)).astype(dtype)
    y = rng.integers(0, outputs, N) if classes else rng.random((N, outputs)).astype(dtype)
    return X, y
