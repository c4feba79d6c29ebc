"""Losses in PyTorch that once gave a wrong Hessian, or a certain one with too small an error."""
# ruff: noqa: PLW0108 - a loss has to be computed anew at every call, a bound method is not

from __future__ import annotations

import copy
import random
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from saddlescape import critical, curvature, eig

torch = pytest.importorskip("torch")
from test_curvature_torch_refusals import Detached, refused  # noqa: E402 - needs torch

pytestmark = pytest.mark.filterwarnings("ignore::saddlescape.curvature.PiecewiseLinearWarning")

F, nn = torch.nn.functional, torch.nn
D = torch.float64


def exact(loss_fn: Callable[[], Any], params: Any) -> np.ndarray:
    """The Hessian by differentiating each entry of the gradient."""
    params = list(params)
    grads = torch.autograd.grad(loss_fn(), params, create_graph=True)
    flat = torch.cat([g.reshape(-1) for g in grads])
    rows = []
    for entry in flat:
        parts = torch.autograd.grad(entry, params, retain_graph=True, materialize_grads=True)
        rows.append(torch.cat([part.reshape(-1).double() for part in parts]))
    return torch.stack(rows).detach().numpy()


def test_a_kink_elsewhere_does_not_hide_a_wrong_derivative() -> None:
    w = torch.tensor([1.0, 2.0], dtype=D, requires_grad=True)

    def loss_fn() -> Any:
        return (Detached.apply(w) * w - 0.8 * w**4).sum() + 0 * w.clamp(min=1e-9).sum()

    H = curvature.from_torch(loss_fn, [w])
    assert "finite differences" in repr(H)
    assert "differences of gradients" in (H.silent or "")
    assert np.linalg.norm(H.dense() - np.diag([2.4, 9.6])) <= H.error() < 1e-6
    assert eig.inertia(H.dense(), tolerance=H.error()).positive == 2


def test_weight_norm_with_kinks() -> None:
    """The second derivative of its kernel is wrong in PyTorch 2.13, but for tanh it was noticed."""
    torch.manual_seed(5)
    x = torch.randn(20, 3, dtype=D)
    first = nn.utils.parametrizations.weight_norm(nn.Linear(3, 4)).double()
    last = nn.Linear(4, 1).double()
    b, g, v = [p for _, p in first.named_parameters()]
    params = [*first.parameters(), *last.parameters()]

    def written_out() -> Any:
        W = g * v / v.norm(dim=1, keepdim=True)
        return (last(torch.relu(x @ W.T + b)) ** 2).mean()

    H = curvature.from_torch(lambda: (last(torch.relu(first(x))) ** 2).mean(), params)
    R = exact(written_out, params)
    assert np.linalg.norm(H.dense() - R) <= max(H.error(), 1e-10 * np.linalg.norm(R))
    assert curvature.from_torch(written_out, params).differences is None


def test_relu_networks_stay_exact() -> None:
    """Also with kinks within every step but the shortest, and at a point on kinks."""
    torch.manual_seed(0)
    x, y = torch.randn(400, 5, dtype=D), torch.arange(400) % 3
    net = nn.Sequential(nn.Linear(5, 50), nn.ReLU(), nn.Linear(50, 3)).double()
    assert (
        curvature.from_torch(lambda: F.cross_entropy(net(x), y), net.parameters()).differences
        is None
    )
    with torch.no_grad():
        for p in net.parameters():
            p.zero_()
    assert (
        curvature.from_torch(lambda: F.cross_entropy(net(x), y), net.parameters()).differences
        is None
    )


def test_a_derivative_that_nobody_can_check_is_named() -> None:
    torch.manual_seed(0)
    x = torch.randn(3000, 5)
    net = nn.Sequential(nn.Linear(5, 100), nn.ReLU(), nn.Linear(100, 1))
    H = curvature.from_torch(lambda: Detached.apply(net(x)).mean(), net.parameters())
    assert H.differences is not None or "Detached, written by hand" in (H.silent or "")


@pytest.mark.parametrize("seed", range(2))
def test_fused_attention_is_written_out(seed: int) -> None:
    torch.manual_seed(seed)
    net = nn.TransformerEncoderLayer(4, 2, 6, 0.0, batch_first=True).eval()
    x = torch.randn(8, 4, 4)
    wide = copy.deepcopy(net).double()
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        R = exact(lambda: wide(x.double()).pow(3).mean(), wide.parameters())
    H = curvature.from_torch(lambda: net(x).pow(3).mean(), net.parameters())
    before = H.error()
    assert H.differences is None
    assert np.linalg.norm(H.dense() - R) <= min(before, H.error()) <= 1e-3 * np.linalg.norm(R)


def test_autocast_remembers_nothing() -> None:
    torch.manual_seed(0)
    net, x = nn.Linear(3, 1), torch.randn(5, 3)

    def loss_fn() -> Any:
        return net(x).float().pow(2).mean()

    def inner() -> Any:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return loss_fn()

    with torch.autocast("cpu", dtype=torch.bfloat16, cache_enabled=False):
        expected = curvature.from_torch(loss_fn, net.parameters())
        there, here = expected.loss(expected.theta + 1), loss_fn().item()
    for function in (loss_fn, inner):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            H = curvature.from_torch(function, net.parameters())
            assert H.loss(H.theta + 1) == there
            assert H.loss() == here == loss_fn().item()
            assert torch.is_autocast_cache_enabled()


HOOKS: dict[str, Callable[[Any], Any]] = {
    "doubled": lambda g: 2 * g,
    "clipped": lambda g: g.clamp(-0.1, 0.1),
    "scaled": lambda g: g / 8,
}


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("kinked", [False, True])
def test_a_gradient_of_something_else_is_refused(hook: str, kinked: bool) -> None:
    w = torch.tensor([1.0, 1.5, -2.0], dtype=D, requires_grad=True)
    w.register_hook(HOOKS[hook])
    refused(
        lambda: ((w.relu() if kinked else w) ** 3).sum(), [w], "not that of loss_fn", "hooks on"
    )


def test_straight_through_and_reentrant_checkpoints_are_refused() -> None:
    w = torch.linspace(-1, 1, 5, dtype=D).requires_grad_()
    refused(
        lambda: ((w + (torch.round(4 * w) / 4 - w).detach() - 0.3) ** 2).sum(), [w],
        "straight-through",
    )  # fmt: skip
    x = torch.randn(20, 3, dtype=D, generator=torch.Generator().manual_seed(0))
    x.requires_grad_()
    net = nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 1)).double()
    from torch.utils.checkpoint import checkpoint

    def loss_fn(reentrant: bool) -> Any:
        return (net[2:](checkpoint(net[:2], x, use_reentrant=reentrant)) ** 2).mean()

    assert curvature.from_torch(lambda: loss_fn(False), net.parameters()).differences is None


def test_rare_randomness_is_refused() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Dropout(0.01), nn.Linear(4, 1)).double()
    x = torch.randn(5, 3, dtype=D)
    refused(lambda: net(x).pow(2).mean(), net.parameters(), "random numbers (PyTorch)", "eval()")
    net.eval()
    drawn = {
        "Python": lambda: random.random(),  # noqa: S311
        "NumPy": lambda: np.random.rand(),  # noqa: NPY002
    }
    for whose, draw in drawn.items():
        refused(
            lambda draw=draw: net(x).pow(2).mean() * (2.0 if draw() < 1e-9 else 1.0),
            net.parameters(), f"random numbers ({whose})", "seed",
        )  # fmt: skip


def test_one_thread_at_a_time() -> None:
    torch.manual_seed(0)
    x = torch.randn(20, 3, dtype=D)
    net = nn.Sequential(nn.Linear(3, 30), nn.Tanh(), nn.Linear(30, 1)).double()
    H = curvature.from_torch(lambda: (net(x) ** 2).mean(), net.parameters())
    points = [H.theta + 0.1, H.theta + 0.2]
    expected, wrong = [H.loss(point) for point in points], [0, 0]

    def go(k: int) -> None:
        for _ in range(100):
            wrong[k] += H.loss(points[k]) != expected[k]

    threads = [threading.Thread(target=go, args=(k,)) for k in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == [0, 0]


def test_gradients_of_other_tensors_are_put_back() -> None:
    a, b = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)

    def loss_fn() -> Any:
        (b**2).sum().backward()
        return ((a * b.detach()) ** 2).sum()

    refused(loss_fn, [a], "changes .grad (put back)")
    assert b.grad is None


def test_a_model_that_is_no_longer_the_same_is_refused() -> None:
    net, x = nn.Linear(3, 1), torch.ones(1, 3)
    named = list(net.named_parameters())
    H = curvature.from_torch(lambda: net(x.to(net.weight.dtype)).pow(2).sum(), named)
    net.weight.requires_grad_(False)
    with pytest.raises(ValueError, match=r"'weight' has changed \(requires_grad False, was True\)"):
        H @ np.ones(4)
    net.double().weight.requires_grad_(True)
    with pytest.raises(ValueError, match=r"'weight' has changed \(dtype torch.float64, was"):
        H.loss(H.theta)


def test_another_default_device() -> None:
    w = torch.ones(3, dtype=D, requires_grad=True)
    torch.set_default_device("meta")
    try:
        assert np.allclose(curvature.from_torch(lambda: (w**3).sum(), [w]).dense(), 6 * np.eye(3))
    finally:
        torch.set_default_device(None)


class InNumPy(torch.autograd.Function):
    """A sine whose backward pass leaves PyTorch."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return torch.from_numpy(np.sin(x.detach().numpy()))

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return torch.from_numpy(g.numpy() * np.cos(ctx.saved_tensors[0].detach().numpy()))


def test_a_backward_pass_in_numpy_has_no_derivative() -> None:
    w = torch.linspace(-1, 1, 4, dtype=D).requires_grad_()
    H = curvature.from_torch(lambda: (InNumPy.apply(w) ** 2).sum(), [w])
    assert "numpy()" in (H.differences or "")
    R = np.diag(2 * np.cos(2 * w.detach().numpy()))
    assert np.linalg.norm(H.dense() - R) <= H.error() < 1e-6


def test_parameters_that_share_memory_are_refused() -> None:
    base = torch.arange(9.0).reshape(3, 3)
    a, b = base.t().detach().requires_grad_(), base.detach().requires_grad_()
    refused(lambda: (a**2).sum() + (b**3).sum(), [a, b], "params[1]: shares memory with params[0]")
    wide = torch.ones(1).expand(3).detach().requires_grad_()
    refused(lambda: (wide**3).sum(), [wide], "params[0]: expanded")
    left, right = base[:, 0].detach().requires_grad_(), base[:, 1].detach().requires_grad_()
    assert curvature.from_torch(lambda: (left * right).sum() ** 2, [left, right]).shape == (6, 6)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("max", lambda w: w.amax()),
        ("max", lambda w: w.reshape(2, 2).max(0).values.sum()),
        ("norm", lambda w: w.norm(1)),
        ("norm", lambda w: torch.linalg.vector_norm(w, float("inf"))),
        ("max_pool", lambda w: F.adaptive_max_pool2d(w.reshape(1, 1, 2, 2), 1).sum()),
        (
            "max",
            lambda w: F.embedding_bag(torch.tensor([[0, 1]]), w.reshape(2, 2), mode="max").sum(),
        ),
        ("where", lambda w: torch.where(w > 0, w, 0.1 * w).sum()),
        ("where", lambda w: (w * (w > 0).double()).sum()),
        ("sort", lambda w: w.topk(2).values.sum()),
    ],
)
def test_more_kinks(name: str, function: Callable[[Any], Any]) -> None:
    w = torch.tensor([0.5, -1.0, 2.0, 3.0], dtype=D, requires_grad=True)
    silent = curvature.from_torch(lambda: function(w) ** 2, [w]).silent or ""
    assert f"{name} is piecewise linear" in silent
    assert curvature.from_torch(lambda: w.norm() ** 3, [w]).silent is None


def test_parameters_made_in_inference_mode_and_frozen_ones() -> None:
    with torch.inference_mode():
        p = nn.Parameter(torch.ones(2))
    refused(lambda: (p**2).sum(), [p], "params[0]: made under inference_mode")
    refused(lambda: (p**2).sum(), [torch.ones(2)], "for p in model.parameters() if p.requires_grad")


@pytest.mark.parametrize("seed", range(4))
def test_error_covers_inputs_that_are_not_normalised(seed: int) -> None:
    torch.manual_seed(seed)
    X, y = torch.randn(60, 4) + 30, torch.arange(60) % 3
    net = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))
    wide = copy.deepcopy(net).double()
    R = exact(lambda: F.cross_entropy(wide(X.double()), y), wide.parameters())
    H = curvature.from_torch(lambda: F.cross_entropy(net(X), y), net.parameters())
    assert np.linalg.norm(H.dense() - R) <= H.error()


@pytest.mark.parametrize("dtype", [torch.float32, D])
def test_rounding_inside_a_loss_is_no_way_down(dtype: Any) -> None:
    """Sums that are larger than the loss itself."""
    a = torch.from_numpy(np.random.default_rng(0).standard_normal((50, 2))).to(dtype)
    w = torch.zeros(3, dtype=dtype, requires_grad=True)
    H = curvature.from_torch(lambda: ((a @ w[:2]) ** 2).mean() + ((1.7 + w[2]) - w[2]) - 1.7, [w])
    assert critical.classify(H).kind is critical.Kind.DEGENERATE_MINIMUM
    assert critical.escape(H).outcome is critical.EscapeOutcome.NO_WAY_DOWN


def test_a_minimum_at_kinks_is_probed() -> None:
    """All-zero weights with decay: H > 0, and yet the loss falls, however near."""
    torch.manual_seed(0)
    x = torch.randn(30, 3, dtype=D)
    y = x[:, :1].relu() + 0.5 * x[:, 1:2]
    W = torch.zeros(4, 3, dtype=D, requires_grad=True)
    v = torch.zeros(1, 4, dtype=D, requires_grad=True)
    c = (y.mean() / 1.001).reshape(1).requires_grad_()

    def loss_fn() -> Any:
        decay = sum((p**2).sum() for p in (W, v, c))
        return ((torch.relu(x @ W.T) @ v.T + c - y) ** 2).mean() + 1e-3 * decay

    H = curvature.from_torch(loss_fn, [W, v, c], lower_bound=0)
    point = critical.classify(H)
    assert point.inertia.positive == H.shape[0]
    assert point.kind is critical.Kind.DEGENERATE_SADDLE
    assert "across a kink: a saddle" in str(point)
    assert "small step" not in point.remedy
    assert critical.escape(H).outcome is critical.EscapeOutcome.ESCAPED
    bowl = torch.ones(2, dtype=D, requires_grad=True)
    still = critical.classify(
        curvature.from_torch(lambda: ((bowl.relu() - 1) ** 2).sum(), [bowl], lower_bound=0)
    )
    assert still.kind is critical.Kind.MINIMUM
    assert "small step" not in still.remedy
    assert "kinks" in still.remedy


def test_a_trained_network_with_kinks_in_single_precision_is_not_refused() -> None:
    """Where the gradient is small, kinks within a step change the slope as much as it is."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(36, 3),
    )  # fmt: skip
    X, y = torch.randn(40, 1, 8, 8), torch.arange(40) % 3
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        F.cross_entropy(net(X), y).backward()
        optimizer.step()
    net.eval()
    wide = copy.deepcopy(net).double()
    R = exact(lambda: F.cross_entropy(wide(X.double()), y), wide.parameters())
    H = curvature.from_torch(lambda: F.cross_entropy(net(X), y), net.parameters())
    assert np.linalg.norm(H.dense() - R) <= H.error()
