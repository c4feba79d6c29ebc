"""Optimizers over device arrays: the CPU's bits, whatever the rule, storage and surroundings."""

from __future__ import annotations

import numpy as np
import pytest

from device_samples import (
    AROUND,
    HERE,
    KINDS,
    NEEDS_DEVICE,
    SPLITS,
    THERE,
    arrays,
    everything,
    on_host,
    pair,
    to_device,
)
from saddlescape import optim
from storage_samples import EXACT, bits

pytest.importorskip("ml_dtypes", reason="NumPy's bfloat16 is that of ml_dtypes")
pytestmark = NEEDS_DEVICE

NAMES = sorted({*optim.names()} - {"muon"})  # which steps matrices alone
kinds = pytest.mark.parametrize("kind", KINDS)
# Of the rules whose states need full precision those kinds that leave it to them.
ROWS = [
    (name, kind)
    for name in NAMES
    for kind, (_, _, own) in KINDS.items()
    if name not in EXACT or "state_dtype" not in own
]


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize(("name", "kind"), ROWS)
def test_the_bits_of_the_cpu(name, kind, around):
    here, there, gradients = pair(kind, name, **AROUND[around])
    for seed in range(1, 4):
        own, theirs = gradients(seed)
        here.step(own, grad_scale=4.0)
        there.step(theirs, grad_scale=4.0)
        assert there.gradient_norm == here.gradient_norm
        assert there.clip == here.clip
    assert everything(there) == everything(here)


@pytest.mark.parametrize("where", SPLITS)
@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("kind", ["float32", "float64", "master"])
@pytest.mark.parametrize("name", ["adamw", "lamb", "nadam", "sgd"])
def test_a_mixed_list_is_one_list(name, kind, around, where):
    here, there, gradients = pair(kind, name, where, **AROUND[around])
    for seed in range(1, 4):
        own, theirs = gradients(seed)
        here.step(own, grad_scale=4.0)
        there.step(theirs, grad_scale=4.0)
        assert there.gradient_norm == here.gradient_norm
        assert there.clip == here.clip
    assert everything(there) == everything(here)


@pytest.mark.parametrize(("dtype", "near"), [("float32", 1e-5), ("float64", 1e-12)])
@pytest.mark.parametrize("around", AROUND)
def test_matrices_step_as_on_the_cpu(around, dtype, near):
    rng = np.random.default_rng(5)
    # three of one shape, which share their products; tall, wide and flat ones
    shapes = [(8, 9), (33, 5), (8, 9), (1, 7), (64, 64), (8, 9)]
    starts, *grads = [
        [rng.standard_normal(shape).astype(dtype) for shape in shapes] for _ in range(4)
    ]

    def stepped(put):
        own = [put(start.copy()) for start in starts]
        opt = optim.Muon(own, lr=0.05, weight_decay=0.1, **AROUND[around])
        for each in grads:
            opt.step([put(g) for g in each], grad_scale=4.0)
        return [on_host(p) for p in own]

    for start, here, there in zip(starts, stepped(lambda x: x), stepped(to_device), strict=True):
        assert np.abs(here - start).max() > 0.01
        np.testing.assert_allclose(there, here, rtol=near, atol=near)


def test_groups_and_a_schedule():
    def rate(step):
        return 0.1 / (step + 1)

    starts, grads = arrays("float32", 0), arrays("float32", 1)

    def stepped(put):
        own, g = [put(start.copy()) for start in starts], [put(each) for each in grads]
        opt = optim.SGD(
            [{"params": own[:2]}, {"params": own[2:], "lr": rate}], lr=0.3, momentum=0.9
        )
        for _ in range(3):
            opt.step([g[:2], g[2:]])
        opt.lr = 0.25
        opt.step([g[:2], g[2:]])
        return everything(opt)

    def put_in_turn(array):
        return next(mixed)(array)

    assert stepped(to_device) == stepped(np.copy)
    mixed = iter([to_device, np.copy, to_device, to_device, np.copy] * 2)
    assert stepped(put_in_turn) == stepped(np.copy)


@kinds
@pytest.mark.parametrize("where", [THERE, *SPLITS])
def test_a_state_goes_on_anywhere(kind, where):
    common = {"clip_norm": 0.5, "average": optim.SWA(start=1, every=2), "statistics": True}
    here, there, gradients = pair(kind, "adam", where, **common)
    for seed in range(1, 4):
        own, theirs = gradients(seed)
        here.step(own)
        there.step(theirs)
    for saved in (here.state_dict(), there.state_dict(), on_host(there.state_dict())):
        _, again, _ = pair(kind, "adam", where, **common)
        again.load_state_dict(saved)
        assert bits(on_host(again.state_dict())) == bits(on_host(here.state_dict()))
    _, back, _ = pair(kind, "adam", HERE, **common)
    back.load_state_dict(on_host(there.state_dict()))
    assert bits(back.state_dict()) == bits(here.state_dict())


@pytest.mark.parametrize("where", [THERE, *SPLITS])
def test_a_damaged_state_is_refused_whole(where):
    _, there, gradients = pair("float32", "adam", where)
    there.step(gradients(1)[1])
    before = everything(there)
    saved = on_host(there.state_dict())
    saved["state"]["exp_avg_sq"][-1][0] = -1.0
    with pytest.raises(ValueError, match=r"state\['exp_avg_sq'\]\[\d\]: -1.0 at \(0,\), expec"):
        there.load_state_dict(saved)
    assert everything(there) == before


@pytest.mark.parametrize("where", [THERE, *SPLITS])
@pytest.mark.parametrize("around", ["plain", "all"])
@pytest.mark.parametrize("bad", [0, 1, 3, 4])
def test_a_gradient_that_is_not_finite_changes_nothing(where, around, bad):
    _, there, gradients = pair("float32", "adam", where, **AROUND[around])
    there.step(gradients(1)[1])
    before = everything(there)
    del before["norms"]
    broken = arrays("float32", 2)
    broken[bad][0] = np.nan
    broken = [to_device(g) if at else g for g, at in zip(broken, where, strict=True)]
    with pytest.raises(ValueError, match=rf"^grads\[{bad}\]: NaN at \(0,\), expected finite"):
        there.step(broken)
    assert everything(there).items() >= before.items()
    _, skips, _ = pair("float32", "adam", where, non_finite="skip", **AROUND[around])
    skips.step(broken)
    assert (skips.steps, skips.skipped) == (0, 1)


@pytest.mark.parametrize("where", SPLITS)
@pytest.mark.parametrize("bad", range(5))
def test_a_gradient_of_another_shape_changes_nothing_unchecked_either(where, bad):
    _, there, gradients = pair("float32", "adam", where)
    there.step(gradients(1)[1])
    before = everything(there)
    theirs = gradients(2)[1]
    theirs[bad] = (to_device if where[bad] else np.copy)(np.ones(7, np.float32))
    with pytest.raises(ValueError, match=rf"^grads\[{bad}\]: shape \(7,\), expected"):
        there.step(theirs, check_finite=False)
    assert everything(there) == before


def test_parameters_that_are_not_finite_are_refused():
    params = [to_device(np.ones(5)), to_device(np.array([1.0, np.inf]))]
    with pytest.raises(ValueError, match=r"^params\[1\]: infinite at \(1,\), expected finite num"):
        optim.SGD(params, lr=0.1)


def test_a_step_left_out_for_some():
    here, there, gradients = pair("float32", "adam", (True, False, True, False, True))
    for seed in range(1, 4):
        own, theirs = gradients(seed)
        for k in (seed % 5, (seed + 1) % 5):
            own[k] = theirs[k] = None
        here.step(own)
        there.step(theirs)
    assert everything(there) == everything(here)


def test_the_evaluation_point_of_schedule_free():
    here, there, gradients = pair("float32", "schedule_free_adamw", SPLITS[0])
    for seed in range(1, 4):
        own, theirs = gradients(seed)
        here.step(own)
        there.step(theirs)
    assert bits(on_host(there.evaluation)) == bits(here.evaluation)


@pytest.mark.parametrize("rule", [optim.AdaHessian, optim.Sophia])
@pytest.mark.parametrize("where", [THERE, SPLITS[0]])
@pytest.mark.parametrize("estimates", ["where they are", "of the host"])
def test_rules_that_take_the_hessian_diagonal(rule, where, estimates):
    put = [to_device if there else np.copy for there in where]
    starts = arrays("float32", 0)
    placed = [place(start) for place, start in zip(put, starts, strict=True)]
    here, there = rule([start.copy() for start in starts], lr=0.1), rule(placed, lr=0.1)
    for seed in range(1, 4):
        grads, own = arrays("float32", seed), arrays("float32", seed + 100)
        theirs = [place(g) for place, g in zip(put, grads, strict=True)]
        rows = own
        if estimates == "where they are":
            rows = [place(h) for place, h in zip(put, own, strict=True)]
        # The second step takes the average on as it is.
        here.step(grads, hessian_diagonal=None if seed == 2 else own)
        there.step(theirs, hessian_diagonal=None if seed == 2 else rows)
    assert everything(there) == everything(here)
    broken = arrays("float32", 7)
    broken[3][5] = np.inf
    before = everything(there)
    rows = [place(h) for place, h in zip(put, broken, strict=True)]
    with pytest.raises(
        ValueError, match=r"^hessian_diagonal\[3\]: inf\w* at \(5,\), expected finite"
    ):
        there.step(theirs, hessian_diagonal=rows)
    assert everything(there) == before
