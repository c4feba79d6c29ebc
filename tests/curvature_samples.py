"""What the operators of every framework have to show."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import saddlescape as ss
from saddlescape import critical, eig
from saddlescape.critical import Kind
from saddlescape.curvature import Curvature


def network(
    activation: str, loss: str, dtype: str, sizes: tuple[int, ...], seed: int
) -> tuple[ss.MLP, Any, Any]:
    """Our network, with biases other than zero, and nine samples for it."""
    rng = np.random.default_rng(seed)
    net = ss.MLP(sizes, activation, loss, dtype=dtype, seed=seed)
    net.theta = net.theta + 0.1 * rng.standard_normal(net.parameters).astype(dtype)
    X, Y = rng.standard_normal((9, 3)).astype(dtype), rng.dirichlet(np.ones(2), 9).astype(dtype)
    return net, X, Y


def to_its_minimum(net: ss.MLP, X: Any, Y: Any) -> None:
    """Move a network of one layer to the least squares of its samples."""
    fit = np.linalg.lstsq(np.c_[X, np.ones(len(X))].astype(float), Y.astype(float), rcond=None)[0]
    net.theta = np.r_[fit[:-1].T.ravel(), fit[-1]].astype(net.theta.dtype)


def agrees(theirs: Any, ours: Curvature, kinked: bool) -> None:
    """Assert that an operator is our network's: loss, gradient, products, the matrix."""
    assert isinstance(theirs, Curvature)
    assert theirs.differences is None
    assert np.array_equal(theirs.theta, ours.theta)
    assert theirs.loss() == pytest.approx(ours.loss(), rel=1e-13)
    n = ours.shape[0]
    size = max(float(np.linalg.norm(ours.dense())), 1e-300)
    gradient = ours.gradient()
    largest = max(1.0, float(np.abs(gradient).max()))
    assert np.abs(theirs.gradient() - gradient).max() <= 1e-13 * largest
    V = np.random.default_rng(1).standard_normal((n, 3))
    assert np.linalg.norm(theirs @ V - ours @ V) <= 1e-12 * size * np.linalg.norm(V)
    assert np.linalg.norm(theirs @ V[:, 0] - ours @ V[:, 0]) <= 1e-12 * size * np.linalg.norm(V)
    assert (theirs @ V[:, :0]).shape == (n, 0)
    A = theirs.dense()
    assert np.array_equal(A, A.T)
    assert np.linalg.norm(A - ours.dense()) <= 1e-12 * size
    assert bool(theirs.silent) is kinked


def same_verdicts(theirs: Curvature, ours: Curvature, kind: Kind, accuracy: float) -> None:
    """Assert that an operator's point is judged as our network's is, and the ends of its H."""
    for method in ("dense", "lanczos"):
        points = [critical.classify(H, method=method) for H in (ours, theirs)]
        assert points[0].kind == points[1].kind
        if method == "dense":  # Lanczos sees the ends only, and never says "minimum"
            assert points[0].kind == kind
    ends = eig.lanczos(theirs, low=2, high=2).eigenvalues
    expected = eig.eigvalsh(ours.dense())[[0, 1, -2, -1]]
    assert np.allclose(ends, expected, rtol=0, atol=accuracy * np.abs(expected).max())
