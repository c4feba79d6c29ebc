"""Only the ends of the spectrum: what they may and may not claim."""

from __future__ import annotations

import numpy as np
import pytest

from critical_samples import written
from oracle import points
from oracle.points import Planted
from saddlescape import critical, curvature
from saddlescape.critical import EscapeOutcome
from saddlescape.critical.classify import DENSE_LIMIT
from saddlescape.diagnosis.points import statement

ALL = points.DEGENERATE + points.QUADRATIC + points.NOT_CRITICAL + [points.TOY_SADDLE]


@pytest.mark.parametrize("p", ALL, ids=lambda p: p.name)
def test_lanczos_agrees_as_far_as_it_can_tell(p: Planted) -> None:
    dense, ends = (critical.classify(written(p), method=m, seed=1) for m in ("dense", "lanczos"))
    assert ends.method == "lanczos"
    if len(p.theta) <= 6:
        assert ends.kind is dense.kind
    else:
        assert ends.spectrum is None
        assert ends.kind.value not in ("minimum", "maximum")
        assert "the inside of the spectrum (only its ends were computed)" in ends.not_checked
        if p.kind in ("saddle", points.N, "degenerate"):
            assert ends.kind is dense.kind
    assert ends.inertia.positive <= dense.inertia.positive
    assert ends.inertia.negative <= dense.inertia.negative
    assert ends.inertia.n == len(p.theta)


def test_what_lanczos_says_of_a_minimum_claims_no_flatness() -> None:
    point = critical.classify(written(points.quadratic(50, 0)), method="lanczos")
    assert point.kind.value == "degenerate_minimum"
    text = statement(point) + point.remedy
    assert "flat to second order" not in text
    assert "not computed" in text
    assert "method='dense'" in point.remedy


def test_auto_assembles_only_small_hessians() -> None:
    n = DENSE_LIMIT + 1

    class Diagonal(curvature.FunctionCurvature):
        def __init__(self) -> None:
            self.theta, self.lower_bound = np.zeros(n), None
            self.d = np.linspace(-1.0, 3.0, n)[:, None]

        def __matmul__(self, V):
            return (self.d * V.reshape(n, -1)).reshape(V.shape)

        def dense(self):
            raise AssertionError("assembled")

        def gradient(self):
            return np.zeros(n)

        def loss(self, theta=None):
            return 0.0 if theta is None else float(0.5 * (self.d[:, 0] * theta**2).sum())

        def error(self):
            return 1e-14

    point = critical.classify(Diagonal())
    assert point.method == "lanczos"
    assert point.kind.value == "saddle"
    assert point.lowest == pytest.approx(-1.0, abs=1e-5)
    assert critical.escape(Diagonal(), point=point).outcome is EscapeOutcome.ESCAPED


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("n", [8, 50])
def test_ends_from_finite_differences(n: int, unit: float) -> None:
    """``sum sin(a_i . t)`` less its slope: products are noisy, and no count is wrong for it."""
    rng = np.random.default_rng(n)
    A = rng.standard_normal((2 * n, n)) / np.sqrt(n) / unit
    theta = unit * rng.standard_normal(n)
    slope = A.T @ np.cos(A @ theta)
    H = curvature.from_gradient(lambda t: A.T @ np.cos(A @ t) - slope, theta)
    exact = np.linalg.eigvalsh(-A.T @ (np.sin(A @ theta)[:, None] * A))
    point = critical.classify(H, method="lanczos")
    assert point.kind.value == "saddle"
    assert point.inertia.positive <= (exact > 0).sum()
    assert point.inertia.negative <= (exact < 0).sum()
    error = point.solver_error + point.assembly_error
    assert abs(point.lowest - exact[0]) <= error
    assert abs(point.highest - exact[-1]) <= error
