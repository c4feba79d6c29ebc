"""Spectral densities: exact where they can be, unbiased, and as far off as their bands say."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from scipy.sparse.linalg import aslinearoperator

from oracle import spectra
from oracle.operators import Diagonal, Dropout, Single
from saddlescape import eig
from saddlescape.eig._mass import sampled


def share(d: np.ndarray, x: np.ndarray) -> np.ndarray:
    return np.searchsorted(np.sort(d), x, side="right") / len(d)


BULKS = {
    "uniform": np.linspace(-1, 1, 500),
    "outliers": spectra.outliers(500),
    "two": np.r_[np.full(120, 1.0), np.full(380, 50.0)],
    "squares": np.linspace(0, 1, 500) ** 2,
    "low rank": np.r_[np.linspace(-1, 2, 20), np.zeros(480)],
}

# --- Exact ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("probes", [1, 3])
@pytest.mark.parametrize("extra", [0, 1, 1000])
@pytest.mark.parametrize("n", [1, 2, 3, 17, 64])
def test_enough_steps_give_the_whole_spectrum(n: int, extra: int, probes: int) -> None:
    for known in (
        spectra.planted(np.random.default_rng(n).standard_normal(n)),
        spectra.identity(n),
        spectra.zero(n),
        spectra.two_valued(max(n, 2)),
    ):
        density = eig.density(known.A, steps=known.n + extra, probes=probes)
        assert len(density.nodes) == len(density.known) == density.products == known.n
        assert np.abs(density.nodes - known.eigenvalues).max() <= 1e-13 * known.norm + known.stored
        assert np.all(density.weights == 1 / known.n)
        low, high = density.band(known.eigenvalues + 1e-9)
        assert np.array_equal(low, high)
        assert np.array_equal(low, share(known.eigenvalues, known.eigenvalues + 1e-9))


@pytest.mark.parametrize("probes", [1, 2, 5])
@pytest.mark.parametrize("value", [1.0, 0.0, -3e-120, 7e130])
def test_one_distinct_eigenvalue_takes_one_product_a_probe(value: float, probes: int) -> None:
    density = eig.density(Diagonal(np.full(1000, value)), steps=20, probes=probes)
    assert density.products == probes
    assert density.nodes == pytest.approx(np.full(len(density.nodes), value), rel=1e-14)
    assert density.weights.sum() == pytest.approx(1)
    assert density.cdf(value) == pytest.approx(1)
    near = abs(value) * 1e-6
    mass = density.mass(value - near, value + near)
    assert (mass.value, mass.low, mass.high) == (1, 1, 1)


def test_few_distinct_eigenvalues_have_exact_nodes() -> None:
    d = np.r_[np.full(300, 1.0), np.full(700, 50.0)]
    density = eig.density(Diagonal(d), steps=30, probes=40)
    assert density.products == 80
    assert np.minimum(abs(density.nodes - 1), abs(density.nodes - 50)).max() < 1e-12
    # 39 probes of the rest: the sampling error of the share is known.
    assert abs(density.cdf(2.0) - 0.3) < 4 * np.sqrt(2 * 0.3 * 0.7 / 1000 / 39)


def test_outliers_are_taken_out_exactly() -> None:
    d = spectra.outliers(2000)
    density = eig.density(Diagonal(d), steps=60, probes=3)
    for value in np.r_[d[:3], d[-10:]]:
        assert np.abs(density.known - value).min() < 1e-12
    for low, high, count in [(0.4, 21, 10), (-0.35, -0.05, 3), (-0.35, -0.25, 1)]:
        mass = density.mass(low, high)
        assert mass.value == pytest.approx(count / 2000, abs=1e-6)
        assert mass.low == pytest.approx(count / 2000, abs=1e-12)
        # What the last node of the bulk weighs may lie between it and the window.
        assert mass.high < (count + 15) / 2000


def test_copies_of_an_outlier_are_not_lost() -> None:
    # The first probe takes one of three copies out; the others must find the rest of them.
    d = np.r_[np.full(3, 20.0), np.linspace(-1, 1, 297)]
    masses = [eig.density(Diagonal(d), 30, 3, seed).mass(10, 30).value for seed in range(60)]
    # Two copies in each of two probes: a chi^2 with 4 degrees of freedom over 2, plus the one.
    assert abs(np.mean(masses) * 300 - 3) < 4 * np.sqrt(2 * 2 / 2 / 60)


# --- Unbiased, and calibrated --------------------------------------------------------------------


@pytest.mark.parametrize("probes", [1, 4])
@pytest.mark.parametrize("name", BULKS)
def test_unbiased_with_the_known_variance(name: str, probes: int) -> None:
    d = BULKS[name]
    n, seeds = len(d), 100
    x = np.quantile(d, [0.1, 0.5, 0.9])
    x = np.append(x, [0.0, 25.0]) + 1e-7 * np.abs(d).max()
    cdfs = np.array([eig.density(Diagonal(d), 25, probes, seed).cdf(x) for seed in range(seeds)])
    exact = share(d, x)
    # Sampling: 2 F (1 - F) / (n + 2), by the probes that are left; the nodes: a step of the
    # quadrature on either side, half of it on average.
    sampling = np.sqrt(2 * exact * (1 - exact) / (n + 2) / max(1, probes - 1))
    steps = [eig.density(Diagonal(d), 25, 1, seed).weights.max() for seed in range(3)]
    resolution = 0 if name in ("two", "low rank") else np.mean(steps) / 2
    assert np.all(abs(cdfs.mean(axis=0) - exact) <= 4 * sampling / np.sqrt(seeds) + resolution)
    if name == "two":  # no quadrature error: the variance is the known one
        ratio = cdfs[:, 0].var() / (2 * 0.24 * 0.76 / (n + 2) / max(1, probes - 1))
        assert 0.6 < ratio < 1.5  # chi^2 with 100 degrees of freedom, four standard deviations


@pytest.mark.parametrize("probes", [1, 3])
@pytest.mark.parametrize("name", BULKS)
def test_bands_hold(name: str, probes: int) -> None:
    d = BULKS[name]
    scale = np.abs(d).max()
    x = np.r_[np.linspace(d.min(), d.max(), 23), np.quantile(d, np.linspace(0, 1, 11))]
    x = np.r_[x + 1e-7 * scale, x - 1e-7 * scale]
    pointwise, together = [], []
    for seed in range(100):
        density = eig.density(Diagonal(d), 25, probes, seed)
        low, high = density.band(x)
        assert np.all(low <= high)
        pointwise.append((low - 1e-12 <= share(d, x)) & (share(d, x) <= high + 1e-12))
        low, high = density.band(x, simultaneous=True)
        together.append(np.all((low <= share(d, x) + 1e-12) & (share(d, x) <= high + 1e-12)))
    assert np.mean(together) >= 0.95
    # Binomial with 100 trials of 0.95: below 0.86 once in 10,000 times.
    assert np.mean(pointwise, axis=0).min() >= 0.86


@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.99, 0.999])
@pytest.mark.parametrize("probes", [1, 3, 10])
@pytest.mark.parametrize(
    ("n", "copies"),
    [(3, 1), (8, 4), (1000, 0), (1000, 1), (1000, 3), (1000, 10), (1000, 999), (4000, 2000)],
)
def test_intervals_of_any_mass_hold(n: int, copies: int, probes: int, confidence: float) -> None:
    # What p probes have of k copies of one eigenvalue, without an error of the quadrature.
    trials = 5000
    rng = np.random.default_rng(n + copies)
    squares = rng.chisquare((max(copies, 1e-9), n - copies), (probes, trials, 2))
    seen = (squares[..., 0] / squares.sum(axis=-1)).mean(axis=0) * (copies > 0)
    fewest, greatest = sampled(n, probes, seen, seen, (1 - confidence) / 2)
    assert np.all((fewest >= 0) & (fewest <= greatest) & (greatest <= n))
    missed = np.sum((copies < fewest) | (copies > greatest))
    mean = trials * (1 - confidence)
    assert missed <= mean + 4 * np.sqrt(mean)


@pytest.mark.parametrize("probes", [1, 3])
def test_intervals_of_small_masses_hold(probes: int) -> None:
    n, seeds, copies = 1000, 300, 3
    d = np.r_[np.full(copies, 1.0), np.full(n - copies, 50.0)]
    masses = [eig.density(Diagonal(d), 10, probes, seed).mass(0, 2, 0.99) for seed in range(seeds)]
    assert sum(not m.low <= copies / n <= m.high for m in masses) <= 10  # Poisson of 3: 1 in 1,000
    # The value is unbiased: chi^2 with `copies` degrees of freedom in each probe of the rest.
    values = n * np.array([mass.value for mass in masses])
    assert abs(values.mean() - copies) < 4 * np.sqrt(2 * copies / seeds)


def test_disjoint_windows_add_up() -> None:
    d = np.linspace(-1, 1, 500)
    for seed in range(4):
        density = eig.density(Diagonal(d), 12, 3, seed)
        ends = np.r_[-np.inf, np.linspace(-1.1, 1.1, 40), np.inf]
        parts = [
            density.mass(low, np.nextafter(high, -np.inf)).value
            for low, high in itertools.pairwise(ends)
        ]
        assert sum(parts) == pytest.approx(1, abs=1e-13)
        assert all(part >= 0 for part in parts)


def test_the_interval_is_as_wide_as_it_must_be() -> None:
    # No quadrature error: 95 % means 95 %, of 400 seeds within four standard deviations.
    d = BULKS["two"]
    held = 0
    for seed in range(400):
        mass = eig.density(Diagonal(d), 10, 1, seed).mass(0, 2)
        assert mass.low < mass.value < mass.high
        held += mass.low <= 0.24 <= mass.high
    assert 0.906 <= held / 400 <= 0.994


@pytest.mark.parametrize("steps", [10, 40, 160])
def test_more_steps_narrow_the_band(steps: int) -> None:
    d = np.linspace(-1, 1, 20_000)
    low, high = eig.density(Diagonal(d), steps, 1).band(np.linspace(-0.9, 0.9, 50))
    # A node and its neighbour on either side, of weight pi / (2 steps) at most, and sampling.
    assert np.max(high - low) < 3.2 * np.pi / 2 / steps + 0.02


def test_negative_and_null_mass() -> None:
    d = np.r_[np.linspace(-2, -1, 60), np.zeros(1500), np.linspace(1, 3, 440)]
    density = eig.density(Diagonal(d), steps=60, probes=4)
    for mass, exact in (
        (density.negative_mass(), 0.03),
        (density.null_mass(), 0.75),
        (density.mass_below(0.5), 0.78),
        (density.mass(-np.inf, np.inf), 1.0),
        (density.mass(-1e-300, 1e-300), 0.75),
    ):
        assert mass.low <= mass.value <= mass.high
        assert mass.low <= exact <= mass.high
        assert mass.confidence == 0.95
    assert density.null_mass().high - density.null_mass().low < 0.1
    positive = eig.density(Diagonal(d + 3), steps=60)
    assert positive.negative_mass().high == 0  # no direction of 2,000 is negative
    wide = density.negative_mass(confidence=0.999)
    assert wide.high - wide.low > density.negative_mass().high - density.negative_mass().low
    assert density.null_mass(tolerance=1.5).value > 0.78


# --- The curve -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BULKS)
def test_curve_has_the_area_of_the_spectrum(name: str) -> None:
    density = eig.density(Diagonal(BULKS[name]), 25)
    x, y = density.curve(200_001)
    assert np.all(y >= 0)
    assert np.trapezoid(y, x) == pytest.approx(1, abs=0.02)  # the kernels' tails beyond the ends
    again = density.pdf(x[:5])
    assert np.array_equal(again, y[:5])


@pytest.mark.parametrize("factor", [1e-100, 1e-3, 1e100])
def test_any_scale_gives_the_same_picture(factor: float) -> None:
    d = spectra.outliers(300)
    one, other = eig.density(Diagonal(d), 30), eig.density(Diagonal(factor * d), 30)
    assert np.allclose(other.nodes, factor * one.nodes, rtol=1e-9, atol=1e-9 * factor)
    (x, y), (u, v) = one.curve(100), other.curve(100)
    assert np.allclose(u, factor * x, rtol=1e-9, atol=1e-9 * factor)
    assert np.allclose(factor * v, y, rtol=1e-6, atol=1e-6 * y.max())
    assert other.negative_mass().value == pytest.approx(one.negative_mass().value, abs=1e-6)


@pytest.mark.parametrize("largest", [1.79e308, 1e-300, 5e-324])
def test_ends_of_float64(largest: float) -> None:
    d = largest * np.linspace(-1, 1, 300)
    for steps in (20, 300):
        density = eig.density(Diagonal(d), steps, 3)
        x, y = density.curve(50)
        assert np.isfinite(x).all()
        assert not np.isnan(y).any()
        assert np.all(y >= 0)
        assert density.mass_below(-1.79e308).value <= 0.01
        assert density.mass_below(-np.inf).value == 0
        assert density.mass_below(np.inf).value == 1
        assert density.cdf(1.79e308) == 1
        low, high = density.band([-1.79e308, 0.0, 1.79e308])
        assert np.all(low <= high)


# --- Operators, seeds, refusals ------------------------------------------------------------------


def test_operators_give_the_same() -> None:
    d = np.linspace(-1, 2, 80)
    A = np.diag(d)
    reference = eig.density(A, 20, 2)
    assert reference.products == 40
    for op in (aslinearoperator(A), Diagonal(d), A.astype(np.float32)):
        density = eig.density(op, 20, 2)
        assert np.allclose(density.cdf(d), reference.cdf(d), atol=0.05)
    op = Diagonal(d)
    assert eig.density(op, 20, 3).products == op.products == 60


def test_float32_products_widen_what_counts_as_zero() -> None:
    d = np.r_[np.zeros(400), np.linspace(1, 2, 100)]
    density = eig.density(Single(Diagonal(d)), 30, 3)
    assert density.tolerance > 1e-8
    assert density.null_mass().low <= 0.8 <= density.null_mass().high
    assert density.mass(-0.1, 0.1).low > 0.7


def test_the_seed_decides() -> None:
    A = spectra.planted(np.linspace(-1, 1, 150)).A
    first, again, other = (eig.density(A, 20, 3, seed) for seed in (5, 5, 6))
    assert np.array_equal(first.nodes, again.nodes)
    assert np.array_equal(first.weights, again.weights)
    assert not np.array_equal(first.nodes, other.nodes)


ERRORS = [
    ({"op": None}, TypeError, "op: NoneType, expected a square array"),
    ({"op": np.ones((2, 3))}, ValueError, "op: shape (2, 3), expected (n, n)"),
    ({"op": np.full((2, 2), np.nan)}, ValueError, "op: NaN at (0, 0), expected finite numbers"),
    ({"op": Dropout(np.ones(50))}, ValueError, "op: not symmetric, or not deterministic"),
    ({"op": Diagonal([1, np.inf])}, ValueError, "op: product 1 holds NaN or an infinite number"),
    ({"steps": 0}, ValueError, "steps: 0, expected an integer of at least 1"),
    ({"steps": 2.0}, TypeError, "steps: float, expected an integer of at least 1"),
    ({"probes": 0}, ValueError, "probes: 0, expected an integer of at least 1"),
    ({"probes": True}, TypeError, "probes: bool, expected an integer of at least 1"),
    ({"seed": -1}, ValueError, "seed: -1, expected an integer of at least 0"),
]


@pytest.mark.parametrize(("arguments", "error", "message"), ERRORS, ids=lambda x: str(x)[:40])
def test_refused(arguments: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        eig.density(**{"op": np.eye(4)} | arguments)


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda d: d.cdf(np.nan), ValueError, "x: NaN, expected real numbers"),
        (lambda d: d.cdf("a"), ValueError, "x: dtype <U1, expected real numbers"),
        (lambda d: d.band(0, 1.0), ValueError, "confidence: 1.0, expected a number >= 0 and < 1"),
        (lambda d: d.mass(1, 0), ValueError, "low, high: 1, 0, expected low <= high"),
        (lambda d: d.null_mass(-1), ValueError, "tolerance: -1, expected a finite number >= 0"),
        (lambda d: d.mass_below(None), TypeError, "x: NoneType, expected a real number"),
        (lambda d: d.mass("a", 1), TypeError, "low: str, expected a real number"),
        (lambda d: d.mass(0, [1]), TypeError, "high: list, expected a real number"),
        (lambda d: d.mass(0, np.nan), ValueError, "high: NaN, expected a real number"),
        (lambda d: d.mass(0, True), TypeError, "high: bool, expected a real number"),
        (lambda d: d.mass(0, 10**400), ValueError, "high: beyond float64, expected a real"),
        (lambda d: d.band(0, 0.9, "yes"), TypeError, "simultaneous: str, expected True or False"),
        (lambda d: d.pdf(0, 0), ValueError, "width: 0, expected a positive number"),
        (lambda d: d.curve(1), ValueError, "points: 1, expected an integer of at least 2"),
    ],
)
def test_questions_refused(ask: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        ask(eig.density(np.diag([1.0, 2.0])))


def test_an_exception_passes_through() -> None:
    class Fails(Diagonal):
        def __matmul__(self, V: np.ndarray) -> np.ndarray:
            raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        eig.density(Fails(np.ones(5)))
