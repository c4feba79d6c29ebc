"""The distributions behind the intervals, against SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from saddlescape.eig import Estimate
from saddlescape.eig._beta import beta_below, student

SHAPES = [0.5, 1.0, 1.5, 7.0, 60.0, 499.0, 501.0, 3000.0, 5e5, 5e8]


@pytest.mark.parametrize("b", SHAPES)
@pytest.mark.parametrize("a", SHAPES)
def test_beta(a: float, b: float) -> None:
    levels = np.array([1e-9, 1e-4, 5e-3, 0.1, 0.5, 0.9, 0.995, 1 - 1e-6])
    x = stats.beta(a, b).ppf(levels)
    there = (x > 0) & (x < 1)
    ours, exact = beta_below(x, np.float64(a), np.float64(b)), stats.beta(a, b).cdf(x)
    # Of log gamma, 2e-16 of up to 1e10. The cube roots are right to 3 % of a tail of 1e-9, and
    # better nearer to the middle.
    limit = 3e-2 if min(a, b) > 500 else 1e-5
    assert np.all(np.abs(ours - exact)[there] <= limit * exact[there])
    assert np.all(np.diff(ours) >= 0)


def test_beta_at_its_ends() -> None:
    one = np.ones(4)
    assert np.array_equal(beta_below(np.array([-1.0, 0, 1, 2]), one, one), [0, 0, 1, 1])
    assert beta_below(np.zeros(0), np.zeros(0), np.zeros(0)).shape == (0,)


@pytest.mark.parametrize("degrees", [1, 2, 4, 9, 30, 1000, 10**7])
@pytest.mark.parametrize("confidence", [0.0, 0.01, 0.5, 0.95, 0.999, 1 - 1e-9])
def test_student(confidence: float, degrees: int) -> None:
    exact = stats.t(degrees).isf((1 - confidence) / 2)
    assert student(confidence, degrees) == pytest.approx(exact, rel=1e-6, abs=1e-15)


@pytest.mark.parametrize("samples", [2, 3, 5, 10, 100])
@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999])
def test_an_interval_has_one_degree_of_freedom_less_than_samples(
    samples: int, confidence: float
) -> None:
    """Its mean was estimated too; of samples without a spread, none at all, the value is exact."""
    low, high = Estimate(10.0, 2.0, 7, samples).interval(confidence)
    reach = 2.0 * stats.t(samples - 1).isf((1 - confidence) / 2)
    assert (low, high) == pytest.approx((10 - reach, 10 + reach), rel=1e-6)
    assert Estimate(10.0, 0.0, 7, 0).interval(confidence) == (10.0, 10.0)
