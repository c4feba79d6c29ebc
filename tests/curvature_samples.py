"""What the operators of every framework have to show."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from saddlescape.curvature import Curvature


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
