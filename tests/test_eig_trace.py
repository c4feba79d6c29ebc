"""Traces and diagonals: unbiased, exact where they can be, with standard errors that hold."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
from scipy.sparse.linalg import aslinearoperator

from oracle import estimators, spectra
from oracle.operators import Diagonal
from saddlescape import eig

N = 120
METHODS = [
    (eig.trace, "xtrace"),
    (eig.trace, "hutchinson"),
    (eig.diagonal, "xdiag"),
    (eig.diagonal, "hutchinson"),
]
METHOD_NAMES = ["trace-x", "trace-hutchinson", "diagonal-x", "diagonal-hutchinson"]
each_method = pytest.mark.parametrize(("estimate", "method"), METHODS, ids=METHOD_NAMES)


def outliers(n: int) -> np.ndarray:
    """As a trained network has it: a bulk at zero, ten large eigenvalues, a few negative."""
    bulk = 1e-3 * np.random.default_rng(0).standard_normal(n)
    bulk[:10] = np.geomspace(0.5, 20, 10)
    bulk[10:13] = [-0.3, -0.2, -0.1]
    return np.sort(bulk)


SPECTRA = {
    "flat": np.linspace(-1, 1, N),
    "fast": 0.8 ** np.arange(N),
    "poly": np.arange(1, N + 1) ** -2.0,
    "outliers": outliers(N),
    "step": np.r_[np.full(20, 5.0), np.random.default_rng(0).standard_normal(N - 20)],
}


def planted(name: str) -> np.ndarray:
    return spectra.planted(SPECTRA[name]).A


def exact(estimate: Callable, A: np.ndarray) -> np.ndarray:
    return np.trace(A) if estimate is eig.trace else np.diag(A)


def hutchinson_variance(estimate: Callable, A: np.ndarray) -> np.ndarray:
    """Of one sample: 2 (||A||_F^2 - sum a_jj^2), and sum_{l != j} a_jl^2."""
    squares = (A - np.diag(np.diag(A))) ** 2
    return 2 * squares.sum() if estimate is eig.trace else squares.sum(axis=1)


# --- The formulas --------------------------------------------------------------------------------


class Recorder(Diagonal):
    """A matrix that keeps the vectors it was multiplied with."""

    def __init__(self, A: np.ndarray) -> None:
        super().__init__(np.diag(A))
        self.A, self.seen = A, []

    def __matmul__(self, V: np.ndarray) -> np.ndarray:
        self.products += 1
        self.seen.append(V.copy())
        return self.A @ V


@pytest.mark.parametrize("products", [4, 5, 12, 31, 32, 33, 34, 70])
@pytest.mark.parametrize("name", SPECTRA)
def test_as_the_definition_has_it(name: str, products: int) -> None:
    A = planted(name)
    k = products // 2
    norm = np.abs(SPECTRA[name]).max()
    for estimate, method, oracle in (
        (eig.trace, "xtrace", estimators.xtrace),
        (eig.diagonal, "xdiag", estimators.xdiag),
    ):
        if method == "xdiag" and products < 20:
            continue
        op = Recorder(A)
        result = estimate(op, products, method, seed=products)
        assert result.products == op.products == 2 * k
        assert result.samples == k
        # Vectors come in pieces of 16: the test vectors, then as many of the basis.
        pieces = [min(16, k - done) for done in range(0, k, 16)]
        starts = np.cumsum([0, *(2 * piece for piece in pieces)])
        Omega = np.array(
            [v for s, p in zip(starts, pieces, strict=False) for v in op.seen[s : s + p]]
        ).T
        parts = oracle(A, Omega)
        # Both lose what the steepest spectrum has below the rounding of its largest part.
        assert np.abs(result.value - parts.mean(axis=0)).max() < 1e-9 * norm
        error = parts.std(axis=0, ddof=1) * np.sqrt(2 / k)
        assert np.abs(result.standard_error - error).max() < 1e-9 * norm


@pytest.mark.parametrize("products", [10, 11, 50])
def test_hutchinson_as_the_definition_has_it(products: int) -> None:
    A = planted("flat")
    op = Recorder(A)
    trace = eig.trace(op, products, "hutchinson", seed=3)
    Omega = np.array(op.seen)
    assert np.all(np.abs(Omega) == 1)
    samples = Omega * (Omega @ A)
    assert trace.value == pytest.approx(samples.sum(axis=1).mean(), abs=1e-12)
    error = samples.sum(axis=1).std(ddof=1) / np.sqrt(products)
    assert trace.standard_error == pytest.approx(error, abs=1e-12)
    diagonal = eig.diagonal(A, products, "hutchinson", seed=3)
    assert diagonal.value == pytest.approx(samples.mean(axis=0), abs=1e-13)
    errors = samples.std(axis=0, ddof=1) / np.sqrt(products)
    assert diagonal.standard_error == pytest.approx(errors, abs=1e-13)


# --- Unbiased, and calibrated --------------------------------------------------------------------


@each_method
@pytest.mark.parametrize("name", SPECTRA)
def test_unbiased_and_calibrated(name: str, estimate: Callable, method: str) -> None:
    A = planted(name)
    seeds, products = 200, 40
    runs = [estimate(A, products, method, seed=seed) for seed in range(seeds)]
    errors = np.array([run.value for run in runs]) - exact(estimate, A)
    claimed = np.array([run.standard_error for run in runs])
    spread = np.sqrt((errors**2).mean(axis=0))
    # A mean of 200: four of its standard deviations, of up to 120 elements five.
    assert np.all(np.abs(errors.mean(axis=0)) <= 5 * spread / np.sqrt(seeds))
    # What they claim is what they do, within the sampling of 200 and the order that is assumed.
    ratio = (errors**2).mean() / (claimed**2).mean()
    assert 0.35 < ratio < 1.5
    covered = np.mean(np.abs(errors) <= 1.96 * claimed)
    assert 0.87 <= covered <= 0.999
    if method == "hutchinson":
        variance = hutchinson_variance(estimate, A) / products
        assert 0.65 < (errors**2).mean() / np.mean(variance) < 1.5


@pytest.mark.parametrize("name", ["fast", "poly", "outliers"])
def test_decay_is_used(name: str) -> None:
    A = planted(name)
    for estimate, method in METHODS[::2]:
        sharp, plain = (
            np.sqrt(
                np.mean(
                    [
                        (estimate(A, 60, m, seed=s).value - exact(estimate, A)) ** 2
                        for s in range(20)
                    ]
                )
            )
            for m in (method, "hutchinson")
        )
        assert sharp < plain / 5


# --- Exact ---------------------------------------------------------------------------------------


@each_method
@pytest.mark.parametrize("block", [1, 3, 200])
@pytest.mark.parametrize("n", [1, 2, 3, 17, 100])
def test_enough_products_are_exact(n: int, block: int, estimate: Callable, method: str) -> None:
    A = spectra.planted(np.random.default_rng(n).standard_normal(n)).A
    result = estimate(A, n + 1, method, block=block)
    assert result.products == n + 1
    assert result.samples == 0
    assert np.all(np.asarray(result.standard_error) == 0)
    assert result.value == pytest.approx(exact(estimate, A), abs=1e-14 * n)


@pytest.mark.parametrize("rank", [0, 1, 2, 7, 15, 16, 17, 29])
@pytest.mark.parametrize(("estimate", "method"), METHODS[::2], ids=METHOD_NAMES[::2])
def test_low_rank_is_exact(rank: int, estimate: Callable, method: str) -> None:
    w = np.r_[np.linspace(-3, 5, rank), np.zeros(300 - rank)]
    A = spectra.planted(w).A
    result = estimate(A, 60, method)  # 30 vectors, one of them left out
    assert result.products <= 30 + min(30, rank + 8)
    assert np.abs(result.value - exact(estimate, A)).max() < 1e-12
    assert np.max(result.standard_error) < 1e-12


def test_dependent_and_independent_columns_together() -> None:
    # Rank 5 from the first 10 vectors on; a range that is nearly used up besides.
    d = np.r_[np.ones(5), np.zeros(95)]
    for scale in (1.0, 1e-250, 1e250):
        assert eig.trace(Diagonal(scale * d), 20).value == pytest.approx(5 * scale, rel=1e-12)
        result = eig.diagonal(Diagonal(scale * d), 20)
        assert result.value / scale == pytest.approx(d, abs=1e-12)
        plain = eig.trace(Diagonal(scale * d), 20, "hutchinson")
        assert plain.value == pytest.approx(5 * scale, rel=1e-12)
        assert eig.trace(Diagonal(scale * d), 101).value == pytest.approx(5 * scale, rel=1e-12)


def test_identity_and_zero() -> None:
    assert eig.trace(Diagonal(np.ones(500)), 20).value == pytest.approx(500, rel=1e-13)
    for estimate, method in METHODS:
        zero = estimate(Diagonal(np.zeros(500)), 20, method)
        assert np.all(np.asarray(zero.value) == 0)
        assert np.all(np.asarray(zero.standard_error) == 0)
    diagonal = eig.diagonal(Diagonal(np.arange(500.0)), 20, "hutchinson")
    assert np.array_equal(diagonal.value, np.arange(500.0))  # a diagonal matrix has no variance


# --- Tolerance -----------------------------------------------------------------------------------


@each_method
@pytest.mark.parametrize("tolerance", [1.0, 0.1, 0.02])
def test_stops_on_the_standard_error(tolerance: float, estimate: Callable, method: str) -> None:
    A = planted("poly")
    op = Recorder(A)
    result = estimate(op, 100, method, tolerance)
    assert result.products == op.products <= 100
    if result.products < 100:
        assert np.max(result.standard_error) <= tolerance
        # It does not go on either: a third fewer vectors would not have done.
        if result.products > 30:
            before = estimate(A, max(20, int(result.products / 1.5**2) - 2), method)
            assert before.products <= 20 or np.max(before.standard_error) > tolerance / 2


def test_more_accuracy_takes_more_products() -> None:
    A = planted("fast")
    used = [eig.trace(A, 110, tolerance=t).products for t in (1.0, 1e-2, 1e-4, 1e-6)]
    assert used == sorted(used)
    assert used[0] == 30 < used[-1]  # two looks, after 10 vectors and after 15


def test_growing_is_the_same_as_at_once() -> None:
    A = planted("flat")
    grown = eig.trace(A, 60, tolerance=1e-12)
    assert grown.products == 60
    assert abs(grown.value - np.trace(A)) <= 4 * grown.standard_error


def test_switches_to_the_exact_one_where_that_is_cheaper() -> None:
    A = planted("flat")
    for estimate, method in METHODS:
        result = estimate(A, 1000, method, tolerance=1e-12)
        assert np.all(np.asarray(result.standard_error) == 0)
        assert result.value == pytest.approx(exact(estimate, A), abs=1e-12)
        assert result.products < 4 * N


# --- Operators, seeds, refusals ------------------------------------------------------------------


@each_method
def test_operators_and_blocks_give_the_same(estimate: Callable, method: str) -> None:
    A = planted("poly")
    reference = estimate(A, 30, method)
    for op in (aslinearoperator(A), A, Recorder(A)):
        for block in (1, 4, 7):
            result = estimate(op, 30, method, block=block)
            assert result.products == 30
            assert result.value == pytest.approx(reference.value, abs=1e-12)


@each_method
def test_the_seed_decides(estimate: Callable, method: str) -> None:
    A = planted("flat")
    first, again, other = (estimate(A, 30, method, seed=seed) for seed in (5, 5, 6))
    assert np.array_equal(first.value, again.value)
    assert np.array_equal(first.standard_error, again.standard_error)
    assert not np.array_equal(first.value, other.value)


class Single(Recorder):
    dtype = np.dtype(np.float32)

    def __matmul__(self, V: np.ndarray) -> np.ndarray:
        assert V.dtype == np.float32
        return super().__matmul__(V).astype(np.float32)


@each_method
def test_float32(estimate: Callable, method: str) -> None:
    A = planted("step")
    result, reference = (estimate(op, 40, method) for op in (Single(A), A))
    assert np.abs(result.value - reference.value).max() < 1e-3


class OneSided(Diagonal):
    def __matmul__(self, V: np.ndarray) -> np.ndarray:
        return super().__matmul__(V) + 0.5 * np.roll(V, 1, axis=0)


class Dropout(Diagonal):
    def __matmul__(self, V: np.ndarray) -> np.ndarray:
        rng = np.random.default_rng(self.products)
        return super().__matmul__(V) * 2 * (rng.random(V.shape) < 0.5)


@pytest.mark.parametrize(("estimate", "method"), METHODS[::2], ids=METHOD_NAMES[::2])
@pytest.mark.parametrize("op", [Dropout(SPECTRA["flat"]), OneSided(SPECTRA["flat"])])
def test_not_symmetric_or_not_deterministic(op: Diagonal, estimate: Callable, method: str) -> None:
    with pytest.raises(ValueError, match=r"op: not symmetric, or not deterministic: .* dropout"):
        estimate(op, 20, method)


class Masks(Diagonal):
    """A diagonal that dropout makes another one each time: every product alone is symmetric."""

    def __matmul__(self, V: np.ndarray) -> np.ndarray:
        kept = np.random.default_rng(self.products).random(V.shape) < 0.5
        return 2 * super().__matmul__(V) * kept


@pytest.mark.parametrize("estimate", [eig.trace, eig.diagonal])
@pytest.mark.parametrize("arguments", [(20, "hutchinson"), (51,), (51, "hutchinson")])
@pytest.mark.parametrize("op", [Masks(np.ones(50)), Recorder(np.triu(np.ones((50, 50))))])
def test_no_exact_result_of_what_is_not_symmetric(
    op: Diagonal, arguments: tuple, estimate: Callable
) -> None:
    with pytest.raises(ValueError, match=r"op: not symmetric, or not deterministic: .* dropout"):
        estimate(op, *arguments)


ERRORS = [
    ({"op": None}, TypeError, "op: NoneType, expected a square array"),
    ({"op": np.ones((2, 3))}, ValueError, "op: shape (2, 3), expected (n, n)"),
    ({"op": Diagonal([1, np.nan])}, ValueError, "op: product 1 holds NaN or an infinite number"),
    ({"products": 0}, ValueError, "products: 0, expected an integer of at least 1"),
    ({"products": 3.0}, TypeError, "products: float, expected an integer of at least 1"),
    ({"products": 1}, ValueError, "products: 1, expected at least"),
    ({"method": "hutch++"}, ValueError, "method: 'hutch++', expected one of x"),
    ({"method": None}, TypeError, "method: NoneType, expected one of x"),
    ({"tolerance": -1.0}, ValueError, "tolerance: -1.0, expected a finite number >= 0"),
    ({"tolerance": np.nan}, ValueError, "tolerance: nan, expected a finite number >= 0"),
    ({"tolerance": "1"}, TypeError, "tolerance: str, expected a finite number >= 0"),
    ({"seed": -1}, ValueError, "seed: -1, expected an integer of at least 0"),
    ({"block": 0}, ValueError, "block: 0, expected an integer of at least 1"),
]


@pytest.mark.parametrize("estimate", [eig.trace, eig.diagonal])
@pytest.mark.parametrize(("arguments", "error", "message"), ERRORS, ids=lambda x: str(x)[:40])
def test_refused(arguments: dict, error: type[Exception], message: str, estimate: Callable) -> None:
    with pytest.raises(error, match=re.escape(message)):
        estimate(**{"op": Diagonal(np.arange(50.0))} | arguments)


def test_fewest_products() -> None:
    A = planted("flat")
    with pytest.raises(ValueError, match=re.escape("products: 3, expected at least 4 for a stand")):
        eig.trace(A, 3)
    with pytest.raises(ValueError, match=re.escape("products: 9, expected at least 10 for a stan")):
        eig.diagonal(A, 9, "hutchinson")
    with pytest.raises(ValueError, match=re.escape("or at least n + 1 = 5 for the exact result")):
        eig.diagonal(np.eye(4), 4)
    for tolerance in (0.0, 1e9):  # few dimensions, and a tolerance besides
        for n in range(1, 14):
            for products in range(min(n + 1, 4), 16):
                result = eig.trace(np.diag(np.arange(1.0, n + 1)), products, tolerance=tolerance)
                assert np.isfinite(result.value)
                assert np.isfinite(result.standard_error)


def test_interval() -> None:
    estimate = eig.trace(planted("flat"), 20)
    low, high = estimate.interval(0.95)
    # Student's t with 9 degrees of freedom.
    assert high - low == pytest.approx(2 * 2.262157 * estimate.standard_error, rel=1e-6)
    low, high = estimate.interval(1 - 1e-16)
    assert 50 < (high - low) / 2 / estimate.standard_error < 1000
    with pytest.raises(ValueError, match="confidence: 1, expected"):
        estimate.interval(1)
    low, high = eig.diagonal(planted("flat"), 20).interval()
    assert np.all(low < high)
    exact = eig.trace(np.eye(3), 4)
    assert exact.interval() == (3, 3)


def test_an_exception_passes_through() -> None:
    class Fails(Diagonal):
        def __matmul__(self, V: np.ndarray) -> np.ndarray:
            raise LookupError("mine")

    for estimate, method in METHODS:
        with pytest.raises(LookupError, match="mine"):
            estimate(Fails(np.ones(50)), 20, method)


# --- Ends of float64, of memory, of luck ---------------------------------------------------------


@pytest.mark.parametrize(
    ("d", "trace"),
    [
        ([1e-200, 1e200], 1e200),
        ([1e150, 1e-200], 1e150),
        ([1e-200, 1e200, -1e200], 1e-200),
        ([1.7e308, 1.7e308, -1.7e308], 1.7e308),
        ([5e-324, 5e-324], 1e-323),
    ],
)
def test_exact_over_the_whole_range(d: list[float], trace: float) -> None:
    assert np.array_equal(eig.diagonal(np.diag(d), len(d) + 1).value, d)
    assert eig.trace(np.diag(d), len(d) + 1).value == trace


def test_a_trace_beyond_float64_is_refused() -> None:
    for n, products, method in ((3, 4, "xtrace"), (60, 20, "xtrace"), (60, 20, "hutchinson")):
        with pytest.raises(ValueError, match="op: its trace is beyond float64"):
            eig.trace(Diagonal(np.full(n, 1e307 if n == 60 else 1e308)), products, method)


class Rank1:
    """u u^T / 100: the signs' least favourite."""

    def __init__(self, n: int) -> None:
        self.u = np.random.default_rng(1).standard_normal(n)
        self.shape = (n, n)

    def __matmul__(self, V: np.ndarray) -> np.ndarray:
        return self.u * (self.u @ V) / 100


def test_a_run_that_ends_early_has_reached_its_tolerance() -> None:
    op, tolerance = Rank1(2000), 5.0
    runs = [eig.trace(op, 1000, "hutchinson", tolerance, seed) for seed in range(150)]
    errors = np.array([run.value for run in runs]) - op.u @ op.u / 100
    # One look: 1.13 times the tolerance, and 85 % of the intervals.
    assert np.sqrt(np.mean(errors**2)) < tolerance
    inside = [abs(e) <= r.interval()[1] - r.value for e, r in zip(errors, runs, strict=True)]
    assert np.mean(inside) > 0.87


@pytest.mark.parametrize(("products", "least"), [(4, 0.88), (6, 0.88), (10, 0.88), (20, 0.88)])
@pytest.mark.parametrize("name", ["flat", "fast", "poly"])
def test_small_budgets_have_honest_intervals(name: str, products: int, least: float) -> None:
    A = planted(name)
    for method in ("xtrace", "hutchinson"):
        if method == "hutchinson" and products < 10:
            continue
        runs = [eig.trace(A, products, method, seed=seed) for seed in range(200)]
        held = [run.interval()[0] <= np.trace(A) <= run.interval()[1] for run in runs]
        # 95 % are meant; three standard deviations of 200 trials are 4.6 %; skewness.
        assert np.mean(held) >= least


def test_signs_rarely_agree_by_chance() -> None:
    A = np.zeros((50, 50))
    A[0, 1] = A[1, 0] = 1
    runs = [eig.trace(A, 10, "hutchinson", seed=seed) for seed in range(1000)]
    # 2 omega_1 omega_2 is the same 10 times with a probability of 2^-9: 2 in 1000, 8 at the most.
    assert sum(run.standard_error == 0 and run.value != 0 for run in runs) <= 8


def test_a_shape_beyond_memory_is_refused() -> None:
    class Wide(Diagonal):
        def __init__(self, n: int) -> None:
            self.shape = (n, n)

    for n in (2**31, 2**60, 2**70):
        for ask in (eig.trace, eig.diagonal, eig.density):
            with pytest.raises(ValueError, match=re.escape("expected (n, n) with n below 2**31")):
                ask(Wide(n))
