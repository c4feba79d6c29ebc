"""The random numbers of training: each a function of the seed and of what it is for."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import saddlescape as ss
from oracle import streams
from saddlescape import _core
from saddlescape.net import Draw
from saddlescape.train.batches import order_of
from saddlescape.train.plan import Plan

DRAWN = _core.random
LAST = 2**61 - 1
ORDER = [6, 5, 0, 8, 3, 2, 1, 7, 9, 4]
NORMALS = [0.46934964329193135, 0.46258382141351406, 1.0483461266768037, -0.010918960911900746]
SEEDS = [0, 1, 12345, 2**63 - 1]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 97, 256, 257, 258, 513, 1000])
@pytest.mark.parametrize(("purpose", "index"), [("shuffle", 0), ("shuffle", LAST), ("split", 7)])
def test_orders_are_those_of_a_slow_writing(purpose: str, index: int, count: int) -> None:
    for seed in SEEDS:
        found = DRAWN.permutation(purpose, seed, index, count)
        assert found.dtype == np.int64
        np.testing.assert_array_equal(found, streams.permutation(purpose, seed, index, count))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4095, 4096, 4097, 8193])
@pytest.mark.parametrize("index", [1, 2, LAST])
def test_normals_are_those_of_a_slow_writing(index: int, count: int) -> None:
    found = DRAWN.normals("weights", 3, index, count)
    assert found.dtype == np.float64
    # the last bit of the platform's log, cos and sin, of numbers up to 8
    np.testing.assert_allclose(
        found, streams.normals("weights", 3, index, count), rtol=1e-15, atol=4e-15
    )


def test_the_bits_stay_what_they_are() -> None:
    """What a seed has given, it gives in later versions: runs can be told by their seed."""
    assert DRAWN.permutation("shuffle", 0, 0, 10).tolist() == ORDER
    # Box and Muller's: the last bit is the platform's
    np.testing.assert_allclose(DRAWN.normals("weights", 0, 1, 4), NORMALS, rtol=1e-14)


@pytest.mark.parametrize("draw", [
    lambda: DRAWN.normals("weights", 5, 1, 100_001),
    lambda: DRAWN.orthonormal("weights", 5, 1, 70, 90),
    lambda: DRAWN.orthonormal("weights", 5, 1, 65, 65),
    lambda: DRAWN.permutation("shuffle", 5, 1, 100_001),
])  # fmt: skip
def test_any_number_of_threads_gives_the_same_bits(
    draw: Callable[[], Any], set_threads: Callable[[int], None]
) -> None:
    found = []
    for threads in (1, 2, 7):
        set_threads(threads)
        found.append(draw().tobytes())
    assert found[1:] == found[:1] * 2


def test_every_order_is_equally_likely() -> None:
    """All 120 orders of five samples, over epochs and over seeds."""
    possible = list(itertools.permutations(range(5)))
    for name in ("epochs", "seeds"):
        draws = 120 * 200
        counts = Counter(
            tuple(DRAWN.permutation("shuffle", *((9, i) if name == "epochs" else (i, 9)), 5))
            for i in range(draws)
        )
        chi_squared = sum((counts[order] - 200) ** 2 / 200 for order in possible)
        # 119 degrees of freedom: mean 119, standard deviation sqrt(238) = 15.4; 4 of them
        assert abs(chi_squared - 119) < 62, (name, chi_squared)


def test_every_sample_is_equally_likely_at_every_place() -> None:
    n, draws = 37, 7400
    places = np.zeros((n, n))
    for epoch in range(draws):
        places[np.arange(n), DRAWN.permutation("shuffle", 1, epoch, n)] += 1
    chi_squared = ((places - draws / n) ** 2 / (draws / n)).sum()
    freedom = (n - 1) ** 2
    assert abs(chi_squared - freedom) < 4 * math.sqrt(2 * freedom)


def test_normals_are_normal() -> None:
    """Kolmogorov and Smirnov's distance, of a million, and the moments."""
    n = 1_000_001
    x = np.sort(DRAWN.normals("weights", 2, 1, n))
    wanted = 0.5 * np.array([1 + math.erf(t / math.sqrt(2)) for t in x[::50]])
    above = np.abs(np.arange(n)[::50] / n - wanted).max()
    assert above * math.sqrt(n) < 1.95  # exceeded with probability 0.001
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs((x**power).mean() - moment) < 4 * math.sqrt(variance / n), power


def test_no_two_streams_begin_alike() -> None:
    """Of any purposes and indices, among them a layer and an epoch of the same number."""
    indices = [*range(200), *(2**i for i in range(8, 61)), LAST]
    for seed in (0, 4):
        keys = {streams.key(p, seed, i) for p in streams.PURPOSES for i in indices}
        assert len(keys) == len(streams.PURPOSES) * len(indices)
        # nor is a key what an eigen-solver draws with that seed
        assert not keys & {streams.at(seed, i) for i in range(1, 10_000)}
        starts = {DRAWN.normals(p, seed, i, 4).tobytes() for p in streams.PURPOSES for i in indices}
        assert len(starts) == len(keys)


def test_the_purposes_have_names() -> None:
    assert DRAWN.purposes() == sorted(streams.PURPOSES)


@pytest.mark.parametrize("size", [1, 7, 30])
def test_an_epoch_is_replayed_without_the_ones_before(size: int) -> None:
    seen: dict[int, list[int]] = {}
    plan = Plan(31, size, 6, 11)
    for step in range(plan.steps):
        rows = plan.rows(step, 1)
        assert rows is not None
        seen.setdefault(plan.position(step).epoch, []).extend(rows.tolist())
    for epoch in reversed(range(6)):
        order = order_of(31, size, epoch, 11)
        assert order is not None
        assert order.tolist() == seen[epoch]
        assert sorted(seen[epoch]) == list(range(31))
    assert len({tuple(order) for order in seen.values()}) == 6


def test_a_step_is_replayed_without_the_ones_before() -> None:
    """From the parameters before it: its batch from (seed, epoch), its masks from (seed, step)."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((20, 3)), np.arange(20) % 2
    net = ss.MLP((3, 8, 2), dtype="float64", dropout=0.5)
    visited = [net.theta.copy()]
    run = ss.train(
        net, X, y, batch_size=7, epochs=4, seed=6,
        callback=lambda _: visited.append(net.theta.copy()),
    )  # fmt: skip
    for step in (10, 2, 7):
        epoch, first = divmod(step, 3)
        order = order_of(20, 7, epoch, 6)
        assert order is not None
        rows = order[7 * first : 7 * first + 7]
        net.theta = visited[step]
        loss, gradient = net.loss_and_gradient(X[rows], y[rows], training=Draw(6, step))
        assert loss == run.history.loss[step]
        assert np.linalg.norm(gradient) == pytest.approx(run.history.gradient_norm[step], rel=1e-13)


REFUSED: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (
        lambda: DRAWN.normals("weight", 0, 0, 1),
        ValueError,
        "purpose: 'weight', expected one of _core.random.purposes()",
    ),
    (lambda: DRAWN.normals("weights", 0, 2**61, 1), ValueError,
     f"index: {2**61}, expected below 2**61"),
    (lambda: DRAWN.normals("weights", 0, 0, -1), ValueError, "count: -1, expected at least 0"),
    (lambda: DRAWN.permutation("shuffle", 0, 0, -3), ValueError, "count: -3, expected at least 0"),
    (lambda: DRAWN.orthonormal("weights", 0, 0, -1, 3), ValueError,
     "count: -1, expected at least 0"),
    (lambda: DRAWN.orthonormal("weights", 0, 0, 4, 3), ValueError,
     "length: 3, expected at least count, 4"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "text"), REFUSED)
def test_refused(call: Callable[[], Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error
    assert str(caught.value) == text
