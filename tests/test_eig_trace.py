"""Traces and diagonals: unbiased, exact where they can be, with standard errors that hold."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from oracle import estimators, spectra
from oracle.operators import Diagonal
from saddlescape import eig
from trace_samples import METHOD_NAMES, METHODS, SPECTRA, N, Recorder, each_method, exact, planted


def hutchinson_variance(estimate: Callable, A: np.ndarray) -> np.ndarray:
    """Of one sample: 2 (||A||_F^2 - sum a_jj^2), and sum_{l != j} a_jl^2."""
    squares = (A - np.diag(np.diag(A))) ** 2
    return 2 * squares.sum() if estimate is eig.trace else squares.sum(axis=1)


# --- The formulas --------------------------------------------------------------------------------


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
