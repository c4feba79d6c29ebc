"""The whole story: the order of its events, and that its numbers are one history."""

from __future__ import annotations

import numpy as np
import pytest

import saddlescape as ss
from saddlescape import demo
from saddlescape.critical import Kind
from saddlescape.diagnosis import investigate
from saddlescape.diagnosis.investigate import Plan
from saddlescape.lectures import two_weights

RNG = np.random.default_rng(0)
X = RNG.standard_normal((50, 3))
Y = X @ np.array([1.0, 2.0, 3.0])


def kinds(story):
    return [event.kind for event in story.events]


def toy(plan=None, **more):
    net, x, y = two_weights()
    return net, investigate(net, x, y, plan or Plan(lr=0.1), title="two weights", **more)


def check_bookkeeping(story):
    """What must hold of every story."""
    steps = story.history.steps
    assert story.history["step"].tolist() == list(range(steps))
    at = [event.step for event in story.events]
    assert at == sorted(at)
    assert at[-1] == steps or steps == 0
    assert [step for step, _ in story.escapes] == [
        event.step for event in story.events if event.kind == "escape"
    ]
    assert len(story.points) == len(story.escapes) + 1
    if story.path is not None:
        assert story.path.shape == (steps, 2)
    assert max(len(line) for line in str(story).splitlines()) <= 80


def test_the_toy_stalls_escapes_and_ends_in_a_valley():
    net, story = toy()
    check_bookkeeping(story)
    assert kinds(story) == ["stall", "escape", "stall", "end"]
    first, last = story.points[0][1], story.points[-1][1]
    assert first.kind is Kind.SADDLE
    assert np.allclose(first.eigenvalues, [-2, 2], atol=1e-14)
    assert last.kind is Kind.DEGENERATE_MINIMUM
    assert np.allclose(last.eigenvalues, [0, 4], atol=1e-9)
    out = story.escapes[0][1]
    assert np.abs(out.direction) == pytest.approx(np.full(2, 0.5**0.5), rel=1e-12)
    assert out.loss_before == 1.0
    assert out.loss_after < 1e-12
    assert np.abs(net.theta) == pytest.approx([1, 1], rel=1e-9)
    assert story.diagnosis.verdict == "degenerate_minimum"
    text = str(story)
    assert "local minim" not in text
    assert text.startswith("VERDICT      saddle (left), then degenerate minimum")
    assert "2 parameters on 1 sample, sgd" in " ".join(text.split())


def test_the_toys_path_and_history_are_one():
    _, story = toy()
    stall = story.escapes[0][0]
    assert (story.path[:stall] == 0).all()
    assert (story.history.loss[:stall] == 1).all()
    assert story.history.loss[stall] == pytest.approx(story.escapes[0][1].loss_after, abs=1e-15)
    w1, w2 = story.path.T
    # row t of the path lies after update t, row t of the history before it
    assert story.history.loss[1:stall] == pytest.approx((1 - w1 * w2)[: stall - 1] ** 2)
    assert story.history.loss[stall + 1 :] == pytest.approx((1 - w1 * w2)[stall:-1] ** 2, abs=1e-15)


def test_the_toys_surface_is_its_formula():
    _, story = toy()
    w1, w2 = np.meshgrid(np.linspace(-2, 2, 7), np.linspace(-1, 3, 5))
    assert story.surface(w1, w2) == pytest.approx((1 - w1 * w2) ** 2, rel=1e-14, abs=1e-15)
    assert story.surface(0.5, w2[:, 0]).shape == (5,)


def test_a_run_that_never_stalls():
    net = ss.MLP((3, 8, 1), loss="mse", dtype="float64")
    story = investigate(net, X, Y, Plan(lr=0.02, epochs=60), title="plain")
    check_bookkeeping(story)
    assert kinds(story) == ["end"]
    assert story.path is None
    assert story.surface is None
    assert story.diagnosis.verdict == "not_critical"


def test_zero_epochs():
    _, story = toy(Plan(lr=0.1, epochs=0))
    assert kinds(story) == ["end"]
    assert story.history.steps == 0
    assert story.path.shape == (0, 2)
    assert "1 sample" in str(story)


def test_no_escape_without_epochs_to_train_after_it():
    _, story = toy(Plan(lr=0.1, epochs=20))
    assert kinds(story) == ["end"] or kinds(story) == ["stall", "end"]
    assert story.diagnosis.verdict == "saddle"


def test_escapes_are_limited():
    net, story = toy(Plan(lr=0.1, escapes=0))
    assert kinds(story) == ["stall", "end"]
    assert (net.theta == 0).all()
    assert story.diagnosis.verdict == "saddle"


def test_enough_is_enough_even_at_a_saddle():
    """`until` ends the training: nothing is escaped after it, and no stall is claimed."""
    net, story = toy(Plan(lr=0.1, until=lambda history: history.steps == 7))
    check_bookkeeping(story)
    assert kinds(story) == ["end"]
    assert story.history.steps == 7
    assert (net.theta == 0).all()


def test_an_interrupt_ends_in_good_order():
    net, x, y = two_weights()

    def interrupt(progress):
        raise KeyboardInterrupt

    story = investigate(net, x, y, Plan(lr=0.1), title="t", progress=lambda _: None)
    assert story.history.steps > 20

    def at_ten(history):
        if history.steps == 10:
            raise KeyboardInterrupt
        return False

    net, x, y = two_weights()
    story = investigate(net, x, y, Plan(lr=0.1, until=at_ten), title="t")
    assert story.history.steps == 10
    assert story.events[-1].text == "Interrupted from the keyboard: saddle."
    assert not story.escapes


@pytest.mark.parametrize("lr", [30.0, 1e6, 1e20])
def test_a_run_that_diverges_is_told_so(lr):
    net = ss.MLP((3, 8, 1), activation="relu", loss="mse", dtype="float64")
    story = investigate(net, X, Y, Plan(lr=lr, epochs=200), title="wild")
    assert kinds(story) == ["end"]
    assert story.diagnosis.verdict == "not finite"
    assert story.events[-1].text.startswith("Back where the loss was last finite")
    assert np.isfinite(net.theta).all()


def test_a_path_that_diverges_ends_where_it_was_put_back():
    net, x, y = two_weights()
    net.theta = np.array([3.0, 3.0])
    story = investigate(net, x, y, Plan(lr=1.0), title="wild")
    assert story.path.shape == (story.history.steps, 2)
    assert (story.path[-1] == net.theta).all()
    assert story.diagnosis.verdict == "not finite"


@pytest.mark.parametrize("bias", [False, True])
def test_two_hidden_layers_of_zeros_are_left_along_a_measured_direction(bias):
    """All curvature between the weights vanishes; only the probe sees the way down."""
    net = ss.MLP((3, 4, 4, 1), loss="mse", init="zeros", bias=bias, dtype="float64")
    story = investigate(net, X, Y - Y.mean(), Plan(lr=0.05, epochs=300), title="deep")
    check_bookkeeping(story)
    assert kinds(story)[:2] == ["stall", "escape"]
    first, out = story.points[0][1], story.escapes[0][1]
    assert first.kind in (Kind.DEGENERATE, Kind.DEGENERATE_SADDLE)
    assert first.inertia.negative == 0
    assert first.probe.goes_down
    assert out.loss_after < 0.9 * out.loss_before
    assert story.history.loss[-1] < 0.5 * story.history.loss[0]


def test_progress_tells_each_state_with_the_steps_counted_through():
    seen = []
    toy(progress=seen.append)
    states = [p.state for p in seen]
    assert {"stalled", "judging", "escaping"} <= set(states)
    steps = [p.step for p in seen]
    assert steps == sorted(steps)
    assert all(np.isfinite(p.loss) for p in seen)


def test_the_same_plan_gives_the_same_story():
    def bits(seed):
        net = ss.MLP((3, 8, 1), loss="mse", dtype="float64")
        plan = Plan(optimizer="adam", lr=0.01, batch_size=7, epochs=5, seed=seed)
        story = investigate(net, X, Y, plan, title="again")
        return net.theta.tobytes(), story.history.loss.tobytes()

    assert bits(0) == bits(0)
    assert bits(0) != bits(1)


@pytest.mark.slow
def test_digits_from_zero_weights():
    from saddlescape import demo

    story = demo.digits()
    check_bookkeeping(story)
    assert kinds(story)[:2] == ["stall", "escape"]
    point = story.points[0][1]
    assert point.kind is Kind.SADDLE
    assert (point.inertia.positive, point.inertia.negative) == (153, 144)
    assert point.loss == pytest.approx(np.log(10), abs=1e-3)
    assert point.residuals.max() < 1e-12
    _step, predicted, measured = story.escapes[0][1].model_reach
    assert measured == pytest.approx(predicted, rel=0.1)
    train, test = (float(row.value.removesuffix(" %")) for row in story.metrics)
    assert train > 95
    assert test > 95
    assert "local minim" not in str(story)


def test_a_small_hessian_and_a_short_direction_are_written_out():
    text = " ".join(str(demo.two_weight_network()).split())
    assert "Hessian 2 x 2 [[0, -2], [-2, 0]]" in text
    assert "along [0.7071, 0.7071] (curvature -2)" in text
    assert "Hessian 2 x 2 [[2, 2], [2, 2]]" in text
