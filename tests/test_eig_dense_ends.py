"""A few eigenpairs at the ends of a dense matrix: residuals, orthogonality, groups, refusals."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from oracle import lapack_types, spectra
from saddlescape import eig

ULP = 2.0**-52
THRESHOLD = 60  # LAPACK's in sep.in

SIZES = [n for n in lapack_types.SIZES if n <= 129]


def check(A: np.ndarray, low: int, high: int) -> None:
    n, before = len(A), A.copy()
    w, V = eig.eigh(A, low=low, high=high)
    assert np.array_equal(A, before)
    assert w.shape == (low + high,)
    assert V.shape == (n, low + high)
    exponent = -np.frexp(np.abs(A).max())[1]  # so that norms of the scaled types stay in range
    A, w = np.ldexp(A, exponent), np.ldexp(w, exponent)
    norm = max(np.abs(A).sum(axis=0).max(), 1e-290)
    assert np.abs(A @ V - V * w).sum(axis=0).max(initial=0) <= THRESHOLD * n * ULP * norm
    assert np.abs(np.eye(low + high) - V.T @ V).max(initial=0) <= THRESHOLD * n * ULP
    every = np.linalg.eigh(A)[0]
    wanted = np.r_[every[:low], every[n - high :]]
    assert np.abs(w - wanted).max(initial=0) <= THRESHOLD * ULP * norm


@pytest.mark.parametrize("name", lapack_types.TYPES)
@pytest.mark.parametrize("n", SIZES)
def test_lapack_types(name: str, n: int) -> None:
    check(lapack_types.matrix(name, n), min(3, n // 2), min(4, n - n // 2))


@pytest.mark.parametrize("name", ["8 evenly", "10 clustered", "13 random", "2 identity"])
def test_more_than_one_tile(name: str) -> None:
    check(lapack_types.matrix(name, 500), 5, 5)


@pytest.mark.slow
@pytest.mark.parametrize("name", lapack_types.TYPES)
@pytest.mark.parametrize("n", [500, 1000])
def test_lapack_types_of_large_matrices(name: str, n: int) -> None:
    check(lapack_types.matrix(name, n), 4, 4)


@pytest.mark.parametrize(("low", "high"), [(0, 0), (0, 2), (2, 0), (65, 64), (129, 0), (0, 129)])
@pytest.mark.parametrize("name", ["5 diagonal clustered", "9 geometric", "13 random"])
def test_every_share(name: str, low: int, high: int) -> None:
    check(lapack_types.matrix(name, 129), low, high)


@pytest.mark.parametrize(
    "known",
    [spectra.glued_wilkinson(5, 1e-14), spectra.wilkinson_plus(), spectra.cycle(64),
     spectra.two_valued(65), spectra.low_rank(129, 2)],
    ids=lambda k: k.name,
)  # fmt: skip
def test_groups(known: spectra.Known) -> None:
    check(known.A, known.n // 2, known.n // 4)


def test_vectors_are_contiguous_and_float32_is_taken() -> None:
    A = lapack_types.matrix("13 random", 33).astype(np.float32)
    w, V = eig.eigh(A, high=2)
    assert V[:, 1].flags.c_contiguous
    assert np.array_equal(w, eig.eigh(A.astype(np.float64), high=2)[0])


def test_threads_do_not_change_a_bit(set_threads: Callable[[int], None]) -> None:
    A = lapack_types.matrix("13 random", 300)
    found = []
    for threads in (1, 2, 3):
        set_threads(threads)
        found.append(eig.eigh(A, low=2, high=3))
    for w, V in found[1:]:
        assert np.array_equal(w, found[0][0])
        assert np.array_equal(V, found[0][1])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"low": -1}, ValueError, "low: -1"),
        ({"high": 1.5}, TypeError, "high: float, expected an integer"),
        ({"low": 2, "high": 2}, ValueError, "low, high: 2 and 2, .* together at most 3"),
    ],
)
def test_refused(arguments: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        eig.eigh(np.eye(3), **arguments)
