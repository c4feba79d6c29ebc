"""Schedules against their formulas, at their edges, put together, told what was measured, used."""

from __future__ import annotations

import math
import re
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

import saddlescape as ss
from saddlescape import optim, schedule

# Both sides are float64 and round a handful of numbers of the size of the largest rate.
CLOSE = {"rel": 1e-13, "abs": 1e-16}


def cosine(t, peak, T, w, final):
    if t < w:
        return peak * (t + 1) / (w + 1)
    x = min(t - w, T - w) / (T - w)
    return final + (peak - final) / 2 * (1 + math.cos(math.pi * x))


def sgdr(t, peak, T0, mult, final):
    cycles = [T0 * mult**i for i in range(20)]
    ends = np.cumsum(cycles)
    i = int(np.argmax(ends > t))
    return cosine(t - (ends[i] - cycles[i]), peak, cycles[i], 0, final)


def one_cycle(t, peak, T, p, d, f, curve):
    low, up, end = peak / d, p * T - 1, T - 1
    xs, ys = ([0, up, end], [low, peak, low / f]) if p < 1 else ([0, end], [low, peak])
    i = 0 if t <= up or p == 1 else 1
    x = (min(t, end) - xs[i]) / (xs[i + 1] - xs[i])
    weight = x if curve == "linear" else (1 - math.cos(math.pi * x)) / 2
    return ys[i] + (ys[i + 1] - ys[i]) * weight


def three_phases(t, peak, T, p, d, f):
    xs = [0, p * T - 1, 2 * p * T - 2, T - 1]
    return float(np.interp(t, xs, [peak / d, peak, peak / d, peak / d / f]))


def wsd(t, peak, T, w, d, final, curve):
    if t < w:
        return peak * (t + 1) / (w + 1)
    x = min(max(t - (T - d), 0) / d, 1)
    f = {"linear": 1 - x, "cosine": (1 + math.cos(math.pi * x)) / 2, "sqrt": 1 - math.sqrt(x)}
    return final + (peak - final) * f[curve]


# schedule, the same by its formula, how many steps to compare
FORMULAS = [
    (schedule.constant(0.3), lambda _: 0.3, 5),
    (schedule.step(0.3, every=7, gamma=0.3), lambda t: 0.3 * math.prod([0.3] * (t // 7)), 40),
    (schedule.step(0.3, every=1), lambda t: 0.3 / 10**t, 20),
    (schedule.step(0.3, milestones=(3, 4, 17), gamma=0.5),
     lambda t: 0.3 / 2 ** ((t >= 3) + (t >= 4) + (t >= 17)), 30),
    (schedule.step(0.3, milestones=()), lambda _: 0.3, 5),
    (schedule.exponential(0.3, 0.9), lambda t: 0.3 * math.exp(t * math.log(0.9)), 100),
    (schedule.exponential(1e-6, 10.0, every=13), lambda t: 10 ** (t / 13 - 6), 80),
    (schedule.polynomial(0.3, 10), lambda t: 0.3 * (1 - min(t, 10) / 10), 15),
    (schedule.polynomial(0.1, 7, power=2.5, final=0.7),
     lambda t: 0.7 - 0.6 * (1 - min(t, 7) / 7) ** 2.5, 12),
    (schedule.cosine(0.3, 10), lambda t: cosine(t, 0.3, 10, 0, 0), 15),
    (schedule.cosine(0.3, 101, warmup=17, final=0.02),
     lambda t: cosine(t, 0.3, 101, 17, 0.02), 110),
    (schedule.cosine_restarts(0.3, 7, final=0.1), lambda t: sgdr(t, 0.3, 7, 1, 0.1), 60),
    (schedule.cosine_restarts(0.3, 3, t_mult=2), lambda t: sgdr(t, 0.3, 3, 2, 0), 200),
    (schedule.cosine_restarts(0.3, 1), lambda _: 0.3, 9),
    (schedule.one_cycle(0.3, 50), lambda t: one_cycle(t, 0.3, 50, 0.3, 25, 1e4, "cosine"), 60),
    (schedule.one_cycle(0.3, 43, pct_start=0.45, div_factor=4, final_div_factor=10,
                        anneal="linear"),
     lambda t: one_cycle(t, 0.3, 43, 0.45, 4, 10, "linear"), 60),
    (schedule.one_cycle(0.3, 20, pct_start=0), lambda t: one_cycle(t, 0.3, 20, 0, 25, 1e4, ""), 25),
    (schedule.one_cycle(0.3, 20, pct_start=1), lambda t: one_cycle(t, 0.3, 20, 1, 25, 1e4, ""), 25),
    (schedule.one_cycle(0.3, 60, anneal="linear", three_phase=True),
     lambda t: three_phases(t, 0.3, 60, 0.3, 25, 1e4), 70),
    (schedule.warmup(0.3, 9), lambda t: 0.3 * min(t + 1, 10) / 10, 15),
    (schedule.warmup(lambda t: 0.3 + t, 9, start=0.6),
     lambda t: 0.6 - 0.3 * t / 9 if t < 9 else 0.3 + t - 9, 15),
    (schedule.transformer(512), lambda t: 1 / math.sqrt(512 * (t + 1)) if t >= 3999
     else (t + 1) / math.sqrt(512) / 4000**1.5, 9000),
    (schedule.noam(64, warmup=1, factor=2), lambda t: 0.25 / math.sqrt(t + 1), 50),
    *[(schedule.warmup_stable_decay(0.3, 60, warmup=11, decay=23, final=0.01, curve=curve),
       lambda t, curve=curve: wsd(t, 0.3, 60, 11, 23, 0.01, curve), 70)
      for curve in ("linear", "cosine", "sqrt")],
    (schedule.chain((0.5, lambda t: t + 1.0, schedule.polynomial(0.3, 5)), (3, 8)),
     lambda t: 0.5 if t < 3 else t - 2 if t < 8 else max(0.3 - 0.06 * (t - 8), 0), 20),
    (schedule.chain([0.5], []), lambda _: 0.5, 3),
    (schedule.scale(lambda t: t, 0.5), lambda t: t / 2, 9),
    (schedule.scale(schedule.exponential(0.3, 0.9), schedule.step(1, every=4)),
     lambda t: 0.3 * 0.9**t / 10 ** (t // 4), 20),
    (schedule.clip(lambda t: t / 10, 0.2, 0.7), lambda t: np.clip(t / 10, 0.2, 0.7), 12),
    (schedule.clip(0.3, low=0.4), lambda _: 0.4, 3),
]  # fmt: skip


def named(x):
    """As it prints, without the address of a function: a test is called the same in every run."""
    return re.sub(r" at 0x\w+", "", repr(x))[:60]


@pytest.mark.parametrize(("lr", "formula", "steps"), FORMULAS, ids=named)
def test_formula(lr, formula, steps):
    for t in range(steps):
        assert lr(t) == pytest.approx(formula(t), **CLOSE), t
        assert type(lr(t)) is float or not hasattr(lr, "__dataclass_fields__")


ROOT = math.sqrt(0.5)
EXACT = [
    (schedule.step(0.8, every=5, gamma=0.5), {0: 0.8, 4: 0.8, 5: 0.4, 9: 0.4, 10: 0.2}),
    (schedule.step(0.8, milestones=[5, 7], gamma=0.5), {0: 0.8, 4: 0.8, 5: 0.4, 6: 0.4, 7: 0.2}),
    (schedule.exponential(0.3, 0.9), {0: 0.3, 1: 0.3 * 0.9, 10**9: 0.0}),
    (schedule.polynomial(0.3, 10, 2.0, 0.1), {0: 0.3, 10: 0.1, 11: 0.1, 10**15: 0.1}),
    (schedule.polynomial(0.1, 3, final=0.3), {0: 0.1, 3: 0.3, 4: 0.3}),
    (schedule.cosine(0.3, 10, warmup=4, final=0.1),
     {3: 0.3 * (4 / 5), 4: 0.3, 10: 0.1, 11: 0.1, 2**62: 0.1}),
    (schedule.cosine(0.3, 1), {0: 0.3, 1: 0.0, 2: 0.0}),
    (schedule.cosine(0.3, 5, final=0.3), dict.fromkeys(range(7), 0.3)),
    (schedule.cosine_restarts(0.3, 5, 3), {0: 0.3, 5: 0.3, 20: 0.3, 65: 0.3}),
    (schedule.cosine_restarts(0.3, 10, 10), {(10**15 - 1) // 9 * 10 - 10**15: 0.3}),
    (schedule.cosine_restarts(0.3, 3), {3 * 10**17: 0.3}),
    (schedule.one_cycle(0.8, 10, pct_start=0.5, div_factor=4, final_div_factor=2),
     {0: 0.2, 4: 0.8, 9: 0.1, 10: 0.1, 11: 0.1}),
    (schedule.one_cycle(0.8, 10, pct_start=0.1), {0: 0.8, 9: 0.8 / 25 / 1e4}),
    (schedule.one_cycle(0.8, 1), {0: 0.8 / 25 / 1e4, 1: 0.8 / 25 / 1e4}),
    (schedule.one_cycle(0.8, 1, pct_start=1), {0: 0.8, 1: 0.8}),
    (schedule.one_cycle(0.8, 9, pct_start=1), {0: 0.8 / 25, 8: 0.8, 9: 0.8}),
    (schedule.one_cycle(0.8, 20, pct_start=0.25, div_factor=4, final_div_factor=2,
                        three_phase=True), {0: 0.2, 4: 0.8, 8: 0.2, 19: 0.1, 20: 0.1}),
    (schedule.warmup(0.3, 0), {0: 0.3, 1: 0.3}),
    (schedule.warmup(0.3, 1), {0: 0.15, 1: 0.3}),
    (schedule.warmup(0.3, 4, start=0), {0: 0.0, 3: 0.3 * 0.75, 4: 0.3, 5: 0.3}),
    (schedule.warmup(schedule.step(0.4, every=3, gamma=0.5), 4), {4: 0.4, 6: 0.4, 7: 0.2}),
    (schedule.transformer(1, warmup=4), {3: 0.5, 8: 9**-0.5, 15: 0.25}),
    (schedule.warmup_stable_decay(0.3, 10, warmup=2, decay=3, final=0.1),
     {1: 0.3 * (2 / 3), 2: 0.3, 7: 0.3, 10: 0.1, 11: 0.1}),
    (schedule.warmup_stable_decay(0.3, 1, warmup=0, decay=1), {0: 0.3, 1: 0.0, 2: 0.0}),
    (schedule.chain((0.1, 0.2, 0.3), (1, 2)), {0: 0.1, 1: 0.2, 2: 0.3, 10**9: 0.3}),
    (schedule.exponential(1.0, 10.0), {2: 100.0, 400: math.inf}),
    (schedule.step(0.0, every=1, gamma=10.0), {400: 0.0}),
]  # fmt: skip


@pytest.mark.parametrize(("lr", "values"), EXACT, ids=lambda x: repr(x)[:60])
def test_edges_to_the_bit(lr, values):
    assert {t: lr(t) for t in values} == values


CONTINUOUS = [  # and what they may change by from one step to the next, in parts of the peak
    (schedule.cosine(1.0, 1000, warmup=100), 1000, 1 / 101),
    (schedule.warmup_stable_decay(1.0, 1000, warmup=100, decay=100, curve="cosine"), 1000, 0.016),
    (schedule.warmup_stable_decay(1.0, 1000, warmup=100, decay=200), 1000, 1 / 101),
    (schedule.one_cycle(1.0, 1000), 1000, 0.0053),
    (schedule.transformer(1, warmup=100, factor=10.0), 1000, 1 / 99),
    (schedule.warmup(schedule.polynomial(1.0, 900, power=2.0), 100), 1000, 1 / 101),
    (schedule.polynomial(1.0, 1000, power=3.0), 1000, 0.0031),
]


@pytest.mark.parametrize(("lr", "steps", "jump"), CONTINUOUS, ids=lambda x: repr(x)[:60])
def test_no_jumps(lr, steps, jump):
    rates = np.array([lr(t) for t in range(steps + 3)])
    assert np.abs(np.diff(rates)).max() <= jump * (1 + 1e-12)
    assert rates.max() == pytest.approx(1.0, rel=0.02)


def test_cosine_is_a_warm_up_of_a_cosine():
    a = schedule.cosine(0.3, 100, warmup=10, final=0.01)
    b = schedule.warmup(schedule.cosine(0.3, 90, final=0.01), 10)
    assert [a(t) for t in range(105)] == [b(t) for t in range(105)]


def test_a_longer_stable_part_leaves_what_was_before():
    short, long = (schedule.warmup_stable_decay(0.3, T, warmup=10, decay=20) for T in (100, 500))
    assert [short(t) for t in range(81)] == [long(t) for t in range(81)]


MADE_TWICE = [
    (lambda: schedule.cosine(1e-3, steps=1000, warmup=100),
     "cosine(peak=0.001, steps=1000, warmup=100, final=0.0)"),
    (lambda: schedule.cosine(np.float64(0.5), np.int32(8)),
     "cosine(peak=0.5, steps=8, warmup=0, final=0.0)"),
    (lambda: schedule.step(1, milestones=[3, 4]),
     "step(initial=1.0, every=None, milestones=(3, 4), gamma=0.1)"),
    (lambda: schedule.warmup(schedule.constant(1), 5),
     "warmup(schedule=constant(value=1.0), steps=5, start=None)"),
    (lambda: schedule.chain([schedule.noam(8), 0.5], [7]),
     "chain(schedules=(transformer(d_model=8, warmup=4000, factor=1.0), 0.5), at=(7,))"),
    (lambda: schedule.warmup_until(0.01, 0.1, below=0.8),
     "warmup_until(low=0.01, then=0.1, below=0.8, above=None, over=False)"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "text"), MADE_TWICE, ids=lambda x: x if type(x) is str else "")
def test_values(make, text):
    a, b = make(), make()
    assert repr(a) == text
    assert a == b
    assert hash(a) == hash(b)
    assert a != schedule.constant(0.123)
    with pytest.raises(FrozenInstanceError):
        a.steps = 3


def test_schedules_inside_are_told_and_a_call_changes_nothing():
    inner = schedule.reduce_on_plateau(0.8, factor=0.5, patience=0)
    lr = schedule.clip(schedule.warmup(inner, 3), high=0.7)
    before = repr(lr), [lr(t) for t in range(6)]
    assert before[1] == pytest.approx([0.2, 0.4, 0.6, 0.7, 0.7, 0.7], rel=1e-15)
    assert (repr(lr), [lr(t) for t in range(6)]) == before
    for loss in (1.0, 1.0):
        inner.observe(loss)
    assert [lr(t) for t in range(6)] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.4, 0.4], rel=1e-15)


def test_warmup_until():
    lr = schedule.warmup_until(0.01, then=lambda t: t / 100, below=0.8)
    for error in (1.0, 0.8, math.nan, math.inf):
        lr.observe(error)
        assert lr(50) == 0.01
    lr.observe(np.nextafter(0.8, 0))
    assert [lr(50), lr(70)] == [0.5, 0.7]  # the step itself, not the steps since
    lr.observe(1.0)
    assert lr(50) == 0.5  # for good
    other = schedule.warmup_until(0.01, then=0.1, above=0.2)
    other.observe(0.2)
    assert not other.over
    other.load_state_dict(lr.state_dict())
    assert other(0) == 0.1
    again = schedule.warmup_until(0.01, then=0.1, above=0.2)
    assert again != other
    again.observe(0.3)
    assert again == other


def test_plateau_goes_on_from_its_state():
    rng = np.random.default_rng(0)
    arguments = {"factor": 0.7, "patience": 2, "cooldown": 1, "mode": "max"}
    metrics = rng.normal(size=200)
    through, first = (schedule.reduce_on_plateau(1.0, **arguments) for _ in range(2))
    for metric in metrics[:100]:
        through.observe(metric)
        first.observe(metric)
    second = schedule.reduce_on_plateau(1.0, **arguments)
    second.load_state_dict(first.state_dict())
    for metric in metrics[100:]:
        through.observe(metric)
        second.observe(metric)
        assert second == through
    assert through.lr < first.lr < 1.0


def test_plateau_by_hand():
    lr = schedule.reduce_on_plateau(
        0.8, factor=0.5, patience=1, threshold=0.1, threshold_mode="abs", cooldown=2, min_lr=0.15
    )
    # best, bad, bad: down, cooling, cooling, bad, bad: down, best and cooling, cooling, bad,
    # bad: down to the minimum, cooling, cooling, bad
    metrics = [1.0, 0.95, 0.9, 0.95, 0.95, 0.95, math.nan, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]
    rates = []
    for t, metric in enumerate(metrics):
        rates.append(lr(t))
        lr.observe(metric)
    assert rates == [0.8] * 3 + [0.4] * 4 + [0.2] * 4 + [0.15] * 3


def test_too_small_a_reduction_is_left_undone():
    lr = schedule.reduce_on_plateau(0.8, factor=0.5, patience=0, eps=0.1)
    rates = []
    for _ in range(6):
        lr.observe(1.0)
        rates.append(lr(0))
    assert rates == [0.8, 0.4, 0.2, 0.2, 0.2, 0.2]  # 0.2 - 0.1 is not above eps
    assert (lr.bad, lr.cooling) == (0, 0)  # PyTorch counts it as a reduction


def test_rates_stay_between_the_ends():
    rng = np.random.default_rng(0)
    for low, high in np.sort(rng.random((200, 2))):
        for lr in (
            schedule.cosine(high, 37, final=low),
            schedule.polynomial(low, 37, final=high),
            schedule.cosine_restarts(high, 37, final=high),
            schedule.warmup_stable_decay(low, 37, warmup=0, decay=37, final=low, curve="sqrt"),
        ):
            assert all(low <= lr(t) <= high for t in range(40))
    constant = schedule.cosine(0.7, 37, final=0.7)
    assert {constant(t) for t in range(40)} == {0.7}


OPTIMIZERS = [(name, lr) for name in optim.names() for lr in (
    schedule.cosine(0.1, 40, warmup=10),
    schedule.chain((schedule.warmup(0.1, 5), schedule.exponential(0.1, 0.9)), (20,)),
)]  # fmt: skip


@pytest.mark.parametrize(("name", "lr"), OPTIMIZERS)
def test_an_optimizer_uses_it(name, lr):
    rng = np.random.default_rng(0)
    a, b = (np.ones((1, 5)) for _ in range(2))
    opt, by_hand = optim.create(name, a, lr=lr), optim.create(name, b, lr=0.0)
    for t in range(50):
        assert opt.lr == lr(t)
        by_hand.lr = lr(t)
        gradient = rng.normal(size=(1, 5))
        opt.step(gradient)
        by_hand.step(gradient)
        assert (a == b).all()
    assert f"lr={lr!r}" in repr(opt)


def test_an_infinite_rate_is_refused_by_the_optimizer():
    theta = np.ones(2)
    opt = optim.SGD(theta, lr=schedule.exponential(1.0, 1e300))
    opt.step(np.ones(2))
    opt.step(np.zeros(2))
    with pytest.raises(ValueError, match=r"^lr\(2\): inf, expected a finite number >= 0$"):
        opt.step(np.ones(2))
    assert (theta == 0).all()


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_train_records_the_schedule(optimizer):
    X = np.random.default_rng(0).normal(size=(50, 3))
    y = (X[:, 0] > 0).astype(int)
    lr = schedule.cosine(0.05, steps=30, warmup=5, final=0.001)
    net = ss.MLP((3, 4, 2), seed=0)
    run = ss.train(net, X, y, optimizer=optimizer, lr=lr, batch_size=16, epochs=10)
    assert run.history["learning_rate"].tolist() == [lr(t) for t in range(40)]
    assert (run.history["update_norm"] > 0).all()  # step 0 moves already


def test_train_told_by_the_callback():
    X = np.random.default_rng(0).normal(size=(40, 3))
    y = (X[:, 0] > 0).astype(int)
    lr = schedule.reduce_on_plateau(0.5, factor=0.5, patience=3)
    told = schedule.reduce_on_plateau(0.5, factor=0.5, patience=3)
    net = ss.MLP((3, 4, 2), seed=0)
    run = ss.train(net, X, y, optimizer="sgd", lr=lr, batch_size=7, epochs=20,
                   callback=lambda state: lr.observe(state.history.loss[-1]))  # fmt: skip
    expected = []
    for loss in run.history.loss:
        expected.append(told.lr)
        told.observe(loss)
    assert run.history["learning_rate"].tolist() == expected
    assert expected[-1] < 0.5
