"""Eigenvalues without vectors: LAPACK's 21 types, Sturm checks, threads, instruction sets."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from scipy.linalg import eigvalsh as scipy_eigvalsh
from scipy.linalg import hessenberg

from oracle import lapack_types, spectra
from saddlescape import eig

ULP = 2.0**-52
THRESHOLD = 60  # LAPACK's in sep.in; it reports real failures near 170

SMALL = [n for n in lapack_types.SIZES if n < 500]
LARGE = [n for n in lapack_types.SIZES if n >= 500]
by_type = pytest.mark.parametrize("name", lapack_types.TYPES)


def counts_below(d: np.ndarray, e: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Negative pivots of T - x I, by quotients: written without a look at the product form."""
    count = np.zeros(len(x), dtype=int)
    tiny = np.finfo(float).tiny * max(1.0, np.max(e**2, initial=0.0))
    pivot = np.ones(len(x))
    for i in range(len(d)):
        pivot = d[i] - x - (e[i - 1] ** 2 / pivot if i else 0.0)
        pivot = np.where(np.abs(pivot) <= tiny, -tiny, pivot)
        count += pivot < 0
    return count


def sturm_check(d: np.ndarray, e: np.ndarray, w: np.ndarray, width: float) -> None:
    """LAPACK's dstech: as many eigenvalues in each merged interval as there are values in it."""
    starts = np.flatnonzero(np.r_[True, np.diff(w) > 2 * width])
    ends = np.r_[starts[1:], len(w)]
    below = counts_below(d, e, w[starts] - width)
    above = counts_below(d, e, w[ends - 1] + width)
    assert np.array_equal(below, starts)
    assert np.array_equal(above, ends)


def check(A: np.ndarray, values: Callable[[np.ndarray], np.ndarray]) -> None:
    before = A.copy()
    w = values(A)
    assert np.array_equal(A, before)
    assert np.all(np.diff(w) >= 0)
    # Squares of the elements must stay in range for the oracles, not for us.
    exponent = -np.frexp(np.abs(A).max())[1]
    A, w = np.ldexp(A, exponent), np.ldexp(w, exponent)
    allowed = max(THRESHOLD * ULP * np.abs(w).max(), 1e-290)
    assert np.abs(w - np.linalg.eigh(A)[0]).max() <= allowed  # dstedc
    if len(A) < 1000:  # where dsterf is up to 70 ulp off what dstedc and we agree on to 1
        assert np.abs(w - scipy_eigvalsh(A, driver="ev")).max() <= allowed
    T = hessenberg(A)
    sturm_check(np.diag(T).copy(), np.diag(T, -1).copy(), w, allowed)


def certified(A: np.ndarray) -> np.ndarray:
    """Two stages for every n: small matrices go through LAPACK in eigvalsh."""
    return eig.certified_eigvalsh(A).eigenvalues


@by_type
@pytest.mark.parametrize("n", SMALL)
def test_lapack_types(name: str, n: int) -> None:
    check(lapack_types.matrix(name, n), certified)


@by_type
@pytest.mark.parametrize("n", [500])
def test_lapack_types_500(name: str, n: int) -> None:
    check(lapack_types.matrix(name, n), eig.eigvalsh)


@pytest.mark.slow
@by_type
def test_lapack_types_1000(name: str) -> None:
    check(lapack_types.matrix(name, 1000), eig.eigvalsh)


@pytest.mark.parametrize("exponent", [-150, -75, 0, 75, 150])
def test_scales(exponent: int) -> None:
    A = lapack_types.matrix("8 evenly", 320)
    w, scaled = eig.eigvalsh(A), eig.eigvalsh(A * 10.0**exponent)
    # A times a power of ten is rounded: n^1/2 u ||A|| at most, and 2 for the norm.
    assert np.abs(scaled / 10.0**exponent - w).max() <= 2 * 18 * ULP
    assert np.array_equal(eig.eigvalsh(np.ldexp(A, 3 * exponent)), np.ldexp(w, 3 * exponent))


@pytest.mark.parametrize("known", list(spectra.all_known()), ids=lambda k: k.name)
def test_the_bound_holds(known: spectra.Known) -> None:
    spectrum = eig.certified_eigvalsh(known.A)
    error = np.abs(spectrum.eigenvalues - known.eigenvalues).max()
    assert error <= THRESHOLD * ULP * known.norm * np.sqrt(known.n) + known.stored
    # The oracle's own values are rounded.
    assert error <= spectrum.error_bound + known.stored + ULP * known.norm
    assert spectrum.error_bound <= 2e-11 * known.n * np.linalg.norm(known.A) + 1e-300
    counts, (positive, negative, zero) = eig.inertia(spectrum=spectrum), known.counts
    if known.stored == 0:
        assert counts.positive <= positive
        assert counts.negative <= negative
        assert counts.undetermined >= zero


def test_a_matrix_that_is_not_quite_symmetric_is_covered() -> None:
    A = spectra.planted(np.linspace(-1, 1, 65)).A
    A[40, 2] += 1e-13
    spectrum = eig.certified_eigvalsh(A)
    for triangle in "LU":
        w = np.linalg.eigvalsh(A, UPLO=triangle)
        assert np.abs(spectrum.eigenvalues - w).max() <= spectrum.error_bound
    assert spectrum.error_bound > 0.7e-13


@pytest.mark.parametrize("n", [0, 1])
def test_smallest(n: int) -> None:
    spectrum = eig.certified_eigvalsh(np.full((n, n), -3.0))
    assert spectrum.eigenvalues.tolist() == [-3.0] * n
    assert spectrum.eigenvectors is None
    assert eig.inertia(spectrum=spectrum).negative == n


@pytest.mark.parametrize("n", [3, 65, 320])
def test_float32(n: int) -> None:
    A = lapack_types.matrix("13 random", n).astype(np.float32)
    wide = A.astype(np.float64)
    assert np.array_equal(eig.eigvalsh(A), eig.eigvalsh(wide))
    assert np.array_equal(certified(A), certified(wide))


@pytest.mark.parametrize("n", [65, 320, 1100])
def test_threads_do_not_change_a_bit(n: int, set_threads: Callable[[int], None]) -> None:
    A = lapack_types.matrix("13 random", n)
    found = []
    for threads in (1, 2, 3):
        set_threads(threads)
        found.append(certified(A))
        assert np.array_equal(eig.eigvalsh(A), eig.eigvalsh(A))
    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[0], found[2])


ISA = """
import hashlib, sys
import numpy as np
sys.path.insert(0, "tests")
from oracle import lapack_types
from saddlescape import eig
A = lapack_types.matrix("13 random", 333)
spectrum = eig.certified_eigvalsh(A)
print(hashlib.sha256(spectrum.eigenvalues.tobytes()).hexdigest(), spectrum.error_bound)
"""


@pytest.mark.parametrize("isa", ["x86-64-v2", "x86-64-v3", "x86-64-v4"])
def test_instruction_sets_do_not_change_a_bit(isa: str) -> None:
    result = subprocess.run(  # noqa: S603
        [sys.executable, "-c", ISA],
        env={**os.environ, "SADDLESCAPE_ISA": isa},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if "is not an instruction set that this build and CPU have" in result.stderr:
        pytest.skip(f"this CPU has no {isa}")
    assert result.returncode == 0, result.stderr
    spectrum = eig.certified_eigvalsh(lapack_types.matrix("13 random", 333))
    here = hashlib.sha256(spectrum.eigenvalues.tobytes()).hexdigest()
    assert result.stdout.split() == [here, str(spectrum.error_bound)]


@pytest.mark.parametrize("n", [0, 1, 5, 65, 320])
def test_overwriting(n: int) -> None:
    A = lapack_types.matrix("13 random", n)
    w = eig.eigvalsh(A)
    assert np.array_equal(eig.eigvalsh(A, overwrite=True), w)


def test_what_can_not_be_overwritten_is_refused() -> None:
    single = np.eye(3, dtype=np.float32)
    with pytest.raises(TypeError, match="A: dtype float32, expected float64"):
        eig.eigvalsh(single, overwrite=True)
    fixed = np.eye(3)
    fixed.flags.writeable = False
    with pytest.raises(ValueError, match="A: read-only"):
        eig.eigvalsh(fixed, overwrite=True)
    large = np.full((2, 2), 1.7e308)
    with pytest.raises(ValueError, match="expected n max"):
        eig.eigvalsh(large, overwrite=True)
    assert np.all(large == 1.7e308)


@pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 31, 100])
@pytest.mark.parametrize("scale", [1.0, 1e-200, 1e200])
def test_counts_below_shifts(n: int, scale: float) -> None:
    rng = np.random.default_rng(n)
    d, e = rng.standard_normal(n), rng.standard_normal(n - 1)
    e[::3] = 1e-30  # lifted to 2^-60, which no count shows
    x = np.linspace(-5, 5, 77)
    counts, error = eig.count_below(d * scale, e * scale, x * scale)
    assert np.array_equal(counts, counts_below(d, e, x))
    assert 0 < error <= 2**-48 * 4 * scale


def test_counts_of_clement_are_exact() -> None:
    known = spectra.clement(201)
    d, e = np.diag(known.A).copy(), np.diag(known.A, 1).copy()
    counts, _ = eig.count_below(d, e, known.eigenvalues - 0.5)
    assert np.array_equal(counts, np.arange(201))


@pytest.mark.parametrize("n", [2, 8, 10, 16, 18, 100, 1000])
@pytest.mark.parametrize("scale", [1.0, 1e-200, 1e200])
def test_counts_where_every_other_minor_is_exactly_zero(n: int, scale: float) -> None:
    """tridiag(1, 0, 1) at 0: p_1 = p_3 = ... = 0, and half of the eigenvalues lie below."""
    counts, _ = eig.count_below(np.zeros(n), np.full(n - 1, scale), np.zeros(1))
    assert counts.tolist() == [n // 2]


@pytest.mark.parametrize("n", [3, 5, 66])
def test_the_bound_of_the_smallest_numbers(n: int) -> None:
    """Eigenvalues between multiples of the smallest number are rounded, and that is allowed for."""
    units = np.diag(np.full(n, 2.0)) + np.diag(np.ones(n - 1), 1) + np.diag(np.ones(n - 1), -1)
    spectrum = eig.certified_eigvalsh(np.ldexp(units, -1074))
    exact = 2 + 2 * np.cos(np.arange(n, 0, -1) * np.pi / (n + 1))
    error = np.abs(np.ldexp(spectrum.eigenvalues, 1074) - exact).max()
    assert 0.2 < error <= np.ldexp(spectrum.error_bound, 1074)


def test_counts_refuse() -> None:
    with pytest.raises(ValueError, match=r"off_diagonal: shape \(3,\), expected \(2,\)"):
        eig.count_below(np.ones(3), np.ones(3), np.ones(1))
    with pytest.raises(ValueError, match="shifts: NaN"):
        eig.count_below(np.ones(3), np.ones(2), np.array([np.nan]))
    assert eig.count_below(np.ones(0), np.ones(0), np.ones(2))[0].tolist() == [0, 0]


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("n", [2, 3, 8, 400])
@pytest.mark.parametrize("size", [0.7, 0.99, 1.0 - 2.0**-53])
def test_eigenvalues_where_doubles_are_farthest_apart(n: int, sign: float, size: float) -> None:
    """Scaled eigenvalues from 2 to 3 have neighbours 2^-51 apart: no interval can be narrower."""
    A = sign * size * (np.eye(n) + np.eye(n, k=1) + np.eye(n, k=-1))
    angles = np.arange(1, n + 1) * np.pi / (n + 1)
    exact = np.sort(sign * size * (1 + 2 * np.cos(angles)))
    spectrum = eig.certified_eigvalsh(A)
    assert np.abs(spectrum.eigenvalues - exact).max() <= 30 * 2.0**-52
    assert np.abs(eig.eigvalsh(A) - exact).max() <= 30 * 2.0**-52
    assert np.abs(eig.eigh(A, low=1, high=1)[0] - exact[[0, -1]]).max() <= 30 * 2.0**-52


def test_counts_of_small_integer_matrices() -> None:
    """By way of eigenvalues with a bound, against exact elimination."""
    rng = np.random.default_rng(0)
    for _ in range(1500):
        n = int(rng.integers(1, 7))
        A = rng.integers(-3, 4, (n, n))
        A = np.triu(A) + np.triu(A, 1).T
        counts = eig.inertia(spectrum=eig.certified_eigvalsh(A.astype(float)))
        values = np.linalg.eigvalsh(A.astype(float))
        # An integer determinant of at least 1 leaves no eigenvalue of such a matrix below 1e-5.
        assert counts.positive == (values > 1e-9).sum()
        assert counts.negative == (values < -1e-9).sum()
