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


# Parameters' shapes that a rule takes, across the edges of tiles and panels.
SHAPES = {
    "adafactor": [(), (0,), (3, 0), (0, 3), (17,), (5, 7), (2, 9, 3), (300, 301), (70, 3001)],
    "muon": [(1, 1), (0, 3), (5, 7), (300, 41), (41, 300), (1, 2049), (320, 500)],
    "schedule_free_adamw": [(), (0,), (17,), (5, 7), (3, 2049)],
}
STATES = {
    "adafactor": ["row_var", "col_var", "variance"],
    "muon": ["momentum_buffer"],
    "schedule_free_adamw": ["z", "exp_avg_sq"],
}
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
    opt = optim.create(name, arrays_of(name, dtype), weight_decay=0.02)
    for t in range(4):
        opt.step(arrays_of(name, dtype, 1 + t))
    opt.step([None, *arrays_of(name, dtype, 5)[1:]])
    opt.lr = 0.015
    saved = opt.state_dict()
    assert list(saved["state"]) == STATES[name]
    assert ("carried" in saved) == (name in CARRIES)
    resumed = optim.create(name, [p.copy() for p in opt.params], weight_decay=0.5)
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
    opt = optim.create(name, arrays, **arguments)
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


MUON = [
    {},
    {"momentum": 0.5, "nesterov": False, "weight_decay": 0},
    {"adjust_lr_fn": "match_rms_adamw", "maximize": True},
    {"adjust_lr_fn": "original", "ns_steps": 3, "ns_coefficients": (1.5, -0.5, 0.0)},
    {"ns_steps": 0, "eps": 100.0},
]
MATRICES = [(1, 1), (5, 7), (7, 5), (64, 64), (300, 41), (41, 300), (1, 2049), (2049, 1)]


@pytest.mark.parametrize("arguments", MUON, ids=str)
@pytest.mark.parametrize("shape", MATRICES, ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_muon_follows_its_trace(dtype, shape, arguments):
    # Newton-Schulz magnifies a rounding by up to 3.4445^5 = 485, and a step is lr s long: 20 steps
    # of half an ulp.
    steps, lr = 20, 0.1
    longer = max(np.sqrt(max(1, shape[0] / shape[1])), 0.2 * np.sqrt(max(shape)))
    tolerance = steps * lr * longer * 485 * np.finfo(dtype).eps / 2
    theta, grads = normal(shape, dtype), normal((steps, *shape), dtype, 1)
    expected = product_rules.muon(theta, grads, lr=lr, **arguments)
    opt = optim.Muon(theta, lr=lr, **arguments)
    for t, g in enumerate(grads, start=1):
        opt.step(g)
        assert np.abs(theta - expected[t]).max() < tolerance, t


@pytest.mark.parametrize("shape", [(20, 20), (20, 50), (50, 20)], ids=str)
def test_muon_brings_singular_values_near_1_and_leaves_their_vectors(shape):
    rng = np.random.default_rng(0)
    u, _ = np.linalg.qr(rng.normal(size=(shape[0], 20)))
    v, _ = np.linalg.qr(rng.normal(size=(shape[1], 20)))
    values = np.geomspace(0.005, 1, 20)
    values /= np.linalg.norm(values)
    theta = np.zeros(shape)
    optim.Muon(theta, lr=1.0, adjust_lr_fn="original").step((u * values) @ v.T)
    inside = u.T @ -theta @ v / np.sqrt(max(1, shape[0] / shape[1]))
    expected = values
    for _ in range(5):
        expected = 3.4445 * expected - 4.7750 * expected**3 + 2.0315 * expected**5
    assert np.diag(inside) == pytest.approx(expected, rel=1e-12)
    assert expected.min() > 0.68
    assert expected.max() < 1.21
    # 485 half ulps, as above, and what QR leaves
    assert np.abs(inside - np.diag(np.diag(inside))).max() < 485 * 1e-15
    outside = -theta - u @ (u.T @ -theta)
    assert np.abs(outside).max() < 485 * 1e-15


def test_muon_has_no_direction_without_a_gradient():
    theta = normal((4, 5), np.float32)
    start = theta.copy()
    optim.Muon(theta, weight_decay=0).step(np.zeros((4, 5), np.float32))
    assert same_bits(theta, start)


@pytest.mark.parametrize("state_dtype", ["bfloat16", "8bit"])
def test_muon_with_narrow_states_stays_near(state_dtype):
    a, b = normal((40, 30), np.float32), normal((40, 30), np.float32)
    start = a.copy()
    narrow, wide = optim.Muon(a, lr=0.02, state_dtype=state_dtype), optim.Muon(b, lr=0.02)
    for seed in range(20):
        g = normal((40, 30), np.float32, seed)
        narrow.step(g)
        wide.step(g)
    # The buffer is 2^-9 off in bfloat16 and about 1/127 of its block's largest in 8 bits; small
    # singular values feel it most.
    assert np.linalg.norm(a - b) < 0.1 * np.linalg.norm(b - start)
    again = optim.Muon(a, lr=0.02, state_dtype=state_dtype)
    again.load_state_dict(narrow.state_dict())
    assert everything_of(again) == everything_of(narrow)


def everything_of(opt):
    return [a.tobytes() for arrays in opt.state_dict()["state"].values() for a in arrays]


ADAFACTOR = [
    {},
    {"lr": 0.1, "weight_decay": 0.02, "beta2_decay": -0.5},
    {"lr": 0.3, "eps": (1e-30, 0.5), "d": 2.0, "maximize": True},
    {"lr": schedule.cosine(0.1, 20), "eps": (0.3, 0.0), "weight_decay": 0.1},
]
ARRAYS = [(), (1,), (5000,), (5, 7), (7, 5), (300, 301), (41, 3000), (4, 3, 5, 6), (500, 3, 3)]


@pytest.mark.parametrize("arguments", ADAFACTOR, ids=str)
@pytest.mark.parametrize("shape", ARRAYS, ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_adafactor_follows_its_trace(dtype, shape, arguments):
    # A step is off by a few roundings of u and its factor, and a rounding of theta: 3 ulps of what
    # was travelled in all, as roundings add like a random walk. The element that goes farthest
    # tells the scale.
    theta = normal(shape, dtype).reshape(shape)
    grads = normal((20, *shape), dtype, 1)
    expected = product_rules.adafactor(theta, grads, **arguments)
    opt = optim.Adafactor(theta, **arguments)
    travelled = np.abs(expected[0]).max()
    for t, g in enumerate(grads, start=1):
        opt.step(np.asarray(g))
        travelled += np.abs(expected[t] - expected[t - 1]).max()
        assert np.abs(theta - expected[t]).max() < 3 * np.finfo(dtype).eps * travelled, t


def test_adafactor_keeps_the_means_of_rows_and_columns():
    shapes = [(6,), (4, 5), (2, 3, 4, 5)]
    arrays = [normal(shape, np.float64, i) for i, shape in enumerate(shapes)]
    grads = [normal(shape, np.float64, i + 9) for i, shape in enumerate(shapes)]
    opt = optim.Adafactor(arrays)
    opt.step(grads)
    state = opt.state_dict()["state"]
    assert [a.shape for a in state["row_var"]] == [(0,), (4, 1), (2, 3, 4, 1)]
    assert [a.shape for a in state["col_var"]] == [(0,), (1, 5), (2, 3, 1, 5)]
    assert [a.shape for a in state["variance"]] == [(6,), (0,), (0,)]
    for i in (1, 2):
        squares = grads[i] ** 2
        assert state["row_var"][i] == pytest.approx(squares.mean(-1, keepdims=True), rel=1e-14)
        assert state["col_var"][i] == pytest.approx(squares.mean(-2, keepdims=True), rel=1e-14)
    assert state["variance"][0] == pytest.approx(grads[0] ** 2, rel=1e-15)


def test_adafactors_first_epsilon_is_that_of_the_parameters_type():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    # Gradients so small that eps1 decides: u = g / eps1, alpha = rms(theta) / 10.
    for dtype, eps in (
        (np.float32, 2.0**-23),
        (np.float16, 2.0**-10),
        (ml_dtypes.bfloat16, 2.0**-7),
    ):
        theta = np.full((2, 2), 2.0).astype(dtype)
        g = np.full((2, 2), 0.5 * eps, np.float32)
        optim.Adafactor(theta, lr=0.1).step(g)
        assert (theta == np.float32(2.0 - 0.2 * 0.5).astype(dtype)).all()


@pytest.mark.parametrize("shape", [(9,), (3, 4)], ids=str)
def test_adafactor_with_eps_0_leaves_alone_what_has_no_gradient(shape):
    theta = normal(shape, np.float64)
    start = theta.copy()
    opt = optim.Adafactor(theta, eps=(0, 1e-3))
    for _ in range(3):
        opt.step(np.zeros(shape))
    assert same_bits(theta, start)


AROUND = ["adafactor", "muon"]
SHAPE = (60, 70)  # more than a tile


def pair(name, first, second):
    """Two optimizers from the same start, and gradients for three steps."""
    a, b = normal(SHAPE, np.float32), normal(SHAPE, np.float32)
    grads = [normal(SHAPE, np.float32, seed) for seed in (1, 2, 3)]
    return optim.create(name, a, lr=0.1, **first), optim.create(name, b, lr=0.1, **second), grads


@pytest.mark.parametrize("name", AROUND)
def test_a_narrow_gradient_is_its_widened_one(name):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    for dtype in (np.float16, ml_dtypes.bfloat16):
        a, b, grads = pair(name, {}, {})
        for g in grads:
            a.step(g.astype(dtype))
            b.step(g.astype(dtype).astype(np.float32))
        assert everything_of(a) == everything_of(b)
        assert same_bits(a.params, b.params)


@pytest.mark.parametrize("name", AROUND)
def test_clipping_and_scaling_are_those_of_the_gradient(name):
    a, b, grads = pair(name, {"clip_norm": 3.0, "clip_value": 0.5}, {})
    for g in grads:
        a.step(g * np.float32(8), grad_scale=8.0)
        assert a.clip < 1
        b.step(np.clip(g, np.float32(-0.5), np.float32(0.5)) * np.float32(a.clip))
    assert everything_of(a) == everything_of(b)
    assert same_bits(a.params, b.params)


@pytest.mark.parametrize("name", AROUND)
def test_averages_and_statistics_are_those_of_the_steps(name):
    a, b, grads = pair(name, {"average": optim.EMA(0.75), "statistics": True}, {})
    average = None
    for g in grads:
        before = b.params.astype(np.float64)
        a.step(g)
        b.step(g)
        assert same_bits(a.params, b.params)
        weight = optim.EMA(0.75).weight(b.steps)
        start = b.params if average is None else average
        average = start + np.float32(weight) * (b.params - start)
        # sums in float64 of 4,200 squares
        said = a.statistics
        assert said.gradient_norm[0] == pytest.approx(np.linalg.norm(g.astype(float)), rel=1e-12)
        assert said.update_norm[0] == pytest.approx(np.linalg.norm(b.params - before), rel=1e-12)
        assert said.parameter_norm[0] == pytest.approx(
            np.linalg.norm(b.params.astype(float)), rel=1e-12
        )
        assert a.gradient_norm == pytest.approx(said.gradient_norm[0], rel=1e-12)
    assert np.abs(a.average - average).max() < 1e-6


@pytest.mark.parametrize("name", AROUND)
def test_master_weights_go_as_float32_weights_do(name):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    narrow = normal(SHAPE, np.float32).astype(ml_dtypes.bfloat16)
    wide = narrow.astype(np.float32)
    a, b = optim.create(name, narrow, master_weights=True), optim.create(name, wide)
    for seed in range(3):
        g = normal(SHAPE, np.float32, seed)
        a.step(g)
        b.step(g)
    assert same_bits(a.master_weights, wide)
    assert same_bits(narrow, wide.astype(ml_dtypes.bfloat16))


@pytest.mark.parametrize("name", AROUND)
def test_a_non_finite_gradient_changes_nothing(name):
    arrays = [normal(SHAPE, np.float32), normal(SHAPE, np.float32)]
    opt = optim.create(name, arrays, non_finite="skip")
    opt.step([np.ones(SHAPE, np.float32)] * 2)
    before = everything(opt)
    bad = np.ones(SHAPE, np.float32)
    bad[-1, -1] = np.nan
    opt.step([np.ones(SHAPE, np.float32), bad])
    assert opt.skipped == 1
    assert everything(opt) == before


@pytest.mark.parametrize("name", AROUND)
def test_arrays_in_a_list_go_as_they_go_alone(name):
    shapes = SHAPES[name][-3:]
    together = [normal(shape, np.float32, i) for i, shape in enumerate(shapes)]
    alone = [a.copy() for a in together]
    opt = optim.create(name, together, statistics=True)
    singles = [optim.create(name, a, statistics=True) for a in alone]
    for seed in range(1, 4):
        grads = [normal(shape, np.float32, 10 * seed + i) for i, shape in enumerate(shapes)]
        if seed == 2:
            grads[1] = None
        opt.step(grads)
        for single, g in zip(singles, grads, strict=True):
            if g is not None:
                single.step(g)
    assert all(same_bits(a, b) for a, b in zip(together, alone, strict=True))
    assert opt.statistics.update_norm.tolist() == [s.statistics.update_norm[0] for s in singles]


@pytest.mark.parametrize("shape", MATRICES, ids=str)
def test_muon_goes_where_torchs_does(shape):
    torch = pytest.importorskip("torch")
    # torch's products are in bfloat16: 2^-9 for each rounding, of which each of the five rounds
    # adds three. So 2 % of the way, here over 20 steps.
    theta, grads = normal(shape, np.float32), normal((20, *shape), np.float32, 1)
    start, other = theta.copy(), torch.nn.Parameter(torch.tensor(theta))
    arguments = {"lr": 0.05, "weight_decay": 0.05, "momentum": 0.9}
    ours, theirs = optim.Muon(theta, **arguments), torch.optim.Muon([other], **arguments)
    for g in grads:
        ours.step(g)
        other.grad = torch.tensor(g)
        theirs.step()
    way = np.linalg.norm(theta - start)
    assert np.linalg.norm(theta - other.detach().numpy()) < 0.02 * way
    buffer = theirs.state[other]["momentum_buffer"].numpy()
    # 20 roundings of half an ulp of numbers of about 1
    assert np.abs(ours.state_dict()["state"]["momentum_buffer"][0] - buffer).max() < 1e-6


@pytest.mark.parametrize("arguments", ADAFACTOR[:3], ids=str)
@pytest.mark.parametrize("shape", ARRAYS, ids=str)
def test_adafactor_goes_where_torchs_does(shape, arguments):
    torch = pytest.importorskip("torch")
    theta = normal(shape, np.float64).reshape(shape)
    grads = normal((200, *shape) if theta.size < 1000 else (20, *shape), np.float64, 1)
    other = torch.nn.Parameter(torch.tensor(theta))
    ours, theirs = optim.Adafactor(theta, **arguments), torch.optim.Adafactor([other], **arguments)
    travelled = np.abs(theta).max()
    for g in grads:
        before = theta.copy()
        ours.step(np.asarray(g))
        other.grad = torch.tensor(g)
        theirs.step()
        travelled += np.abs(theta - before).max()
        # twice the bound above: both round
        assert np.abs(theta - other.detach().numpy()).max() < 6 * np.finfo(float).eps * travelled
    for name, value in theirs.state[other].items():
        if name != "step":
            mine = ours.state_dict()["state"][name][0]
            assert mine.shape == tuple(value.shape)
            assert mine == pytest.approx(value.numpy(), rel=1e-13)


REFUSED = [
    (optim.Adafactor, {"beta2_decay": 0.1}, ValueError,
     "beta2_decay: 0.1, expected a finite number <= 0"),
    (optim.Adafactor, {"d": 0.5}, ValueError, "d: 0.5, expected a finite number >= 1"),
    (optim.Adafactor, {"eps": 1e-3}, TypeError,
     "eps: float, expected two numbers >= 0, the first or None"),
    (optim.Adafactor, {"eps": (1, 2, 3)}, ValueError, "eps: 3 numbers, expected two"),
    (optim.Adafactor, {"eps": (-1, 2)}, ValueError,
     "eps[0]: -1, expected a finite number >= 0 or None"),
    (optim.Adafactor, {"eps": (0, None)}, TypeError,
     "eps[1]: NoneType, expected a finite number >= 0"),
    (optim.Adafactor, {"state_dtype": "8bit"}, ValueError,
     "state_dtype: '8bit' with the rule 'adafactor', expected None: its 'row_var' needs full "
     "precision"),
    (optim.Muon, {"ns_coefficients": (1, 2)}, ValueError,
     "ns_coefficients: 2 numbers, expected three"),
    (optim.Muon, {"ns_coefficients": 1.0}, TypeError,
     "ns_coefficients: float, expected three numbers"),
    (optim.Muon, {"ns_steps": 100}, ValueError, "ns_steps: 100, expected less than 100"),
    (optim.Muon, {"adjust_lr_fn": "adam"}, ValueError,
     "adjust_lr_fn: 'adam', expected one of original, match_rms_adamw"),
    (optim.Muon, {"nesterov": 1}, TypeError, "nesterov: int, expected True or False"),
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


@pytest.mark.parametrize("shape", [(), (128,), (2, 3, 4)], ids=str)
def test_muon_takes_matrices_only(shape):
    with pytest.raises(ValueError, match="expected a matrix") as caught:
        optim.Muon([np.ones((3, 4)), np.ones(shape)])
    assert str(caught.value) == (
        f"params[1]: shape {shape}, expected a matrix: 'muon' takes no other arrays, give them to "
        "an optimizer of their own, such as AdamW"
    )


def test_a_wrong_shape_of_a_factored_state_is_refused():
    opt = optim.Adafactor(np.ones((3, 4)))
    opt.step(np.ones((3, 4)))
    state = opt.state_dict()
    state["state"]["row_var"] = [np.ones((3, 4))]
    with pytest.raises(ValueError, match="row_var") as caught:
        opt.load_state_dict(state)
    assert str(caught.value) == "state['row_var'][0]: shape (3, 4), expected (3, 1)"
