"""bfloat16 and float16 parameters in saddlescape.torch, beside torch's own, and GradScaler."""

from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch")

from saddlescape import torch as st  # noqa: E402
from torch_samples import (  # noqa: E402 - only where torch is there
    CASES,
    OURS_ALONE,
    fingerprint,
    flat,
    give_gradients,
    groups,
    parameters,
    same_bits,
    through_a_file,
)

HALVES = [torch.bfloat16, torch.float16]
MATRICES = [(5, 7), (33, 4), (1, 9)]
RULES = [*CASES, *((name, {"lr": 0.1}) for name in OURS_ALONE)]
# Not SGD's: in PyTorch 2.13 it moves only what is left behind the last whole vector of 16 bits.
FUSED = {"Adagrad", "Adam", "AdamW"}


def places(x):
    """Numbers of 16 bits by their place among all there are, which one ulp makes differ by 1."""
    bits = x.detach().contiguous().view(torch.int16).int()
    return torch.where(bits < 0, -(bits & 0x7FFF), bits)


def one_ulp_apart(mine, theirs, terms):
    """At most, or as far as float32 may be apart where terms of a sum cancel."""
    near = (places(mine) - places(theirs)).abs() <= 1
    both = (mine.double() - theirs.double()).abs() <= 16 * 2**-23 * terms.double()
    return bool((near | both).all())


def wide_twin(opt, make, params, arguments):
    """torch's optimizer in float32, at the very place where `opt` is."""
    wide = [p.detach().float().requires_grad_() for p in params]
    for p, q in zip(params, wide, strict=True):
        q.grad = None if p.grad is None else p.grad.float()
    twin = make(groups(wide), **arguments)
    twin.load_state_dict(copy.deepcopy(opt.state_dict()))
    return twin, wide


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_each_step_is_torchs_in_float32_rounded_once(name, arguments, dtype):
    params = parameters(dtype)
    opt = getattr(st, name)(groups(params), **arguments)
    eps = {} if name != "Adafactor" else {"eps": (torch.finfo(dtype).eps, 1e-3)}  # of the dtype
    for step in range(30):
        give_gradients(step, params)
        twin, wide = wide_twin(opt, getattr(torch.optim, name), params, {**arguments, **eps})
        for group in twin.param_groups:
            group.update(eps)
        before = [p.detach().clone() for p in params]
        states = [copy.deepcopy(dict(twin.state.get(q, {}))) for q in wide]
        opt.step()
        twin.step()
        for p, q, old, state in zip(params, wide, before, states, strict=True):
            assert one_ulp_apart(p, q.to(dtype), old.abs() + q.abs()), step
            for key, value in twin.state[q].items():
                mine = opt.state[p][key]
                if mine.dtype == dtype:
                    terms = value.abs() + state[key].abs() if state.get(key) is not None else value
                    assert one_ulp_apart(mine, value.to(dtype), terms), key


def beside(name, arguments, dtype, ulps, steps=50, **kind):
    ours, theirs = parameters(dtype), parameters(dtype)
    a = getattr(st, name)(ours, **arguments)
    b = getattr(torch.optim, name)(theirs, **arguments, **kind)
    before = flat(ours).float()
    travelled = before.abs()
    for step in range(steps):
        give_gradients(step, ours, theirs)
        a.step()
        b.step()
        now = flat(ours).float()
        travelled += (now - before).abs()
        before = now
        bound = ulps * (step + 1) * torch.finfo(dtype).eps * travelled
        assert bool(((now - flat(theirs).float()).abs() <= bound).all()), step


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize(("name", "arguments"), [c for c in CASES if c[0] in FUSED])
def test_beside_torchs_fused_steps(name, arguments, dtype):
    # They compute in float32 too and round at the end: half an ulp at most if both rounded another
    # number, and that in parameters and in what they remember.
    beside(name, arguments, dtype, 1, fused=True)


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_beside_torchs_steps_of_narrow_operations(name, arguments, dtype):
    # PyTorch rounds each of some eight operations of a step by half an ulp. In float16 an epsilon
    # of 1e-8 is 0, and its steps then 0/0; a thousandth of a square is denormal and known to a few
    # digits, so a tenth here.
    if "Adam" in name and dtype == torch.float16:
        arguments = {**arguments, "eps": 1e-3, "betas": (0.9, 0.9)}
    beside(name, arguments, dtype, 4, foreach=False)


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize(("name", "arguments"), RULES)
def test_nothing_becomes_nan_and_files_continue_bit_for_bit(name, arguments, dtype):
    ours, loaded = parameters(dtype), parameters(dtype)
    opt = getattr(st, name)(groups(ours), **arguments)
    fresh = getattr(st, name)(groups(loaded), **arguments)
    for step in range(10):
        if step == 5:
            for p, q in zip(loaded, ours, strict=True):
                p.data.copy_(q.data)
            fresh.load_state_dict(through_a_file(opt.state_dict()))
        give_gradients(step, ours, loaded)
        opt.step()
        if step >= 5:
            fresh.step()
    assert all(p.isfinite().all() for p in ours)
    assert all(p.dtype == dtype for p in ours)
    keys = {key for entry in opt.state.values() for key in entry} - {"step", "eta", "mu"}
    for entry in opt.state.values():
        for key in keys - {"mu_product", "weight_sum", "lr_max"}:
            assert key not in entry or entry[key].dtype == dtype
    if name not in {"NAdam", "ASGD"}:  # PyTorch loads mu_product, eta and mu in 16 bits
        assert fingerprint(opt) == fingerprint(fresh)


@pytest.mark.parametrize("dtype", HALVES)
def test_muon(dtype):
    params = parameters(dtype, shapes=MATRICES)
    wide = [p.detach().float().requires_grad_() for p in params]
    a, b = st.Muon(params, lr=0.1), st.Muon(wide, lr=0.1)
    give_gradients(0, params)
    for p, q in zip(params, wide, strict=True):
        q.grad = p.grad.float()
    a.step()
    b.step()
    for p, q in zip(params, wide, strict=True):
        assert one_ulp_apart(p, q.to(dtype), q.abs() + 1)


@pytest.mark.parametrize("name", ["SGD", "Adagrad", "SparseAdam"])
@pytest.mark.parametrize("dtype", HALVES)
def test_sparse_rows(name, dtype):
    narrow = torch.ones(7, 5, dtype=dtype, requires_grad=True)
    wide = torch.ones(7, 5, requires_grad=True)
    values = torch.randn((3, 5), generator=torch.Generator().manual_seed(0)).to(dtype)
    rows = torch.tensor([[6, 0, 3]])
    for p in (narrow, wide):
        p.grad = torch.sparse_coo_tensor(rows, values.to(p.dtype), (7, 5), check_invariants=True)
        getattr(st, name)([p], lr=0.1).step()
    assert torch.equal(narrow, wide.to(dtype))


def scaled(params, scaler, step, huge=False):
    """Gradients of a loss that was scaled, which may be too large for float16."""
    give_gradients(step, params)
    for p in params:
        if p.grad is not None:
            p.grad *= scaler.get_scale()
    if huge:
        params[3].grad[0, 0, 0] = torch.inf


def scaler_of(scale=8.0, **arguments):
    scaler = torch.amp.GradScaler("cpu", init_scale=scale, **arguments)
    scaler.scale(torch.zeros(()))
    return scaler


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize(("name", "arguments"), RULES)
def test_an_overflow_moves_nothing_and_the_scale_falls(name, arguments, dtype):
    params, twins = parameters(dtype), parameters(dtype)
    opt = getattr(st, name)(groups(params), **arguments)
    plain = getattr(st, name)(groups(twins), **arguments)
    scaler = scaler_of()
    scale = 8.0
    for step in range(8):
        huge = step % 3 == 0  # the first, before there is a state, too
        scaled(params, scaler, step, huge)
        before = fingerprint(opt)
        scaler.step(opt)
        scaler.update()
        if huge:
            scale /= 2
            assert fingerprint(opt) == before
        else:
            give_gradients(step, twins)
            plain.step()
        assert scaler.get_scale() == scale
    # A power of two comes and goes without a trace.
    assert same_bits(params, twins)
    assert not hasattr(opt, "found_inf")


def test_scaled_float16_beside_torchs_fused_adam():
    ours, theirs = parameters(torch.float16), parameters(torch.float16)
    pairs = [
        (st.Adam(ours, lr=0.1), ours, scaler_of(growth_interval=4)),
        (torch.optim.Adam(theirs, lr=0.1, fused=True), theirs, scaler_of(growth_interval=4)),
    ]
    travelled = flat(ours).float().abs()
    for step in range(30):
        for opt, params, scaler in pairs:
            scaled(params, scaler, step, huge=step % 5 == 3)
            before = flat(params).float()
            scaler.step(opt)
            scaler.update()
            if params is ours:
                travelled += (flat(ours).float() - before).abs()
        assert pairs[0][2].state_dict() == pairs[1][2].state_dict()
        bound = (step + 1) * torch.finfo(torch.float16).eps * travelled
        assert bool(((flat(ours).float() - flat(theirs).float()).abs() <= bound).all())


def test_unscaled_by_hand_once():
    params, twins = parameters(), parameters()
    opt, plain, scaler = st.Adam(params, lr=0.1), st.Adam(twins, lr=0.1), scaler_of()
    for step in range(4):
        scaled(params, scaler, step, huge=step == 2)
        scaler.unscale_(opt)
        before = fingerprint(opt)
        scaler.step(opt)
        scaler.update()
        if step == 2:
            assert fingerprint(opt) == before
        else:
            give_gradients(step, twins)
            plain.step()
    assert same_bits(params, twins)


def test_the_gradients_of_a_scaled_step_stay_as_they_are():
    # PyTorch's fused steps write the unscaled ones back.
    params, scaler = parameters(torch.float16), scaler_of()
    scaled(params, scaler, 0)
    before = [p.grad.clone() for p in params]
    scaler.step(st.Adam(params))
    assert same_bits([p.grad for p in params], before)


def test_autocast_with_float16():
    torch.manual_seed(0)
    x = torch.randn(64, 8)
    y = (x[:, :1] * x[:, 1:2] > 0).float()
    model = torch.nn.Sequential(torch.nn.Linear(8, 32), torch.nn.Tanh(), torch.nn.Linear(32, 1))
    opt, scaler = st.AdamW(model.parameters(), lr=0.02), torch.amp.GradScaler("cpu")
    losses, skipped = [], 0
    for _ in range(200):
        opt.zero_grad()
        with torch.autocast("cpu", dtype=torch.float16):
            out = model(x)
            loss = torch.nn.functional.binary_cross_entropy_with_logits(out.float(), y)
        scaler.scale(loss).backward()
        before, scale = fingerprint(opt), scaler.get_scale()
        scaler.step(opt)
        scaler.update()
        if scaler.get_scale() < scale:
            skipped += 1
            assert fingerprint(opt) == before
        losses.append(loss.item())
    assert losses[-1] < 0.1 * losses[0]
    assert skipped < 10
