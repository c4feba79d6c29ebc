"""PyTorch's losses as operators: the same Hessian as our network's, and nothing disturbed."""

from __future__ import annotations

import gc
import random
import subprocess
import sys
import weakref
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest

import saddlescape as ss
from curvature_samples import agrees, network, same_verdicts, to_its_minimum
from oracle import complex_step
from saddlescape import critical, curvature
from saddlescape.critical import Kind

torch = pytest.importorskip("torch")
from test_net_torch import ACTIVATIONS, LOSSES  # noqa: E402 - needs torch

pytestmark = pytest.mark.filterwarnings("ignore::saddlescape.curvature.PiecewiseLinearWarning")

F, nn = torch.nn.functional, torch.nn
SMOOTH = [a for a in ACTIVATIONS if a not in ("relu", "leaky_relu", "elu")]


def perceptron(
    activation: str = "tanh",
    loss: str = "mse",
    dtype: str = "float64",
    seed: int = 0,
    sizes: tuple[int, ...] = (3, 5, 4, 2),
) -> tuple[ss.MLP, Any, Any, list[Any], Callable[[], Any]]:
    """Our network, its data, and the same written in torch on tensors of its own."""
    net, X, Y = network(activation, loss, dtype, sizes, seed)
    params = [torch.tensor(t, requires_grad=True) for layer in net.layers() for t in layer]
    x, y = torch.from_numpy(X), torch.from_numpy(Y)

    def loss_fn() -> Any:
        a = x
        for i in range(0, len(params), 2):
            a = a @ params[i].T + params[i + 1]
            a = ACTIVATIONS[activation](a) if i < len(params) - 2 else a
        return LOSSES[loss](a, y)

    return net, X, Y, params, loss_fn


@pytest.mark.parametrize(("activation", "loss"), list(product(ACTIVATIONS, LOSSES)))
def test_agrees_with_our_network(activation: str, loss: str) -> None:
    net, X, Y, params, loss_fn = perceptron(activation, loss)
    ours, theirs = curvature.of(net, X, Y), curvature.from_torch(loss_fn, params)
    kinked = {"relu", "leaky_relu", "hard_sigmoid", "hard_swish", "hard_tanh", "mae"}
    agrees(theirs, ours, bool(kinked & {activation, loss}))


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("seed", range(5))
def test_error_covers_the_rounding_of_the_type(activation: str, dtype: str, seed: int) -> None:
    net, X, Y, params, loss_fn = perceptron(activation, "cross_entropy", dtype, seed)
    H = curvature.from_torch(loss_fn, params)
    exact = complex_step.hessian(
        net.theta.astype(float), net.sizes, X.astype(float), Y.astype(float), activation,
        "cross_entropy",
    )  # fmt: skip
    size, eps = float(np.linalg.norm(exact)), float(np.finfo(dtype).eps)
    before = H.error()
    difference = float(np.linalg.norm(H.dense() - exact))
    assert H.dense().dtype == (H @ np.ones(net.parameters)).dtype == np.float64
    for stated in (before, H.error()):
        assert difference <= stated <= 300 * eps * size


def saddle(dtype: str) -> tuple[Any, ...]:
    """Zero weights, and a last bias at rest."""
    net, X, Y, params, loss_fn = perceptron("tanh", "cross_entropy", dtype, sizes=(3, 4, 2))
    net.theta = 0 * net.theta
    net.layers()[-1][1][:] = np.log(Y.mean(axis=0))
    return net, X, Y, params, loss_fn


def minimum(dtype: str) -> tuple[Any, ...]:
    """A linear fit at its solution."""
    net, X, Y, params, loss_fn = perceptron("tanh", "mse", dtype, sizes=(3, 2))
    to_its_minimum(net, X, Y)
    return net, X, Y, params, loss_fn


def somewhere(dtype: str) -> tuple[Any, ...]:
    return perceptron("tanh", "cross_entropy", dtype)


POINTS = {Kind.SADDLE: saddle, Kind.MINIMUM: minimum, Kind.NOT_CRITICAL: somewhere}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", POINTS)
def test_verdicts_are_those_of_our_network(kind: Kind, dtype: str) -> None:
    net, X, Y, params, loss_fn = POINTS[kind](dtype)
    with torch.no_grad():
        for p, t in zip(params, [t for layer in net.layers() for t in layer], strict=True):
            p.copy_(torch.from_numpy(t))
    ours, theirs = curvature.of(net, X, Y), curvature.from_torch(loss_fn, params, lower_bound=0)
    same_verdicts(theirs, ours, kind, 1e-10 if dtype == "float64" else 1e-5)


def test_the_saddle_is_left_in_float32() -> None:
    """(1 - a b)^2 at zero: to the valley, where rounding of the loss is no way further down."""
    w = torch.zeros(2, requires_grad=True)

    def loss_fn() -> Any:
        return (1 - w[0] * w[1]) ** 2

    out = critical.escape(curvature.from_torch(loss_fn, [w], lower_bound=0))
    assert out.outcome is critical.EscapeOutcome.ESCAPED
    assert out.loss_after < 1e-6
    assert not w.any()
    with torch.no_grad():
        w.copy_(torch.from_numpy(out.theta))
    end = critical.classify(curvature.from_torch(loss_fn, [w]))
    assert end.kind is Kind.DEGENERATE_MINIMUM


def test_rounding_of_a_float32_loss_is_no_way_down() -> None:
    """Along a flat direction the last places of the loss jump."""
    rng = np.random.default_rng(0)
    a = torch.from_numpy(rng.standard_normal((50, 2)).astype(np.float32))
    w = torch.zeros(3, requires_grad=True)

    def loss_fn() -> Any:
        # 1.7 but for rounding: 2.4e-7 less at w[2] = 3, one of the probe's steps
        return ((a @ w[:2]) ** 2).mean() + ((1.7 + w[2]) - w[2])

    assert critical.classify(curvature.from_torch(loss_fn, [w])).kind is Kind.DEGENERATE_MINIMUM


class Net(nn.Module):
    """Every kind of state: weights, buffers, unused and frozen parameters, several types."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 4).double()
        self.norm = nn.BatchNorm1d(4).double()
        self.drop = nn.Dropout(0.5)
        self.last = nn.Linear(4, 2)
        self.unused = nn.Parameter(torch.full((3,), -0.0))

    def forward(self, x: Any) -> Any:
        return self.last(self.drop(torch.tanh(self.norm(self.first(x)))).float())


def model() -> tuple[Net, Callable[[], Any]]:
    torch.manual_seed(0)
    net, x = Net(), torch.randn(8, 3, dtype=torch.float64)
    net(x)  # so that the statistics aren't those of the start
    y = torch.arange(8) % 2
    return net, lambda: F.cross_entropy(net(x), y)


def bits(net: Any) -> list[bytes]:
    grads = [b"" if p.grad is None else p.grad.numpy().tobytes() for p in net.parameters()]
    states = [t.numpy().tobytes() for t in net.state_dict().values()]
    generators = [torch.get_rng_state().numpy().tobytes(), repr(random.getstate()).encode()]
    return states + grads + generators + [repr(np.random.get_state()).encode()]  # noqa: NPY002


def test_nothing_is_disturbed() -> None:
    net, loss_fn = model()
    net.eval()
    loss_fn().backward()
    before, versions = bits(net), [p._version for p in net.parameters()]
    graph = loss_fn()  # of the caller's, still to be used
    H = curvature.from_torch(loss_fn, net.parameters())
    V = np.eye(H.shape[0])[:, :3]
    H @ V, H.dense(), H.error(), H.loss(H.theta + 1), H.gradient()
    assert bits(net) == before
    assert [p._version for p in net.parameters()] == versions
    graph.backward()


def test_a_loss_that_raises_elsewhere_puts_everything_back() -> None:
    net, loss_fn = model()
    net.eval()

    def fragile() -> Any:
        torch.manual_seed(1), random.seed(1), np.random.seed(1)  # noqa: NPY002
        torch.rand(1), random.random(), np.random.rand()  # noqa: NPY002, S311
        if net.last.bias[0] > 5:
            raise ArithmeticError("too far")
        return loss_fn()

    before = bits(net)
    H = curvature.from_torch(fragile, net.parameters())
    with pytest.raises(ArithmeticError, match="too far"):
        H.loss(H.theta + 100)
    assert bits(net) == before


def test_the_operator_stays_at_its_point() -> None:
    _, _, _, params, loss_fn = perceptron()
    H = curvature.from_torch(loss_fn, params)
    v = np.ones(H.shape[0])
    product, value = H @ v, H.loss()
    with torch.no_grad():
        for p in params:
            p += 1
    moved = [p.detach().clone() for p in params]
    assert np.array_equal(H @ v, product)
    assert H.loss(H.theta) == value == H.loss()
    assert H.loss(H.theta + 1) == pytest.approx(loss_fn().item(), rel=1e-14)
    assert all(torch.equal(p, t) for p, t in zip(params, moved, strict=True))
    with pytest.raises(ValueError, match="read-only"):
        H.theta[0] = 1


def test_parameters_out_of_reach_have_zero_rows() -> None:
    net, loss_fn = model()
    net.eval()
    A = curvature.from_torch(loss_fn, net.parameters()).dense()
    names = np.concatenate([[name] * p.numel() for name, p in net.named_parameters()])
    out = names == "unused"
    assert out.sum() == 3
    assert not A[out].any()
    assert not A[:, out].any()
    assert A[~out].any(axis=1).all()
    some = curvature.from_torch(loss_fn, net.last.parameters()).dense()
    chosen = np.char.startswith(names, "last")
    assert np.allclose(some, A[np.ix_(chosen, chosen)], rtol=0, atol=1e-6)


def test_no_graph_is_left() -> None:
    _, _, _, params, loss_fn = perceptron()
    seen = []

    def watched() -> Any:
        loss = loss_fn()
        out = loss.exp()
        seen.append(weakref.ref(out))
        return out * 1.0  # whose graph holds out

    H = curvature.from_torch(watched, params)
    gc.disable()
    try:
        H @ np.ones((H.shape[0], 3))
        H.dense()
        assert len(seen) > 4
        assert all(ref() is None for ref in seen)
    finally:
        gc.enable()
    assert all(p.grad is None for p in params)


def test_importing_saddlescape_needs_neither() -> None:
    code = (
        "import sys, saddlescape as ss; ss.curvature.from_torch; ss.curvature.from_jax; "
        "assert not {'torch', 'jax'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 - our own code


def test_pieces_of_the_identity_give_the_same_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, _, params, loss_fn = perceptron()
    whole = curvature.from_torch(loss_fn, params).dense()
    monkeypatch.setattr("saddlescape.curvature.assembly._BYTES", 7 * 8 * len(whole))
    monkeypatch.setattr("saddlescape.curvature.assembly._TILE", 10)
    assert np.array_equal(curvature.from_torch(loss_fn, params).dense(), whole)
