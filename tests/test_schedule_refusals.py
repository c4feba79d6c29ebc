"""Whatever is not a schedule's argument, or no step, is refused with a text that names it."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest

from saddlescape import schedule

NUMBER = "expected a finite number >= 0"
POSITIVE = "expected a finite number > 0"
RATE = "expected a finite number >= 0, or a function of the step that returns one"
ONE = "expected an integer of at least 1"
STEPS = "expected increasing integers of at least 1"
s = schedule

ARGUMENTS = [
    (lambda: s.constant(-0.1), ValueError, f"value: -0.1, {NUMBER}"),
    (lambda: s.constant("0.1"), TypeError, f"value: str, {NUMBER}"),
    (lambda: s.constant(True), TypeError, f"value: bool, {NUMBER}"),
    (lambda: s.constant(math.nan), ValueError, f"value: nan, {NUMBER}"),
    (lambda: s.step(0.1), ValueError, "every, milestones: neither given, expected one of them"),
    (lambda: s.step(0.1, every=2, milestones=(3,)), ValueError,
     "every, milestones: both given, expected one of them"),
    (lambda: s.step(-1, every=2), ValueError, f"initial: -1, {NUMBER}"),
    (lambda: s.step(0.1, every=0), ValueError, f"every: 0, {ONE}"),
    (lambda: s.step(0.1, every=2.0), TypeError, f"every: float, {ONE}"),
    (lambda: s.step(0.1, every=2, gamma=0), ValueError, f"gamma: 0, {POSITIVE}"),
    (lambda: s.step(0.1, every=2, gamma=math.inf), ValueError, f"gamma: inf, {POSITIVE}"),
    (lambda: s.step(0.1, milestones=5), TypeError, f"milestones: int, {STEPS}"),
    (lambda: s.step(0.1, milestones=(0, 5)), ValueError, f"milestones[0]: 0, {ONE}"),
    (lambda: s.step(0.1, milestones=(5, 9, 9)), ValueError, f"milestones[2]: 9 after 9, {STEPS}"),
    (lambda: s.step(0.1, milestones=(5, 9.5)), TypeError, f"milestones[1]: float, {ONE}"),
    (lambda: s.exponential(0.1, -0.5), ValueError, f"gamma: -0.5, {POSITIVE}"),
    (lambda: s.exponential(None, 0.5), TypeError, f"initial: NoneType, {NUMBER}"),
    (lambda: s.exponential(0.1, 0.5, every=0), ValueError, f"every: 0, {ONE}"),
    (lambda: s.polynomial(0.1, 0), ValueError, f"steps: 0, {ONE}"),
    (lambda: s.polynomial(0.1, 5, power=0), ValueError, f"power: 0, {POSITIVE}"),
    (lambda: s.polynomial(0.1, 5, final=-1), ValueError, f"final: -1, {NUMBER}"),
    (lambda: s.polynomial(-0.1, 5), ValueError, f"initial: -0.1, {NUMBER}"),
    (lambda: s.cosine(-0.1, 5), ValueError, f"peak: -0.1, {NUMBER}"),
    (lambda: s.cosine(0.1, 0), ValueError, f"steps: 0, {ONE}"),
    (lambda: s.cosine(0.1, 5, warmup=5), ValueError, "warmup: 5, expected below steps=5"),
    (lambda: s.cosine(0.1, 5, warmup=-1), ValueError,
     "warmup: -1, expected an integer of at least 0"),
    (lambda: s.cosine(0.1, 5, final=math.inf), ValueError, f"final: inf, {NUMBER}"),
    (lambda: s.cosine_restarts(0.1, 0), ValueError, f"period: 0, {ONE}"),
    (lambda: s.cosine_restarts(0.1, 5, t_mult=1.5), TypeError, f"t_mult: float, {ONE}"),
    (lambda: s.cosine_restarts(0.1, 5, t_mult=0), ValueError, f"t_mult: 0, {ONE}"),
    (lambda: s.cosine_restarts(-1, 5), ValueError, f"peak: -1, {NUMBER}"),
    (lambda: s.cosine_restarts(1, 5, final="a"), TypeError, f"final: str, {NUMBER}"),
    (lambda: s.one_cycle(-1, 5), ValueError, f"peak: -1, {NUMBER}"),
    (lambda: s.one_cycle(0.1, 0), ValueError, f"steps: 0, {ONE}"),
    (lambda: s.one_cycle(0.1, 5, pct_start=1.1), ValueError,
     "pct_start: 1.1, expected a number from 0 to 1"),
    (lambda: s.one_cycle(0.1, 5, pct_start=0.6, three_phase=True), ValueError,
     "pct_start: 0.6, expected a number from 0 to 0.5"),
    (lambda: s.one_cycle(0.1, 5, div_factor=0.5), ValueError,
     "div_factor: 0.5, expected a finite number >= 1"),
    (lambda: s.one_cycle(0.1, 5, final_div_factor=0), ValueError,
     "final_div_factor: 0, expected a finite number >= 1"),
    (lambda: s.one_cycle(0.1, 5, anneal="cos"), ValueError,
     "anneal: 'cos', expected one of cosine, linear"),
    (lambda: s.one_cycle(0.1, 5, three_phase=1), TypeError,
     "three_phase: int, expected True or False"),
    (lambda: s.warmup("a", 5), TypeError, f"schedule: str, {RATE}"),
    (lambda: s.warmup(-1, 5), ValueError, f"schedule: -1, {RATE}"),
    (lambda: s.warmup(0.1, -1), ValueError, "steps: -1, expected an integer of at least 0"),
    (lambda: s.warmup(0.1, 5, start=-1), ValueError, f"start: -1, {NUMBER}"),
    (lambda: s.warmup_until(0.01, 0.1), ValueError,
     "below, above: neither given, expected one of them"),
    (lambda: s.warmup_until(0.01, 0.1, below=1, above=0), ValueError,
     "below, above: both given, expected one of them"),
    (lambda: s.warmup_until(0.01, 0.1, below=math.nan), ValueError,
     "below: nan, expected a finite number"),
    (lambda: s.warmup_until(0.01, 0.1, above="a"), TypeError,
     "above: str, expected a finite number"),
    (lambda: s.warmup_until(-1, 0.1, below=1), ValueError, f"low: -1, {NUMBER}"),
    (lambda: s.warmup_until(0.1, None, below=1), TypeError, f"then: NoneType, {RATE}"),
    (lambda: s.transformer(0), ValueError, f"d_model: 0, {ONE}"),
    (lambda: s.transformer(8, warmup=0), ValueError, f"warmup: 0, {ONE}"),
    (lambda: s.noam(8, factor=0), ValueError, f"factor: 0, {POSITIVE}"),
    (lambda: s.warmup_stable_decay(0.1, 10, warmup=6, decay=5), ValueError,
     "warmup + decay: 6 + 5, expected at most steps=10 together"),
    (lambda: s.warmup_stable_decay(0.1, 10, warmup=1, decay=0), ValueError, f"decay: 0, {ONE}"),
    (lambda: s.warmup_stable_decay(0.1, 10, warmup=1, decay=1, curve="root"), ValueError,
     "curve: 'root', expected one of linear, cosine, sqrt"),
    (lambda: s.warmup_stable_decay(-1, 10, warmup=1, decay=1), ValueError, f"peak: -1, {NUMBER}"),
    (lambda: s.reduce_on_plateau(-1), ValueError, f"initial: -1, {NUMBER}"),
    (lambda: s.reduce_on_plateau(1, mode="low"), ValueError,
     "mode: 'low', expected one of min, max"),
    (lambda: s.reduce_on_plateau(1, factor=1.0), ValueError,
     "factor: 1.0, expected a number >= 0 and < 1"),
    (lambda: s.reduce_on_plateau(1, patience=-1), ValueError,
     "patience: -1, expected an integer of at least 0"),
    (lambda: s.reduce_on_plateau(1, threshold=-1), ValueError, f"threshold: -1, {NUMBER}"),
    (lambda: s.reduce_on_plateau(1, threshold_mode=None), TypeError,
     "threshold_mode: NoneType, expected one of rel, abs"),
    (lambda: s.reduce_on_plateau(1, cooldown=0.5), TypeError,
     "cooldown: float, expected an integer of at least 0"),
    (lambda: s.reduce_on_plateau(1, min_lr=-1), ValueError, f"min_lr: -1, {NUMBER}"),
    (lambda: s.reduce_on_plateau(1, eps=-1), ValueError, f"eps: -1, {NUMBER}"),
    (lambda: s.chain(0.1, ()), TypeError,
     "schedules: float, expected a list or tuple of schedules"),
    (lambda: s.chain((), ()), ValueError, "schedules: none, expected at least one"),
    (lambda: s.chain((0.1, "a"), (5,)), TypeError, f"schedules[1]: str, {RATE}"),
    (lambda: s.chain((0.1, 0.2), 5), TypeError, f"at: int, {STEPS}"),
    (lambda: s.chain((0.1, 0.2), ()), ValueError,
     "at: 0 steps for 2 schedules, expected one for each but the first"),
    (lambda: s.chain((0.1, 0.2, 0.3), (5, 4)), ValueError, f"at[1]: 4 after 5, {STEPS}"),
    (lambda: s.scale(None, 1), TypeError, f"schedule: NoneType, {RATE}"),
    (lambda: s.scale(0.1, -1), ValueError, f"factor: -1, {RATE}"),
    (lambda: s.clip([], 1), TypeError, f"schedule: list, {RATE}"),
    (lambda: s.clip(0.1, low=-1), ValueError, f"low: -1, {NUMBER}"),
    (lambda: s.clip(0.1, low=0.2, high=0.1), ValueError, "high: 0.1, expected at least low=0.2"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "error", "text"), ARGUMENTS, ids=[row[2] for row in ARGUMENTS])
def test_arguments(make, error, text):
    with pytest.raises(error) as caught:
        make()
    assert str(caught.value) == text


EACH = [
    s.constant(0.1), s.step(0.1, every=2), s.step(0.1, milestones=(3,)), s.exponential(0.1, 0.9),
    s.polynomial(0.1, 5), s.cosine(0.1, 5), s.cosine_restarts(0.1, 5), s.one_cycle(0.1, 5),
    s.warmup(0.1, 5), s.warmup_until(0.1, 0.2, below=1), s.transformer(8),
    s.warmup_stable_decay(0.1, 5, warmup=1, decay=1), s.reduce_on_plateau(0.1),
    s.chain((0.1, 0.2), (5,)), s.scale(0.1, 0.2), s.clip(0.1),
]  # fmt: skip
NO_STEPS = [
    (-1, ValueError, "step: -1, expected an integer of at least 0"),
    (1.0, TypeError, "step: float, expected an integer of at least 0"),
    (True, TypeError, "step: bool, expected an integer of at least 0"),
    (None, TypeError, "step: NoneType, expected an integer of at least 0"),
    (2**63, ValueError, "step: 9223372036854775808, expected below 2**63"),
]


def test_each_schedule_is_here():
    assert {type(lr) for lr in EACH} == {getattr(schedule, name) for name in schedule.__all__}


@pytest.mark.parametrize("lr", EACH, ids=lambda lr: type(lr).__name__)
@pytest.mark.parametrize(("step", "error", "text"), NO_STEPS)
def test_no_step(lr, step, error, text):
    with pytest.raises(error) as caught:
        lr(step)
    assert str(caught.value) == text


@pytest.mark.parametrize("lr", EACH, ids=lambda lr: type(lr).__name__)
def test_any_integer_is_a_step(lr):
    for step in (0, 1, 7, 2**63 - 1):
        assert 0 <= lr(step) <= 0.2
    assert lr(np.int64(3)) == lr(np.uint8(3)) == lr(3)


INSIDE = [
    (s.warmup(lambda _: -1.0, 5), 7, ValueError, f"schedule(2): -1.0, {NUMBER}"),
    (s.warmup(lambda _: math.inf, 5), 0, ValueError, f"schedule(0): inf, {NUMBER}"),
    (s.warmup_until(1, lambda _: "a", below=1), 4, TypeError, f"then(4): str, {NUMBER}"),
    (s.chain((0.1, lambda _: None), (5,)), 6, TypeError, f"schedules[1](1): NoneType, {NUMBER}"),
    (s.scale(0.1, lambda _: math.nan), 3, ValueError, f"factor(3): nan, {NUMBER}"),
    (s.clip(lambda _: -0.5), 3, ValueError, f"schedule(3): -0.5, {NUMBER}"),
]


@pytest.mark.parametrize(("lr", "step", "error", "text"), INSIDE, ids=[row[3] for row in INSIDE])
def test_what_a_function_inside_returns(lr, step, error, text):
    if isinstance(lr, schedule.warmup_until):
        lr.observe(0)
    with pytest.raises(error) as caught:
        lr(step)
    assert str(caught.value) == text


UNTIL, PLATEAU = s.warmup_until(0.1, 0.2, below=1), s.reduce_on_plateau(0.1)
GOOD = {"lr": 0.05, "best": 1.0, "bad": 1, "cooling": 0}
STATES = [
    (UNTIL, 3, TypeError, "state_dict: int, expected a mapping"),
    (UNTIL, {}, ValueError, "state_dict: names [], expected ['over']"),
    (UNTIL, {"over": 1}, TypeError, "over: int, expected True or False"),
    (PLATEAU, {"lr": 0.05}, ValueError,
     "state_dict: names ['lr'], expected ['bad', 'best', 'cooling', 'lr']"),
    (PLATEAU, GOOD | {"lr": -1}, ValueError, f"lr: -1, {NUMBER}"),
    (PLATEAU, GOOD | {"best": math.nan}, ValueError, "best: nan, expected a number"),
    (PLATEAU, GOOD | {"best": None}, TypeError, "best: NoneType, expected a number"),
    (PLATEAU, GOOD | {"bad": -1}, ValueError, "bad: -1, expected an integer of at least 0"),
    (PLATEAU, GOOD | {"cooling": 0.5}, TypeError,
     "cooling: float, expected an integer of at least 0"),
]  # fmt: skip


@pytest.mark.parametrize(("lr", "state", "error", "text"), STATES, ids=[row[3] for row in STATES])
def test_a_refused_state_changes_nothing(lr, state, error, text):
    before = copy.deepcopy(lr)
    with pytest.raises(error) as caught:
        lr.load_state_dict(state)
    assert str(caught.value) == text
    assert lr == before


@pytest.mark.parametrize(
    ("lr", "name"), [(UNTIL, "value"), (PLATEAU, "metric")], ids=["until", "plateau"]
)
@pytest.mark.parametrize("value", ["0.5", None, True, [1.0]])
def test_no_measurement(lr, name, value):
    before = copy.deepcopy(lr)
    with pytest.raises(TypeError) as caught:
        lr.observe(value)
    assert str(caught.value) == f"{name}: {type(value).__name__}, expected a number"
    assert lr == before
