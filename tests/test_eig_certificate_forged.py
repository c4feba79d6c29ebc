"""Forged certificates: a false claim with factors that fit it all but where a check looks."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from oracle import spectra
from saddlescape import eig
from saddlescape.eig._check_certificate import BLOCK, Factors, check_certificate, residual_bound

U = 2.0**-53


def factors(L: np.ndarray, d: np.ndarray, e: np.ndarray, order: np.ndarray) -> Factors:
    return Factors(order, L, d.astype(float), e.astype(float))


def forged(
    A: np.ndarray, positive: int, negative: int, tolerance: float, shift: float, e: np.ndarray
) -> eig.Certificate:
    """L = I, and D as A is: exact, but for the signs it is said to have."""
    n = len(A)
    sides = (factors(np.eye(n), np.diag(A) + sign * shift, e, np.arange(n)) for sign in (-1.0, 1.0))
    return eig.Certificate(positive, negative, tolerance, 0, shift, *sides)


def test_a_block_of_two_with_one_sign_does_not_count_as_one_of_each() -> None:
    """|a c| > b^2: both eigenvalues of [[3, 1], [1, 3]] are positive."""
    A = np.array([[3.0, 1.0], [1.0, 3.0]])
    for claim in ((1, 1), (2, 0)):
        assert not forged(A, *claim, 0.0, 1e-6, np.array([1.0, 0.0])).check(A)
    assert eig.certificate(A).positive == 2
    # The forger's way to build one is right where the block is one of both signs.
    B = np.array([[0.0, 1.0], [1.0, 0.0]])
    assert forged(B, 1, 1, 0.0, 1e-6, np.array([1.0, 0.0])).check(B)


def test_blocks_of_two_that_overlap_do_not_count_twice() -> None:
    """Eigenvalues -sqrt 2, 0, sqrt 2: two overlapping blocks would be two of each sign."""
    A = np.diag(np.ones(2), 1) + np.diag(np.ones(2), -1)
    assert not forged(A, 2, 2, 0.0, 1e-6, np.array([1.0, 1.0, 0.0])).check(A)


def test_a_row_taken_twice_makes_no_eigenvalue_larger() -> None:
    """Row 0 of diag(1, 0) twice is [[1, 1], [1, 1]] with an eigenvalue of 2."""
    A, shift = np.diag([1.0, 0.0]), 1.5 + 1e-6
    twice = np.zeros(2, dtype=np.int64)
    sides = []
    for d in (1 - shift, 1 + shift):
        L = np.array([[1.0, 0.0], [1 / d, 1.0]])
        sides.append(factors(L, np.array([d, d - 1 / d]), np.zeros(2), twice))
    # Of [[1, 1], [1, 1]] it is a proof; of A it says that an eigenvalue is above 1.5.
    claim = eig.Certificate(1, 0, 1.5, 0, shift, *sides)
    assert not claim.check(A)
    straight = [dataclasses.replace(side, order=np.arange(2)) for side in sides]
    assert eig.Certificate(1, 0, 1.5, 0, shift, *straight).check(np.ones((2, 2)))


@pytest.mark.parametrize("skew", [1e-3, 1e-9])
@pytest.mark.parametrize("n", [2, 50])
def test_the_matrix_may_be_skew_by_less_than_the_shift_alone(n: int, skew: float) -> None:
    """A + K - K^T has the same mean: only what it lacks in symmetry tells it from A."""
    A = np.diag(np.r_[-1.0, np.arange(1.0, n)])
    proof = eig.certificate(A)
    assert proof.check(A)
    B = A.copy()
    B[0, 1], B[1, 0] = skew, -skew
    assert not proof.check(B)


@pytest.mark.parametrize("n", [1, 2, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5])
@pytest.mark.parametrize("zeros", [False, True])
def test_the_bound_holds_all_that_its_derivation_adds_up(n: int, zeros: bool) -> None:
    """gamma_(q+5) |L| |D| |L^T| + u sum |R so far| + |R|, by rows, from plain loops."""
    rng = np.random.default_rng(n)
    S = rng.standard_normal((n, n)) / n
    S = (S + S.T) / 2
    if zeros:
        np.fill_diagonal(S, 0.0)  # pivots of two
    proof = eig.certificate(S)
    S = np.ldexp(S, -proof.exponent)
    f = proof.minus
    D = np.diag(f.d) + np.diag(f.e[:-1], -1) + np.diag(f.e[:-1], 1)
    R = S[f.order][:, f.order] - proof.shift * np.eye(n)
    rows = U * np.abs(np.diag(R))
    for k in range(0, n, BLOCK):
        R = R - (f.L @ D)[:, k : k + BLOCK] @ f.L[:, k : k + BLOCK].T
        rows = rows + U * np.abs(R).sum(axis=1)
    gamma = (BLOCK + 5) * U / (1 - (BLOCK + 5) * U)
    of_products = gamma * (np.abs(f.L) @ np.abs(D) @ np.abs(f.L.T)).sum(axis=1)
    # R is rounding itself, and comes out anew for another order of the same sums.
    least = (rows + of_products).max()
    bound = residual_bound(S, -proof.shift, f)
    assert least <= bound * (1 + 1e-12)
    assert bound <= (rows + of_products + np.abs(R).sum(axis=1)).max() * (1 + 1e-2)


@pytest.mark.parametrize("n", [BLOCK, 2 * BLOCK + 3])
def test_what_was_left_on_the_way_counts_where_nothing_is_left_at_the_end(n: int) -> None:
    """In small integers every sum is exact: the bound is u |R so far| and the products' alone."""
    rng = np.random.default_rng(n)
    L = np.tril(rng.integers(-1, 2, (n, n)), -1) + np.eye(n)
    d = rng.choice([-2.0, 1.0, 3.0], n)
    f = factors(L, d, np.zeros(n), np.arange(n))
    R = (L * d) @ L.T
    S, rows = R.copy(), U * np.abs(np.diag(R))
    for k in range(0, n, BLOCK):
        R = R - (L * d)[:, k : k + BLOCK] @ L[:, k : k + BLOCK].T
        rows = rows + U * np.abs(R).sum(axis=1)
    assert not R.any()
    gamma = (BLOCK + 5) * U / (1 - (BLOCK + 5) * U)
    exact = (rows + gamma * (np.abs(L * d) @ np.abs(L.T)).sum(axis=1)).max()
    assert exact * (1 - 1e-12) <= residual_bound(S, 0.0, f) <= exact * (1 + 1e-9)


@pytest.mark.parametrize("part", ["L", "d"])
def test_factors_that_overflow_prove_nothing(part: str) -> None:
    A = spectra.planted([-1.0, 1.0, 2.0]).A
    proof = eig.certificate(A)
    large = getattr(proof.minus, part) * 2.0**399
    if part == "L":
        large = np.eye(3) + np.tril(large, -1)
    side = dataclasses.replace(proof.minus, **{part: large * (1 if part == "L" else 2.0**600)})
    assert not check_certificate(A, dataclasses.replace(proof, minus=side))


def test_a_claim_that_is_just_short_of_its_shift_is_refused() -> None:
    """The tolerance that a proof would be a proof for, from the shift and the residuals alone."""
    A = spectra.planted(np.r_[-2.0, -1.0, np.linspace(0.5, 3, 40)], seed=2).A
    proof = eig.certificate(A, tolerance=0.1)
    S = np.ldexp(A, -proof.exponent)
    S = (S + S.T) / 2
    room = proof.shift - max(
        residual_bound(S, -proof.shift, proof.minus), residual_bound(S, proof.shift, proof.plus)
    )
    assert np.array_equal(A, A.T)
    within = np.ldexp(room * (1 - 1e-9), proof.exponent)
    beyond = np.ldexp(room * (1 + 1e-9), proof.exponent)
    assert dataclasses.replace(proof, tolerance=within).check(A)
    assert not dataclasses.replace(proof, tolerance=beyond).check(A)
