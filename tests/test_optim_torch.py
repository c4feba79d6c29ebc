"""Parity with torch.optim: the same names, defaults and paths."""

from __future__ import annotations

import inspect
import subprocess
import sys

import numpy as np
import pytest

from saddlescape import optim

torch = pytest.importorskip("torch")

CASES = [
    ("SGD", {}),
    ("SGD", {"lr": 0.1, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.8, "nesterov": True, "weight_decay": 0.01}),
    ("Adagrad", {}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.01, "weight_decay": 0.01, "eps": 1e-3}),
    ("Adagrad", {"initial_accumulator_value": 0.5}),
    ("Adadelta", {}),
    ("Adadelta", {"lr": 0.5, "rho": 0.7, "eps": 1e-3, "weight_decay": 0.01}),
    ("RMSprop", {}),
    ("RMSprop", {"lr": 0.1, "alpha": 0.7, "eps": 1e-3, "weight_decay": 0.01}),
    ("Adam", {}),
    ("Adam", {"lr": 0.1, "betas": (0.7, 0.8), "eps": 1e-3, "weight_decay": 0.01}),
    ("Adam", {"lr": 0.1, "betas": (0.0, 0.5)}),
    ("Adam", {"lr": 0.1, "weight_decay": 0.01, "decoupled_weight_decay": True}),
    ("Adam", {"lr": 0.1, "amsgrad": True, "eps": 1e-3, "weight_decay": 0.01}),
    ("AdamW", {}),
    ("AdamW", {"lr": 0.1, "betas": (0.7, 0.8), "eps": 1e-3, "weight_decay": 0.1}),
    ("AdamW", {"lr": 0.1, "amsgrad": True, "betas": (0.7, 0.8)}),
    ("RMSprop", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}),
    ("RMSprop", {"centered": True}),
    ("RMSprop", {"lr": 0.1, "alpha": 0.7, "eps": 1e-3, "momentum": 0.5, "centered": True}),
    ("Adamax", {}),
    ("Adamax", {"lr": 0.1, "betas": (0.7, 0.8), "eps": 1e-3, "weight_decay": 0.01}),
    ("NAdam", {}),
    ("NAdam", {"lr": 0.1, "betas": (0.7, 0.8), "eps": 1e-3, "weight_decay": 0.01}),
    ("NAdam", {"momentum_decay": 0.1, "weight_decay": 0.01, "decoupled_weight_decay": True}),
    ("RAdam", {}),
    ("RAdam", {"lr": 0.1, "betas": (0.7, 0.8), "eps": 1e-3, "weight_decay": 0.01}),
    ("RAdam", {"betas": (0.7, 0.5), "weight_decay": 0.01, "decoupled_weight_decay": True}),
    ("Rprop", {}),
    ("Rprop", {"lr": 0.1, "etas": (0.4, 1.5), "step_sizes": (0.01, 0.3)}),
    ("ASGD", {}),
    ("ASGD", {"lr": 0.1, "lambd": 0.01, "alpha": 0.5, "t0": 20, "weight_decay": 0.01}),
]


@pytest.fixture
def in_double():
    """Let torch keep NAdam's mu_product and ASGD's eta and mu in double, as ours are."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("maximize", [False, True])
@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_same_path_as_torch(name, arguments, maximize, in_double):
    # 1e-12 of the distance travelled: torch rearranges (lerp, two divisions instead of one), so
    # each of 200 steps differs by a few ulp (2e-16) of the numbers that it adds.
    rng = np.random.default_rng(0)
    shapes = [(5, 7), (11,)]
    ours = [rng.normal(size=shape) for shape in shapes]
    theirs = [torch.from_numpy(p.copy()).requires_grad_() for p in ours]
    a = getattr(optim, name)(ours, maximize=maximize, **arguments)
    b = getattr(torch.optim, name)(theirs, maximize=maximize, foreach=False, **arguments)
    travelled = [np.abs(p) for p in ours]
    for step in range(200):
        grads = [rng.normal(size=shape) for shape in shapes]
        before = [p.copy() for p in ours]
        if step % 7 == 3:
            grads[1] = None  # torch skips it, its state and its count of steps
        # Rprop reads lr once. ASGD's new lr acts a step late in torch (asgd.hpp says so).
        if step == 100 and name not in ("Rprop", "ASGD"):
            a.lr = b.param_groups[0]["lr"] = a.lr / 2
        a.step(grads)
        for tensor, g in zip(theirs, grads, strict=True):
            tensor.grad = None if g is None else torch.from_numpy(g)
        b.step()
        for i, (p, q) in enumerate(zip(ours, theirs, strict=True)):
            travelled[i] = travelled[i] + np.abs(p - before[i])
            assert (np.abs(p - q.detach().numpy()) / travelled[i]).max() < 1e-12, step
    for state, arrays in a.state_dict()["state"].items():
        for mine, tensor in zip(arrays, theirs, strict=True):
            other = b.state[tensor][state].numpy()
            assert np.allclose(mine, other, rtol=1e-10, atol=1e-12), state


@pytest.mark.parametrize("name", sorted({name for name, _ in CASES}))
def test_same_arguments_and_defaults_as_torch(name):
    implementation = {"foreach", "capturable", "differentiable", "fused"}
    ours = inspect.signature(getattr(optim, name)).parameters
    theirs = inspect.signature(getattr(torch.optim, name)).parameters
    for argument, parameter in ours.items():
        if argument == "common":  # what stands round every rule
            continue
        if argument == "convention":
            assert parameter.default == "torch"
            continue
        assert argument in theirs
        assert parameter.default == theirs[argument].default, argument
    assert set(theirs) - set(ours) <= implementation


SCRIPT = """
import numpy as np
{imports}
ss.set_threads(2)
torch.set_num_threads(2)
theta = np.ones(300_000, np.float32)
weight = torch.ones(300_000, requires_grad=True)
ours, theirs = ss.optim.SGD(theta, lr=0.5), torch.optim.SGD([weight], lr=0.5)
for _ in range(3):
    (weight * weight).sum().backward()
    ours.step(weight.grad.numpy())
    theirs.step()
    theirs.zero_grad()
assert (theta == weight.detach().numpy()).all()
assert torch.allclose(torch.ones(64, 64) @ torch.ones(64, 64), torch.full((64, 64), 64.0))
print("ok")
"""


@pytest.mark.slow
@pytest.mark.parametrize("order", [["torch", "ss"], ["ss", "torch"]])
def test_both_in_one_process(order):
    lines = {"torch": "import torch", "ss": "import saddlescape as ss\nimport saddlescape.optim"}
    script = SCRIPT.format(imports="\n".join(lines[name] for name in order))
    result = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout == "ok\n"
