"""Points of known kind: through written derivatives, finite differences, and plain arrays."""

from __future__ import annotations

import re

import numpy as np
import pytest

from critical_samples import written
from oracle import points
from oracle.points import Planted
from saddlescape import critical, curvature
from saddlescape.critical import EscapeOutcome
from saddlescape.critical.classify import kind_by_signs
from saddlescape.diagnosis.points import evidence, statement
from saddlescape.eig import Inertia

ALL = points.DEGENERATE + points.QUADRATIC + points.NOT_CRITICAL + [points.TOY_SADDLE]
SCALES = [(1e-12, 1.0), (1e12, 1.0), (1.0, 1e-3), (1.0, 1e3), (1e-12, 1e3), (1e12, 1e-3)]
planted = pytest.mark.parametrize("p", ALL, ids=lambda p: p.name)


def differences(p: Planted) -> curvature.GradientCurvature:
    return curvature.from_gradient(p.gradient, p.theta, p.loss, p.lower_bound)


def check(point: critical.CriticalPoint, p: Planted) -> None:
    assert point.kind.value == p.kind
    if p.kind != points.N:
        counts = point.inertia
        assert (counts.positive, counts.negative, counts.undetermined) == p.counts
        assert point.has_way_down == p.way_down


@planted
def test_written_derivatives(p: Planted) -> None:
    check(critical.classify(written(p)), p)


@planted
def test_finite_differences(p: Planted) -> None:
    check(critical.classify(differences(p)), p)


@planted
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_plain_arrays_judge_signs_alone(p: Planted, dtype: type[np.floating]) -> None:
    point = critical.classify(p.hessian(p.theta).astype(dtype), p.gradient(p.theta).astype(dtype))
    assert point.kind.value == p.signs
    assert point.probe is None
    assert point.loss is None
    if point.inertia.undetermined and p.signs not in ("saddle", points.N):
        assert "the loss along the flat directions (there is none to evaluate)" in point.not_checked


@planted
def test_rotated(p: Planted) -> None:
    turned = points.rotated(p, seed=3)
    check(critical.classify(written(turned)), p)
    check(critical.classify(differences(turned)), p)


@planted
@pytest.mark.parametrize(("loss", "unit"), SCALES)
def test_units_do_not_matter(p: Planted, loss: float, unit: float) -> None:
    if p in points.NOT_CRITICAL and unit != 1.0:
        # a distance to the critical point is judged against max(1, |theta|), which has units
        assert critical.classify(written(points.scaled(p, loss, 1.0))).kind.value == p.kind
        return
    check(critical.classify(written(points.scaled(p, loss, unit))), p)


@pytest.mark.parametrize("p", points.QUADRATIC + points.DEGENERATE, ids=lambda p: p.name)
@pytest.mark.parametrize(("loss", "unit"), SCALES)
def test_finite_differences_in_other_units(p: Planted, loss: float, unit: float) -> None:
    """Counts may be fewer, by the differences' own estimate; never wrong."""
    point = critical.classify(differences(points.scaled(p, loss, unit)))
    positive, negative, _ = p.counts
    assert point.inertia.positive <= positive
    assert point.inertia.negative <= negative
    if p in points.QUADRATIC:
        check(point, p)


TABLE = [  # small, n+, n-, n?, kind: DESIGN.md's "Kinds of critical point"
    (False, 3, 0, 0, "not_critical"),
    (False, 0, 0, 3, "not_critical"),
    (False, 1, 1, 1, "not_critical"),
    (True, 3, 0, 0, "minimum"),
    (True, 0, 3, 0, "maximum"),
    (True, 1, 2, 0, "saddle"),
    (True, 1, 1, 1, "saddle"),
    (True, 2, 0, 1, "degenerate_minimum"),
    (True, 0, 2, 1, "degenerate_maximum"),
    (True, 0, 0, 3, "degenerate"),
]


@pytest.mark.parametrize(("small", "up", "down", "open_", "kind"), TABLE)
def test_the_table(small: bool, up: int, down: int, open_: int, kind: str) -> None:
    assert kind_by_signs(small, Inertia(up, down, open_, 0.0, 0.0)).value == kind


D = [1e-3, 1e-4, 1e-5, 3e-7, 1e-7, 1e-9, 1e-11, 1e-12]
NEAR = [  # a threshold of 1e-6 relative distance divides the table
    ("x^2 - y^2", [(1, 2), (-1, 2)], "saddle"),
    ("x^2 + y^2", [(1, 2), (1, 2)], "minimum"),
    ("-x^2 - y^2", [(-1, 2), (-1, 2)], "maximum"),
    ("x^2, y flat", [(1, 2), (0, 2)], "degenerate_minimum"),
]


@pytest.mark.parametrize("distance", D)
@pytest.mark.parametrize(("name", "powers", "kind"), NEAR)
@pytest.mark.parametrize("operator", [written, differences])
def test_near_a_critical_point(name, powers, kind, distance, operator) -> None:
    p = points.separable(name, powers, kind, kind).at([distance, 0.0])
    point = critical.classify(operator(p))
    assert point.kind.value == (kind if distance < 1e-6 else "not_critical")
    assert point.gradient.norm == pytest.approx(2 * distance)
    assert point.gradient.threshold == pytest.approx(2e-6, rel=1e-6)
    if point.gradient.small:
        assert point.criticality_error >= 8 * point.gradient.norm * (1 - 1e-6)
        assert "how H changes up to the critical point itself (estimated from |g|)" in (
            point.not_checked
        )


@pytest.mark.parametrize("distance", D)
@pytest.mark.parametrize("along", [(1.0, 1.0), (1.0, -1.0), (1.0, 0.3), (-1.0, -1.0)])
def test_near_a_valley_it_is_never_a_minimum(distance: float, along: tuple[float, float]) -> None:
    theta = 1 + distance * np.array(along) / np.hypot(*along)
    point = critical.classify(written(points.VALLEY.at(theta)))
    # The gradient is 2 (1 - xy)(y, x): what counts is the distance from the curve, |1 - xy|
    far = np.abs(1 - theta[0] * theta[1]) > 2.5e-6
    assert point.kind.value == ("not_critical" if far else "degenerate_minimum")


@pytest.mark.parametrize("y", [5e-4, 1e-4, 1e-6, 1e-9, 1e-12])
def test_a_slope_without_a_minimum_near_by_is_no_minimum(y: float) -> None:
    """``x^2 + y^3`` for y > 0: all curvature positive, and yet no minimum anywhere."""
    cubic = points.separable("x^2 + y^3", [(1, 2), (1, 3)], "", "")
    point = critical.classify(written(cubic.at([0.0, y])))
    assert point.inertia.negative == 0
    assert point.kind.value == "degenerate_saddle"
    below = critical.classify(written(cubic.at([0.0, -y])))
    assert below.kind.value in ("saddle", "degenerate_saddle")
    assert below.has_way_down


def test_a_soft_direction_far_from_its_floor_opens_no_other_sign() -> None:
    """The soft one is 0.09 from its floor; a step that long could turn any sign but is not one."""
    form = points.separable("", [(0.5, 2), (-0.25, 2), (5e-6, 2)], "", "").at([0.0, 0.0, 0.09])
    point = critical.classify(written(form), gradient_tolerance=1e-6)
    assert point.kind.value == "saddle"
    counts = point.inertia
    assert (counts.positive, counts.negative, counts.undetermined) == (1, 1, 1)


@pytest.mark.parametrize("y", [1e-3, 1e-4, 1e-6, 1e-9])
def test_near_the_floor_of_a_quartic_second_order_is_not_enough(y: float) -> None:
    quartic = points.separable("x^2 + y^4", [(1, 2), (1, 4)], "", "").at([0.0, y])
    assert critical.classify(written(quartic)).kind.value == "degenerate_minimum"


@pytest.mark.parametrize("distance", [0.0, 1e-12, 1e-9, 1e-7])
def test_near_a_monkey_saddle_there_is_a_way_down(distance: float) -> None:
    point = critical.classify(written(points.MONKEY.at([distance, 0.0])))
    assert point.kind.value in ("degenerate", "saddle")
    assert point.has_way_down


@planted
def test_escape_goes_down_if_there_is_a_way(p: Planted) -> None:
    out = critical.escape(written(p))
    wanted = EscapeOutcome.ESCAPED if p.way_down else EscapeOutcome.NO_WAY_DOWN
    assert out.outcome is (EscapeOutcome.NOT_NEEDED if p.kind == points.N else wanted)
    assert (out.loss_after < out.loss_before) == (out.outcome is EscapeOutcome.ESCAPED)


@planted
def test_every_point_is_described(p: Planted) -> None:
    point = critical.classify(written(p))
    text = statement(point)
    assert text.endswith(".")
    for wrong in (" 1 are", " 1 lead ", "1 directions", " 0 is", " 0 leads", "all 1 "):
        assert wrong not in text
    assert ("local minimum" in text) == (p.kind == "minimum")
    assert point.not_checked
    assert point.remedy.endswith(".")
    assert "{" not in point.remedy
    assert all(all(vars(row).values()) for row in evidence(point))


STATEMENTS = [
    (
        points.TOY_SADDLE,
        "The gradient vanishes; of 2 directions, 1 leads up, 1 leads down: a saddle.",
    ),
    (
        points.VALLEY,
        "The gradient vanishes; of 2 directions, 1 leads up, 0 lead down, 1 is undetermined: "
        "the floor of a valley, or a plateau.",
    ),
    (
        points.quadratic(3, 0),
        "The gradient vanishes and all 3 directions lead up: a strict local minimum.",
    ),
    (
        points.quadratic(1, 1),
        "The gradient vanishes and the only direction leads down: a strict local maximum.",
    ),
    (
        points.MONKEY,
        "The gradient vanishes and no curvature is certain along every direction: a saddle of "
        "higher order, for the loss was measured to fall along one.",
    ),
    (
        points.NOT_CRITICAL[0],
        "The gradient does not vanish: this is not a critical point.",
    ),
    (
        points.LINEAR,
        "The gradient does not vanish, but it points where the Hessian has no curvature (H = 0): "
        "gradient-flat. A search for a vanishing gradient may end here, yet this is no critical "
        "point: along the gradient the loss falls in a straight line.",
    ),
]


@pytest.mark.parametrize(("p", "text"), STATEMENTS, ids=lambda v: getattr(v, "name", ""))
def test_statements(p: Planted, text: str) -> None:
    said = statement(critical.classify(written(p)))
    assert re.sub(r" \(\|eigenvalue\| <= [-.e\d]+\)", "", said) == text


@pytest.mark.parametrize("method", ["dense", "lanczos"])
def test_the_same_bits_twice(method: str) -> None:
    H = written(points.rotated(points.DEGENERATE[12], 1))
    first, second = (critical.classify(H, method=method, seed=5) for _ in range(2))
    assert first.inertia == second.inertia
    for name in ("eigenvalues", "eigenvectors", "residuals"):
        assert np.array_equal(getattr(first, name), getattr(second, name))
    assert first.probe is not None
    assert second.probe is not None
    assert (first.probe.drop, first.probe.evaluations) == (
        second.probe.drop,
        second.probe.evaluations,
    )


def test_the_callers_tolerance_decides() -> None:
    p = points.separable("x^2 at 1e-3", [(1, 2)], "", "").at([1e-3])
    assert critical.classify(written(p), gradient_tolerance=2.1e-3).kind.value == "minimum"
    assert critical.classify(written(p), gradient_tolerance=1.9e-3).kind.value == "not_critical"
    q = points.quadratic(3, 1)
    assert critical.classify(written(q), gradient_tolerance=0).kind.value == "saddle"
    # A bound on the loss does not overrule the caller
    near = curvature.from_functions(
        lambda t: 1 + p.loss(t), p.gradient, p.hessian, p.theta, lower_bound=0.0
    )
    assert critical.classify(near).gradient.small
    assert not critical.classify(near, gradient_tolerance=1e-9).gradient.small
