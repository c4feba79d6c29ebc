"""saddlescape.torch against torch.optim: every argument, alone and in pairs, over 200 steps."""

from __future__ import annotations

import inspect
from itertools import combinations

import pytest

torch = pytest.importorskip("torch")

from saddlescape import torch as st  # noqa: E402
from torch_samples import (  # noqa: E402 - only where torch is there
    CASES,
    NAMES,
    Walk,
    give_gradients,
    groups,
    parameters,
)

# Every argument of torch's classes that changes the path, at a value that is not the default.
DECAY = {"weight_decay": 0.1}
CLIMB = {"maximize": True}
BETAS = {"betas": (0.7, 0.8), "eps": 1e-3, **CLIMB}
ARGUMENTS = {
    "SGD": {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "nesterov": True, **DECAY, **CLIMB},
    "Adagrad": {"lr": 0.1, "lr_decay": 0.1, "initial_accumulator_value": 0.3, "eps": 1e-3, **DECAY,
                **CLIMB},
    "Adadelta": {"lr": 0.5, "rho": 0.7, "eps": 1e-3, **DECAY, **CLIMB},
    "RMSprop": {"lr": 0.1, "alpha": 0.7, "eps": 1e-3, "momentum": 0.5, "centered": True, **DECAY,
                **CLIMB},
    "Adam": {"lr": 0.1, "amsgrad": True, "decoupled_weight_decay": True, **BETAS, **DECAY},
    "AdamW": {"lr": 0.1, "amsgrad": True, **BETAS, **DECAY},
    "Adamax": {"lr": 0.1, **BETAS, **DECAY},
    "NAdam": {"lr": 0.1, "momentum_decay": 0.1, "decoupled_weight_decay": True, **BETAS, **DECAY},
    "RAdam": {"lr": 0.1, "decoupled_weight_decay": True, **BETAS, **DECAY},
    "Rprop": {"lr": 0.1, "etas": (0.4, 1.5), "step_sizes": (0.01, 0.3), **CLIMB},
    "ASGD": {"lr": 0.1, "lambd": 0.01, "alpha": 0.5, "t0": 20, **DECAY, **CLIMB},
    "Adafactor": {"lr": 0.1, "beta2_decay": -0.5, "eps": (1e-5, 1e-2), "d": 2.0, **DECAY, **CLIMB},
}  # fmt: skip
# How torch computes, not what.
IMPLEMENTATION = {"foreach", "fused", "capturable", "differentiable"}


def allowed(arguments):
    return not arguments.get("nesterov") or (
        arguments.get("momentum", 0) > 0 and "dampening" not in arguments
    )


def table():
    """No argument, each, each two, all."""
    for name, given in ARGUMENTS.items():
        for chosen in [(), *combinations(given, 1), *combinations(given, 2), tuple(given)]:
            arguments = {key: given[key] for key in chosen}
            if allowed(arguments):
                yield pytest.param(name, arguments, id=f"{name}-{'-'.join(chosen)}")
    momentum = {"lr": 0.1, "momentum": 0.9, "nesterov": True}
    yield "SGD", {**momentum, **DECAY, **CLIMB}
    yield "SGD", {"momentum": 0.9, "dampening": 0.3, **DECAY, **CLIMB}
    yield "Adam", {"betas": (0.0, 0.5)}
    yield "RAdam", {"betas": (0.7, 0.5)}  # no rectification: rho never passes 5


def test_the_table_has_every_argument():
    for name, given in ARGUMENTS.items():
        theirs = inspect.signature(getattr(torch.optim, name)).parameters
        assert set(theirs) == {"params", *given} | (IMPLEMENTATION & set(theirs)), name
        assert all(theirs[key].default != value for key, value in given.items()), name


@pytest.mark.parametrize("name", NAMES)
def test_same_signature_but_for_check_finite(name):
    ours = inspect.signature(getattr(st, name)).parameters
    theirs = inspect.signature(getattr(torch.optim, name)).parameters
    assert list(ours) == [*theirs, "check_finite"]
    assert all(ours[key] == parameter for key, parameter in theirs.items())


def test_a_subclass_shows_its_own_signature():
    class Mine(st.Adam):
        def __init__(self, params, speed=1.0):
            super().__init__(params, lr=speed)

    class Still(st.Adam):
        pass

    assert list(inspect.signature(Mine).parameters) == ["params", "speed"]
    assert inspect.signature(Still) == inspect.signature(st.Adam)


def run(name, arguments, dtype, steps, shapes, halve=True):
    """Step twins; return the largest difference of parameters as a part of the bound."""
    ours, theirs = parameters(dtype, shapes=shapes), parameters(dtype, shapes=shapes)
    a = getattr(st, name)(groups(ours), **arguments)
    b = getattr(torch.optim, name)(groups(theirs), foreach=False, **arguments)
    walk, worst = Walk(ours), 0.0
    for step in range(steps):
        give_gradients(step, ours, theirs)
        if halve and step == steps // 2:
            for opt in (a, b):
                opt.param_groups[1]["lr"] /= 2
        a.step()
        b.step()
        walk.went(ours)
        if step < 10 or step % 10 == 9:
            worst = max(worst, walk.ratio(ours, theirs))
    return worst, a, b, ours, theirs


@pytest.mark.parametrize(("name", "arguments"), list(table()))
def test_200_steps_as_torch(name, arguments, in_double):
    worst, a, b, ours, theirs = run(name, arguments, torch.float64, 200, [(5, 7), (11,), ()])
    assert worst <= 1
    for p, q in zip(ours, theirs, strict=True):
        assert a.state[p].keys() == b.state[q].keys()
        for key, value in b.state[q].items():
            mine = a.state[p][key]
            assert mine.dtype == value.dtype
            # 200 steps of some ulp each, of the largest number that was added up.
            scale = float(value.abs().max()) if value.numel() else 0.0
            assert torch.allclose(mine, value, rtol=1e-12, atol=2e-13 * scale), key


# Tests of few elements let a kernel pass that updates only its tail: vector widths, tiles, odd.
LONG = [(4097,), (63, 65), (100_003,), (0,)]


@pytest.mark.parametrize(("name", "arguments"), CASES)
@pytest.mark.parametrize("shapes", [[(5, 7), (11,), (), (3, 2, 2)], LONG], ids=["small", "long"])
def test_float32_as_torch(name, arguments, shapes):
    steps = 5 if shapes is LONG else 200
    if name == "Adafactor":
        shapes = [shape for shape in shapes if shape != (0,)]  # PyTorch divides by zero there
    worst, *_ = run(name, arguments, torch.float32, steps, shapes)
    assert worst <= 1


@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_groups_and_state_dict_have_torchs_layout(name, arguments):
    ours, theirs = parameters(), parameters()
    a = getattr(st, name)(groups(ours), **arguments)
    b = getattr(torch.optim, name)(groups(theirs), **arguments)
    assert isinstance(a, getattr(torch.optim, name))
    for step in range(2):
        mine, other = a.state_dict(), b.state_dict()
        assert mine["param_groups"] == other["param_groups"]
        assert {k: set(v) for k, v in mine["state"].items()} == {
            k: set(v) for k, v in other["state"].items()
        }
        give_gradients(step, ours, theirs)
        a.step()
        b.step()
    assert repr(a) == repr(b)


def test_momentum_may_come_and_go():
    ours, theirs = parameters(torch.float64), parameters(torch.float64)
    a, b = st.SGD(ours, lr=0.1), torch.optim.SGD(theirs, lr=0.1)
    walk = Walk(ours)
    for step in range(30):
        for opt in (a, b):
            opt.param_groups[0]["momentum"] = [0.0, 0.9, 0.0][step // 10]
        give_gradients(step, ours, theirs)
        a.step()
        b.step()
        walk.went(ours)
    assert walk.close(ours, theirs)
    assert [len(a.state[p]) for p in ours] == [len(b.state[p]) for p in theirs]


CHANGES = [
    ("SGD", {"momentum": 0.9, "nesterov": True}, {"momentum": 0.0}),
    ("SGD", {"momentum": 0.9, "nesterov": True}, {"nesterov": False}),
    ("SGD", {"momentum": 0.9}, {"dampening": 0.5, "maximize": True}),
    ("Adam", {}, {"betas": (0.5, 0.9), "eps": 1e-3, "maximize": True}),
    ("Adam", {"amsgrad": True}, {"amsgrad": False}),
    ("Adam", {}, {"weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("AdamW", {}, {"lr": -0.1}),
    ("Adagrad", {}, {"lr_decay": 0.1, "eps": 0.1}),
    ("Adadelta", {}, {"rho": 0.5}),
    ("RMSprop", {"momentum": 0.5, "centered": True}, {"momentum": 0.0, "centered": False}),
    ("RMSprop", {}, {"alpha": 0.5}),
    ("Adamax", {}, {"betas": (0.5, 0.9)}),
    ("NAdam", {}, {"betas": (0.9, 0.9), "weight_decay": 0.1}),
    ("RAdam", {}, {"betas": (0.5, 0.9)}),
    ("Rprop", {}, {"etas": (0.3, 1.1), "step_sizes": (1e-3, 0.1)}),
    ("ASGD", {}, {"lambd": 0.1, "alpha": 0.5, "weight_decay": 0.1}),
    ("Adafactor", {}, {"beta2_decay": -0.5, "eps": (None, 0.1), "d": 1.5}),
]


@pytest.mark.parametrize(("name", "first", "then"), CHANGES)
def test_arguments_that_change_in_mid_run(name, first, then, in_double):
    ours, theirs = parameters(), parameters()
    a = getattr(st, name)(ours, lr=0.1, **first)
    b = getattr(torch.optim, name)(theirs, lr=0.1, **first)
    walk = Walk(ours)
    for step in range(60):
        if step == 30:
            a.param_groups[0].update(then)
            b.param_groups[0].update(then)
        give_gradients(step, ours, theirs)
        a.step()
        b.step()
        walk.went(ours)
    assert walk.close(ours, theirs)
