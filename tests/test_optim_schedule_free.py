"""Schedule-free AdamW: both of its paths, and the numbers that it carries for each tensor."""

from __future__ import annotations

import numpy as np
import pytest

from oracle import product_rules
from product_samples import DTYPES, everything, normal, same_bits
from saddlescape import optim, schedule


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


AUTHORS = [
    {},
    {"lr": 0.1, "betas": (0.5, 0.9), "eps": 1e-3},
    {"lr": 0.1, "weight_decay": 0.02, "warmup_steps": 20},
    {"lr": 0.1, "r": 1.5, "weight_lr_power": 0.5, "warmup_steps": 7, "betas": (0.95, 0.99)},
]


@pytest.mark.parametrize("foreach", [False, True])
@pytest.mark.parametrize("arguments", AUTHORS, ids=str)
def test_200_steps_as_the_authors_program(arguments, foreach):
    # The same sums in another order, as in test_optim_torch.py. theirs.eval() and train() overwrite
    # y with x and back, and round it twice; x is 1 / beta1 as far from z as y is.
    torch = pytest.importorskip("torch")
    schedulefree = pytest.importorskip("schedulefree")
    ours = [normal((5, 7), np.float64), normal(11, np.float64, 1)]
    theirs = [torch.from_numpy(p.copy()).requires_grad_() for p in ours]
    a = optim.ScheduleFreeAdamW(ours, **arguments)
    b = schedulefree.AdamWScheduleFree(theirs, foreach=foreach, **arguments)
    b.train()
    travelled = [np.abs(p) for p in ours]
    for step in range(200):
        before = [p.copy() for p in ours]
        grads = [normal(p.shape, np.float64, 2 * step + i) for i, p in enumerate(ours)]
        if step == 100:  # the largest rate so far goes on weighing
            a.lr = b.param_groups[0]["lr"] = a.lr / 2
        for tensor, g in zip(theirs, grads, strict=True):
            tensor.grad = torch.from_numpy(g.copy())  # theirs overwrites it
        a.step(grads)
        b.step()
        for i, (p, q) in enumerate(zip(ours, theirs, strict=True)):
            travelled[i] = travelled[i] + np.abs(p - before[i])
            assert (np.abs(p - q.detach().numpy()) <= 1e-12 * travelled[i]).all(), step
        if step % 40 == 39:
            b.eval()
            for x, q, way in zip(a.evaluation, theirs, travelled, strict=True):
                assert (np.abs(x - q.detach().numpy()) <= 2e-12 * way).all(), step
            b.train()
    for i, tensor in enumerate(theirs):
        for name in ("z", "exp_avg_sq"):
            mine = a.state_dict()["state"][name][i]
            assert mine == pytest.approx(b.state[tensor][name].numpy(), rel=1e-10, abs=1e-12)
    group = b.param_groups[0]
    assert a.state_dict()["carried"] == pytest.approx(
        np.array([[group["weight_sum"], group["lr_max"]]] * 2), rel=1e-13
    )


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
