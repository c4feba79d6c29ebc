"""Every scheduler of torch.optim.lr_scheduler drives the optimizers of saddlescape.torch."""

from __future__ import annotations

import copy
import inspect
import math

import pytest

torch = pytest.importorskip("torch")

from saddlescape import torch as st  # noqa: E402
from torch_samples import Walk, give_gradients, parameters, same_bits  # noqa: E402

lrs = torch.optim.lr_scheduler
STEPS = 50


def sequential(opt):
    warm = lrs.LinearLR(opt, start_factor=0.1, total_iters=10)
    return lrs.SequentialLR(opt, [warm, lrs.ExponentialLR(opt, 0.9)], milestones=[10])


def chained(opt):
    return lrs.ChainedScheduler(
        [lrs.ConstantLR(opt, 0.5, total_iters=4), lrs.ExponentialLR(opt, 0.9)]
    )


# Name: what makes it. The last words of a name say which way of its class it is.
SCHEDULERS = {
    "LambdaLR": lambda opt: lrs.LambdaLR(opt, lambda t: 0.0 if t < 3 else 1 / t),
    "MultiplicativeLR": lambda opt: lrs.MultiplicativeLR(opt, lambda _: 0.95),
    "StepLR": lambda opt: lrs.StepLR(opt, 10, 0.5),
    "MultiStepLR": lambda opt: lrs.MultiStepLR(opt, [3, 4, 30], 0.3),
    "ConstantLR": lambda opt: lrs.ConstantLR(opt, 0.3, total_iters=7),
    "LinearLR": lambda opt: lrs.LinearLR(opt, 0.2, 0.7, 20),
    "LinearLR to 0": lambda opt: lrs.LinearLR(opt, 0.3, 0.0, 3),  # it ends at -2e-18
    "ExponentialLR": lambda opt: lrs.ExponentialLR(opt, 0.9),
    "SequentialLR": sequential,
    "PolynomialLR": lambda opt: lrs.PolynomialLR(opt, 40, 2.0),
    "CosineAnnealingLR": lambda opt: lrs.CosineAnnealingLR(opt, 20, 0.01),
    "ChainedScheduler": chained,
    "ReduceLROnPlateau": lambda opt: lrs.ReduceLROnPlateau(opt, patience=2, factor=0.5),
    "CyclicLR": lambda opt: lrs.CyclicLR(
        opt, 0.01, 0.3, step_size_up=7, base_momentum=0.5, max_momentum=0.95
    ),
    "CyclicLR momentum to 0": lambda opt: lrs.CyclicLR(
        opt, 0.01, 0.3, step_size_up=5, base_momentum=0.0, max_momentum=0.8
    ),
    "CyclicLR rate alone": lambda opt: lrs.CyclicLR(
        opt, 0.01, 0.3, step_size_up=7, mode="exp_range", gamma=0.99, cycle_momentum=False
    ),
    "CosineAnnealingWarmRestarts": lambda opt: lrs.CosineAnnealingWarmRestarts(opt, 7, 2),
    "OneCycleLR": lambda opt: lrs.OneCycleLR(opt, 0.3, total_steps=60),
    "OneCycleLR rate alone": lambda opt: lrs.OneCycleLR(
        opt, 0.3, total_steps=60, three_phase=True, cycle_momentum=False
    ),
    "SWALR": lambda opt: torch.optim.swa_utils.SWALR(opt, 0.01, anneal_epochs=5),
}
# Those that cycle a momentum need one.
MOMENTUM = [
    ("SGD", {"momentum": 0.9, "nesterov": True}),
    ("SGD", {"momentum": 0.9, "dampening": 0.2}),
    ("Adam", {}),
    ("AdamW", {"amsgrad": True}),
    ("Adamax", {}),
    ("RAdam", {}),
    ("NAdam", {}),
    ("NAdam", {"momentum_decay": 0.1, "weight_decay": 0.01, "decoupled_weight_decay": True}),
    ("RMSprop", {"momentum": 0.9, "centered": True}),
]
OTHERS = [
    ("Adagrad", {}),
    ("Adadelta", {}),
    ("Rprop", {}),
    ("ASGD", {"lambd": 0.01, "t0": 20}),
]


def cycles(scheduler):
    return "Cycl" in scheduler and "rate alone" not in scheduler


TABLE = [
    pytest.param(name, arguments, scheduler, id=f"{name}-{i}-{scheduler}")
    for i, (name, arguments) in enumerate([*MOMENTUM, *OTHERS])
    for scheduler in SCHEDULERS
    if i < len(MOMENTUM) or not cycles(scheduler)
]


def test_all_schedulers_are_in_the_table():
    # CyclicLR and so on: all classes but the bases.
    public = {name for name in lrs.__all__ if inspect.isclass(getattr(lrs, name))}
    assert public - {"LRScheduler"} <= {name.split()[0] for name in SCHEDULERS}


def advance(scheduler, step):
    if isinstance(scheduler, lrs.ReduceLROnPlateau):
        scheduler.step(math.exp(-min(step, 10)))  # it stands still after the tenth
    else:
        scheduler.step()


@pytest.mark.parametrize(("name", "arguments", "scheduler"), TABLE)
def test_same_path_under_a_schedule(name, arguments, scheduler, in_double):
    ours, theirs = parameters(), parameters()
    a = getattr(st, name)(ours, lr=0.1, **arguments)
    b = getattr(torch.optim, name)(theirs, lr=0.1, **arguments)
    of_a, of_b = SCHEDULERS[scheduler](a), SCHEDULERS[scheduler](b)
    walk = Walk(ours)
    for step in range(STEPS):
        give_gradients(step, ours, theirs)
        a.step()
        b.step()
        advance(of_a, step)
        advance(of_b, step)
        for key in ("lr", "momentum", "betas"):
            assert a.param_groups[0].get(key) == b.param_groups[0].get(key)
        walk.went(ours)
    assert walk.close(ours, theirs)


CYCLES = {
    "OneCycleLR": lambda opt: lrs.OneCycleLR(
        opt, 0.05, total_steps=201, base_momentum=0.5, max_momentum=0.95, cycle_momentum=True
    ),
    "CyclicLR": lambda opt: lrs.CyclicLR(
        opt, 0.001, 0.05, step_size_up=13, base_momentum=0.3, max_momentum=0.95, cycle_momentum=True
    ),
    "CyclicLR to 0": lambda opt: lrs.CyclicLR(
        opt, 0.001, 0.05, step_size_up=20, base_momentum=0.0, max_momentum=0.9, cycle_momentum=True
    ),
}


@pytest.mark.parametrize("cycle", CYCLES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("psi", [4e-3, 1.0])
def test_nadam_under_a_cycled_momentum(cycle, dtype, psi):
    # Its product of momenta is of those that were: from the count alone it would be another.
    torch.set_default_dtype(dtype)
    try:
        ours, theirs = parameters(dtype), parameters(dtype)
        a = st.NAdam(ours, lr=0.1, momentum_decay=psi)
        b = torch.optim.NAdam(theirs, lr=0.1, momentum_decay=psi, foreach=False)
        schedules = [CYCLES[cycle](opt) for opt in (a, b)]
        walk = Walk(ours)
        for step in range(200):
            give_gradients(step, ours, theirs)
            for stepped in (a, b, *schedules):
                stepped.step()
            assert a.param_groups[0]["betas"] == b.param_groups[0]["betas"]
            walk.went(ours)
            assert walk.close(ours, theirs)
        for p, q in zip(ours, theirs, strict=True):
            mine, other = a.state[p]["mu_product"], b.state[q]["mu_product"]
            assert mine.dtype == other.dtype == dtype
            # As many roundings as steps, of which each side rounds half an ulp its own way.
            assert torch.allclose(mine, other, rtol=200 * torch.finfo(dtype).eps, atol=0)
    finally:
        torch.set_default_dtype(torch.float32)


def test_rates_of_several_groups_and_a_group_more():
    ours, theirs = parameters(torch.float64), parameters(torch.float64)
    walk = Walk(ours)
    pairs = []
    for make, params in ((st.AdamW, ours), (torch.optim.AdamW, theirs)):
        opt = make([{"params": params[:1]}, {"params": params[1:3], "lr": 0.3}], lr=0.1)
        pairs.append((opt, lrs.LambdaLR(opt, [lambda t: 0.9**t, lambda t: 1 / (1 + t)])))
    for step in range(40):
        give_gradients(step, ours, theirs)
        for (opt, schedule), params in zip(pairs, (ours, theirs), strict=True):
            if step == 20:
                opt.add_param_group({"params": params[3:], "lr": 0.05, "weight_decay": 0.3})
            opt.step()
            if step < 20:
                schedule.step()
        walk.went(ours)
    assert walk.close(ours, theirs)
    assert [g["lr"] for g in pairs[0][0].param_groups][2] == 0.05
    assert pairs[0][0].state[ours[3]]["step"] == 20


@pytest.mark.parametrize("name", ["SGD", "Adam", "Adagrad", "ASGD", "NAdam", "Lion"])
def test_a_rate_that_is_a_tensor(name):
    # Schedulers write into it, and so may the user.
    ours, twins = parameters(), parameters()
    a = getattr(st, name)(ours, lr=torch.tensor(0.25))
    b = getattr(st, name)(twins, lr=0.25)
    schedules = [lrs.StepLR(opt, 2, 0.5) for opt in (a, b)]
    rate = a.param_groups[0]["lr"]
    for step in range(6):
        give_gradients(step, ours, twins)
        for opt, schedule in zip((a, b), schedules, strict=True):
            opt.step()
            schedule.step()
    assert a.param_groups[0]["lr"] is rate
    assert rate == 0.03125
    assert same_bits(ours, twins)
    rate.fill_(0.5)
    b.param_groups[0]["lr"] = 0.5
    for opt in (a, b):
        opt.step()
    assert same_bits(ours, twins)


def test_schedules_continue_from_a_file():
    def make(params):
        opt = st.SGD(params, lr=0.1, momentum=0.9)
        return opt, lrs.OneCycleLR(opt, 0.3, total_steps=40)

    ours = parameters()
    opt, schedule = make(ours)
    for step in range(20):
        give_gradients(step, ours)
        opt.step()
        schedule.step()
    loaded = [p.detach().clone().requires_grad_() for p in ours]
    fresh, after = make(loaded)
    after.load_state_dict(copy.deepcopy(schedule.state_dict()))
    fresh.load_state_dict(copy.deepcopy(opt.state_dict()))
    for step in range(20, 39):
        give_gradients(step, ours, loaded)
        for stepped in (opt, fresh, schedule, after):
            stepped.step()
    assert same_bits(ours, loaded)


def test_a_schedule_before_the_first_step_warns_as_with_torch():
    schedule = lrs.StepLR(st.Adam(parameters()), 1)
    with pytest.warns(UserWarning, match=r"`lr_scheduler.step\(\)` before `optimizer.step\(\)`"):
        schedule.step()
