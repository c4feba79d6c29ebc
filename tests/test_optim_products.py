"""Rules that keep a whole array together: schedule-free AdamW, Muon, Adafactor."""

from __future__ import annotations

import numpy as np
import pytest

import saddlescape as ss
from oracle import product_rules
from saddlescape import _core, optim, schedule

DTYPES = [np.float32, np.float64]


def same_bits(a, b):
    return a.tobytes() == b.tobytes()


def normal(shape, dtype, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


@pytest.fixture
def machine():
    """Put the instruction set and the threads back after a test that changes them."""
    isa, threads = _core.isa(), ss.info()["threads"]
    yield
    _core.force_isa(isa)
    ss.set_threads(threads)


def farthest(name, theta, grads, expected, **arguments):
    """The largest error relative to how far an element has come, as in test_optim_rules."""
    opt = optim.create(name, theta, **arguments)
    travelled, worst = np.abs(expected[0]), 0.0
    for t, g in enumerate(grads, start=1):
        opt.step(g)
        travelled = travelled + np.abs(expected[t] - expected[t - 1])
        worst = max(worst, (np.abs(theta - expected[t]) / travelled).max())
    return opt, worst


SCHEDULE_FREE = [
    {},
    {"lr": 0.1, "betas": (0.5, 0.9), "eps": 1e-3},
    {"lr": 0.1, "weight_decay": 0.02, "warmup_steps": 20},
    {"lr": 0.1, "r": 1.5, "weight_lr_power": 0.5, "warmup_steps": 7, "maximize": True},
    {"lr": schedule.cosine(0.1, 60), "warmup_steps": 10},
]


@pytest.mark.parametrize("arguments", SCHEDULE_FREE, ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_schedule_free_follows_x_and_z(dtype, arguments):
    # 100 roundings of half an ulp as in test_optim_rules; x is (y - z) / beta1 away from z, so
    # that with beta1 = 0.5 a rounding of y counts twice there.
    real, tolerance = (np.float64, 1e-6) if dtype == np.float32 else (np.longdouble, 1e-14)
    theta, grads = normal(37, dtype), normal((100, 37), dtype, 1)
    ys, xs = product_rules.schedule_free_adamw(theta, grads, real, **arguments)
    opt, error = farthest("schedule_free_adamw", theta, grads, ys, **arguments)
    assert error < tolerance
    travelled = np.abs(xs[0]) + np.abs(np.diff(ys, axis=0)).sum(axis=0)
    assert (np.abs(opt.evaluation - xs[-1]) / travelled).max() < 3 * tolerance
    assert opt.evaluation.dtype == dtype


def test_schedule_free_with_eps_0_leaves_alone_what_has_no_gradient():
    theta = normal(9, np.float64)
    start = theta.copy()
    opt = optim.ScheduleFreeAdamW(theta, eps=0)
    for _ in range(3):
        opt.step(np.zeros(9))
    assert same_bits(theta, start)
    assert same_bits(opt.evaluation, start)


def test_schedule_free_evaluation_changes_nothing_and_is_the_start_before_a_step():
    a, b = normal((3, 4), np.float32), normal(5, np.float64)
    start = a.copy(), b.copy()
    opt = optim.ScheduleFreeAdamW([{"params": [a], "betas": (0.5, 0.9)}, {"params": [b]}], lr=0.1)
    assert all(same_bits(x, y) for x, y in zip(opt.evaluation, start, strict=True))
    for seed in range(3):
        opt.step([[normal((3, 4), np.float32, seed)], [None]])
    before = a.copy(), {k: [x.copy() for x in v] for k, v in opt.state_dict()["state"].items()}
    first, second = opt.evaluation
    z = before[1]["z"][0]
    assert same_bits(first, z + (a - z) / np.float32(0.5))
    assert same_bits(second, start[1])
    first[:] = 0
    assert same_bits(a, before[0])


def test_schedule_free_evaluation_reads_master_weights():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    narrow = normal(50, np.float32).astype(ml_dtypes.bfloat16)
    wide = narrow.astype(np.float32)
    a = optim.ScheduleFreeAdamW(narrow, lr=0.01, master_weights=True)
    b = optim.ScheduleFreeAdamW(wide, lr=0.01)
    for seed in range(5):
        g = normal(50, np.float32, seed)
        a.step(g)
        b.step(g)
    assert same_bits(a.evaluation, b.evaluation)


def test_schedule_free_weights_are_of_each_tensor():
    a, b = normal(5, np.float64), normal(5, np.float64)
    opt = optim.ScheduleFreeAdamW([a, b], lr=lambda t: 0.1 if t < 2 else 0.05)
    for t in range(4):
        opt.step([np.ones(5), np.ones(5) if t >= 2 else None])
    carried = opt.state_dict()["carried"]
    assert carried == pytest.approx(np.array([[4 * 0.01, 0.1], [2 * 0.0025, 0.05]]))


def make(name, arrays, **arguments):
    return optim.create(name, arrays, **arguments)


# Parameters' shapes that a rule takes, across the edges of tiles and panels.
SHAPES = {
    "schedule_free_adamw": [(), (0,), (17,), (5, 7), (3, 2049)],
}
STATES = {"schedule_free_adamw": ["z", "exp_avg_sq"]}
CARRIES = {"schedule_free_adamw"}


def arrays_of(name, dtype, seed=0):
    shapes = SHAPES[name]
    return [normal(shape, dtype, 100 * seed + i).reshape(shape) for i, shape in enumerate(shapes)]


def everything(opt):
    state = opt.state_dict()
    arrays = [*opt.params, *(array for arrays in state["state"].values() for array in arrays)]
    carried = state["carried"].tolist() if "carried" in state else []
    return [a.tobytes() for a in arrays], state["steps"].tolist(), state["step"], carried, repr(opt)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", SHAPES)
def test_round_trip_in_mid_run_continues_bit_for_bit(name, dtype):
    opt = make(name, arrays_of(name, dtype), weight_decay=0.02)
    for t in range(4):
        opt.step(arrays_of(name, dtype, 1 + t))
    opt.step([None, *arrays_of(name, dtype, 5)[1:]])
    opt.lr = 0.015
    saved = opt.state_dict()
    assert list(saved["state"]) == STATES[name]
    assert ("carried" in saved) == (name in CARRIES)
    resumed = make(name, [p.copy() for p in opt.params], weight_decay=0.5)
    for t in range(6, 9):  # what was saved is a copy: it stands still while the run goes on
        opt.step(arrays_of(name, dtype, t))
    resumed.load_state_dict(saved)
    for t in range(6, 9):
        resumed.step(arrays_of(name, dtype, t))
    assert everything(resumed) == everything(opt)


@pytest.mark.parametrize(
    ("carried", "text"),
    [
        (np.zeros(2), "carried: shape (2,) of float64, expected two float64 numbers for each of"),
        (np.zeros((1, 2)), "carried: 1 numbers, expected 2"),
        (
            np.array([[0.0, 0.0], [0.0, np.nan]]),
            "carried[1][1]: nan, expected a finite number >= 0",
        ),
        (np.array([[0.0, 0.0], [-1.0, 1.0]]), "carried[1][0]: -1.0, expected a finite number >= 0"),
    ],
)
def test_wrong_carried_numbers_are_refused_whole(carried, text):
    opt = optim.ScheduleFreeAdamW([np.ones(3), np.ones(2)])
    opt.step([np.ones(3), np.ones(2)])
    before = everything(opt)
    with pytest.raises(ValueError, match="carried") as caught:
        opt.load_state_dict({**opt.state_dict(), "carried": carried})
    assert str(caught.value).startswith(text)
    assert everything(opt) == before


def run(name, dtype, **arguments):
    arrays = arrays_of(name, dtype)
    grads = [arrays_of(name, dtype, seed) for seed in (1, 2, 3)]
    kept = [[g.copy() for g in each] for each in grads]
    opt = make(name, arrays, **arguments)
    for each in grads:
        opt.step(each)
    for each, before in zip(grads, kept, strict=True):
        assert all(same_bits(a, b) for a, b in zip(each, before, strict=True))
    return everything(opt)[0]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", SHAPES)
def test_same_bits_for_every_isa_and_thread_count(machine, name, dtype):
    arguments = {"clip_norm": 1.0, "average": optim.EMA(0.9)}
    ss.set_threads(1)
    _core.force_isa(_core.available_isas()[0])
    expected = run(name, dtype), run(name, dtype, **arguments)
    for isa in _core.available_isas():
        for threads in (1, 2, 3):
            _core.force_isa(isa)
            ss.set_threads(threads)
            assert (run(name, dtype), run(name, dtype, **arguments)) == expected


REFUSED = [
    (optim.ScheduleFreeAdamW, {"betas": (0, 0.9)}, ValueError,
     "betas[0]: 0, expected > 0: x is read from y and z, which would be one"),
    (optim.ScheduleFreeAdamW, {"warmup_steps": 1.5}, TypeError,
     "warmup_steps: float, expected an integer of at least 0"),
    (optim.ScheduleFreeAdamW, {"r": -1}, ValueError, "r: -1, expected a finite number >= 0"),
    (optim.ScheduleFreeAdamW, {"state_dtype": "bfloat16"}, ValueError,
     "state_dtype: 'bfloat16' with the rule 'schedule_free_adamw', expected None: its 'z' needs "
     "full precision"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "arguments", "error", "text"), REFUSED, ids=[row[3] for row in REFUSED]
)
def test_arguments_are_refused_by_name(rule, arguments, error, text):
    with pytest.raises(error) as caught:
        rule(np.ones((3, 4), np.float32), **arguments)
    assert str(caught.value) == text
