"""Where the state lies, what may change between steps, and processes, in saddlescape.torch."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from saddlescape import optim  # noqa: E402
from saddlescape import torch as st  # noqa: E402
from torch_samples import give_gradients, parameters, same_bits  # noqa: E402 - only where torch is

ALONE = [
    ("Lion", {"betas": (0.5, 0.7), "weight_decay": 0.1, "maximize": True}),
    ("Adan", {"betas": (0.9, 0.8, 0.7), "eps": 1e-3, "weight_decay": 0.1, "maximize": True}),
    ("Adan", {"weight_decay": 0.1, "no_prox": True}),
    ("AdEMAMix", {"betas": (0.8, 0.9, 0.99), "alpha": 2.0, "warmup": 7, "eps": 1e-3}),
    ("AdEMAMix", {"weight_decay": 0.1, "maximize": True}),
    ("LARS", {}),
    ("LARS", {"momentum": 0.5, "weight_decay": 0.1, "trust_coefficient": 0.1, "eps": 1e-3}),
    ("LARS", {"maximize": True}),
    ("LAMB", {}),
    ("LAMB", {"betas": (0.5, 0.7), "eps": 1e-3, "weight_decay": 0.1, "maximize": True}),
    ("ScheduleFreeAdamW", {}),
    ("ScheduleFreeAdamW", {"betas": (0.5, 0.7), "eps": 1e-3, "weight_decay": 0.1, "r": 1.0}),
    ("ScheduleFreeAdamW", {"warmup_steps": 5, "weight_lr_power": 1.0, "maximize": True}),
]
NUMPYS = {"LAMB": "Lamb", "LARS": "Lars"}


@pytest.mark.parametrize(("name", "arguments"), ALONE)
def test_rules_that_torch_lacks(name, arguments):
    ours = parameters()
    twins = [p.detach().numpy().copy() for p in ours]
    a = getattr(st, name)(ours, lr=0.1, **arguments)
    b = getattr(optim, NUMPYS.get(name, name))(twins, lr=0.1, **arguments)
    for step in range(10):
        give_gradients(step, ours)
        a.step()
        b.step([None if p.grad is None else p.grad.numpy() for p in ours])
    assert all((p.detach().numpy() == q).all() for p, q in zip(ours, twins, strict=True))


def test_a_group_more_in_adagrad():
    # PyTorch begins the states when it is made, and so has none for a group that is added.
    late, whole = parameters(), parameters()
    arguments = {"lr": 0.1, "initial_accumulator_value": 0.5}
    a, b = st.Adagrad(late[:2], **arguments), st.Adagrad(whole, **arguments)
    a.add_param_group({"params": late[2:]})
    for step in range(5):
        give_gradients(step, late, whole)
        a.step()
        b.step()
    assert same_bits(late, whole)


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


def test_mixed_precisions_in_one_group():
    params = [torch.ones(5), torch.ones(5, dtype=torch.float64), torch.ones(0)]
    for p in params:
        p.grad = torch.ones_like(p)
    st.SGD(params, lr=0.5).step()
    assert all((p == 0.5).all() for p in params)


def test_named_parameters():
    model = torch.nn.Linear(2, 1)
    opt = st.SGD(model.named_parameters(), lr=0.5)
    assert opt.param_groups[0]["param_names"] == ["weight", "bias"]
    before = model.bias.item()
    model.bias.grad = torch.ones(1)
    opt.step()
    assert model.bias.item() == pytest.approx(before - 0.5)


def test_a_list_that_changes_in_place_is_seen():
    weight, twin = (torch.ones(3, requires_grad=True) for _ in range(2))
    opt = st.Adam([{"params": [weight], "betas": [0.9, 0.99]}], lr=0.1)
    other = st.Adam([{"params": [twin], "betas": (0.9, 0.99)}], lr=0.1)
    for step in range(3):
        weight.grad = torch.full((3,), float(step - 1))
        twin.grad = weight.grad.clone()
        if step == 1:
            opt.param_groups[0]["betas"][0] = 0.5
            other.param_groups[0]["betas"] = (0.5, 0.99)
        opt.step()
        other.step()
    assert torch.equal(weight, twin)


def test_numbers_may_be_tensors_or_numpys():
    results = []
    for convert in (float, torch.tensor, np.float64):
        weight = torch.ones(3, requires_grad=True)
        betas = (convert(0.5), convert(0.75))
        opt = st.Adam([{"params": [weight], "betas": betas}], lr=convert(0.5))
        weight.grad = torch.arange(3.0)
        opt.step()
        first = weight.detach().clone()
        if convert is torch.tensor:
            opt.param_groups[0]["betas"][0].fill_(0.25)
        else:
            opt.param_groups[0]["betas"] = (convert(0.25), convert(0.75))
        opt.step()
        results.append((first, weight.detach().clone()))
    for first, second in results[1:]:
        assert torch.equal(first, results[0][0])
        assert torch.equal(second, results[0][1])


def test_gradients_with_a_graph_of_their_own():
    weight, twin = (torch.ones(3, requires_grad=True) for _ in range(2))
    opt = st.SGD([weight], lr=0.5)
    (weight.grad,) = torch.autograd.grad((weight**3).sum(), weight, create_graph=True)
    assert weight.grad.requires_grad
    opt.step()
    twin.grad = torch.full((3,), 3.0)
    torch.optim.SGD([twin], lr=0.5).step()
    assert torch.equal(weight, twin)


@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 5, 5)])
def test_gradients_as_autograd_lays_them_out(shape):
    # An expanded, a transposed, a strided one: autograd gives each the layout of its parameter.
    weight = torch.ones(shape, requires_grad=True)
    opt = st.SGD([weight], lr=1.0)
    for loss in (
        weight.sum(),
        (weight.transpose(0, 1) * torch.ones(shape).transpose(0, 1)).sum(),
        weight[::2].sum() + weight[1::2].sum(),
    ):
        opt.zero_grad()
        loss.backward()
        before = weight.detach().clone()
        opt.step()
        assert torch.equal(weight, before - 1)


def test_in_inference_mode():
    with torch.inference_mode():
        weight = torch.ones(3)
        weight.grad = torch.ones(3)
        st.Adam([weight], lr=0.5).step()
        assert torch.allclose(weight, torch.full((3,), 0.5))


def test_shared_memory_of_adagrad():
    weight = torch.ones(3, requires_grad=True)
    opt = st.Adagrad([weight], lr=0.5)
    opt.share_memory()
    weight.grad = torch.ones(3)
    opt.step()
    assert opt.state[weight]["sum"].is_shared()
    assert (opt.state[weight]["sum"] == 1).all()


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


def run_script(script, **env):
    result = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", script], env={**os.environ, **env}, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return result.stdout


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
    assert run_script(FORK) == "same\n"


ORDER = """
import pickle
{imports}
import saddlescape.torch as st

torch.set_num_threads(2)
ss.set_threads(2)
ours, theirs = (torch.ones(300_000, requires_grad=True) for _ in range(2))
pairs = [(ours, st.Adam([ours])), (theirs, torch.optim.Adam([theirs]))]
for _ in range(3):
    for weight, opt in pairs:
        opt.zero_grad()
        (weight * weight).sum().backward()
        opt.step()
assert torch.allclose(ours, theirs, rtol=0, atol=1e-6)
# A new process patches the step for hooks when it unpickles.
opt, seen = pickle.loads(bytes.fromhex({pickled!r})), []
opt.register_step_pre_hook(lambda *_: seen.append("hook"))
(weight,) = opt.param_groups[0]["params"]
weight.grad = torch.ones(3)
opt.step()
print(*seen, *weight.tolist())
"""


@pytest.mark.slow
@pytest.mark.parametrize("order", [["torch", "ss"], ["ss", "torch"]])
def test_either_may_be_imported_first(order):
    lines = {"torch": "import torch", "ss": "import saddlescape as ss"}
    weight = torch.ones(3, requires_grad=True)
    opt = st.SGD([weight], lr=0.25)
    script = ORDER.format(
        imports="\n".join(lines[name] for name in order), pickled=pickle.dumps(opt).hex()
    )
    assert run_script(script) == "hook 0.75 0.75 0.75\n"
