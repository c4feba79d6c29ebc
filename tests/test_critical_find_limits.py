"""Searches for critical points: the step of a model, budgets, what stops them and is refused."""

# ruff: noqa: E501 (a case a line)
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import saddlescape as ss
from critical_samples import LINEAR, both, inflection, linear_net, written
from oracle import points
from saddlescape import critical, curvature
from saddlescape.critical import FindOutcome, Kind
from saddlescape.critical.trust import gradient_model, saddle_free_model
from saddlescape.curvature.matrix import MatrixCurvature


class TestModels:
    """The step within a radius, against a search over all multipliers."""

    @pytest.mark.parametrize("build", [gradient_model, saddle_free_model])
    @pytest.mark.parametrize("radius", [1e-8, 1e-2, 1.0, 1e6])
    @pytest.mark.parametrize("n", [1, 2, 7])
    def test_a_whole_krylov_space_is_as_good_as_all_eigenpairs(self, build, radius, n) -> None:
        rng = np.random.default_rng(n)
        A = rng.standard_normal((n, n))
        H = MatrixCurvature(A + A.T, rng.standard_normal(n))
        (p, fall), (q, other) = (build(H, dense).step(radius) for dense in (True, False))
        assert np.linalg.norm(p) <= radius * (1 + 1e-12)
        assert fall == pytest.approx(other, rel=1e-9)
        assert np.linalg.norm(p - q) <= 1e-7 * np.linalg.norm(p)

    @pytest.mark.parametrize("radius", [1e-8, 1e-2, 1.0, 1e6])
    def test_a_part_of_it_promises_less_and_keeps_it(self, radius) -> None:
        rng = np.random.default_rng(0)
        A = rng.standard_normal((150, 150))
        H = MatrixCurvature(A + A.T, rng.standard_normal(150))
        g = H.gradient()
        (_, fall), (q, other) = (gradient_model(H, d).step(radius) for d in (True, False))
        assert 0.5 * fall < other <= fall * (1 + 1e-9)
        real = 0.5 * float(g @ g) - 0.5 * float(np.sum((g + H @ q) ** 2))
        assert other == pytest.approx(real, rel=1e-6, abs=1e-12)

    @pytest.mark.parametrize("radius", [0.01, 0.3, 100.0])
    def test_no_step_within_the_radius_is_better(self, radius: float) -> None:
        rng = np.random.default_rng(0)
        A = rng.standard_normal((6, 6))
        H = MatrixCurvature(A + A.T, rng.standard_normal(6))
        g, values, V = H.gradient(), *np.linalg.eigh(H.dense())
        absolute = (V * np.abs(values)) @ V.T

        def linearised(p: np.ndarray) -> float:
            return 0.5 * float(g @ g) - 0.5 * float(np.sum((g + H.dense() @ p) ** 2))

        def saddle_free(p: np.ndarray) -> float:
            return -float(g @ p + 0.5 * p @ absolute @ p)

        for build, value in ((gradient_model, linearised), (saddle_free_model, saddle_free)):
            p, fall = build(H, True).step(radius)
            assert value(p) == pytest.approx(fall, rel=1e-10)
            for _ in range(200):
                q = p + 0.1 * np.linalg.norm(p) * rng.standard_normal(6)
                q *= min(1.0, radius / np.linalg.norm(q))
                assert value(q) <= fall * (1 + 1e-12)


class TestLimits:
    @both
    def test_steps_and_going_on(self, method: str) -> None:
        net = linear_net(LINEAR.theta((1,), 0) + 0.05)
        given = {"method": method, "gradient_tolerance": 1e-11}
        whole = critical.find(net, LINEAR.X, LINEAR.Y, **given)
        part = critical.find(net, LINEAR.X, LINEAR.Y, max_steps=3, **given)
        assert part.outcome is FindOutcome.BUDGET
        assert part.steps == 3
        assert len(part.losses) == len(part.gradient_norms) == 4
        assert np.array_equal(part.gradient_norms, whole.gradient_norms[:4])
        rest = critical.find(net, LINEAR.X, LINEAR.Y, start=part, **given)
        # the same radius: the same steps, bit for bit
        assert np.array_equal(rest.gradient_norms, whole.gradient_norms[3:])
        assert np.array_equal(rest.theta, whole.theta)

    def test_products(self) -> None:
        net = linear_net(LINEAR.theta((1,), 0) + 0.05)
        assert net.parameters == 14
        for most, steps in ((1, 0), (14, 1), (27, 1), (28, 2)):
            found = critical.find(
                net, LINEAR.X, LINEAR.Y, max_products=most, gradient_tolerance=1e-11
            )
            assert found.outcome is FindOutcome.BUDGET
            assert found.steps == steps
            assert found.products == 14 * steps + found.point.products

    @pytest.mark.parametrize("most", range(1, 27))
    def test_never_more_products_than_that(self, most: int) -> None:
        """Also where a step takes 2 or, with the curvature of |g|, 6."""
        found = critical.find(written(inflection()), max_products=most, gradient_tolerance=1e-9)
        assert found.products - found.point.products <= most

    def test_the_callback_stops(self) -> None:
        seen: list[tuple[int, float, float]] = []

        def stop(step: int, loss: float, norm: float) -> bool:
            seen.append((step, loss, norm))
            return step == 2

        found = critical.find(written(points.VALLEY, (2.0, 1.0)), callback=stop)
        assert found.outcome is FindOutcome.STOPPED
        assert [row[0] for row in seen] == [1, 2]
        assert [row[1] for row in seen] == found.losses[1:].tolist()
        assert [row[2] for row in seen] == found.gradient_norms[1:].tolist()

    def test_without_a_loss(self) -> None:
        p = points.TOY_SADDLE
        H = curvature.from_gradient(p.gradient, np.array([0.2, 0.1]))
        found = critical.find(H)
        assert found.point.kind is Kind.SADDLE
        assert found.loss is None
        none = critical.find(H, method="saddle_free_newton")
        assert none.outcome is FindOutcome.NO_LOSS
        assert none.steps == 0

    @both
    def test_a_loss_that_is_not_finite_on_the_way(self, method: str) -> None:
        """-log x + x beyond zero is NaN: such steps are shortened, not taken."""
        H = curvature.from_functions(
            lambda t: float(t[0] - np.log(t[0])) if t[0] > 0 else float("nan"),
            lambda t: 1 - 1 / t,
            lambda t: np.array([[1 / t[0] ** 2]]),
            np.array([1.9]),
        )
        found = critical.find(H, method=method)
        assert found.point.kind is Kind.MINIMUM
        assert found.theta[0] == pytest.approx(1.0, abs=1e-9)

    def test_a_kink_is_a_stall(self) -> None:
        H = curvature.from_functions(
            lambda t: float(np.abs(t[0]) + t[0] ** 2), lambda t: np.sign(t) + 2 * t,
            lambda _: np.array([[2.0]]), np.array([0.7]),
        )  # fmt: skip
        found = critical.find(H, method="saddle_free_newton")
        assert found.outcome is FindOutcome.STALLED
        assert "kink" in found.outcome.value
        assert abs(found.theta[0]) < 1e-6

    @both
    def test_the_same_bits_twice(self, method: str) -> None:
        net = ss.MLP((3, 4, 2), "tanh", loss="mse", seed=0)
        X = np.random.default_rng(0).standard_normal((20, 3))
        Y = np.sin(X[:, :2])
        before = net.theta.tobytes()
        one, two = (
            critical.find(net, X, np.ascontiguousarray(Y), method=method, max_steps=15)
            for _ in "ab"
        )
        assert np.array_equal(one.theta, two.theta)
        assert np.array_equal(one.losses, two.losses)
        assert net.theta.tobytes() == before
        assert len(one.theta) == net.parameters
        assert one.theta.dtype == np.float64


NET = ss.MLP((1, 1, 1), activation="linear", loss="mse", bias=False)
ONE = np.ones((1, 1))
H2 = written(points.TOY_SADDLE)
REFUSED: list[tuple[Any, type[Exception], str]] = [
    (lambda: critical.find(NET), TypeError, "X, y: not given, expected the samples X and targets y of the network"),
    (lambda: critical.find(H2, ONE), TypeError, "X: given with an operator, expected only with a network"),
    (lambda: critical.find(np.eye(2)), TypeError, "H: ndarray, expected an MLP or an operator of saddlescape.curvature"),
    (lambda: critical.find(MatrixCurvature(np.eye(2), None)), TypeError, "H: MatrixCurvature without at(theta), expected an operator that can be taken at other points, such as curvature.of(net, X, y)"),
    (lambda: critical.find(H2, method="newton"), ValueError, "method: 'newton', expected one of gradient_norm, saddle_free_newton"),
    (lambda: critical.find(H2, method=None), TypeError, "method: NoneType, expected one of gradient_norm, saddle_free_newton"),
    (lambda: critical.find(H2, start=[0.0, 0.0]), TypeError, "start: list, expected a (P,) array, a Found, or None"),
    (lambda: critical.find(H2, start=np.zeros(3)), ValueError, "start: shape (3,), expected (2,)"),
    (lambda: critical.find(H2, start=np.array([0.0, np.nan])), ValueError, "theta: nan at 1, expected finite numbers"),
    (lambda: critical.find(H2, gradient_tolerance=-1.0), ValueError, "gradient_tolerance: -1.0, expected a finite number >= 0"),
    (lambda: critical.find(H2, max_steps=0), ValueError, "max_steps: 0, expected an integer of at least 1"),
    (lambda: critical.find(H2, max_products=0), ValueError, "max_products: 0, expected an integer of at least 1"),
    (lambda: critical.find(H2, max_products=2.5), TypeError, "max_products: float, expected an integer of at least 1"),
    (lambda: critical.find(H2, seed=-1), ValueError, "seed: -1, expected an integer of at least 0"),
    (lambda: critical.find(H2, callback=3), TypeError, "callback: int, expected a function or None"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "text"), REFUSED, ids=[row[2][:50] for row in REFUSED])
def test_refused_in_these_words(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == text


def test_outcomes_say_what_to_do() -> None:
    for outcome in FindOutcome:
        assert outcome.value.endswith(".")
        assert len(outcome.value) < 260
