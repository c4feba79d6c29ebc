"""What is printed of a point and of a search: whole, within 80 columns, in words."""

from __future__ import annotations

import numpy as np
import pytest

import saddlescape as ss
from critical_samples import written
from oracle import points
from oracle.points import Planted
from saddlescape import critical, curvature
from saddlescape.critical import FindOutcome

ALL = points.DEGENERATE + points.QUADRATIC + points.NOT_CRITICAL + [points.TOY_SADDLE]


def fits(text: str) -> None:
    lines = text.splitlines()
    assert max(map(len, lines)) <= 79
    assert all(line == line.rstrip() for line in lines)


@pytest.mark.parametrize("p", ALL, ids=lambda p: p.name)
@pytest.mark.parametrize("method", ["dense", "lanczos"])
def test_points_fit(p: Planted, method: str) -> None:
    point = critical.classify(written(p), method=method)
    text = str(point)
    fits(text)
    flat = " ".join(text.split())
    assert text.splitlines()[0] == f"KIND         {str(point.kind).replace('_', ' ')}"
    assert " ".join(point.remedy.split()) in flat
    counts = point.inertia
    if point.spectrum is not None:
        assert str(counts) in flat
    else:
        assert f"{counts.positive} positive, {counts.negative} negative; the other" in flat
    assert ("null space" in text) == (
        point.null_space is not None and point.inertia.undetermined > 0
    )
    assert ("lower bound" in text) == (point.lowest_bound is not None)
    for said in point.not_checked:
        assert said in flat


def test_a_saddle_word_for_word() -> None:
    lines = str(critical.classify(written(points.TOY_SADDLE))).splitlines()
    assert lines[:3] == [
        "KIND         saddle",
        "because      The gradient vanishes; of 2 directions, 1 leads up, 1 leads down:",
        "             a saddle.",
    ]
    labels = [line[:13].strip() for line in lines if line[0] != " "]
    assert labels == [
        "KIND", "because", "gradient", "eigenvalues", "lowest", "highest", "errors", "loss",
        "remedy", "not checked",
    ]  # fmt: skip


def test_a_gradient_small_by_the_gap_says_so() -> None:
    net = ss.MLP((1, 1, 1), "linear", loss="mse", bias=False, dtype="float64")
    net.theta = np.array([1e-3, 0.0])
    text = " ".join(
        str(critical.classify(curvature.of(net, np.ones((1, 1)), np.ones((1, 1))))).split()
    )
    assert "or because only 1.0e-06 of the loss is left to gain" in text


@pytest.mark.parametrize("outcome", list(FindOutcome))
def test_searches_fit(outcome: FindOutcome) -> None:
    found = critical.find(written(points.TOY_SADDLE))
    told = str(type(found)(**{**vars(found), "outcome": outcome}))
    fits(told)
    assert told.startswith(f"SEARCH       {outcome.name.lower().replace('_', ' ')}\n")
    assert outcome.value in " ".join(told.split())
    assert "0 steps, 2 Hessian products: |g| from 0 to 0, loss from 1 to 1" in told
    assert told.endswith(str(found.point))


DISTANCES = [1e-7, 1e-9, 1e-11, 1e-13]


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("angle", [0.0, 0.4, 2.0])
def test_near_a_monkey_saddle_no_sign_is_certain(distance: float, angle: float) -> None:
    """H vanishes on the way there, however small it is beside max(1, |theta|)."""
    p = points.MONKEY.at([distance * np.cos(angle), distance * np.sin(angle)])
    point = critical.classify(written(p))
    assert point.gradient.small
    assert (point.inertia.positive, point.inertia.negative) == (0, 0)
    assert point.criticality_error >= 6 * distance


@pytest.mark.parametrize("distance", DISTANCES)
def test_where_nothing_changes_on_the_way_signs_stay(distance: float) -> None:
    p = points.separable("5 x^2 - y^2", [(5, 2), (-1, 2)], "saddle", "saddle").at([distance, 0.0])
    point = critical.classify(written(p))
    assert (point.inertia.positive, point.inertia.negative) == (1, 1)
    # 8 |H| d / max(1, |theta|), no more
    assert point.criticality_error == pytest.approx(80 * distance, rel=1e-6)


class TestOppositeSide:
    def test_an_even_saddle_falls_as_far_both_ways(self) -> None:
        out = critical.escape(written(points.TOY_SADDLE))
        assert out.opposite_drop == pytest.approx(out.measured_drop, rel=1e-9)

    @pytest.mark.parametrize("cubic", [1.0, -1.0])
    def test_a_skew_one_takes_the_deeper(self, cubic: float) -> None:
        H = curvature.from_functions(
            lambda t: float(-(t[0] ** 2) + cubic * t[0] ** 3 + t[0] ** 4),
            lambda t: -2 * t + 3 * cubic * t**2 + 4 * t**3,
            lambda t: np.array([[-2 + 6 * cubic * t[0] + 12 * t[0] ** 2]]),
            np.zeros(1),
        )
        out = critical.escape(H)
        x = np.linspace(0, 2, 200001)
        falls = [float((x**2 - cubic * s * x**3 - x**4).max()) for s in (1, -1)]
        assert out.measured_drop == pytest.approx(max(falls), rel=1e-8)
        assert out.opposite_drop == pytest.approx(min(falls), rel=1e-8)

    def test_an_odd_one_rises_there(self) -> None:
        H = curvature.from_functions(
            lambda t: float(t[0] ** 3 + t[1] ** 2), lambda t: np.array([3 * t[0] ** 2, 2 * t[1]]),
            lambda t: np.diag([6 * t[0], 2.0]), np.zeros(2),
        )  # fmt: skip
        out = critical.escape(H)
        assert out.measured_drop > 0
        assert out.opposite_drop == 0.0
