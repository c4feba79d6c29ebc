"""Traces and diagonals: of which operators, what is refused, ends of float64 and of luck."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
from scipy.sparse.linalg import aslinearoperator

from oracle.operators import Diagonal, Dropout, OneSided, Single
from saddlescape import eig
from trace_samples import METHOD_NAMES, METHODS, SPECTRA, Recorder, each_method, planted

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


@each_method
def test_float32(estimate: Callable, method: str) -> None:
    A = planted("step")
    result, reference = (estimate(op, 40, method) for op in (Single(A), A))
    assert np.abs(result.value - reference.value).max() < 1e-3


@pytest.mark.parametrize(("estimate", "method"), METHODS[::2], ids=METHOD_NAMES[::2])
@pytest.mark.parametrize("op", [Dropout(SPECTRA["flat"]), OneSided(SPECTRA["flat"])])
def test_not_symmetric_or_not_deterministic(op: Diagonal, estimate: Callable, method: str) -> None:
    with pytest.raises(ValueError, match=r"op: not symmetric, or not deterministic: .* dropout"):
        estimate(op, 20, method)


@pytest.mark.parametrize("estimate", [eig.trace, eig.diagonal])
@pytest.mark.parametrize("arguments", [(20, "hutchinson"), (51,), (51, "hutchinson")])
@pytest.mark.parametrize("op", [Dropout(np.ones(50)), Recorder(np.triu(np.ones((50, 50))))])
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
