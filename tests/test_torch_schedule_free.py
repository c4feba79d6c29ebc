"""saddlescape.torch.ScheduleFreeAdamW: its two points, and what it carries."""

from __future__ import annotations

import copy

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from saddlescape import optim  # noqa: E402
from saddlescape import torch as st  # noqa: E402
from torch_samples import (  # noqa: E402 - only where torch is there
    fingerprint,
    give_gradients,
    groups,
    parameters,
    same_bits,
    through_a_file,
)

DTYPES = [torch.float32, torch.float64, torch.bfloat16, torch.float16]


def trained(dtype=torch.float32, steps=5, **arguments):
    params = parameters(dtype)
    opt = st.ScheduleFreeAdamW(groups(params), **{"lr": 0.1, **arguments})
    for step in range(steps):
        give_gradients(step, params)
        opt.step()
    return opt, params


@pytest.mark.parametrize("dtype", DTYPES)
def test_train_comes_back_bit_for_bit(dtype):
    opt, params = trained(dtype)
    before = fingerprint(opt)
    opt.eval()
    assert fingerprint(opt) != before
    opt.eval()  # twice is once
    opt.train()
    assert fingerprint(opt) == before
    opt.train()
    assert fingerprint(opt) == before
    give_gradients(5, params)
    opt.step()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_point_of_eval_is_the_average(dtype):
    # x_{t+1} = (1 - c) x_t + c z_{t+1}: taken along in double from the z of each step.
    params = parameters(dtype)
    opt = st.ScheduleFreeAdamW(params, lr=0.1, warmup_steps=3, r=1.0)
    x = [p.detach().double() for p in params]
    weights = [0.0] * len(params)
    counts = [0] * len(params)
    for step in range(20):
        give_gradients(step, params)
        opt.step()
        for i, p in enumerate(params):
            if p.grad is None:
                continue
            counts[i] += 1
            # w = t^r (largest rate)^2, and rates grow up to step 3
            weight = counts[i] * (0.1 * min(1, counts[i] / 3)) ** 2
            weights[i] += weight
            x[i] += weight / weights[i] * (opt.state[p]["z"].double() - x[i])
    for i, p in enumerate(params):
        assert opt.state[p]["weight_sum"] == pytest.approx(weights[i], rel=1e-14)
        assert opt.state[p]["lr_max"] == pytest.approx(0.1)
    opt.eval()
    # 20 steps of some ulp of numbers below 4, divided by beta1.
    atol = 20 * 4 * 4 * torch.finfo(dtype).eps
    assert all(
        torch.allclose(p.double(), q, rtol=0, atol=atol) for p, q in zip(params, x, strict=True)
    )


def test_the_point_of_eval_is_that_of_numpy():
    twins = [p.detach().numpy().copy() for p in parameters()]
    numpys = optim.ScheduleFreeAdamW(twins, lr=0.1)
    other, ours = trained(steps=0)
    other.param_groups[1]["lr"] = 0.1
    for step in range(5):
        give_gradients(step, ours)
        other.step()
        numpys.step([None if p.grad is None else p.grad.numpy() for p in ours])
    other.eval()
    for p, q in zip(ours, numpys.evaluation, strict=True):
        assert np.array_equal(p.detach().numpy(), q)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mode", ["train", "eval"])
def test_state_dicts_continue_bit_for_bit_from_either_mode(dtype, mode):
    opt, params = trained(dtype)
    getattr(opt, mode)()
    fresh, loaded = trained(dtype, steps=0)
    for p, q in zip(loaded, params, strict=True):
        p.data.copy_(q.data)
    fresh.load_state_dict(through_a_file(opt.state_dict()))
    twin = copy.deepcopy(opt)
    assert fingerprint(fresh) == fingerprint(opt) == fingerprint(twin)
    for each in (opt, fresh, twin):
        each.train()
        own = [p for group in each.param_groups for p in group["params"]]
        for step in range(5, 9):
            give_gradients(step, own)
            each.step()
        each.eval()
    assert fingerprint(fresh) == fingerprint(opt) == fingerprint(twin)


def test_a_step_at_the_point_of_eval_is_refused():
    opt, _ = trained()
    opt.eval()
    before = fingerprint(opt)
    with pytest.raises(ValueError, match=r"^param_groups\[0\]: the parameters are at x since"):
        opt.step()
    assert fingerprint(opt) == before


def test_before_the_first_step_both_points_are_one():
    opt, params = trained(steps=0)
    before = [p.detach().clone() for p in params]
    opt.eval()
    assert same_bits(params, before)
    opt.train()
    assert same_bits(params, before)
    assert len(opt.state) == 0


WRONG = [
    (lambda s: s["state"][0].pop("y"), "has no 'y', which eval() keeps"),
    (lambda s: s["state"][0].pop("z"), "has no 'z', which schedule_free_adamw keeps"),
    (lambda s: s["param_groups"][0].pop("train_mode"), "['train_mode']: NoneType, expected True"),
]


@pytest.mark.parametrize(("change", "text"), WRONG, ids=[row[1] for row in WRONG])
def test_wrong_states_are_refused_whole(change, text):
    opt, _ = trained()
    opt.eval()
    before = fingerprint(opt)
    wrong = copy.deepcopy(opt.state_dict())
    change(wrong)
    with pytest.raises((TypeError, ValueError)) as caught:
        opt.load_state_dict(wrong)
    assert text in str(caught.value)
    assert fingerprint(opt) == before


@pytest.mark.parametrize("value", [float("nan"), -1.0, "1"])
def test_wrong_sums_are_refused(value):
    opt, params = trained()
    opt.state[params[3]]["weight_sum"] = value
    before = fingerprint(opt)
    with pytest.raises((TypeError, ValueError)) as caught:
        opt.step()
    place = "state of param_groups[1]['params'][2]['weight_sum']: "
    assert str(caught.value).startswith(place)
    assert fingerprint(opt) == before
