"""Lanczos: the right pairs, residuals as claimed, breakdowns, multiplicities, restarts."""

from __future__ import annotations

import numpy as np
import pytest

from oracle import spectra
from oracle.operators import Diagonal, check, ends
from saddlescape import eig
from saddlescape.eig import Outcome

KNOWN = [k for k in spectra.all_known() if k.n in (1, 2, 3, 5, 7, 8, 21, 33, 50, 65, 105, 129, 201)]
TOL = 1e-6


@pytest.mark.parametrize("block", [1, 2, 4])
@pytest.mark.parametrize(("low", "high"), [(1, 1), (3, 2), (0, 2), (2, 0)])
@pytest.mark.parametrize("known", KNOWN, ids=lambda k: k.name)
def test_both_ends(known: spectra.Known, low: int, high: int, block: int) -> None:
    result = eig.lanczos(known.A, low, high, block=block, max_products=20_000)
    assert result.outcome is Outcome.CONVERGED
    residuals = check(result, known.A, low, high)
    assert np.all(residuals <= TOL * known.norm + 1e-300)
    # Weyl: each within its residual of an eigenvalue; that it is the right one is the point.
    exact = ends(known.eigenvalues, low, high)
    assert np.abs(result.eigenvalues - exact).max() <= TOL * known.norm + known.stored


@pytest.mark.parametrize("block", [1, 2, 4])
@pytest.mark.parametrize("name", ["two_valued-129", "cycle-129", "planted-129", "glued-105"])
def test_as_exact_as_rounding_lets_it_be(name: str, block: int) -> None:
    known = next(k for k in KNOWN if k.name == name)
    result = eig.lanczos(known.A, 2, 2, tol=1e-12, block=block, max_products=20_000)
    assert result.outcome is Outcome.CONVERGED
    assert check(result, known.A, 2, 2, tol=1e-12).max() <= 1e-12 * known.norm


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("block", [1, 2])
def test_double_eigenvalues_are_found(block: int, seed: int) -> None:
    known = spectra.cycle(200)
    result = eig.lanczos(known.A, low=3, high=0, block=block, seed=seed)
    assert result.outcome is Outcome.CONVERGED
    exact = known.eigenvalues[:3]
    assert exact[1] == pytest.approx(exact[2])
    assert np.abs(result.eigenvalues - exact).max() <= TOL * known.norm
    check(result, known.A, 3, 0)


@pytest.mark.parametrize("seed", range(5))
def test_fivefold_eigenvalue_by_single_vectors(seed: int) -> None:
    # Each start can bring one copy only: the check has to begin again after each that it finds.
    w = np.r_[np.full(5, -1.0), np.linspace(0, 1, 295)]
    known = spectra.planted(w, seed=seed)
    result = eig.lanczos(known.A, low=6, high=1, seed=seed)
    assert result.outcome is Outcome.CONVERGED
    assert np.abs(result.eigenvalues - ends(known.eigenvalues, 6, 1)).max() < 1e-6
    check(result, known.A, 6, 1)


BREAKDOWNS = {
    "identity": np.eye(100),
    "zero": np.zeros((100, 100)),
    "rank one": np.ones((100, 100)),
    "minus rank one": -np.ones((100, 100)),
    "two-valued": spectra.two_valued(100).A,
    "low rank": spectra.low_rank(120, 6).A,
    "one": np.array([[-3.0]]),
    "zero, one": np.array([[0.0]]),
}


@pytest.mark.parametrize("block", [1, 2, 4, 7])
@pytest.mark.parametrize("name", BREAKDOWNS)
def test_breakdown(name: str, block: int) -> None:
    A = BREAKDOWNS[name]
    result = eig.lanczos(A, 2, 2, block=block)
    assert result.outcome is Outcome.CONVERGED
    check(result, A, 2, 2)
    exact = ends(np.linalg.eigvalsh(A), 2, 2)
    assert np.abs(result.eigenvalues - exact).max() <= 1e-12 * max(1, np.abs(exact).max())
    assert result.products <= 100  # few distinct values need few products


@pytest.mark.parametrize("extra", [0, 1, 1000])
@pytest.mark.parametrize("n", [1, 2, 3, 41, 70])
def test_all_pairs_once(n: int, extra: int) -> None:
    known = spectra.planted(np.random.default_rng(n).standard_normal(n))
    result = eig.lanczos(known.A, n // 2 + extra, n - n // 2)
    check(result, known.A, n, 0)
    # The whole space: exact up to rounding.
    assert np.abs(result.eigenvalues - known.eigenvalues).max() < 1e-13 * known.norm + known.stored
    assert result.products == n
    assert result.missing == 0


@pytest.mark.parametrize("n", [39, 40, 41, 42, 43, 47])
@pytest.mark.parametrize("block", [1, 3, 8])
def test_around_the_size_of_the_basis(n: int, block: int) -> None:
    known = spectra.planted(np.linspace(-1, 2, n), seed=n)
    result = eig.lanczos(known.A, 2, 2, block=block)
    check(result, known.A, 2, 2)
    assert np.abs(result.eigenvalues - ends(known.eigenvalues, 2, 2)).max() < 1e-6


@pytest.mark.parametrize("exponent", [-600, -400, 400, 600])
def test_any_scale(exponent: int) -> None:
    d = np.linspace(-1, 3, 100)
    reference = eig.lanczos(Diagonal(d), 2, 2)
    result = eig.lanczos(Diagonal(np.ldexp(d, exponent)), 2, 2)
    error = np.ldexp(result.eigenvalues, -exponent) - reference.eigenvalues
    assert np.abs(error).max() < 1e-12
    assert np.all(result.converged)


def test_hundreds_of_restarts_stay_orthonormal() -> None:
    # Gaps of 4e-8 of the spread: it can't converge, and restarts some 600 times.
    op = Diagonal(np.linspace(0, 1, 300) ** 3)
    result = eig.lanczos(op, 3, 3, tol=1e-14, max_products=12_000, basis=40)
    assert result.outcome is Outcome.BUDGET
    assert 11_900 < result.products == op.products <= 12_000
    X = result.eigenvectors
    assert np.abs(X.T @ X - np.eye(6)).max() < 1e-13
    assert len(np.unique(result.eigenvalues)) == 6
    # No ghosts: the i-th value is no copy of the one before (cupy#10098).
    assert np.abs(result.eigenvalues[3:] - np.sort(op.d)[-3:]).max() < 1e-6


def test_eigenvalue_zero_does_not_block() -> None:
    d = np.r_[0.0, np.linspace(1, 2, 99)]
    result = eig.lanczos(Diagonal(d), 1, 0)
    assert result.outcome is Outcome.CONVERGED
    assert abs(result.eigenvalues[0]) < 1e-6


def test_products_are_counted() -> None:
    for block in (1, 3):
        op = Diagonal(np.linspace(0, 1, 200))
        assert eig.lanczos(op, 2, 1, block=block).products == op.products


@pytest.mark.parametrize("block", [1, 2])
def test_deterministic_for_a_seed(block: int) -> None:
    A = spectra.planted(np.linspace(-1, 1, 150)).A
    first, again = (eig.lanczos(A, 2, 2, block=block, seed=5) for _ in range(2))
    other = eig.lanczos(A, 2, 2, block=block, seed=6)
    for name in ("eigenvalues", "eigenvectors", "residuals", "products"):
        assert np.array_equal(getattr(first, name), getattr(again, name))
    assert not np.array_equal(first.eigenvectors, other.eigenvectors)
