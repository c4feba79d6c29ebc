"""Dense eigenvalues: LAPACK's own acceptance ratios, exact spectra, refusals."""

from __future__ import annotations

import re

import numpy as np
import pytest

from oracle import spectra
from saddlescape import eig

ULP = 2.0**-52
THRESHOLD = 60  # LAPACK's in sep.in; it reports real failures near 170

KNOWN = list(spectra.all_known())
# Not the graded ones: their small elements would underflow.
FEW = [k for k in KNOWN if k.n in (1, 2, 7, 8, 21, 33, 65) and not k.name.startswith("graded")]
by_name = pytest.mark.parametrize("known", KNOWN, ids=lambda k: k.name)


@by_name
def test_lapack_ratios(known: spectra.Known) -> None:
    A, n = known.A, known.n
    before = A.copy()
    w, V = eig.eigh(A)
    assert np.array_equal(A, before)
    assert w.shape == (n,)
    assert V.shape == (n, n)
    norm = np.abs(A).sum(axis=0).max()
    assert np.abs(A - (V * w) @ V.T).sum(axis=0).max() <= THRESHOLD * n * ULP * norm
    assert np.abs(np.eye(n) - V.T @ V).sum(axis=0).max() <= THRESHOLD * n * ULP
    values_only = eig.eigvalsh(A)
    assert np.abs(values_only - w).max() <= THRESHOLD * ULP * np.abs(w).max()
    assert np.all(np.diff(values_only) >= 0)


@by_name
def test_exact_spectrum(known: spectra.Known) -> None:
    # Backward error n ulp ||A|| (the ratio above), and what storing the matrix has moved.
    allowed = THRESHOLD * ULP * known.norm * np.sqrt(known.n) + known.stored
    assert np.abs(eig.eigvalsh(known.A) - known.eigenvalues).max() <= allowed


def test_wilkinson_published_pair() -> None:
    # Wilkinson, "The Algebraic Eigenvalue Problem" (1965), p. 309: W21+
    w = eig.eigvalsh(spectra.wilkinson_plus().A)
    assert w[-1] == pytest.approx(10.746194182903393, abs=21 * ULP * 10.7)
    assert w[-2] == pytest.approx(10.746194182903322, abs=21 * ULP * 10.7)


@pytest.mark.parametrize("function", [eig.eigvalsh, lambda A: eig.eigh(A)[0]])
def test_empty(function) -> None:
    assert function(np.zeros((0, 0))).shape == (0,)


def test_empty_vectors() -> None:
    assert eig.eigh(np.zeros((0, 0), dtype=np.float32))[1].shape == (0, 0)


@pytest.mark.parametrize("exponent", [-900, -500, -160, 160, 500, 1000])
@pytest.mark.parametrize("known", FEW, ids=lambda k: k.name)
def test_power_of_two_scales_the_answer_exactly(known: spectra.Known, exponent: int) -> None:
    w, V = eig.eigh(known.A)
    w_scaled, V_scaled = eig.eigh(np.ldexp(known.A, exponent))
    assert np.array_equal(V_scaled, V)
    assert np.array_equal(w_scaled, np.ldexp(w, exponent))


def test_float32_is_computed_in_float64() -> None:
    A = spectra.planted(np.linspace(-1, 1, 65)).A.astype(np.float32)
    A = (A + A.T) / 2
    assert np.array_equal(eig.eigvalsh(A), eig.eigvalsh(A.astype(np.float64)))


def test_rounding_asymmetry_is_accepted() -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((129, 40)).astype(np.float32)
    A = X @ X.T
    A[3, 5] = np.nextafter(A[3, 5], np.float32(np.inf))
    w = eig.eigvalsh(A)
    mean = (A.astype(np.float64) + A.T) / 2
    assert np.abs(w - np.linalg.eigvalsh(mean)).max() < 1e-13 * w[-1]


def test_columns_are_contiguous() -> None:
    _, V = eig.eigh(np.diag([3.0, 1.0, 2.0]))
    assert V[:, 1].flags.c_contiguous


def not_symmetric() -> np.ndarray:
    A = np.eye(70)
    A[66, 3] = 0.5
    return A


def with_value(value: float) -> np.ndarray:
    A = np.eye(3)
    A[1, 2] = A[2, 1] = value
    return A


ERRORS = [
    ([[1.0]], TypeError, "A: builtins.list, expected a NumPy array of float32 or float64"),
    (np.eye(3, dtype=int), TypeError, "A: dtype int64, expected float32 or float64"),
    (np.eye(3, dtype=complex), TypeError, "A: dtype complex128, expected float32 or float64"),
    (np.eye(3)[0], ValueError, "A: shape (3,), expected (n, n)"),
    (np.ones((2, 3)), ValueError, "A: shape (2, 3), expected (n, n)"),
    (np.ones((2, 2, 2)), ValueError, "A: shape (2, 2, 2), expected (n, n)"),
    (np.eye(6)[::2, ::2], ValueError, "expected a C-contiguous array"),
    (with_value(np.nan), ValueError, "A: NaN at (1, 2), expected finite numbers"),
    (with_value(-np.inf), ValueError, "A: -infinite at (1, 2), expected finite numbers"),
    (
        not_symmetric(),
        ValueError,
        "A: not symmetric, |A[66, 3] - A[3, 66]| = 0.5 is its largest, expected at most 1.55e-12 "
        "(100 n eps max|A|); if the symmetric part is meant, pass (A + A.T) / 2",
    ),
]


@pytest.mark.parametrize("function", [eig.eigvalsh, eig.eigh, eig.certified_eigh, eig.inertia])
@pytest.mark.parametrize(("A", "error", "message"), ERRORS, ids=lambda x: str(x)[:30])
def test_refused(function, A: object, error: type[Exception], message: str) -> None:
    before = A.copy() if isinstance(A, np.ndarray) else None
    with pytest.raises(error, match=re.escape(message)):
        function(A)
    if before is not None:
        assert np.array_equal(A, before, equal_nan=True)


@pytest.mark.parametrize("function", [eig.eigvalsh, eig.eigh, eig.certified_eigh])
def test_an_eigenvalue_beyond_float64_is_refused(function) -> None:
    with pytest.raises(ValueError, match="A: an eigenvalue is beyond the range of float64"):
        function(np.full((2, 2), 1.7e308))


def test_signs_need_no_eigenvalue() -> None:
    counts = eig.inertia(np.full((2, 2), 1.7e308))
    assert (counts.positive, counts.negative, counts.undetermined) == (1, 0, 1)
    assert np.isfinite(counts.tolerance)
