"""Certified signs: never a wrong one, and a bound that bounds."""

from __future__ import annotations

import re
from fractions import Fraction

import numpy as np
import pytest

import saddlescape as ss
from oracle import spectra
from saddlescape import _core, eig

KNOWN = list(spectra.all_known())
by_name = pytest.mark.parametrize("known", KNOWN, ids=lambda k: k.name)


@by_name
def test_counts_are_right_or_undetermined(known: spectra.Known) -> None:
    counts = eig.inertia(known.A)
    positive, negative, zero = known.counts
    assert counts.positive <= positive
    assert counts.negative <= negative
    assert counts.undetermined >= zero
    assert counts.n == known.n
    # Undetermined is only what lies within the band, and the band is narrow.
    near = np.count_nonzero(np.abs(known.eigenvalues) <= counts.tolerance + known.stored)
    assert counts.undetermined <= near
    assert 0 <= counts.error_bound <= counts.tolerance <= 1e-8 * known.norm


@by_name
def test_bound_bounds_and_is_not_absurd(known: spectra.Known) -> None:
    spectrum = eig.certified_eigh(known.A)
    error = np.abs(spectrum.eigenvalues - known.eigenvalues).max()
    # The closed forms are float64 themselves: one rounding each, and those of the formula.
    formula = 8 * spectra.U * known.norm
    assert error <= spectrum.error_bound + known.stored + formula
    assert spectrum.error_bound <= 1e-9 * known.norm
    assert np.array_equal(spectrum.eigenvalues, eig.eigh(known.A)[0])


def planted_with_small(seed: int) -> spectra.Known:
    """Signs at all sizes from 1 down to 1e-14, and zeros."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 40))
    sizes = 10.0 ** rng.uniform(-14, 0, n) * rng.choice([-1, 1, 1, 0], n)
    return spectra.planted(np.sort(sizes), seed=seed)


@pytest.mark.parametrize("first", range(0, 500, 50))
def test_no_wrong_count_in_500_planted(first: int) -> None:
    for seed in range(first, first + 50):
        known = planted_with_small(seed)
        counts = eig.inertia(known.A)
        # The bound is of the stored matrix; a planted eigenvalue below `stored` may have lost its
        # sign when the matrix was rounded, and nobody could tell.
        sure = known.stored
        positive, negative, _ = known.counts
        assert counts.positive <= positive, seed
        assert counts.negative <= negative, seed
        clear = np.abs(known.eigenvalues) > counts.tolerance + sure
        assert counts.positive + counts.negative >= np.count_nonzero(clear), seed


@pytest.mark.parametrize("scale", [1e-150, 1e-100, 1.0, 1e100, 1e150])
def test_scale_changes_nothing(scale: float) -> None:
    known = spectra.planted([-3, -1e-3, 0, 0, 1e-9, 1, 7], seed=3)
    counts = eig.inertia(known.A * scale)
    assert (counts.positive, counts.negative, counts.undetermined) == (3, 2, 2)
    assert counts.error_bound < 1e-12 * scale


def test_small_bound_at_300() -> None:
    known = spectra.planted(np.linspace(-1, 1, 300))
    assert eig.certified_eigh(known.A).error_bound < 1e-10


def test_asymmetry_is_part_of_the_bound() -> None:
    A = np.diag([1.0, 1e-13, 2.0])
    A[2, 0] = 6e-14  # within the rounding that is accepted: 100 n eps max|A| = 1.3e-13
    bound = eig.certified_eigh(A).error_bound
    assert bound >= 6e-14 / np.sqrt(2)
    for triangle in (np.tril(A) + np.tril(A, -1).T, np.triu(A) + np.triu(A, 1).T):
        exact = np.linalg.eigvalsh(triangle)
        assert np.abs(exact - eig.eigvalsh(A)).max() <= bound


def test_tolerance_widens_the_band() -> None:
    A = np.diag([-2.0, -0.5, 0.5, 3.0])
    counts = eig.inertia(A, tolerance=1)
    assert (counts.positive, counts.negative, counts.undetermined) == (1, 1, 2)
    assert counts.tolerance >= 1 + counts.error_bound
    assert counts.minimum_ratio == (0.25, 0.75)


@pytest.mark.parametrize("at", [1.0, -1.0])
def test_an_eigenvalue_on_the_tolerance_is_undetermined(at: float) -> None:
    assert eig.inertia(np.array([[at]]), tolerance=1.0).undetermined == 1


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("tolerance", [0.0, 1e-9, 0.3])
@pytest.mark.parametrize("n", [1, 2, 3, 8, 40, 97])
def test_the_shift_was_as_far_as_its_proof_needs(n: int, tolerance: float, overwrite: bool) -> None:
    """Eigenvalues are above shift - error >= tolerance; the band is shift + error."""
    A = spectra.planted(np.linspace(-1, 1, n + 1)[1:], seed=n).A
    counts = eig.inertia(A.copy(), tolerance, overwrite=overwrite)
    least = Fraction(tolerance) + 2 * Fraction(counts.error_bound)
    assert Fraction(counts.tolerance) >= least * (1 - Fraction(1, 10**12))
    # 18 n^(4/3) u times the largest row sum, from below, is no bound of so small matrices.
    assert counts.error_bound >= 30 * spectra.U * np.abs(A).sum(axis=1).max()


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("n", [2, 9, 70])
def test_what_a_matrix_lacks_in_symmetry_is_a_part_of_the_error(n: int, overwrite: bool) -> None:
    A = spectra.planted(np.linspace(-1, 1, n), seed=3).A
    before = eig.inertia(A.copy(), overwrite=overwrite).error_bound
    K = np.triu(np.random.default_rng(0).uniform(-1, 1, (n, n)), 1)
    B = A + 40 * n * spectra.U * np.abs(A).max() * K
    lacking = np.linalg.norm(B - B.T) / 2
    after = eig.inertia(B.copy(), overwrite=overwrite).error_bound
    # The elimination is that of a matrix nearly the same.
    assert after >= 0.9 * before + 0.99 * lacking


def test_means_that_underflow_in_the_matrix_itself_are_a_part_of_the_error() -> None:
    """Halves of the smallest number are lost where A is overwritten, not where S is apart."""
    n, tiny = 8, 2.0**-1074
    A = np.full((n, n), 2.0**51) + np.triu(np.ones((n, n)), 1)
    A = np.ldexp(A, -1074)
    apart = eig.inertia(A.copy()).error_bound
    assert eig.inertia(A.copy(), overwrite=True).error_bound >= apart + 0.75 * n * tiny


def test_an_eigenvalue_on_the_edge_of_its_error_is_undetermined() -> None:
    spectrum = eig.Spectrum(np.array([-0.5, 0.5, np.nextafter(0.5, 1)]), None, 0.5)
    counts = eig.inertia(spectrum=spectrum)
    assert (counts.positive, counts.negative, counts.undetermined) == (1, 0, 2)


@pytest.mark.parametrize("tolerance", [1.0, 1e-3, 1 / 3, 1e10])
@pytest.mark.parametrize("error", [0.9 * 2.0**-53, 1e-17, 1e-16 / 3, 0.1])
def test_the_band_is_no_narrower_than_the_sum_of_its_parts(tolerance: float, error: float) -> None:
    """In exact numbers: a sum that is rounded down would be."""
    counts = eig.inertia(spectrum=eig.Spectrum(np.ones(1), None, error), tolerance=tolerance)
    assert Fraction(counts.tolerance) >= Fraction(tolerance) + Fraction(error)
    assert counts.error_bound == error


@by_name
def test_two_proofs_do_not_contradict_each_other(known: spectra.Known) -> None:
    scale = max(known.norm, 1e-300)
    for tolerance in (0.0, 1e-6 * scale, 0.3 * scale):
        spectrum = eig.inertia(spectrum=eig.certified_eigh(known.A), tolerance=tolerance)
        signs = eig.inertia(known.A, tolerance)
        # What one has proved to be of a sign the other has not proved to be of the other.
        assert signs.positive <= known.n - spectrum.negative
        assert spectrum.positive <= known.n - signs.negative
        # Both have counted what lies beyond both bands.
        beyond = known.eigenvalues > max(signs.tolerance, spectrum.tolerance) + known.stored
        assert min(signs.positive, spectrum.positive) >= np.count_nonzero(beyond)


# Sizes at the edges of panels and tiles; low rank and exact zeros make pivots of zeros.
@pytest.mark.parametrize("n", [1, 2, 3, 31, 62, 63, 64, 65, 127, 128, 255, 256, 257, 400])
@pytest.mark.parametrize("kind", ["dense", "zero diagonal", "low rank", "graded", "saddle point"])
def test_signs_of_an_elimination(n: int, kind: str) -> None:
    rng = np.random.default_rng([n, len(kind)])
    A = rng.normal(size=(n, n))
    A = A + A.T
    if kind == "zero diagonal":
        np.fill_diagonal(A, 0)
    elif kind == "low rank":
        B = rng.normal(size=(n, 1 + n // 8))
        A = B @ np.diag(rng.choice([-1, 1], 1 + n // 8)) @ B.T
        A = (A + A.T) / 2
    elif kind == "graded":
        sizes = 10.0 ** -np.linspace(0, 12, n)
        A = A * sizes[:, None] * sizes
    elif kind == "saddle point":
        A[n // 2 :, n // 2 :] = 0
    before = A.copy()
    counts = eig.inertia(A)
    assert np.array_equal(A, before)
    values = np.linalg.eigvalsh(A)
    norm = np.abs(values).max()
    slack = 1e-14 * n * norm  # LAPACK's own error
    assert counts.positive <= np.count_nonzero(values > -slack)
    assert counts.negative <= np.count_nonzero(values < slack)
    assert counts.positive >= np.count_nonzero(values > counts.tolerance + slack)
    assert counts.negative >= np.count_nonzero(values < -counts.tolerance - slack)
    assert counts.tolerance <= 1e-9 * norm


@pytest.mark.slow
def test_no_wrong_count_in_10000_planted() -> None:
    for seed in range(10_000, 20_000):
        known = planted_with_small(seed)
        counts = eig.inertia(known.A)
        positive, negative, _ = known.counts
        assert counts.positive <= positive, seed
        assert counts.negative <= negative, seed


def test_counts_do_not_depend_on_the_instruction_set_or_threads() -> None:
    known = spectra.planted(np.linspace(-1, 1, 200), seed=1)
    isa, threads = _core.isa(), ss.info()["threads"]
    found = set()
    try:
        for each in _core.available_isas():
            for count in (1, 2, 3, 4):
                _core.force_isa(each)
                ss.set_threads(count)
                counts = eig.inertia(known.A)
                assert (counts.positive, counts.negative) == (100, 100)
                fused = each != "x86-64-v2"  # no fused multiply-add: other roundings
                found.add((fused, counts.tolerance, counts.error_bound))
    finally:
        _core.force_isa(isa)
        ss.set_threads(threads)
    assert len(found) == len({fused for fused, *_ in found})


def test_a_spectrum_that_is_there_is_used() -> None:
    A = spectra.rosser().A
    counts = eig.inertia(spectrum=eig.certified_eigh(A), tolerance=0.01)
    assert (counts.positive, counts.negative, counts.undetermined) == (6, 1, 1)
    assert counts.tolerance == pytest.approx(0.01)


def test_empty_one_zero_identity() -> None:
    empty = eig.inertia(np.zeros((0, 0)))
    assert (empty.n, empty.minimum_ratio, empty.error_bound) == (0, (1.0, 1.0), 0.0)
    assert eig.inertia(np.array([[-2.0]])).negative == 1
    zero = eig.inertia(np.zeros((5, 5)))
    assert (zero.undetermined, zero.tolerance, zero.minimum_ratio) == (5, 0.0, (0.0, 1.0))
    assert eig.inertia(np.eye(129)).minimum_ratio == (1.0, 1.0)


def test_the_smallest_numbers() -> None:
    tiny = 2.0**-1074
    assert eig.inertia(np.array([[tiny]])).positive == 1  # scaled by a power of two, exactly
    spectrum = eig.certified_eigh(np.array([[tiny]]))
    assert eig.inertia(spectrum=spectrum).positive == 0  # the bound itself is rounded up to there
    assert eig.inertia(np.array([[1e-300]])).positive == 1


def test_text() -> None:
    counts = eig.inertia(np.diag([1.0, 2.0, 0.0, -1.0]))
    assert str(counts).startswith("2 positive, 1 negative, 1 undetermined (|eigenvalue| <= ")
    assert str(counts).endswith("minimum ratio in [0.5, 0.75]")
    assert "positive=2" in repr(counts)


ERRORS = [
    ({"tolerance": -1.0}, ValueError, "tolerance: -1.0, expected a finite number of at least 0"),
    ({"tolerance": np.nan}, ValueError, "tolerance: nan, expected a finite number of at least 0"),
    ({"tolerance": np.inf}, ValueError, "tolerance: inf, expected a finite number of at least 0"),
    ({"tolerance": "0"}, TypeError, "tolerance: str, expected a finite number of at least 0"),
    ({"A": None}, ValueError, "A, spectrum: neither is given, expected one of them"),
    ({"spectrum": (1, 2)}, ValueError, "A, spectrum: both are given, expected one of them"),
    (
        {"A": None, "spectrum": 3},
        TypeError,
        "spectrum: int, expected a Spectrum, as of certified_eigh",
    ),
    ({"overwrite": 1}, TypeError, "overwrite: int, expected True or False"),
    ({"A": None, "overwrite": True}, ValueError, "overwrite: True without A, expected an A"),
]


@pytest.mark.parametrize(("arguments", "error", "message"), ERRORS, ids=lambda x: str(x)[:30])
def test_refused(arguments: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        eig.inertia(**{"A": np.eye(2)} | arguments)
