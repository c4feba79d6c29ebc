"""What a checkpoint is made of: trees, schedules and optimizers as data."""

from __future__ import annotations

import json

import numpy as np
import pytest

import saddlescape as ss
from checkpoint_samples import same
from saddlescape import _core, optim, schedule
from saddlescape.optim import remade
from saddlescape.train import checkpoint_schedule
from saddlescape.train.checkpoint_tree import flatten, unflatten


def through_json(tree):
    arrays = {}
    node = json.loads(json.dumps(flatten(tree, arrays), allow_nan=False))
    return unflatten(node, arrays)


TREES = [
    None, True, 0, -3, 2**70, 0.1, -0.0, 5e-324, 1.7976931348623157e308, "", "a/b", "$array",
    float("inf"), float("-inf"), float("nan"), [], (), {}, [()], ([],), (1, (2.0, [None])),
    {"a": {"b": (1,)}, "c": []}, {0: 1.5, 1: 2.5}, {"$array": 1}, {(1, "x"): {"$tuple": []}},
    {"x": np.arange(3), "y": [np.zeros((0, 2), np.float32), np.array(7, np.uint16)]},
]  # fmt: skip


@pytest.mark.parametrize("tree", TREES, ids=repr)
def test_trees_come_back(tree):
    assert same(through_json(tree), tree)


def test_numbers_of_numpy_become_those_of_python():
    numbers = [np.float32(0.1), np.int8(3), np.bool_(True), np.float64("nan")]
    assert same(through_json(numbers), [float(np.float32(0.1)), 3, True, float("nan")])


@pytest.mark.parametrize(
    "thing", [b"x", 1j, {1}, abs, object()], ids=["bytes", "complex", "set", "function", "object"]
)
def test_other_things_have_no_place_in_a_tree(thing):
    with pytest.raises(TypeError, match=r"a/0: \w+, expected what a file can hold"):
        flatten({"a": [thing]}, {})


SCHEDULES = [
    schedule.constant(0.1),
    schedule.cosine(1e-3, 1000, warmup=100),
    schedule.cosine_restarts(0.1, 10),
    schedule.exponential(0.1, gamma=0.9),
    schedule.one_cycle(0.1, 100),
    schedule.polynomial(0.1, steps=10, power=2),
    schedule.reduce_on_plateau(0.1, mode="max"),
    schedule.step(0.1, milestones=(3, 5)),
    schedule.step(0.1, every=3),
    schedule.transformer(64, warmup=10),
    schedule.noam(64, warmup=10),
    schedule.warmup_stable_decay(0.1, 100, warmup=10, decay=20),
    schedule.warmup(0.1, 10),
    schedule.warmup_until(0.1, then=schedule.cosine(0.1, 5), below=0.5),
    schedule.scale(schedule.clip(schedule.constant(0.1), high=0.05), schedule.constant(2)),
    schedule.chain((schedule.reduce_on_plateau(0.1), 0.2), at=(5,)),
]


@pytest.mark.parametrize("rate", SCHEDULES, ids=repr)
def test_schedules_come_back(rate):
    again = checkpoint_schedule.remake(through_json(checkpoint_schedule.describe(rate)))
    assert again == rate
    assert repr(again) == repr(rate)
    assert [again(t) for t in range(30)] == [rate(t) for t in range(30)]


def test_every_schedule_is_among_them():
    seen = {type(rate).__name__ for rate in SCHEDULES}
    assert {getattr(schedule, name).__name__ for name in schedule.__all__} == seen | {"clip"}


def test_what_a_schedule_observed_comes_back():
    inside = schedule.reduce_on_plateau(0.1, patience=0)
    rate = schedule.scale(schedule.warmup_until(0.01, then=inside, below=1.0), 2)
    for loss in (2.0, 2.0, 2.0):
        inside.observe(loss)
    rate.schedule.observe(0.5)
    again = checkpoint_schedule.remake(through_json(checkpoint_schedule.describe(rate)))
    assert again == rate
    assert again(0) == rate(0) == pytest.approx(2 * 0.001)


def own_rate(step):
    return 0.1 / (1 + step)


class OwnRate:
    def __call__(self, step):
        return 0.1 / (2 + step)


def test_functions_are_named():
    describe, function_in = checkpoint_schedule.describe, checkpoint_schedule.function_in
    assert function_in(describe(own_rate)).endswith(".own_rate")
    assert function_in(describe(OwnRate())).endswith(".OwnRate")
    assert function_in(describe(schedule.chain((0.1, schedule.scale(own_rate, 2)), at=(3,))))
    assert all(function_in(describe(rate)) is None for rate in [0.1, *SCHEDULES])


def test_a_schedule_given_again_adopts_what_was_observed():
    def make(low=0.01):
        return schedule.warmup_until(low, then=own_rate, below=1.0)

    seen = make()
    seen.observe(0.5)
    description = through_json(checkpoint_schedule.describe(seen))
    again, other = make(), make(low=0.02)
    for rate in (again, other, 0.1):
        checkpoint_schedule.adopt(rate, description)
    assert again.over
    assert not other.over


def stepped(make, steps=3, dtype="float32"):
    rng = np.random.default_rng(0)
    theta = rng.standard_normal(200).astype(dtype)
    optimizer = make(theta)
    gradients = rng.standard_normal((2 * steps, 200)).astype(dtype)
    extra = {"hessian_diagonal": np.abs(theta)} if isinstance(optimizer, optim.Curved) else {}
    for gradient in gradients[:steps]:
        optimizer.step(gradient, **extra)
    return theta, optimizer, gradients[steps:], extra


def check_optimizer(make, dtype="float32", lr=None):
    theta, optimizer, gradients, extra = stepped(make, dtype=dtype)
    twin = theta.copy()
    again = remade.remake(twin, lr, through_json(remade.describe(optimizer)))
    assert type(again) is type(optimizer)
    assert through_json(optimizer.arguments) == again.arguments
    assert same(again.state_dict(), through_json(optimizer.state_dict()))
    assert vars(again._settings) == vars(optimizer._settings)
    for gradient in gradients:
        optimizer.step(gradient, **extra)
        again.step(gradient, **extra)
        assert twin.tobytes() == theta.tobytes()
    assert same(again.state_dict(), through_json(optimizer.state_dict()))
    assert again.skipped == optimizer.skipped
    assert (again.gradient_norm, again.clip) == (optimizer.gradient_norm, optimizer.clip)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", optim.names(vectors=True))
def test_every_optimizer_comes_back(name, dtype):
    check_optimizer(lambda theta: optim.create(name, theta, lr=0.01), dtype)


@pytest.mark.parametrize("made", [optim.AdaHessian, optim.Sophia])
def test_optimizers_that_take_curvature_come_back(made):
    check_optimizer(made)


AROUND = {
    "bfloat16": {"state_dtype": "bfloat16"},
    "8bit": {"state_dtype": "8bit"},
    "clip": {"clip_norm": 0.1, "clip_value": 0.5, "statistics": True},
    "EMA": {"average": optim.EMA(0.9, start=1, every=2)},
    "SWA": {"average": optim.SWA(start=2)},
    "skip": {"non_finite": "skip"},
    "numbers of NumPy": {"betas": [np.float32(0.9), np.float64(0.99)]},
}


@pytest.mark.parametrize("around", AROUND)
def test_what_stands_round_the_rule_comes_back(around):
    check_optimizer(lambda theta: optim.Adam(theta, **AROUND[around]))


@pytest.mark.parametrize("more", [{"master_weights": True}, {"stochastic_rounding": True}])
def test_narrow_parameters_come_back(more):
    check_optimizer(lambda theta: optim.Adam(theta, **more), dtype="float16")


def test_counts_of_left_out_steps_come_back():
    def make(theta):
        optimizer = optim.Adam(theta, non_finite="skip")
        optimizer.step(np.full(200, np.nan, np.float32))
        return optimizer

    check_optimizer(make)


def test_a_second_moment_that_overflowed_comes_back():
    theta = np.ones(3, np.float32)
    optimizer = optim.Adam(theta)
    optimizer.step(np.full(3, 1e25, np.float32))
    again = remade.remake(theta.copy(), None, through_json(remade.describe(optimizer)))
    assert np.isinf(again.state_dict()["state"]["exp_avg_sq"][0]).all()
    with pytest.raises(ValueError, match="infinite"):
        optim.Adam(theta.copy()).load_state_dict(optimizer.state_dict())


@pytest.mark.parametrize("rate", [own_rate, SCHEDULES[1]], ids=["function", "schedule"])
def test_an_optimizer_is_made_again_with_its_schedule(rate):
    check_optimizer(lambda theta: optim.Adam(theta, lr=rate), lr=rate)


def test_another_learning_rate_takes_the_place_of_the_old_one():
    optimizer = optim.Adam(np.ones(3), lr=0.1)
    assert remade.remake(np.ones(3), 0.2, remade.describe(optimizer)).lr == 0.2


def test_optimizers_of_others_are_refused():
    class Own(optim.Adam):
        pass

    class OwnAverage(optim.SWA):
        pass

    with pytest.raises(
        TypeError,
        match=r"^optimizer: Own, expected a class of saddlescape\.optim: no file can hold another$",
    ):
        remade.describe(Own(np.ones(3)))
    with pytest.raises(
        TypeError, match=r"^average: OwnAverage, expected EMA or SWA: no file can hold another$"
    ):
        remade.describe(optim.Adam(np.ones(3), average=OwnAverage()))


def test_a_loop_remembers_what_it_is_given_or_nothing():
    X, y = np.ones((4, 3)), np.array([0, 1, 0, 1])
    net = ss.MLP((3, 2), dtype="float64")
    optimizer = optim.Adam(net.theta)
    loop = _core.train.Loop(net.network, optimizer._core, net.theta, *net.encode(X, y), 4)
    before, gradient, norm = loop.memory
    assert before.tobytes() == net.theta.tobytes()
    assert (gradient, norm) == (None, 0.0)
    good = np.arange(8.0)
    for given in ((good, good[:3], 1.0), (good.astype("f4"), None, 0.0), (good, good > 3, 1.0)):
        with pytest.raises((TypeError, ValueError), match=r"^(before|gradient): "):
            loop.remember(*given)
        assert loop.memory[0].tobytes() == before.tobytes()
        assert loop.memory[1:] == (None, 0.0)
    loop.remember(good, good + 1, 3.0)
    assert same(loop.memory, (good, good + 1, 3.0))
    loop.run(None, np.array([1e-3]), np.zeros(1))
    assert loop.memory[0].tobytes() == before.tobytes()


def test_a_stepper_takes_norms_of_its_arrays():
    core = optim.Adam(np.ones(3))._core
    with pytest.raises(ValueError, match="norms: 2 rows, expected 1"):
        core.measured([[1.0, 2.0, 3.0]] * 2, 1.0, 1.0)
    assert core.gradient_norm == 0
