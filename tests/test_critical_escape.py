"""The line search, and the way down that it measures."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import saddlescape as ss
from critical_samples import written
from oracle import points
from oracle.points import Planted
from saddlescape import critical, curvature
from saddlescape.critical import EscapeOutcome
from saddlescape.critical.line import minimise_along

# name, function, value at zero, where the minimum is, how near: the square root of the rounding of
# the value over the curvature for all but |t - 1|, whose kink parabolas close in on slowly
LINES = [
    ("parabola", lambda t: (t - 1) ** 2, 1.0, 1e-8),
    ("parabola with an offset", lambda t: 5 + (t - 1) ** 2, 1.0, 1e-7),
    ("quartic saddle", lambda t: t**4 / 4 - t**2 / 2, 1.0, 1e-7),
    ("skew", lambda t: math.exp(min(t, 700.0)) - math.e * t, 1.0, 1e-7),
    ("cosine", lambda t: math.cos(math.pi * t) if t < 2 else math.inf, 1.0, 1e-7),
    ("kink", lambda t: abs(t - 1), 1.0, 1e-8),
    ("flat minimum", lambda t: (t - 1) ** 4, 1.0, 1e-3),
    ("wall", lambda t: -t if t < 1 else math.inf, 1.0, 1e-6),
    ("steep", lambda t: 1 / (1e-9 + t) + 1e18 * t / (1 + 1e-9) ** 2 * 1e-18, 1.0, 1e-6),
]


@pytest.mark.parametrize(("name", "f", "at", "close"), LINES, ids=[row[0] for row in LINES])
@pytest.mark.parametrize("first", [1e-6, 1e-3, 0.1, 0.9, 3.0, 1e3])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_known_minima(name, f, at, close, first, sign) -> None:
    calls = []

    def along(t: float) -> float:
        calls.append(t)
        return f(sign * t)

    step = minimise_along(along, f(0.0), sign * first)
    assert step * sign == pytest.approx(at, abs=close)
    assert all(t * sign > 0 for t in calls)
    assert len(calls) < 30 + 60 + 60
    assert f(sign * step) == min(f(sign * t) for t in calls)


@pytest.mark.parametrize("first", [1e-3, 1.0, -1.0])
def test_no_way_down_is_a_step_of_zero(first: float) -> None:
    for f in (lambda t: t * t, abs, lambda _: 0.0, lambda _: math.inf):
        assert minimise_along(f, 0.0, first) == 0.0


@pytest.mark.parametrize("f", [lambda t: -t, lambda t: -t * t, lambda t: math.exp(-t)])
def test_without_a_lowest_value_it_ends(f) -> None:
    calls = itertools.count()

    def along(t: float) -> float:
        assert next(calls) < 200
        return f(t)

    step = minimise_along(along, f(0.0), 1e-3)
    assert f(step) < f(0.0)


@pytest.mark.parametrize("beyond", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("edge", [1e-5, 0.01, 1.0, 30.0])
def test_a_loss_that_is_not_finite_beyond_some_step(beyond: float, edge: float) -> None:
    """Also where the very first step, 1e-3, is beyond it."""

    def loss(t: np.ndarray) -> float:
        return beyond if np.abs(t[0]) > edge else float(-(t[0] ** 2))

    H = curvature.from_functions(loss, lambda t: -2 * t, lambda _: np.array([[-2.0]]), np.zeros(1))
    out = critical.escape(H)
    assert out.outcome is EscapeOutcome.ESCAPED
    assert 0.9 * edge < out.step <= edge
    assert np.isfinite(out.trace).all()
    assert np.isfinite(out.loss_after)


DOWN = [p for p in points.DEGENERATE + points.QUADRATIC + [points.TOY_SADDLE] if p.way_down]


@pytest.mark.parametrize("p", DOWN, ids=lambda p: p.name)
@pytest.mark.parametrize("seed", [0, 1])
def test_every_escape_adds_up(p: Planted, seed: int) -> None:
    H = written(points.rotated(p, seed))
    theta = H.theta.copy()
    out = critical.escape(H, seed=seed)
    assert out.outcome is EscapeOutcome.ESCAPED
    assert np.array_equal(H.theta, theta)
    assert np.array_equal(out.theta, theta + out.step * out.direction)
    assert out.step > 0
    assert np.linalg.norm(out.direction) == pytest.approx(1.0, rel=1e-12)
    assert out.loss_before == H.loss()
    assert out.loss_after == H.loss(out.theta) < out.loss_before
    assert out.measured_drop == out.loss_before - out.loss_after
    steps, predicted, measured = out.trace.T
    assert (np.diff(steps) > 0).all()
    assert (steps > 0).all()
    assert (out.measured_drop >= measured).all()
    g, c = float(H.gradient() @ out.direction), out.curvature
    # g is zero to rounding here
    assert np.allclose(predicted, -(steps * g + 0.5 * steps**2 * c), rtol=1e-12, atol=0)
    assert out.predicted_drop in predicted


@pytest.mark.parametrize("cubic", [0.5, -0.5])
def test_prediction_and_measurement_agree_to_the_order_of_the_step(cubic: float) -> None:
    """``-x^2 + c x^3 + x^4``: the relative error is |c| t + t^2, and both signs are tried."""
    p = Planted(
        "",
        lambda t: float(1 - t[0] ** 2 + cubic * t[0] ** 3 + t[0] ** 4),
        lambda t: -2 * t + 3 * cubic * t**2 + 4 * t**3,
        lambda t: np.array([[-2 + 6 * cubic * t[0] + 12 * t[0] ** 2]]),
        np.zeros(1),
        "",
        "",
        (0, 1, 0),
    )
    out = critical.escape(written(p))
    # down is where the cubic helps
    assert np.sign(out.direction[0]) == -np.sign(cubic)
    for step, predicted, measured in out.trace:
        rounding = 4e-16 / predicted
        assert abs(measured / predicted - 1) <= 1.01 * (0.5 * step + step**2) + rounding
    reach = out.model_reach
    assert reach is not None
    assert 0.5 * reach[0] - reach[0] ** 2 <= 0.1
    assert out.loss_after == pytest.approx(
        min(p.loss(np.array([x])) for x in np.linspace(-2, 2, 40001)), rel=1e-7
    )


def test_an_even_function_goes_the_same_way_twice() -> None:
    first, second = (critical.escape(written(points.TOY_SADDLE)) for _ in range(2))
    assert np.array_equal(first.theta, second.theta)
    assert np.array_equal(first.trace, second.trace)
    assert first.loss_after < 1e-12


@pytest.mark.parametrize("slope", [1e-7, -1e-7])
def test_a_leftover_gradient_decides_the_sign(slope: float) -> None:
    H = curvature.from_functions(
        lambda t: float(1 + slope * t[1] + t[0] ** 2 - t[1] ** 2 + t[1] ** 4),
        lambda t: np.array([2 * t[0], slope - 2 * t[1] + 4 * t[1] ** 3]),
        lambda t: np.diag([2.0, -2 + 12 * t[1] ** 2]),
        np.zeros(2),
    )
    out = critical.escape(H)
    assert out.outcome is EscapeOutcome.ESCAPED
    assert np.sign(out.direction[1]) == -np.sign(slope)
    assert float(H.gradient() @ out.direction) < 0


@pytest.mark.parametrize("curved", [1e-10, 1e-6, 1.0, 1e6, 1e12])
@pytest.mark.parametrize("offset", [0.0, 1.0, 1e3])
def test_no_curvature_is_too_weak_or_too_strong(curved: float, offset: float) -> None:
    """``offset - c x^2 + c^2 x^4 / 2`` falls by 1/2 at x = 1 / sqrt c, whatever the first step."""
    H = curvature.from_functions(
        lambda t: float(offset - curved * t[0] ** 2 + curved**2 * t[0] ** 4 / 2),
        lambda t: -2 * curved * t + 2 * curved**2 * t**3,
        lambda t: np.array([[-2 * curved + 6 * curved**2 * t[0] ** 2]]),
        np.zeros(1),
    )
    out = critical.escape(H)
    assert out.outcome is EscapeOutcome.ESCAPED
    assert out.step == pytest.approx(curved**-0.5, rel=1e-4)
    assert out.measured_drop == pytest.approx(0.5, rel=1e-6)


def test_model_reach_stops_at_the_first_disagreement() -> None:
    out = critical.escape(written(points.TOY_SADDLE))
    trace = np.array([[0.1, 1.0, 1.0], [0.2, 2.0, 2.1], [0.3, 3.0, 1.0], [0.4, 4.0, 4.0]])
    chance = type(out)(**{**vars(out), "trace": trace})
    assert chance.model_reach == (0.2, 2.0, 2.1)
    none = type(out)(**{**vars(out), "trace": np.empty((0, 3))})
    assert none.model_reach is None


class TestOutcomes:
    def nothing(self, out: critical.Escape, H: curvature.Curvature) -> None:
        assert out.step == out.predicted_drop == out.measured_drop == 0.0
        assert not out.direction.any()
        assert out.trace.shape == (0, 3)
        assert np.array_equal(out.theta, H.theta)
        assert out.theta is not H.theta
        assert out.outcome.value.endswith(".")

    def test_not_needed(self) -> None:
        H = written(points.NOT_CRITICAL[0])
        out = critical.escape(H)
        assert out.outcome is EscapeOutcome.NOT_NEEDED
        self.nothing(out, H)

    @pytest.mark.parametrize("p", [points.VALLEY, points.QUADRATIC[0], points.plateau(3)])
    def test_no_way_down(self, p: Planted) -> None:
        H = written(p)
        out = critical.escape(H)
        assert out.outcome is EscapeOutcome.NO_WAY_DOWN
        assert out.loss_after == out.loss_before == H.loss()
        self.nothing(out, H)

    def test_no_loss(self) -> None:
        saddle = points.TOY_SADDLE
        H = curvature.from_gradient(saddle.gradient, saddle.theta)
        out = critical.escape(H)
        assert out.outcome is EscapeOutcome.NO_LOSS
        assert out.point.kind.value == "saddle"
        assert np.isnan(out.loss_before)
        self.nothing(out, H)

    def test_a_point_given_is_not_judged_again(self) -> None:
        H = written(points.TOY_SADDLE)
        point = critical.classify(H)
        out = critical.escape(H, point=point)
        assert out.point is point
        assert out.loss_after < 1e-12


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_network_is_not_moved(dtype: str) -> None:
    net = ss.MLP((3, 4, 3), init="zeros", dtype=dtype)
    X, y = np.eye(3), np.array([0, 1, 2])
    before = net.theta.tobytes()
    out = critical.escape(net, X, y)
    assert out.outcome is EscapeOutcome.ESCAPED
    assert net.theta.tobytes() == before
    assert out.theta.dtype == np.float64
    # what the caller does next keeps the drop, to the rounding of the network's dtype
    net.theta = out.theta
    assert net.loss(X, y) == pytest.approx(out.loss_after, abs=1e-5)
