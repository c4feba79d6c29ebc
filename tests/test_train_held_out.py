"""Samples held out for validation."""

from __future__ import annotations

import numpy as np
import pytest

import saddlescape as ss
from saddlescape.train.held_out import held_out

# fraction, samples of each class, how many of each are held out
SHARES = {
    "even": (0.2, [50, 50], [10, 10]),
    "by share": (0.2, [80, 15, 5], [16, 3, 1]),
    "largest remainders": (0.25, [5, 6, 9], [1, 2, 2]),  # quotas 1.25, 1.5, 2.25
    "equal remainders, the lower first": (0.5, [3, 3, 4], [2, 1, 2]),
    "a single one is trained on": (0.5, [1, 9], [0, 5]),
    "its share goes to the next": (0.5, [1, 1, 8], [0, 0, 5]),
    "all but one of each": (0.99, [3, 4, 5], [2, 3, 4]),
    "at least one": (0.001, [6, 7], [0, 1]),
    "two": (0.5, [2], [1]),
}


@pytest.mark.parametrize("case", SHARES)
def test_each_class_gives_its_share(case):
    fraction, sizes, expected = SHARES[case]
    y = np.repeat(np.arange(len(sizes)), sizes)
    for seed in range(5):
        mixed = np.random.default_rng(seed).permutation(y)
        train, out = held_out(fraction, len(y), mixed, seed)
        assert np.bincount(mixed[out], minlength=len(sizes)).tolist() == expected
        assert sorted([*train, *out]) == list(range(len(y)))
        assert (np.diff(train) > 0).all()
        assert (np.diff(out) > 0).all()


@pytest.mark.parametrize("seed", range(8))
def test_shares_are_as_near_as_whole_numbers_get(seed):
    """Each within 1 of its quota unless a class was used up; nothing lost."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 40, rng.integers(1, 9))
    y, fraction = np.repeat(np.arange(len(sizes)), sizes), rng.uniform(0.02, 0.98)
    if sizes.max() == 1:
        return
    _, out = held_out(fraction, len(y), y, seed)
    count = max(1, round(fraction * len(y)))
    shares = np.bincount(y[out], minlength=len(sizes))
    assert shares.sum() == min(count, (sizes - 1).sum())
    assert (shares < sizes).all()
    quotas = count * sizes / sizes.sum()
    if (np.ceil(quotas) < sizes).all():
        assert (np.abs(shares - quotas) < 1).all()


def test_without_classes_any_samples():
    seen = set()
    for seed in range(20):
        train, out = held_out(0.3, 10, None, seed)
        assert (len(train), len(out)) == (7, 3)
        seen.add(tuple(out))
    assert len(seen) > 10
    again = held_out(0.3, 10, None, 3)
    assert all(np.array_equal(a, b) for a, b in zip(held_out(0.3, 10, None, 3), again, strict=True))


def samples(n=40, classes=2):
    rng = np.random.default_rng(5)
    return rng.normal(size=(n, 3)), rng.integers(0, classes, n)


def test_a_run_says_what_it_was_trained_on():
    X, y = samples()
    net, twin = (ss.MLP((3, 5, 2), seed=1) for _ in range(2))
    run = ss.train(net, X, y, epochs=4, validation=0.25, seed=9, batch_size=8)
    train, out = held_out(0.25, len(X), y, 9)
    assert np.array_equal(run.X, X[train])
    assert np.array_equal(run.y, y[train])
    again = ss.train(
        twin, X[train], y[train], epochs=4, validation=(X[out], y[out]), seed=9, batch_size=8
    )
    assert net.theta.tobytes() == twin.theta.tobytes()
    assert run.history == again.history
    assert not run.full_batch
    assert ss.train(net, X, y, validation=0.5, batch_size=20, epochs=1).full_batch
    assert ss.diagnose(run).verdict


@pytest.mark.parametrize("targets", ["numbers", "one-hot", "one integer output"])
def test_what_is_no_class_is_not_counted_as_one(targets):
    X, y = samples()
    loss, outputs = ("mse", 1) if targets != "one-hot" else ("cross_entropy", 2)
    given = {"numbers": X[:, 0].copy(), "one-hot": np.eye(2)[y], "one integer output": y}[targets]
    run = ss.train(ss.MLP((3, 4, outputs), loss=loss), X, given, epochs=1, validation=0.25, seed=4)
    assert np.array_equal(run.X, X[held_out(0.25, len(X), None, 4)[0]])


def test_batch_normalisation_counts_the_samples_that_are_left():
    X, y = samples(21)
    net = ss.MLP((3, 4, 2), normalisation="batch")
    ss.train(net, X, y, batch_size=8, epochs=1, validation=5 / 21)
    with pytest.raises(ValueError, match="batch_size: 8 leaves a batch of 1 of 17 samples"):
        ss.train(net, X, y, batch_size=8, epochs=1, validation=4 / 21)
