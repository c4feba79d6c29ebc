"""Searches for critical points: where they end, and what they say of it."""

from __future__ import annotations

import itertools
import sys

import numpy as np
import pytest

import saddlescape as ss
from critical_samples import LINEAR, both, inflection, linear_net, written
from oracle import points
from oracle.points import Planted
from saddlescape import critical, curvature
from saddlescape.critical import FindOutcome, Kind
from saddlescape.critical.trust import curved_model


@pytest.fixture(params=[True, False], ids=["dense", "krylov"])
def _sizes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With "krylov" every network is too large for all eigenpairs."""
    if not request.param:
        monkeypatch.setattr(sys.modules["saddlescape.critical.find"], "_DENSE_LIMIT", 0)


krylov_or_dense = pytest.mark.usefixtures("_sizes")


FORM = points.separable("5 x^2 - y^2", [(5, 2), (-1, 2)], "saddle", "saddle")


class TestFunctions:
    @pytest.mark.parametrize("start", [(1.0, 0.5), (-3.0, 7.0), (0.0, 1e-9), (1e3, -1e3)])
    def test_the_gradient_norm_goes_to_a_saddle(self, start) -> None:
        found = critical.find(written(FORM, start))
        assert found.outcome is FindOutcome.CRITICAL
        assert found.point.kind is Kind.SADDLE
        assert np.abs(found.theta).max() < 1e-12

    def test_saddle_free_newton_leaves_it(self) -> None:
        found = critical.find(written(FORM, (1.0, 0.5)), method="saddle_free_newton", max_steps=30)
        assert found.outcome is FindOutcome.BUDGET  # the loss has no lowest value
        assert found.steps == 30
        assert abs(found.theta[0]) < 1e-6 < 1e3 < found.theta[1]
        assert (np.diff(found.losses) < 0).all()
        assert "infinity" in found.outcome.value

    @both
    def test_the_lectures_saddle(self, method: str) -> None:
        found = critical.find(written(points.TOY_SADDLE, (0.2, 0.1)), method=method)
        assert found.outcome is FindOutcome.CRITICAL
        if method == "gradient_norm":
            assert found.point.kind is Kind.SADDLE
            assert np.abs(found.theta).max() < 1e-12
        else:
            assert found.point.kind is Kind.DEGENERATE_MINIMUM
            assert found.theta[0] * found.theta[1] == pytest.approx(1.0, abs=1e-9)

    def test_from_the_saddle_itself(self) -> None:
        """There the gradient is zero: one method is done, the other steps off it."""
        stays = critical.find(written(points.TOY_SADDLE))
        assert (stays.steps, stays.saddles_left, stays.point.kind) == (0, 0, Kind.SADDLE)
        leaves = critical.find(written(points.TOY_SADDLE), method="saddle_free_newton")
        assert leaves.saddles_left == 1
        assert leaves.point.kind is Kind.DEGENERATE_MINIMUM
        assert leaves.losses[0] == 1.0
        assert leaves.losses[-1] < 1e-12

    @pytest.mark.parametrize("start", [(1.0, 0.5), (-0.3, 0.2), (0.01, 0.7)])
    def test_the_monkey_saddle_is_degenerate_also_where_the_search_ends(self, start) -> None:
        """H vanishes on the way as the gradient does: signs near it are not those at it."""
        found = critical.find(written(points.MONKEY, start))
        assert found.outcome is FindOutcome.CRITICAL
        assert found.point.kind.value.startswith("degenerate")
        assert (found.point.inertia.positive, found.point.inertia.negative) == (0, 0)
        assert np.linalg.norm(found.theta) < 1e-5

    @both
    def test_a_minimum_in_a_bent_valley(self, method: str) -> None:
        def gradient(t: np.ndarray) -> np.ndarray:
            return np.array(
                [-40 * t[0] * (t[1] - t[0] ** 2) - 2 * (1 - t[0]), 20 * (t[1] - t[0] ** 2)]
            )

        H = curvature.from_gradient(
            gradient,
            np.array([0.5, 0.5]),
            lambda t: float(10 * (t[1] - t[0] ** 2) ** 2 + (1 - t[0]) ** 2),
        )
        found = critical.find(H, method=method)
        assert found.point.kind is Kind.MINIMUM
        assert np.allclose(found.theta, 1.0, atol=1e-8)

    @pytest.mark.parametrize(
        "p", [p for p in points.QUADRATIC if len(p.theta) > 1], ids=lambda p: p.name
    )
    def test_a_quadratic_form_takes_a_few_steps(self, p: Planted) -> None:
        rng = np.random.default_rng(0)
        found = critical.find(written(p, rng.standard_normal(len(p.theta))))
        assert found.point.kind.value == p.kind
        # 0.1 |theta|, then twice that each time
        assert found.steps <= 12
        assert found.point.inertia.negative == p.counts[1]

    @both
    @pytest.mark.parametrize(("loss", "unit"), [(1e-9, 1.0), (1e9, 1.0), (1.0, 1e3)])
    def test_units_do_not_matter(self, method: str, loss: float, unit: float) -> None:
        p = points.scaled(points.TOY_SADDLE, loss, unit)
        found = critical.find(written(p, unit * np.array([0.2, 0.1])), method=method)
        wanted = Kind.SADDLE if method == "gradient_norm" else Kind.DEGENERATE_MINIMUM
        assert found.point.kind is wanted


class TestGradientFlat:
    @pytest.mark.parametrize("start", [(0.7, 0.3), (-2.0, 5.0), (0.1, 0.0)])
    @pytest.mark.parametrize("seed", [None, 0, 1])
    def test_said_so(self, start, seed) -> None:
        p = inflection().at(start)
        p = p if seed is None else points.rotated(p, seed)
        found = critical.find(written(p))
        assert found.outcome is FindOutcome.GRADIENT_FLAT
        assert found.outcome.value.startswith("Not a critical point")
        assert found.gradient_norm == pytest.approx(1.0, rel=1e-6)
        assert found.flatness < 1e-3
        assert found.point.kind is Kind.NOT_CRITICAL
        assert found.point.gradient.flat
        text = str(found.point)
        assert "gradient-flat" in text
        assert "keep training" in text

    def test_the_curvature_of_the_gradients_norm(self) -> None:
        """``H^2 + D^3 L[g]``, here diag(4 x^2 + 2 (1 + x^2), 4 c^2)."""
        p = inflection(1.5).at((0.7, 0.3))
        model = curved_model(written(p))
        g, H = p.gradient(p.theta), p.hessian(p.theta)
        assert np.allclose(np.sort(model.values), np.sort([4 * 0.49 + 2 * 1.49, 9.0]), rtol=1e-8)
        assert np.allclose(np.abs(model.basis @ model.along), np.abs(H @ g), rtol=1e-8)
        beyond = curvature.from_functions(
            lambda t: float(np.sqrt(t[0])), lambda t: 0.5 / np.sqrt(t),
            lambda t: np.diag(-0.25 * t**-1.5), np.full(1, 1e-12),
        )  # fmt: skip
        with np.errstate(invalid="ignore"):
            assert curved_model(beyond) is None

    @pytest.mark.parametrize("seed", range(4))
    def test_networks_have_such_places_and_they_are_found_exactly(self, seed: int) -> None:
        """Frye et al. (2021): where |g| has a minimum, one eigenvalue is zero, along g."""
        rng = np.random.default_rng(0)
        X, y = rng.standard_normal((60, 6)), rng.integers(0, 3, 60)
        net = ss.MLP((6, 4, 3), "tanh", dtype="float64", seed=seed)
        H, decay = curvature.of(net, X, y), 1e-2
        n = net.parameters
        L = curvature.from_functions(
            lambda t: H.loss(t) + decay / 2 * float(t @ t),
            lambda t: H.at(t).gradient() + decay * t,
            lambda t: H.at(t).dense() + decay * np.eye(n),
            H.theta.copy(),
        )
        found = critical.find(L, max_steps=150)
        assert found.outcome in (FindOutcome.GRADIENT_FLAT, FindOutcome.CRITICAL)
        if found.outcome is FindOutcome.GRADIENT_FLAT:
            assert found.gradient_norm > 1e-3
            assert found.flatness < 1e-8
            assert np.abs(found.point.spectrum).min() < 1e-8
        down = critical.find(L, method="saddle_free_newton")
        assert down.point.kind is Kind.MINIMUM
        assert down.loss < found.loss

    def test_a_linear_function_is_flat_everywhere(self) -> None:
        found = critical.find(written(points.LINEAR))
        assert found.outcome is FindOutcome.GRADIENT_FLAT
        assert found.steps == 0
        assert found.flatness is None

    @pytest.mark.parametrize("condition", [1e4, 1e8])
    def test_the_floor_of_a_ravine_is_not_flat(self, condition: float) -> None:
        """``|H g| / (|H| |g|)`` is small there too; the search goes on and arrives."""
        p = points.separable("ravine", [(0.5, 2), (0.5 / condition, 2)], "", "")
        at = critical.classify(written(p, (0.0, 1.0)))
        assert at.gradient.flatness == pytest.approx(1 / condition)
        assert not at.gradient.flat
        found = critical.find(written(p, (0.0, 1.0)))
        assert found.outcome is FindOutcome.CRITICAL
        assert np.abs(found.theta).max() < 1e-9

    @both
    def test_a_tail_is_not_taken_for_a_critical_point_at_once(self, method: str) -> None:
        """log(1 + e^x) + y^2: the gradient is as small as one likes, a step of 1 always to go."""
        H = curvature.from_functions(
            lambda t: float(np.logaddexp(0, t[0]) + t[1] ** 2),
            lambda t: np.array([1 / (1 + np.exp(-t[0])), 2 * t[1]]),
            lambda t: np.diag([np.exp(-np.logaddexp(0, t[0]) - np.logaddexp(0, -t[0])), 2.0]),
            np.array([0.5, 0.3]),
        )
        found = critical.find(H, method=method, max_steps=20)
        assert found.outcome is FindOutcome.BUDGET
        assert found.point.kind is Kind.NOT_CRITICAL
        assert found.theta[0] < -3
        assert not found.point.gradient.flat
        # asked for a norm, it is content with that
        easy = critical.find(H, method=method, gradient_tolerance=1e-3)
        assert easy.outcome is FindOutcome.CRITICAL
        assert easy.gradient_norm <= 1e-3


CHOICES = [
    (chosen, seed)
    for r in (1, 2)
    for chosen in itertools.combinations(range(3), r)
    for seed in (None, 0)
]


class TestDeepLinear:
    """Baldi and Hornik (1989): all critical points with their losses and indices."""

    @pytest.mark.parametrize(("chosen", "seed"), [*CHOICES, ((), None)])
    def test_the_oracle(self, chosen, seed) -> None:
        point = critical.classify(
            curvature.of(linear_net(LINEAR.theta(chosen, seed)), LINEAR.X, LINEAR.Y)
        )
        assert point.gradient_norm < 1e-13
        assert point.loss == pytest.approx(LINEAR.loss(chosen), rel=1e-12)
        assert point.inertia.negative == LINEAR.index(chosen)

    @krylov_or_dense
    @pytest.mark.parametrize(("chosen", "seed"), CHOICES)
    def test_found_again_from_near_by(self, chosen, seed) -> None:
        start = LINEAR.theta(chosen, seed)
        start = start + 0.02 * np.random.default_rng(1).standard_normal(start.size)
        net = linear_net(start)
        before = net.theta.tobytes()
        found = critical.find(net, LINEAR.X, LINEAR.Y)
        assert net.theta.tobytes() == before
        assert found.outcome is FindOutcome.CRITICAL
        assert found.loss == pytest.approx(LINEAR.loss(chosen), rel=1e-9)
        assert found.point.inertia.negative == LINEAR.index(chosen)

    @krylov_or_dense
    @pytest.mark.parametrize(("chosen", "seed"), [*CHOICES, ((), None)])
    def test_saddle_free_newton_ends_at_the_global_minimum(self, chosen, seed) -> None:
        """From every saddle, exactly on it: these losses have no other minimum."""
        net = linear_net(LINEAR.theta(chosen, seed))
        found = critical.find(net, LINEAR.X, LINEAR.Y, method="saddle_free_newton")
        assert found.outcome is FindOutcome.CRITICAL
        assert found.point.kind is Kind.DEGENERATE_MINIMUM
        assert found.loss == pytest.approx(LINEAR.loss((0, 1)), rel=1e-9)
        assert (found.saddles_left == 0) == (chosen == (0, 1))

    def test_the_origin_is_found_from_near_it(self) -> None:
        rng = np.random.default_rng(3)
        net = linear_net(1e-2 * rng.standard_normal(14))
        found = critical.find(net, LINEAR.X, LINEAR.Y)
        # critical points of this loss are not isolated: the product of the weights is zero
        assert found.loss == pytest.approx(LINEAR.loss(()), rel=1e-12)
        # h * rank of either sign, and the rest zero
        assert (found.point.inertia.positive, found.point.inertia.negative) == (6, 6)
        down = critical.find(net, LINEAR.X, LINEAR.Y, method="saddle_free_newton")
        assert down.loss == pytest.approx(LINEAR.loss((0, 1)), rel=1e-9)
