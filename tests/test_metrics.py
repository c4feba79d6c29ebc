"""Quality against counting by hand; the trend against losses whose course is known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import saddlescape as ss
from saddlescape.metrics import TrendState, accuracy, latest_trend, r_squared, trend

FALLING, FLAT, RISING = TrendState.FALLING, TrendState.FLAT, TrendState.RISING
CANNOT_TELL = TrendState.CANNOT_TELL


def linear(sizes, theta, loss):
    net = ss.MLP(sizes, loss=loss, dtype="float64")
    net.theta = np.asarray(theta, float)
    return net


def test_accuracy_counts():
    net = linear((1, 3), [-1, 0, 1, 0, 0.1, 0], "cross_entropy")  # class 0, 1, 2 by x
    X = np.array([[-3.0], [-0.2], [0.05], [3.0]])
    assert net.predict(X).argmax(axis=1).tolist() == [0, 0, 1, 2]
    assert accuracy(net, X, np.array([0, 0, 1, 2])) == 1.0
    assert accuracy(net, X, np.array([0, 1, 0, 2])) == 0.5


def test_accuracy_of_one_logit_is_by_its_sign():
    net = linear((1, 1), [1, 0], "bce")
    X = np.array([[-1.0], [-0.1], [0.1], [2.0]])
    assert accuracy(net, X, np.array([0, 0, 1, 1])) == 1.0
    assert accuracy(net, X, np.array([True, False, False, True])) == 0.5


def test_r_squared():
    net = linear((1, 1), [2, 0], "mse")
    X = np.array([[0.0], [1.0], [2.0]])
    assert r_squared(net, X, np.array([0.0, 2.0, 4.0])) == 1.0
    assert r_squared(net, X, np.array([[1.0], [2.0], [3.0]])) == pytest.approx(1 - 2 / 2)
    assert np.isnan(r_squared(net, X, np.ones(3)))
    assert r_squared(net, X, np.array([0, 2, 5])) == pytest.approx(1 - 1 / (38 / 3))


@pytest.mark.parametrize(
    ("measure", "y", "kind", "text"),
    [
        (accuracy, [0, 1, 0], TypeError, "y: list, expected a NumPy array of integer classes"),
        (accuracy, np.ones(3), TypeError, "y: dtype float64, expected a NumPy array of integer"),
        (accuracy, np.ones((3, 1), int), ValueError, "y: shape (3, 1), expected (3,), at least"),
        (accuracy, np.ones(2, int), ValueError, "y: shape (2,), expected (3,), at least one"),
        (r_squared, [0.0, 1.0], TypeError, "y: list, expected a NumPy array of numbers"),
        (r_squared, np.ones(2), ValueError, "y: shape (2,), expected (3, 1) or (3,), at least"),
        (r_squared, np.ones((1, 3)), ValueError, "y: shape (1, 3), expected (3, 1) or (3,), at"),
    ],
)
def test_quality_refuses(measure, y, kind, text):
    net = linear((1, 1), [1, 0], "mse")
    with pytest.raises(kind) as caught:
        measure(net, np.ones((3, 1)), y)
    assert str(caught.value).startswith(text)


# --- trend ---------------------------------------------------------------------------------------


def sen_by_hand(y, z):
    """Slopes of all pairs, and the interval, written out from Sen 1968 with ranks from 1."""
    n = len(y)
    slopes = sorted((y[j] - y[i]) / (j - i) for i, j in itertools.combinations(range(n), 2))
    c = z * np.sqrt(n * (n - 1) * (2 * n + 5) / 18)
    count = len(slopes)
    low = int(np.floor((count - c) / 2))  # rank, from 1
    return np.median(slopes), slopes[max(low, 1) - 1], slopes[min(count, count + 1 - low) - 1]


@pytest.mark.parametrize("n", [20, 21, 37, 50])
def test_the_interval_is_sens(n):
    y = 2 + 0.1 * np.random.default_rng(n).standard_normal(n)
    found = trend(y)
    scale = n / np.median(y)
    expected = [slope * scale for slope in sen_by_hand(y.tolist(), 1.959963984540054)]
    assert [found.change, found.low, found.high] == pytest.approx(expected, rel=1e-12)
    assert found.window == n


def test_the_mirror_image_has_the_mirrored_interval():
    y = np.random.default_rng(0).standard_normal(50)
    here, there = trend(10 + y), trend(10 - y)
    scale = np.median(10 + y) / np.median(10 - y)
    assert [here.low, here.high] == pytest.approx([-there.high / scale, -there.low / scale])


def shares(make, judge, repeats):
    rng = np.random.default_rng(1)
    states = [judge(make(rng)).state for _ in range(repeats)]
    return {state: states.count(state) / repeats for state in TrendState}


@pytest.mark.parametrize("noise", [1e-2, 0.1, 0.3])
@pytest.mark.parametrize(("n", "judge"), [(20, trend), (50, trend), (50, latest_trend),
                                          (800, latest_trend), (3200, latest_trend)])  # fmt: skip
def test_false_alarms_on_white_noise_are_rare(n, judge, noise):
    """5 % is what the interval promises; 300 runs scatter by 1.3 % about it: three deviations."""
    found = shares(lambda rng: 1 + noise * rng.standard_normal(n), judge, 300)
    assert found[FALLING] + found[RISING] <= 0.05 + 0.039


COURSES = {
    "constant": (np.ones(60), FLAT),
    "zeros": (np.zeros(60), FLAT),
    "plateau": (np.r_[np.linspace(3, 1, 100), np.ones(60)], FLAT),
    "linear fall": (np.linspace(1, 0.5, 60), FALLING),
    "slow fall": (np.linspace(1, 0.99, 50), FALLING),
    "too slow to count": (np.linspace(1, 0.9995, 50), FLAT),
    "decay": (np.exp(-np.arange(60) / 20), FALLING),
    "decay that is over": (1 + np.exp(-np.arange(300) / 10), FLAT),
    "rise": (np.linspace(1, 1.5, 60), RISING),
    "explosion": (1.5 ** np.arange(60.0), RISING),
    "beyond squares": (np.geomspace(1, 1e300, 60), RISING),
    "steps": (np.r_[np.ones(25), 0.9 * np.ones(25)], CANNOT_TELL),
}


@pytest.mark.parametrize("course", COURSES)
def test_known_courses(course):
    losses, state = COURSES[course]
    found = trend(losses)
    assert found.state in ((state, FALLING) if course == "steps" else (state,))
    if found.state is not CANNOT_TELL:
        assert found.more_steps == 0


def test_between_flat_and_falling_it_says_that_it_cannot_tell():
    noise = 1e-3

    def course(drop):
        return shares(
            lambda rng: np.linspace(1, 1 - drop, 50) + noise * rng.standard_normal(50), trend, 200
        )

    assert course(1e-2)[FALLING] > 0.95
    assert course(2e-3)[CANNOT_TELL] > 0.2
    assert course(5e-4)[FALLING] < 0.03


def test_one_outlier_changes_nothing():
    rng = np.random.default_rng(3)
    for base in (np.ones(50), np.linspace(1, 0.5, 50)):
        losses = base + 1e-5 * rng.standard_normal(50)
        state = trend(losses).state
        for where in (0, 25, 49):
            wild = losses.copy()
            wild[where] = 1e6
            assert trend(wild).state is state


@pytest.mark.parametrize("n", range(22))
def test_few_values_never_tell(n):
    found = trend(np.linspace(1, 0, 22)[:n])
    assert (found.state is CANNOT_TELL) == (n < 20)
    assert found.more_steps == max(0, 20 - n)
    assert found.window == n


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_stands_before_a_broken_value_is_not_looked_at(bad):
    losses = np.linspace(2, 1, 50)
    losses[9] = bad
    found = trend(losses)
    assert (found.state, found.window) == (FALLING, 40)
    losses[45] = bad
    found = trend(losses)
    assert (found.state, found.window, found.more_steps) == (CANNOT_TELL, 4, 16)
    losses[-1] = bad
    assert trend(losses).more_steps == 20


def test_the_window_is_its_last_values():
    losses = np.r_[np.linspace(9, 1, 500), np.ones(50)]
    assert trend(losses).state is FLAT
    assert trend(losses, window=51).window == 51
    assert trend(losses, window=500).state is FALLING


def test_change_is_a_share_of_the_height_above_the_floor():
    losses = np.linspace(2.001, 2.0, 50)
    assert trend(losses).state is FLAT
    assert trend(losses, floor=2.0).state is FALLING


@pytest.mark.parametrize("noise", [3e-3, 2e-2, 0.1])
def test_so_many_more_steps_do_tell_as_a_rule(noise):
    rng = np.random.default_rng(5)
    told = asked = 0
    for _ in range(60):
        losses = 1 + noise * rng.standard_normal(50)
        first = latest_trend(losses)
        if first.state is CANNOT_TELL:
            asked += 1
            more = 1 + noise * rng.standard_normal(first.more_steps)
            told += latest_trend(np.r_[losses, more]).state is FLAT
    assert asked > 40
    assert told / asked > 0.6


def test_full_batches_are_judged_by_the_last_fifty_alone():
    steps = np.r_[np.linspace(3, 1, 150), np.ones(25), 0.995 * np.ones(25)]
    assert latest_trend(steps, noisy=False) == trend(steps)
    assert latest_trend(steps, noisy=True).window == 200


def test_long_histories_are_judged_quickly_and_right():
    rng = np.random.default_rng(0)
    noise = 0.2 * rng.standard_normal(12_800)
    falling = latest_trend(np.linspace(1.5, 1, 12_800) + noise)
    assert latest_trend(1 + noise).state is FLAT
    assert falling.state is FALLING


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"window": 10}, "window: 10, expected an integer of at least 20"),
        ({"least": 2}, "least: 2, expected an integer of at least 3"),
        ({"threshold": -1.0}, "threshold: -1.0, expected a finite number >= 0"),
        ({"level": 0}, "level: 0.0, expected a number > 0 and < 1"),
        ({"level": 1.5}, "level: 1.5, expected a number >= 0 and < 1"),
        ({"floor": float("nan")}, "floor: nan, expected a finite number"),
    ],
)
def test_trend_refuses(given, text):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        trend(np.ones(50), **given)
    assert str(caught.value) == text


def test_trend_refuses_tables():
    with pytest.raises(ValueError, match=r"^values: shape \(5, 5\), expected \(n,\)$"):
        trend(np.ones((5, 5)))


CLASSES_OF = {
    "too high": (np.array([0, 1, 2, 0]), "y[2]: class 2, expected 0 to 1"),
    "negative": (np.array([0, -1, 1, 0]), "y[1]: class -1, expected 0 to 1"),
    "short": (np.array([0, 1]), "y: shape (2,), expected (4,), at least one sample"),
}


@pytest.mark.parametrize("name", ["accuracy", "balanced_accuracy", "f1", "precision", "recall"])
@pytest.mark.parametrize("case", CLASSES_OF)
def test_a_metric_of_classes_refuses(name, case):
    y, text = CLASSES_OF[case]
    for outputs, loss in ((2, "cross_entropy"), (1, "bce")):
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole text is compared
            getattr(ss.metrics, name)(ss.MLP((3, outputs), loss=loss), np.zeros((4, 3)), y)
        assert str(caught.value) == text
