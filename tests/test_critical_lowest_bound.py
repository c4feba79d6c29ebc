"""No eigenvalue below, with a probability: the bound holds, and as often as it says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from saddlescape import critical, curvature
from saddlescape.critical.lowest_bound import LowestBound, bound_lowest
from saddlescape.curvature.matrix import MatrixCurvature


class Diagonal:
    """An operator that only multiplies."""

    def __init__(self, d: np.ndarray) -> None:
        self.d, self.shape = d, (len(d), len(d))
        self.products = 0

    def __matmul__(self, V: np.ndarray) -> np.ndarray:
        self.products += 1 if V.ndim == 1 else V.shape[1]
        return (self.d * V.T).T


SPECTRA = {
    "even": np.linspace(-1.0, 3.0, 400),
    "one far below": np.r_[-0.2, np.linspace(0.0, 1.0, 399)],
    "one just below": np.r_[-1e-4, np.linspace(0.0, 1.0, 399)],
    "a null space": np.r_[np.zeros(350), np.geomspace(1e-6, 1.0, 50)],
    "dense at the bottom": np.linspace(0.0, 1.0, 400) ** 4,
    "two values": np.r_[np.full(300, -2.0), np.full(100, 5.0)],
    "one value": np.full(50, 3.0),
    "zero": np.zeros(30),
    "one": np.array([-1.5]),
    "two": np.array([-1.5, 2.0]),
    "negative": -np.linspace(1.0, 2.0, 300),
    "large": 1e200 * np.linspace(-1.0, 3.0, 100),
    "small": 1e-200 * np.linspace(-1.0, 3.0, 100),
}


def bounded(d: np.ndarray, seed: int = 0, **asked: Any) -> LowestBound:
    given = {"delta": 1e-6, "tau": None, "error": 0.0, **asked}
    return bound_lowest(Diagonal(d), float(d.min()), float(d.max()), seed=seed, **given)


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize("seed", range(10))
def test_nothing_is_below(name: str, seed: int) -> None:
    d = SPECTRA[name]
    said = bounded(d, seed)
    assert said.bound <= d.min()
    assert said.steps <= min(100, len(np.unique(d)) + 1)
    spread = np.ptp(d)
    # (ln(4 x 1.648 sqrt(n) / delta) / (2 m - 1))^2 of the range, or rounding over delta
    share = (np.log(6.592 * np.sqrt(len(d)) / 1e-6) / (2 * said.steps - 1)) ** 2
    if said.steps == 100:
        assert d.min() - said.bound <= 2 * share / (1 - 2 * share) * spread
    else:
        assert d.min() - said.bound <= 1e-5 * np.abs(d).max()


@pytest.mark.parametrize("delta", [1e-2, 1e-6, 1e-12])
@pytest.mark.parametrize("name", ["even", "dense at the bottom", "negative"])
def test_the_distance_is_the_theorems(name: str, delta: float) -> None:
    """1.648 sqrt(n) exp(-sqrt(eps) (2 m - 1)) at either end, half of delta for each."""
    d = SPECTRA[name]
    said = bounded(d, delta=delta)
    low, high = 0.0, 0.5
    for _ in range(100):  # either end may be missed by eps of the range of all eigenvalues
        eps = (low + high) / 2
        missed = 1.648 * np.sqrt(len(d)) * np.exp(-np.sqrt(eps) * (2 * said.steps - 1))
        low, high = (eps, high) if missed > delta / 4 else (low, eps)
    # range = (ritz_high - ritz_low) + 2 eps range
    distance = high * (said.ritz_high - said.ritz_low) / (1 - 2 * high)
    size = max(abs(said.ritz_low), abs(said.ritz_high))
    assert said.ritz_low - said.bound == pytest.approx(distance, abs=1e-12 * size, rel=1e-9)


@pytest.mark.parametrize("n", [1, 2, 5, 60])
def test_the_whole_space_leaves_rounding_alone(n: int) -> None:
    """As many steps as dimensions: what is left is of the products, and never nothing."""
    d = np.linspace(-1.0, 3.0, n) if n > 1 else np.array([-1.0])
    said = bounded(d)
    assert said.steps == n
    eps = float(np.finfo(np.float64).eps)
    assert 8 * n * eps <= said.ritz_low - said.bound <= 64 * n * eps * 3


def test_one_dimension_may_hide_as_much_as_many() -> None:
    """n - 1 steps of n: the theorem, not the whole space."""
    d = np.linspace(-1.0, 3.0, 101)
    assert bounded(d).steps == 100
    assert d[0] - bounded(d).bound > 1e-6


@pytest.mark.parametrize("lowest", [-0.02, -0.05, -0.08])
def test_what_is_known_to_be_negative_leaves_less_room(lowest: float) -> None:
    d = np.r_[lowest, np.linspace(0.0, 1.0, 2999)]
    said = bounded(d, tau=0.1)
    assert said.reached
    assert said.tau >= -lowest


@pytest.mark.parametrize("m", [6, 10, 16])
def test_it_fails_no_oftener_than_it_says(m: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one eigenvalue in 400 far off, few steps miss it often, and that is allowed for."""
    monkeypatch.setattr("saddlescape.critical.lowest_bound._STEPS", m)
    d = SPECTRA["one just below"]
    delta = 0.3
    misses = sum(bounded(d, seed, delta=delta).bound > d.min() for seed in range(200))
    assert misses <= 200 * delta


@pytest.mark.parametrize("tau", [0.3, 0.1, 0.03, 0.01, 0.003])
@pytest.mark.parametrize("delta", [1e-2, 1e-6, 1e-12])
def test_as_many_steps_as_the_question_takes(tau: float, delta: float) -> None:
    d = np.linspace(0.0, 1.0, 3000)
    said = bounded(d, tau=tau, delta=delta)
    assert said.reached
    assert said.tau <= tau
    assert said.tau >= 0.3 * tau  # not many more than that
    assert 1 - said.delta == 1 - delta


def test_a_question_that_can_not_be_answered_says_so() -> None:
    d = np.r_[-0.5, np.linspace(0.0, 1.0, 999)]
    said = bounded(d, tau=0.1)
    assert not said.reached
    assert said.tau >= 0.5
    assert "-1.00e-01 was asked for" in str(said)


def test_the_operators_own_error_counts() -> None:
    d = SPECTRA["even"]
    assert bounded(d, error=0.25).bound == pytest.approx(bounded(d).bound - 0.25)


def test_a_space_that_ends_early_may_have_missed_something() -> None:
    """A start with nothing of the lowest eigenvector is as unlikely as delta says."""
    d = np.r_[np.full(300, -2.0), np.linspace(1.0, 5.0, 12)]
    often, seldom = (bounded(d, delta=delta) for delta in (1e-4, 1e-10))
    assert often.steps == seldom.steps < 20
    assert -2 - seldom.bound > 1e3 * (-2 - often.bound) > 0


@pytest.mark.parametrize(
    ("bound", "asked", "tau", "reached"),
    [(-0.1, 0.1, 0.1, True), (-0.1, 0.09, 0.1, False), (0.5, 0.1, 0.0, True), (0.5, None, 0, True)],
)
def test_tau_is_how_far_below_zero_the_bound_is(
    bound: float, asked: float | None, tau: float, reached: bool
) -> None:
    said = LowestBound(bound, 1e-6, 10, 0.0, 1.0, asked)
    assert (said.tau, said.reached) == (tau, reached)


def test_few_steps_say_nothing() -> None:
    d = np.linspace(0.0, 1.0, 100_000)
    said = bound_lowest(Diagonal(d), 0.0, 1.0, delta=1e-300, tau=None, error=0.0, seed=0)
    assert said.bound == -np.inf


class TestClassify:
    def form(self, d: np.ndarray) -> curvature.FunctionCurvature:
        return curvature.from_functions(
            lambda t: float(0.5 * (d * t * t).sum()), lambda t: d * t, lambda _: np.diag(d),
            np.zeros(len(d)),
        )  # fmt: skip

    def test_a_minimum_too_large_to_assemble(self) -> None:
        point = critical.classify(self.form(np.linspace(0.1, 1.0, 500)), method="lanczos")
        assert point.lowest_bound is not None
        assert point.lowest_bound.delta == 1e-6
        assert point.lowest_bound.steps == 100
        assert point.lowest_bound.bound <= 0.1
        assert point.products >= 100
        text = str(point)
        assert "with probability 1 - 1e-06 no eigenvalue is below" in text
        assert max(map(len, text.splitlines())) <= 79

    def test_tau_and_delta(self) -> None:
        H = self.form(np.linspace(0.0, 1.0, 500))
        point = critical.classify(H, method="lanczos", tau=0.003, delta=1e-3)
        assert point.lowest_bound.reached
        assert point.lowest_bound.tau <= 0.003
        assert point.lowest_bound.delta == 1e-3
        assert point.lowest_bound.steps > 100

    def test_none_where_it_says_nothing(self) -> None:
        saddle = self.form(np.linspace(-1.0, 1.0, 500))
        assert critical.classify(saddle, method="lanczos").lowest_bound is None
        assert critical.classify(saddle, method="dense").lowest_bound is None
        few = self.form(np.linspace(0.5, 1.0, 6))
        assert critical.classify(few, method="lanczos").lowest_bound is None

    @pytest.mark.parametrize(
        ("given", "error", "text"),
        [
            ({"tau": 0.0}, ValueError, "tau: 0, expected a number > 0 or None"),
            ({"tau": -1.0}, ValueError, "tau: -1.0, expected a number > 0 or None"),
            ({"tau": "1"}, TypeError, "tau: str, expected a number > 0 or None"),
            ({"delta": 0.0}, ValueError, "delta: 0, expected a number > 0 and < 1"),
            ({"delta": 1.0}, ValueError, "delta: 1.0, expected a number >= 0 and < 1"),
        ],
    )
    def test_refused_in_these_words(self, given, error, text) -> None:
        with pytest.raises(error) as caught:
            critical.classify(MatrixCurvature(np.eye(2), None), **given)
        assert str(caught.value) == text
