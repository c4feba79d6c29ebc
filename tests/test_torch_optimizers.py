"""saddlescape.torch against torch.optim: the same path, state, files and manners."""

from __future__ import annotations

import copy
import io
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from saddlescape import optim  # noqa: E402 - only where torch is there
from saddlescape import torch as st  # noqa: E402

CASES = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    ("Adagrad", {"lr": 0.5, "lr_decay": 0.1, "initial_accumulator_value": 0.3}),
    ("Adadelta", {"lr": 0.5, "weight_decay": 0.01}),
    ("RMSprop", {"weight_decay": 0.01}),
    ("RMSprop", {"momentum": 0.5, "centered": True, "eps": 1e-3}),
    ("Adam", {"lr": 0.1, "weight_decay": 0.01}),
    ("Adam", {"lr": 0.1, "weight_decay": 0.01, "decoupled_weight_decay": True}),
    ("Adam", {"lr": 0.1, "amsgrad": True}),
    ("AdamW", {"lr": 0.1}),
    ("AdamW", {"lr": 0.1, "amsgrad": True, "weight_decay": 0.1}),
    ("Adamax", {"lr": 0.1, "weight_decay": 0.01}),
    ("NAdam", {"lr": 0.1, "weight_decay": 0.01, "decoupled_weight_decay": True}),
    ("RAdam", {"lr": 0.1, "weight_decay": 0.01}),
    ("Rprop", {"lr": 0.1}),
    ("ASGD", {"lr": 0.1, "lambd": 0.01, "t0": 20, "weight_decay": 0.01}),
]
NAMES = sorted({name for name, _ in CASES})
OURS_ALONE = ["AdEMAMix", "Adan", "Lion"]
SHAPES = [(5, 7), (11,), (), (3, 2, 2)]


@pytest.fixture
def in_double():
    """Let torch keep its counts, mu_product, eta and mu in double, as ours are."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def parameters(dtype=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    dtype = dtype or torch.get_default_dtype()
    return [torch.randn(s, generator=generator, dtype=dtype).requires_grad_() for s in SHAPES]


def give_gradients(step, *lists):
    """Set the same gradients in every list; the second parameter now and then has none."""
    generator = torch.Generator().manual_seed(1000 + step)
    for i, twins in enumerate(zip(*lists, strict=True)):
        g = torch.randn(twins[0].shape, generator=generator, dtype=twins[0].dtype)
        for p in twins:
            p.grad = None if i == 1 and step % 7 == 3 else g.clone()


def groups(params):
    return [{"params": params[:1]}, {"params": params[1:], "lr": 0.03}]


def same(ours, theirs, travelled, tolerance):
    return all(
        ((p - q).abs() <= tolerance * t).all()
        for p, q, t in zip(ours, theirs, travelled, strict=True)
    )


@pytest.mark.parametrize("maximize", [False, True])
@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_200_steps_as_torch(name, arguments, maximize, in_double):
    # 1e-12 of the distance travelled: torch rearranges (lerp, two divisions instead of one), so
    # each of 200 steps differs by a few ulp (2e-16) of the numbers that it adds.
    ours, theirs = parameters(), parameters()
    a = getattr(st, name)(groups(ours), maximize=maximize, **arguments)
    b = getattr(torch.optim, name)(groups(theirs), maximize=maximize, foreach=False, **arguments)
    travelled = [p.detach().abs() for p in ours]
    for step in range(200):
        give_gradients(step, ours, theirs)
        before = [p.detach().clone() for p in ours]
        if step == 100:
            for opt in (a, b):
                opt.param_groups[1]["lr"] /= 2
        a.step()
        b.step()
        travelled = [
            t + (p - q).abs().detach() for t, p, q in zip(travelled, ours, before, strict=True)
        ]
        assert same(ours, theirs, travelled, 1e-12), step
    for p, q in zip(ours, theirs, strict=True):
        assert a.state[p].keys() == b.state[q].keys()
        for key, value in b.state[q].items():
            assert a.state[p][key].dtype == value.dtype
            assert torch.allclose(a.state[p][key], value, rtol=1e-10, atol=1e-12), key


@pytest.mark.parametrize("name", NAMES)
def test_float32_as_torch(name):
    # 200 roundings of 6e-8 each, and torch's of 1 - lr wd, of numbers up to 4: 1e-4 at most.
    ours, theirs = parameters(torch.float32), parameters(torch.float32)
    a, b = getattr(st, name)(ours), getattr(torch.optim, name)(theirs)
    for step in range(200):
        give_gradients(step, ours, theirs)
        a.step()
        b.step()
    assert all(torch.allclose(p, q, rtol=0, atol=1e-4) for p, q in zip(ours, theirs, strict=True))


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


def through_a_file(state_dict):
    file = io.BytesIO()
    torch.save(state_dict, file)
    file.seek(0)
    return torch.load(file)


@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_torch_to_ours_to_torch_in_mid_run(name, arguments, in_double):
    mixed, whole = parameters(), parameters()
    theirs = getattr(torch.optim, name)
    reference = theirs(groups(whole), **arguments)
    opt = None
    for step in range(60):
        if step % 20 == 0:
            make = [theirs, getattr(st, name), theirs][step // 20]
            # Other arguments: the loaded ones count.
            after = make([{"params": mixed[:1]}, {"params": mixed[1:], "lr": 0.7}], lr=0.3)
            after.load_state_dict(through_a_file((opt or reference).state_dict()))
            opt = after
        give_gradients(step, mixed, whole)
        opt.step()
        reference.step()
    # As in test_200_steps_as_torch; |p| and 60 steps stay below 20.
    assert same(mixed, whole, [torch.tensor(20.0)] * 4, 1e-12)


@pytest.mark.parametrize(("name", "arguments"), [*CASES, *((n, {}) for n in OURS_ALONE)])
def test_copies_and_files_continue_bit_for_bit(name, arguments):
    ours = parameters()
    opt = getattr(st, name)(groups(ours), check_finite=False, **arguments)
    for step in range(5):
        give_gradients(step, ours)
        opt.step()
    copies = [copy.deepcopy(opt), pickle.loads(pickle.dumps(opt))]  # noqa: S301 - our own
    loaded = parameters()
    for p, q in zip(loaded, ours, strict=True):
        p.data.copy_(q.data)
    fresh = getattr(st, name)(groups(loaded), **arguments)
    fresh.load_state_dict(through_a_file(opt.state_dict()))
    for step in range(5, 9):
        give_gradients(step, ours)
        opt.step()
    for other in [*copies, fresh]:
        twins = [p for group in other.param_groups for p in group["params"]]
        for step in range(5, 9):
            give_gradients(step, twins)
            other.step()
        assert all(torch.equal(p, q) for p, q in zip(twins, ours, strict=True))
    assert [c.check_finite for c in copies] == [False, False]
    assert fresh.check_finite


SCHEDULERS = [
    lambda opt: torch.optim.lr_scheduler.StepLR(opt, 10, 0.5),
    lambda opt: torch.optim.lr_scheduler.CosineAnnealingLR(opt, 30),
    lambda opt: torch.optim.lr_scheduler.OneCycleLR(opt, 0.3, total_steps=60),
    lambda opt: torch.optim.lr_scheduler.LambdaLR(opt, lambda t: 0.0 if t < 3 else 1 / t),
]


@pytest.mark.parametrize("schedule", SCHEDULERS)
@pytest.mark.parametrize(
    ("name", "arguments"),
    [("SGD", {"momentum": 0.9, "nesterov": True}), ("Adam", {}), ("AdamW", {}), ("RMSprop",
     {"momentum": 0.5})],
)  # fmt: skip
def test_schedulers(name, arguments, schedule, in_double):
    ours, theirs = parameters(), parameters()
    a = getattr(st, name)(ours, lr=0.1, **arguments)
    b = getattr(torch.optim, name)(theirs, lr=0.1, **arguments)
    at, bt = schedule(a), schedule(b)
    for step in range(50):
        give_gradients(step, ours, theirs)
        a.step()
        b.step()
        at.step()
        bt.step()
        assert a.param_groups[0]["lr"] == b.param_groups[0]["lr"]
    assert same(ours, theirs, [torch.tensor(30.0)] * 4, 1e-12)  # 50 steps of at most 0.3, and |p|


def test_momentum_may_come_and_go():
    ours, theirs = parameters(torch.float64), parameters(torch.float64)
    a, b = st.SGD(ours, lr=0.1), torch.optim.SGD(theirs, lr=0.1)
    for step in range(30):
        for opt in (a, b):
            opt.param_groups[0]["momentum"] = [0.0, 0.9, 0.0][step // 10]
        give_gradients(step, ours, theirs)
        a.step()
        b.step()
    assert same(ours, theirs, [torch.tensor(30.0)] * 4, 1e-12)
    assert [len(a.state[p]) for p in ours] == [len(b.state[p]) for p in theirs]


@pytest.mark.parametrize("name", OURS_ALONE)
def test_rules_that_torch_lacks(name):
    ours = parameters()
    twins = [p.detach().numpy().copy() for p in ours]
    a = getattr(st, name)(ours, weight_decay=0.1)
    b = getattr(optim, name)(twins, weight_decay=0.1)
    for step in range(10):
        give_gradients(step, ours)
        a.step()
        b.step([None if p.grad is None else p.grad.numpy() for p in ours])
    assert all((p.detach().numpy() == q).all() for p, q in zip(ours, twins, strict=True))


def test_closures_hooks_and_zero_grad():
    (weight,) = params = [torch.ones(3, requires_grad=True)]
    opt = st.Adam(params, lr=0.5)
    seen = []
    opt.register_step_pre_hook(lambda *_: seen.append("before"))
    opt.register_step_post_hook(lambda *_: seen.append("after"))

    def closure():
        opt.zero_grad()
        assert weight.grad is None
        loss = (weight**2).sum()
        loss.backward()
        seen.append("closure")
        return loss

    assert opt.step(closure).item() == 3.0
    assert seen == ["before", "closure", "after"]
    assert torch.allclose(weight, torch.full((3,), 0.5))
    opt.zero_grad(set_to_none=False)
    assert (weight.grad == 0).all()


def test_without_gradients_nothing_happens():
    params = parameters()
    before = [p.detach().clone() for p in params]
    opt = st.AdamW(params)
    opt.step()
    assert len(opt.state) == 0
    assert all(torch.equal(p, q) for p, q in zip(params, before, strict=True))


def test_autograd_sees_the_change():
    weight = torch.ones(3, requires_grad=True)
    opt = st.SGD([weight])
    loss = (weight * weight).sum()
    loss.backward(retain_graph=True)
    opt.step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_the_state_is_what_the_step_reads_and_writes():
    weight = torch.ones(3, requires_grad=True)
    opt = st.SGD([weight], lr=1.0, momentum=0.5)
    weight.grad = torch.ones(3)
    opt.step()
    buffer = opt.state[weight]["momentum_buffer"]
    opt.step()
    assert buffer is opt.state[weight]["momentum_buffer"]
    assert (buffer == 1.5).all()
    buffer.zero_()
    opt.step()
    assert (buffer == 1).all()
    opt.state[weight]["momentum_buffer"] = torch.full((3,), 4.0)
    opt.step()
    assert (opt.state[weight]["momentum_buffer"] == 3).all()
    opt.state.clear()
    opt.step()
    assert (opt.state[weight]["momentum_buffer"] == 1).all()


def test_parameters_may_move_between_steps():
    model = torch.nn.Linear(4, 3)
    opt = st.SGD(model.parameters(), lr=1.0)
    model.double()
    model.weight.data = torch.zeros(3, 4, dtype=torch.float64)
    model.weight.grad = torch.ones(3, 4, dtype=torch.float64)
    opt.step()
    assert (model.weight == -1).all()


def fingerprint(opt):
    params = [p for group in opt.param_groups for p in group["params"]]
    tensors = [*params, *(v for p in params for v in opt.state.get(p, {}).values())]
    return [t.detach().numpy().tobytes() for t in tensors], len(opt.state)


PLACE = "param_groups[1]['params'][2]"
FINITE = "expected finite numbers"
BAD = [
    (lambda g: g.to_sparse(), TypeError, f"{PLACE}.grad: torch.Tensor on device cpu of layout "
     "torch.sparse_coo can't be read in place"),
    (lambda g: torch.full_like(g, torch.nan), ValueError, f"{PLACE}.grad: NaN at (0, 0, 0), "
     f"{FINITE}"),
    (lambda g: g.transpose(0, 2).contiguous().transpose(0, 2), ValueError,
     f"{PLACE}.grad: strides (4, 12, 24), expected a C-contiguous array"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "error", "text"), BAD)
@pytest.mark.parametrize("name", [*NAMES, *OURS_ALONE])
@pytest.mark.parametrize("steps", [0, 2])
def test_a_refused_step_changes_nothing(name, steps, change, error, text):
    params = parameters()
    opt = getattr(st, name)(groups(params))
    for step in range(steps):
        give_gradients(step, params)
        opt.step()
    give_gradients(8, params)
    params[3].grad = change(params[3].grad)
    before = fingerprint(opt)
    with pytest.raises(error) as caught:
        opt.step()
    assert str(caught.value).startswith(text)
    assert fingerprint(opt) == before
    give_gradients(9, params)
    opt.step()
    assert fingerprint(opt) != before


def test_states_that_do_not_fit_are_refused():
    params = parameters()
    opt = st.Adam(params)
    give_gradients(0, params)
    opt.step()
    entry = opt.state[params[3]]
    place = "state of param_groups[0]['params'][3]"
    table = [
        ("exp_avg", torch.zeros(12), f"{place}['exp_avg']: shape (12,), expected (3, 2, 2)"),
        ("exp_avg", torch.zeros(3, 2, 2).double(), f"{place}['exp_avg']: dtype float64, expected "
         "float32"),
        ("exp_avg_sq", entry["exp_avg"], "shares memory with "),
        ("exp_avg_sq", params[0], "shares memory with "),
        ("step", torch.tensor(1.5), f"{place}['step']: shape (), value 1.500000, expected one "
         "whole number >= 0"),
        ("step", torch.ones(2), f"{place}['step']: shape (2,), value -1.000000, expected one "
         "whole number >= 0"),
        ("exp_avg", None, f"{place}: has no 'exp_avg', which adam keeps; load a state of that "
         "rule, or none"),
    ]  # fmt: skip
    for key, value, text in table:
        good = dict(entry)
        entry[key] = params[0].detach().reshape(-1)[:12].reshape(3, 2, 2) if (
            value is params[0]) else value  # fmt: skip
        if value is None:
            del entry[key]
        before = [p.detach().clone() for p in params]
        with pytest.raises((TypeError, ValueError)) as caught:
            opt.step()
        assert text in str(caught.value)
        assert all(torch.equal(p, q) for p, q in zip(params, before, strict=True))
        entry.update(good)
    opt.step()


ONES = torch.ones(2, 3)
REFUSED = [
    ({"params": [ONES.half()]}, TypeError, "dtype float16, expected float32 or float64"),
    ({"params": [ONES.bfloat16()]}, TypeError, "dtype bfloat16, expected float32 or float64"),
    ({"params": [ONES.cfloat()]}, TypeError, "dtype complex64, expected float32 or float64"),
    ({"params": [ONES.to("meta")]}, TypeError, "on device meta can't be read in place"),
    ({"params": [ONES.t()]}, ValueError, "strides (4, 12), expected a C-contiguous array"),
    ({"params": [ONES], "betas": (0.9, 1.5)}, ValueError, "betas[1]: 1.5"),
    ({"params": [ONES], "capturable": True}, ValueError, "capturable: True, expected False"),
    ({"params": [ONES], "differentiable": True}, ValueError, "differentiable: True"),
    ({"params": [ONES], "lr": -1.0}, ValueError, "lr: -1.0"),
]


@pytest.mark.parametrize(("group", "error", "text"), REFUSED, ids=[row[2] for row in REFUSED])
def test_refused_groups(group, error, text):
    with pytest.raises(error) as caught:
        st.Adam([dict(group)])
    assert text in str(caught.value)
    opt = st.Adam([torch.ones(3, requires_grad=True)])
    with pytest.raises(error):
        opt.add_param_group(dict(group))
    assert len(opt.param_groups) == 1
    opt.add_param_group({"params": [torch.ones(2, requires_grad=True)], "lr": 0.5})
    assert [g["lr"] for g in opt.param_groups] == [1e-3, 0.5]


def test_a_wrong_state_dict_is_refused_whole():
    params = parameters()
    opt = st.Adam(params, lr=0.25)
    give_gradients(0, params)
    opt.step()
    before = fingerprint(opt)
    wrong = copy.deepcopy(opt.state_dict())
    wrong["param_groups"][0]["betas"] = (0.9, 2.0)
    with pytest.raises(ValueError, match=r"^betas\[1\]: 2.0, expected"):
        opt.load_state_dict(wrong)
    assert fingerprint(opt) == before
    assert opt.param_groups[0]["betas"] == (0.9, 0.999)
    opt.step()


@pytest.mark.parametrize("fused", [None, True])
def test_grad_scaler(fused):
    weight = torch.ones(3, requires_grad=True)
    opt = st.Adam([weight], lr=0.5, fused=fused)
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    scaler.scale((weight**2).sum()).backward()
    weight.grad[1] = torch.inf
    scaler.step(opt)
    scaler.update()
    assert (weight == 1).all()
    assert scaler.get_scale() == 4.0
    opt.zero_grad()
    scaler.scale((weight**2).sum()).backward()
    scaler.step(opt)
    assert torch.allclose(weight, torch.full((3,), 0.5))


def test_learning_rate_as_a_tensor_and_named_parameters():
    model = torch.nn.Linear(2, 1)
    opt = st.SGD(model.named_parameters(), lr=torch.tensor(0.5))
    assert opt.param_groups[0]["param_names"] == ["weight", "bias"]
    before = model.bias.item()
    model.bias.grad = torch.ones(1)
    opt.step()
    opt.param_groups[0]["lr"].fill_(0.25)
    opt.step()
    assert model.bias.item() == pytest.approx(before - 0.75)


def test_state_dicts_of_an_older_torch_load():
    params = parameters()
    opt = st.NAdam(params, lr=0.5)
    old = opt.state_dict()
    for key in ("maximize", "decoupled_weight_decay"):
        del old["param_groups"][0][key]
    opt.load_state_dict(old)
    give_gradients(0, params)
    opt.step()
    assert opt.state[params[0]]["step"] == 1


def test_mixed_precisions_in_one_group():
    params = [torch.ones(5), torch.ones(5, dtype=torch.float64), torch.ones(0)]
    for p in params:
        p.grad = torch.ones_like(p)
    st.SGD(params, lr=0.5).step()
    assert all((p == 0.5).all() for p in params)


FORK = """
import os
import torch
import saddlescape.torch as st

torch.set_num_threads(1)  # PyTorch's own threads hang in a child whose parent has used them
grads = torch.randn(3, 400_000)

def run():
    weight = torch.ones(400_000, requires_grad=True)
    opt = st.Adam([weight])
    for g in grads:
        weight.grad = g
        opt.step()
    return weight.detach().numpy().tobytes()

before = run()
child = os.fork()
if child == 0:
    os._exit(0 if run() == before else 3)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert run() == before
print("same")
"""


@pytest.mark.slow
def test_after_fork():
    result = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", FORK], env=os.environ, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert result.stdout == "same\n"


def test_a_network_trains():
    torch.manual_seed(0)
    x = torch.randn(64, 8)
    y = (x[:, :1] * x[:, 1:2] > 0).float()
    model = torch.nn.Sequential(torch.nn.Linear(8, 32), torch.nn.Tanh(), torch.nn.Linear(32, 1))
    opt = st.AdamW(model.parameters(), lr=0.02)
    losses = []
    for _ in range(200):
        opt.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(model(x), y)
        loss.backward()
        opt.step()
        losses.append(loss.item())
    assert losses[-1] < 0.1 * losses[0]
    assert np.isfinite(losses).all()
