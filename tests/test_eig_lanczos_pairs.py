"""What Lanczos says of its pairs: bounds, multiplicities, what may be missing, where it began."""

from __future__ import annotations

import re

import numpy as np
import pytest
from scipy.sparse.linalg import eigsh

import saddlescape as ss
from oracle import spectra
from oracle.operators import Diagonal, Single, check, ends
from saddlescape import curvature, eig
from saddlescape.eig import Outcome


def glued(blocks: int) -> np.ndarray:
    """Wilkinson's W21+, several times, joined by 1e-8: clusters of `blocks` eigenvalues."""
    W = np.diag(np.abs(np.arange(-10.0, 11.0))) + np.diag(np.ones(20), 1) + np.diag(np.ones(20), -1)
    A = np.kron(np.eye(blocks), W)
    for i in range(21, 21 * blocks, 21):
        A[i - 1, i] = A[i, i - 1] = 1e-8
    return A


def linear_network(hidden: int) -> np.ndarray:
    """Return the Hessian of a two-layer linear network at the origin.

    Its eigenvalues are the singular values of the outputs' covariance with the inputs and their
    negatives, each `hidden` times, and zeros.
    """
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((30, 6)), rng.standard_normal((30, 3))
    net = ss.MLP((6, hidden, 3), activation="linear", loss="mse", bias=False, dtype="float64")
    net.theta[:] = 0
    return np.asarray(curvature.of(net, X, Y).dense())


HARD = {
    "cycle": spectra.cycle(20).A,
    "longer cycle": spectra.cycle(150).A,
    "two values": spectra.two_valued(120).A,
    "identity": np.eye(90),
    "zero": np.zeros((90, 90)),
    "one": np.array([[7.0]]),
    "glued": glued(6),
    "linear network": linear_network(16),
    # As in scipy#26112: three eigenvalues within 7e-5 of 1.
    "triple": spectra.planted(np.r_[-2e-5, 5e-5, 2e-5, np.linspace(0.05, 1, 397)]).A,
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("block", [1, 3])
@pytest.mark.parametrize("name", HARD)
def test_clusters_and_multiplicities_are_found_and_announced(
    name: str, block: int, seed: int
) -> None:
    A = HARD[name]
    exact = np.linalg.eigvalsh(A)
    norm = np.abs(exact).max()
    result = eig.lanczos(A, 4, 4, block=block, seed=seed, tol=1e-8, max_products=20_000)
    assert result.outcome is Outcome.CONVERGED
    assert result.missing <= 1e-4
    check(result, A, 4, 4, tol=1e-8)
    expected = ends(exact, 4, 4)
    near = np.abs(result.eigenvalues[:, None] - exact).min(axis=1)
    assert np.all(near <= result.bounds + 1e-13 * norm)  # the dense solver's own rounding
    # Members of a cluster are the same up to tol ||A||.
    assert np.all(np.abs(result.eigenvalues - expected) <= 1e-8 * norm + 1e-300)
    for i, value in enumerate(expected):
        copies = np.count_nonzero(np.abs(expected - value) <= 1e-13 * norm)
        apart = np.count_nonzero(np.abs(expected - value) <= 1e-6 * norm)
        assert copies <= result.multiplicities[i] <= apart


def test_arpack_loses_what_is_found_here() -> None:
    A = HARD["linear network"]
    exact = np.linalg.eigvalsh(A)
    rng = np.random.default_rng(0)
    v0 = rng.standard_normal(len(A))
    theirs = np.sort(eigsh(A, 16, which="BE", tol=1e-6, v0=v0, return_eigenvectors=False))
    ours = eig.lanczos(A, 8, 8, tol=1e-6).eigenvalues
    assert np.abs(ours - ends(exact, 8, 8)).max() < 1e-12
    missed = np.abs(theirs - ends(exact, 8, 8)).max()
    if missed < 1e-6:
        pytest.skip("this ARPACK finds all copies")


@pytest.mark.parametrize("basis", [16, 40, None])
def test_no_ghosts_after_restarts(basis: int | None) -> None:
    w = np.r_[-3, -3, -2.9, np.linspace(-1, 1, 391), 1.5, 1.5, 1.5, 2.0, 2.5, 2.5]
    known = spectra.planted(w)
    for seed in range(3):
        result = eig.lanczos(known.A, 4, 5, basis=basis, seed=seed, max_products=50_000, tol=1e-10)
        assert result.outcome is Outcome.CONVERGED
        check(result, known.A, 4, 5, tol=1e-10)
        assert np.abs(result.eigenvalues - ends(known.eigenvalues, 4, 5)).max() < 1e-10
        for value, copies in [(-3, 2), (-2.9, 1), (2.5, 2), (2.0, 1), (1.5, 2)]:
            assert np.count_nonzero(np.abs(result.eigenvalues - value) < 1e-6) == copies
            assert np.all(
                result.multiplicities[np.abs(result.eigenvalues - value) < 1e-6] == copies
            )


@pytest.mark.parametrize("basis", [12, 160])
@pytest.mark.parametrize("goal", [0.5, 0.1])
def test_the_probability_holds(goal: float, basis: int) -> None:
    # One space finds one copy of -1; whether the second is found is up to the check's start.
    d = np.r_[-1.0, -1.0, np.linspace(-0.97, 0.97, 298)]
    runs, wrong = 200, 0
    for seed in range(runs):
        result = eig.lanczos(Diagonal(d), 2, 0, seed=seed, missing=goal, basis=basis, tol=1e-5)
        assert result.outcome is Outcome.CONVERGED
        assert result.missing <= goal
        wrong += abs(result.eigenvalues[1] + 1) > 1e-6
    # Four standard deviations of a binomial.
    assert wrong / runs <= goal + 4 * np.sqrt(goal * (1 - goal) / runs)


def test_without_the_check_it_is_said() -> None:
    d = np.r_[-1.0, -1.0, np.linspace(-0.9, 1, 298)]
    # Far from rounding, which brings copies into any space in the end.
    result = eig.lanczos(Diagonal(d), 2, 1, missing=1.0, tol=1e-3)
    assert result.outcome is Outcome.UNCHECKED
    assert result.missing == 1
    assert abs(result.eigenvalues[1] + 1) > 0.05  # the copy that one start can't see
    assert abs(eig.lanczos(Diagonal(d), 2, 1).eigenvalues[1] + 1) < 1e-9


@pytest.mark.parametrize("tol", [1e-2, 1e-4, 1e-8])
@pytest.mark.parametrize("name", ["uniform", "squares", "outliers"])
def test_bounds_hold(name: str, tol: float) -> None:
    rng = np.random.default_rng(1)
    d = {
        "uniform": np.linspace(-1, 1, 300),
        "squares": np.linspace(0, 1, 300) ** 2,
        "outliers": np.sort(np.r_[1e-3 * rng.standard_normal(990), np.geomspace(0.5, 20, 10)]),
    }[name]
    for seed in range(5):
        result = eig.lanczos(Diagonal(d), 3, 3, tol=tol, seed=seed, max_products=50_000)
        assert np.all(result.bounds <= result.residuals + 1e-12)
        exact = ends(d, 3, 3)
        near = np.abs(result.eigenvalues[:, None] - d).min(axis=1)
        assert np.all(near <= result.bounds)
        if tol <= 1e-4:
            assert np.all(np.abs(result.eigenvalues - exact) <= result.bounds)
        kato_temple = result.residuals**2 / np.maximum(result.gaps, result.residuals)
        assert np.all(np.abs(result.bounds - kato_temple) <= 1e-12 * np.abs(d).max())
        others = np.abs(d[:, None] - exact)
        others[others == 0] = np.inf
        assert (
            np.all(result.gaps <= others.min(axis=0) + result.residuals.max() + 1e-12) or tol > 1e-4
        )


def start_of(D: np.ndarray, k: int, noise: float) -> np.ndarray:
    _, V = np.linalg.eigh(D)
    V = np.c_[V[:, :k], V[:, -k:]]
    return V + noise * np.random.default_rng(2).standard_normal(V.shape) / np.sqrt(len(V))


@pytest.mark.parametrize("block", [1, 3])
def test_a_start_saves_products(block: int) -> None:
    A = spectra.planted(np.r_[-3, -2.5, -2, np.linspace(-1, 1, 394), 2, 2.5, 3]).A
    cold = eig.lanczos(A, 3, 3, block=block, missing=1.0)
    warm = eig.lanczos(A, 3, 3, block=block, missing=1.0, start=start_of(A, 3, 1e-3))
    assert warm.products < 0.8 * cold.products
    assert np.abs(warm.eigenvalues - cold.eigenvalues).max() < 1e-9
    again = eig.lanczos(A, 3, 3, block=block, missing=1.0, start=warm.eigenvectors)
    assert again.products <= warm.products


@pytest.mark.parametrize("block", [1, 2])
@pytest.mark.parametrize("n", [50, 300])
def test_a_start_that_knows_nothing_of_a_wanted_vector(n: int, block: int) -> None:
    d = np.r_[-3.0, -2.0, np.linspace(-1, 1, n - 4), 2.0, 3.0]
    start = np.zeros((n, 2))
    start[1, 0] = start[-2, 1] = 1  # eigenvectors, of the second and the last but one
    for vectors in (start, start[:, 0], np.c_[start, start], np.zeros((n, 1)), 1e-200 * start):
        result = eig.lanczos(Diagonal(d), 2, 2, start=vectors, block=block)
        assert result.outcome is Outcome.CONVERGED
        assert np.abs(result.eigenvalues - [-3, -2, 2, 3]).max() < 1e-9


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"start": np.ones(49)}, ValueError, "start: shape (49,), expected (50,) or (50, k)"),
        ({"start": np.ones((2, 50))}, ValueError, "start: shape (2, 50), expected (50,) or"),
        ({"start": np.ones((50, 0))}, ValueError, "start: shape (50, 0), expected"),
        ({"start": np.full(50, np.nan)}, ValueError, "start"),
        ({"start": ["a"] * 50}, TypeError, "start: dtype <U1, expected real numbers"),
        ({"basis": 3}, ValueError, "basis: 3, expected at least 4"),
        ({"basis": 1.5}, TypeError, "basis: float, expected an integer"),
        ({"missing": 0.0}, ValueError, "missing: 0, expected a probability above 0 and up to 1"),
        ({"missing": 1.5}, ValueError, "missing: 1.5, expected a probability above 0"),
        ({"missing": "no"}, TypeError, "missing: str, expected a probability above 0"),
    ],
)
def test_misuse(arguments: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        eig.lanczos(Diagonal(np.linspace(0, 1, 50)), **arguments)


@pytest.mark.parametrize("block", [1, 3, 6])
@pytest.mark.parametrize("n", [300, 20_011])
def test_the_same_bits_for_any_number_of_threads(n: int, block: int) -> None:
    d = np.linspace(-1, 1, n) ** 3
    threads, results = ss.info()["threads"], []
    try:
        for count in (1, 2, 3):
            ss.set_threads(count)
            results.append(eig.lanczos(Diagonal(d), 2, 2, tol=1e-3, block=block, max_products=150))
    finally:
        ss.set_threads(threads)
    for other in results[1:]:
        for name in ("eigenvalues", "eigenvectors", "residuals", "missing", "products"):
            assert np.array_equal(getattr(other, name), getattr(results[0], name))


def test_products_in_float32_are_seen_to_be_less_exact() -> None:
    d = np.linspace(-1, 1, 200)
    op = Diagonal(d)
    result = eig.lanczos(Single(op), 2, 2, tol=1e-5)
    assert result.products == op.products
    assert result.outcome is Outcome.CONVERGED
    X = result.eigenvectors
    # The products of the residuals were rounded to float32 too.
    real = np.linalg.norm(d[:, None] * X - X * result.eigenvalues, axis=0)
    assert np.abs(real - result.residuals).max() < 1e-6
