"""What the report draws, and that it draws whatever a run may leave behind."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

import report_samples as samples
from saddlescape.report import (
    curves,
    figures,
    interactive,
    look,
    marks,
    prepare,
    spectrum,
    surface,
)
from saddlescape.report.story import Story


@pytest.mark.parametrize(
    ("values", "log"),
    [((17.47, 17.51), False), ((1.0, 2.99), False), ((1.0, 3.0), True), ((5.0, 5.0), False),
     ((5e-324, 1e-323), False), ((5e-324, 1.0), True), ((np.nan, 2.0), False)],
)  # fmt: skip
def test_an_axis_is_logarithmic_where_its_ends_are_apart(
    values: tuple[float, float], log: bool
) -> None:
    axis = prepare.log_axis(np.array(values))
    assert axis.log == log
    assert axis.label("x") == ("x, log scale" if log else "x")


def test_a_zero_on_a_log_axis_is_drawn_and_said() -> None:
    axis = prepare.log_axis(np.array([0.0, 3e-9, np.nan, np.inf, 2.0]))
    assert axis.floor == pytest.approx(1e-10)
    np.testing.assert_array_equal(np.isnan(axis.values), [False, False, True, True, False])
    assert axis.label("|g|").endswith("(exact 0 drawn at 1e-10)")
    assert prepare.log_axis(np.zeros(5)).floor == pytest.approx(1e-16)
    assert prepare.log_axis(np.array([5e-324, 0.0])).floor > 0


def test_long_histories_keep_their_spikes() -> None:
    rng = np.random.default_rng(0)
    y = rng.standard_normal(100_003)
    y[70_001], y[10:5000] = 50.0, np.nan
    x, kept = prepare.thin(np.arange(100_003.0), y)
    assert x.size <= 4000
    assert np.all(np.diff(x) > 0)
    assert np.nanmax(kept) == 50.0
    assert np.nanmin(kept) == np.nanmin(y)


@pytest.mark.parametrize("size", [0, 1, 2, 3999, 4000, 4001])
def test_thinning_at_its_edges(size: int) -> None:
    x, y = prepare.thin(np.arange(float(size)), np.ones(size))
    assert x.size == y.size == min(size, x.size)
    assert x.size <= 4000
    if size:
        assert (x[0], x[-1]) == (0.0, size - 1.0)


def test_labels_never_cover_each_other() -> None:
    rng = np.random.default_rng(0)
    centres, widths = rng.random(30).tolist(), (0.1 + 0.2 * rng.random(30)).tolist()
    rows = prepare.stack(centres, widths)
    for i in range(30):
        for j in range(i):
            if rows[i] == rows[j]:
                assert abs(centres[i] - centres[j]) >= (widths[i] + widths[j]) / 2


def test_events_of_one_step_share_a_label() -> None:
    story = Story.of_investigation(samples.two_weights())
    assert marks.step_marks(story) == [marks.StepMark(20, "escape", "stall and escape, step 20")]


def test_the_path_has_a_gap_where_the_escape_jumped() -> None:
    sample = samples.two_weights()
    trail = marks.trail(Story.of_investigation(sample))
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(trail[:, 0])), [20])
    np.testing.assert_allclose(trail[21], [0.62, 0.81])
    np.testing.assert_array_equal(np.delete(trail, [20, 21], axis=0), sample.path)


def test_colours_of_a_spectrum_follow_the_certified_counts() -> None:
    before, after = spectrum.spectra(Story.of_investigation(samples.digits()))
    assert [g.rank.size for g in before.groups] == [144, 906, 160]
    assert [g.rank.size for g in after.groups] == [20, 290, 900]
    assert before.groups[0].value.max() < 0 < before.groups[2].value.min()
    assert before.name == "step 196: saddle"
    assert "144 certified negative" in before.groups[0].legend


def test_few_eigenvalues_are_judged_with_their_residuals() -> None:
    (end,) = spectrum.spectra(Story.of_investigation(samples.few_eigenvalues()))
    assert [g.rank.tolist() for g in end.groups] == [[1, 2], [3], [4, 5, 6]]
    np.testing.assert_array_equal(end.groups[2].residual, [0.2, 0.3, 1e-3])
    assert not end.whole


def test_curves_show_loss_validation_and_gradient() -> None:
    loss, gradient = curves.curves(samples.digits().history)
    assert [line[0] for line in loss[2]] == ["loss, batch of the step", "loss, validation data"]
    assert loss[2][1][2].size == 30  # one value an epoch, drawn without gaps
    assert gradient[1].startswith("gradient norm |g|")


@pytest.mark.parametrize(
    "heights",
    [
        np.zeros((3, 3)),
        np.full((3, 3), -1.0),
        np.array([[-1.0, 2.0]]),
        np.array([[0.0, np.nan, 9.0]]),
    ],
)
def test_contour_levels_ascend(heights: Any) -> None:
    levels, _ = surface.levels(heights)
    assert np.all(np.diff(levels) > 0)


def odd_sample(kind: str) -> Any:
    """Records at the edge of what can be: the report must draw what it can and not stop."""
    sample = samples.two_weights(kind)
    escape = sample.escapes[0][1]
    changed = {
        "never moved": {"path": np.zeros((1, 2)), "escapes": ()},
        "empty path": {"path": np.empty((0, 2)), "escapes": ()},
        "diverged": {"path": np.array([[0.0, 0.0], [1.0, 1.0], [1e200, -1e200], [np.inf, np.nan]])},
        "surface with holes": {"surface": lambda w1, w2: np.where(w1 > 0, w1 * w2 / w1, np.nan)},
        "no steps": {"history": samples.History(["loss"]), "events": (), "path": None,
                     "surface": None},
        "title long": {"title": "A very long title " * 20},
        "crowded": {"events": tuple(
            samples.Event(step=k, kind=("stall", "escape")[k % 2], text="x") for k in range(30))},
        "flat surface": {"surface": lambda w1, w2: 0.0 * w1 * w2},
        "negative loss": {"surface": lambda w1, w2: w1 * w2},
        "no trace": {"escapes": ((20, replace(escape, trace=np.empty((0, 3)))),)},
        "three escapes": {"escapes": ((20, escape), (30, escape), (40, escape))},
        "all zero": {"points": ((1, samples.point(
            "degenerate", 0.0, samples.inertia(0, 0, 2, 0.0), [0.0, 0.0])),)},
        "no eigenvalue": {"points": ((1, samples.point(
            "degenerate", 0.0, samples.inertia(0, 0, 2, 1e-9), [], spectrum=None)),)},
    }  # fmt: skip
    return samples.Investigation(**{**samples.fields_of(sample), **changed[kind]})


@pytest.mark.parametrize(
    "kind",
    ["never moved", "empty path", "diverged", "no steps", "title long", "crowded", "flat surface",
     "negative loss", "no trace", "three escapes", "all zero", "no eigenvalue",
     "surface with holes"],
)  # fmt: skip
def test_odd_records_are_drawn(kind: str) -> None:
    story = Story.of_investigation(odd_sample(kind))
    drawn = []
    with look.drawing():
        for name, figure in figures.draw_all(story):
            FigureCanvasAgg(figure).draw()
            drawn.append(name)
    assert ("curves" in drawn) == (kind != "no steps")
    assert ("spectrum" in drawn) == (kind != "no eigenvalue")
    escapes = {"never moved": 0, "empty path": 0, "no trace": 0, "three escapes": 3}.get(kind, 1)
    assert len([name for name in drawn if name.startswith("escape")]) == escapes
    plots = [plot.name for plot in interactive.draw_all(story) if plot.figure.to_json()]
    assert {name.split("-")[0] for name in plots} == {name.split("-")[0] for name in drawn}
