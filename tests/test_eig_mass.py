"""How many eigenvalues a share of random vectors proves: each quantile by SciPy, one by one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from oracle.operators import Diagonal
from saddlescape import eig
from saddlescape.eig._mass import Probe, sampled, simultaneous


def fewest(n: int, probes: int, share: float, miss: float) -> int:
    """The smallest k of which `share` or more is seen oftener than `miss`."""
    for k in range(1, n):
        if stats.beta(k * probes / 2, (n - k) * probes / 2).sf(share) > miss:
            return k
    return n


@pytest.mark.parametrize("miss", [0.5, 0.025, 1e-4])
@pytest.mark.parametrize("probes", [1, 3])
@pytest.mark.parametrize("n", [2, 3, 10, 60])
def test_as_many_as_a_quantile_says(n: int, probes: int, miss: float) -> None:
    shares = np.array([0.02, 0.1, 0.35, 0.7, 0.97])
    least, most = sampled(n, probes, shares, shares, miss)
    for i, share in enumerate(shares):
        low = fewest(n, probes, share, miss)
        high = n - fewest(n, probes, 1 - share, miss)
        assert least[i] == max(1, min(low, high))
        assert most[i] == min(n - 1, max(low, high)) or most[i] == least[i]


def test_nothing_seen_and_all_seen() -> None:
    least, most = sampled(10, 1, np.array([0.0, 1.0]), np.array([0.0, 1.0]), 0.01)
    assert least.tolist() == [0, 10]
    assert most.tolist() == [0, 10]


@pytest.mark.parametrize("probes", [1, 4])
@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.999])
def test_each_end_of_a_band_gets_half_of_what_may_be_missed(probes: int, confidence: float) -> None:
    n = 200
    density = eig.density(Diagonal(np.linspace(-1, 1, n)), steps=20, probes=probes)
    assert len(density.known) == 0
    x = np.array([-0.6, 0.0, 0.5])
    ends = [probe.bounds(np.full(3, -np.inf), x) for probe in density._probes]
    lower, upper = (np.mean([end[side] for end in ends], axis=0) for side in (0, 1))
    low, high = density.band(x, confidence)
    miss = (1 - confidence) / 2
    for i in range(3):
        a = fewest(n, probes, lower[i], miss)
        b = n - fewest(n, probes, 1 - upper[i], miss)
        assert (low[i], high[i]) == (min(a, b) / n, max(a, b) / n)
    together = density.band(x, confidence, simultaneous=True)
    # Chen, Trogdon, Ubaru: P[sup |F - G| > t] <= 2 n exp(-(n + 2) t^2 probes)
    reach = np.sqrt(np.log(2 * n / (1 - confidence)) / ((n + 2) * probes))
    assert simultaneous(n, probes, 1 - confidence) == pytest.approx(reach, rel=1e-12)
    assert np.allclose(together[0], np.clip(lower - reach, 0, 1), rtol=0, atol=1e-12)
    assert np.allclose(together[1], np.clip(upper + reach, 0, 1), rtol=0, atol=1e-12)


def test_what_a_node_may_be_off_by_is_taken_off_its_weight() -> None:
    """One node of weight w at a distance s: (sqrt w - error / s)^2 of it is surely there."""
    probe = Probe(np.array([-1.0, 1.0]), np.array([0.36, 0.64]), np.array([0.05, 0.1]))
    least, most = probe.bounds(np.array([-np.inf]), np.array([-0.5]))
    assert least[0] == pytest.approx((0.6 - 0.05 / 0.5) ** 2)
    assert most[0] == pytest.approx(1 - (0.8 - 0.1 / 1.5) ** 2)
    # Nearer than the error nothing is sure but what separates the nodes.
    least, most = probe.bounds(np.array([-np.inf]), np.array([-0.97]))
    assert (least[0], most[0]) == (0.0, pytest.approx(1 - (0.8 - 0.1 / 1.97) ** 2))


def test_a_node_at_the_edge_is_taken_for_outside_and_inside() -> None:
    """Rounding decides on which side it lies: of Chebyshev's bounds the wider ones count."""
    nodes = np.array([-1.0, 0.0, 1.0])
    probe = Probe(nodes, np.full(3, 1 / 3), np.full(3, 1e-12))
    for x in (-1e-13, 0.0, 1e-13):
        least, most = probe.bounds(np.array([-np.inf]), np.array([x]))
        # Below x lies the first node's weight at most less, the second's at most more.
        assert least[0] <= 1 / 3 + 1e-9
        assert most[0] >= 2 / 3 - 1e-9
