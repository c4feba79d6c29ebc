"""Certified signs where the answer is known: closed forms, networks, congruences, extremes."""

from __future__ import annotations

import numpy as np
import pytest

from oracle import closed_forms as forms
from oracle import spectra
from saddlescape import eig

KNOWN = list(forms.all_closed())


def counts_of(A: np.ndarray, tolerance: float | None = None) -> tuple[int, int, int]:
    counts = eig.inertia(A, tolerance)
    return counts.positive, counts.negative, counts.undetermined


@pytest.mark.parametrize("known", KNOWN, ids=lambda k: k.name)
def test_closed_form_is_exact(known: spectra.Known) -> None:
    assert counts_of(known.A) == known.counts


def test_rosser_has_one_undetermined() -> None:
    assert counts_of(spectra.rosser().A) == (6, 1, 1)


@pytest.mark.parametrize("n", [14, 20, 60])
def test_hilbert_is_never_negative(n: int) -> None:
    counts = eig.inertia(forms.hilbert(n).A)
    assert counts.negative == 0
    assert 5 <= counts.positive <= 20
    # Float32 stores another matrix: whose small eigenvalues have signs by chance, but tiny ones.
    single = eig.inertia(forms.hilbert(n).A.astype(np.float32), tolerance=1e-6)
    assert single.negative == 0


@pytest.mark.parametrize(("n", "rank"), [(40, 7), (97, 96), (200, 31)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_low_rank_product(n: int, rank: int, dtype: type) -> None:
    G = np.random.default_rng(n).integers(-4, 5, (n, rank)).astype(dtype)
    # Exact in both types, and of full rank: the smallest singular value is far from zero.
    values = np.linalg.svd(G.astype(float), compute_uv=False)
    assert values[-1] > 0.01
    assert counts_of(G @ G.T) == (rank, 0, n - rank)


@pytest.mark.parametrize(("samples", "inputs", "classes"), [(30, 4, 3), (60, 12, 10)])
def test_softmax_regression(samples: int, inputs: int, classes: int) -> None:
    H = forms.softmax_hessian(samples, inputs, classes)
    assert counts_of(H) == ((classes - 1) * inputs, 0, inputs)


@pytest.mark.parametrize(("hidden", "d", "C", "rank"), [(3, 5, 4, 4), (8, 6, 5, 2), (20, 3, 3, 3)])
def test_linear_net_at_the_origin(hidden: int, d: int, C: int, rank: int) -> None:
    rng = np.random.default_rng(hidden)
    Sigma = rng.integers(-5, 6, (C, rank)) @ rng.integers(-5, 6, (rank, d)).astype(float)
    assert np.linalg.matrix_rank(Sigma) == rank
    H = forms.linear_net_origin(Sigma, hidden)
    assert counts_of(H) == (hidden * rank, hidden * rank, hidden * (d + C - 2 * rank))


@pytest.mark.parametrize(("N", "C", "P"), [(5, 2, 40), (20, 3, 150)])
def test_interpolating_minimum(N: int, C: int, P: int) -> None:
    assert counts_of(forms.gauss_newton(N, C, P)) == (N * C, 0, P - N * C)


@pytest.mark.parametrize("hidden", [2, 10, 40])
def test_relu_net_has_a_null_direction_for_each_unit(hidden: int) -> None:
    counts = eig.inertia(forms.relu_net(200, 3, hidden))
    assert counts.negative == 0
    assert counts.undetermined >= hidden
    assert counts.positive <= 200


SIZES = [1, 2, 3, 23, 24, 25, 31, 63, 64, 65, 94, 95, 96, 97, 98, 128, 129, 191, 192, 193, 288, 300]


def no_wrong_count(seed: int, n: int) -> None:
    A, (positive, negative, zero) = forms.congruent(seed, n)
    found = counts_of(A)
    assert found[0] <= positive, (seed, n)
    assert found[1] <= negative, (seed, n)
    assert found[2] >= zero, (seed, n)


@pytest.mark.parametrize("n", SIZES)
def test_no_wrong_count_in_exact_congruences(n: int) -> None:
    for seed in range(5):
        no_wrong_count(seed, n)


@pytest.mark.slow
def test_no_wrong_count_in_600_larger_exact_congruences() -> None:
    for n in SIZES:
        for seed in range(100, 130):
            no_wrong_count(seed, n)


def growing(n: int) -> np.ndarray:
    """Where elimination in the given order doubles the last column at each step."""
    L = np.eye(n) - np.tril(np.ones((n, n)), -1)
    return L @ np.diag((-1.0) ** np.arange(n)) @ L.T


@pytest.mark.parametrize("n", [10, 30, 50])
def test_growth_can_not_lie(n: int) -> None:
    A = growing(n)  # exact: elements below n
    positive, negative, _ = counts_of(A)
    assert positive <= (n + 1) // 2
    assert negative <= n // 2
    # The smallest singular value of L is about 2^-n.
    assert n > 10 or (positive, negative) == ((n + 1) // 2, n // 2)
    assert positive + negative >= n - 4


@pytest.mark.parametrize("exponent", [-1074, -1060, -1022, -600, 600, 1000, 1015])
def test_the_ends_of_the_range(exponent: int) -> None:
    A = np.ldexp(np.array([[3.0, 1.0, 0.0], [1.0, -3.0, 2.0], [0.0, 2.0, 5.0]]), exponent)
    assert counts_of(A) == (2, 1, 0)
    assert counts_of(A, tolerance=float(np.ldexp(4.0, exponent))) == (1, 0, 2)


def test_a_huge_range_is_undetermined_not_guessed() -> None:
    rng = np.random.default_rng(0)
    scales = 10.0 ** rng.uniform(-300, 300, 120)
    signs = rng.choice([-1.0, 1.0], 120)
    counts = eig.inertia(np.diag(scales * signs))
    assert counts.positive <= np.count_nonzero(signs > 0)
    assert counts.negative <= np.count_nonzero(signs < 0)
    assert counts.undetermined >= 100


@pytest.mark.parametrize("scale", [1e-150, 1.0, 1e150])
def test_graded_and_rotated(scale: float) -> None:
    sizes = 10.0 ** (-8.0 * np.arange(6)) * np.array([1, -1, 1, -1, 1, -1])
    known = spectra.planted(np.sort(sizes), seed=4)
    # 1e-16 and less are lost in the rounding of the elements.
    assert counts_of(known.A * scale) == (1, 1, 4)
