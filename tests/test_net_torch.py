"""The same networks in PyTorch: loss and gradient by its autograd, in float64."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

import saddlescape as ss
from saddlescape import curvature

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.filterwarnings("ignore::saddlescape.curvature.PiecewiseLinearWarning")

F = torch.nn.functional

ACTIVATIONS: dict[str, Any] = {
    "elu": F.elu,
    "gelu": F.gelu,
    "hard_sigmoid": lambda z: F.relu6(z + 3) / 6,  # F.hardsigmoid's slope is float32's 1/6
    "hard_swish": F.hardswish,
    "hard_tanh": F.hardtanh,
    "leaky_relu": F.leaky_relu,
    "linear": lambda z: z,
    "relu": F.relu,
    "sigmoid": torch.sigmoid,
    "silu": F.silu,
    "softplus": F.softplus,  # becomes linear above 20: outside these data
    "tanh": torch.tanh,
}
LOSSES: dict[str, Any] = {
    # PyTorch's is a mean over all elements, ours over samples
    "bce": lambda f, y: F.binary_cross_entropy_with_logits(f, y) * f.shape[1],
    "cross_entropy": F.cross_entropy,
    "huber": F.huber_loss,
    "mae": F.l1_loss,
    "mse": F.mse_loss,
}


@pytest.mark.parametrize(
    ("activation", "loss", "bias"), list(product(ACTIVATIONS, LOSSES, (True, False)))
)
def test_agrees_with_torch(activation: str, loss: str, bias: bool) -> None:
    net = ss.MLP((3, 5, 4, 2), activation, loss, bias=bias, dtype="float64", seed=2)
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((9, 3)), rng.dirichlet(np.ones(2), 9)
    tensors = []
    a = torch.from_numpy(X)
    for layer, (W, b) in enumerate(net.layers(), 1):
        tensors.append(torch.tensor(W, requires_grad=True))
        a = a @ tensors[-1].T
        if b is not None:
            tensors.append(torch.tensor(b, requires_grad=True))
            a = a + tensors[-1]
        a = ACTIVATIONS[activation](a) if layer < 3 else a
    theirs = LOSSES[loss](a, torch.from_numpy(Y))
    grads = torch.autograd.grad(theirs, tensors, create_graph=True)
    flat = torch.cat([g.reshape(-1) for g in grads])
    expected = flat.detach().numpy()
    value, g = net.loss_and_gradient(X, Y)
    assert abs(value - theirs.item()) <= 1e-12 * abs(value)
    assert np.abs(g - expected).max() <= 1e-12 * np.abs(expected).max()
    V = rng.standard_normal((net.parameters, 3))
    HV = np.stack([_product(flat, tensors, torch.from_numpy(v)) for v in V.T.copy()], axis=1)
    H = net.hessian(X, Y)
    largest = max(np.abs(HV).max(), 1e-300)
    for got in (net.hvp(X, Y, V), curvature.of(net, X, Y) @ V):
        assert np.abs(got - HV).max() <= 1e-10 * largest
    # Dense: their product with every unit vector.
    columns = [
        _product(flat, tensors, unit) for unit in torch.eye(net.parameters, dtype=flat.dtype)
    ]
    assert np.abs(H - np.stack(columns, axis=1)).max() <= 1e-12 * max(np.abs(H).max(), 1e-300)


def _product(flat: Any, tensors: list[Any], v: Any) -> Any:
    """``d(g v) / dtheta``, zero where g does not depend on a tensor."""
    if not (flat @ v).requires_grad:
        return np.zeros(len(v))
    rows = torch.autograd.grad(flat @ v, tensors, retain_graph=True, allow_unused=True)
    parts = [torch.zeros_like(t) if r is None else r for r, t in zip(rows, tensors, strict=True)]
    return torch.cat([part.reshape(-1) for part in parts]).numpy()


@pytest.mark.parametrize("delta", [0.1, 0.7, 3.0])
def test_huber_agrees_with_torch(delta: float) -> None:
    net = ss.MLP((3, 5, 2), loss="huber", dtype="float64", huber_delta=delta)
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((19, 3)), 2 * rng.standard_normal((19, 2))
    agree(net, X, Y, lambda f: F.huber_loss(f, torch.from_numpy(Y), delta=delta))


@pytest.mark.parametrize("kind", ["classes", "soft"])
@pytest.mark.parametrize("e", [0.1, 0.9])
def test_smoothed_labels_agree_with_torch(e: float, kind: str) -> None:
    net = ss.MLP((3, 5, 4), dtype="float64", label_smoothing=e)
    rng = np.random.default_rng(0)
    X = rng.standard_normal((19, 3))
    y = rng.integers(0, 4, 19) if kind == "classes" else rng.dirichlet(np.ones(4), 19)
    agree(net, X, y, lambda f: F.cross_entropy(f, torch.from_numpy(y), label_smoothing=e))


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_weighted_classes_agree_with_torch(smoothing: float) -> None:
    """All samples at once: PyTorch divides by the sum of their weights, we by the mean and N."""
    net = ss.MLP((3, 5, 4), dtype="float64")
    rng = np.random.default_rng(0)
    X, y, w = rng.standard_normal((19, 3)), rng.integers(0, 4, 19), np.array([0.1, 3.0, 1.0, 0.7])
    tensors = torch.from_numpy(y), torch.from_numpy(w)
    agree(net, X, y, lambda f: F.cross_entropy(f, *tensors), sample_weight=w[y])
    # Each sample of its own weight, smoothed or not.
    net = ss.MLP((3, 5, 4), dtype="float64", label_smoothing=smoothing)
    u = torch.from_numpy(rng.exponential(size=19))

    def loss(f: Any) -> Any:
        each = F.cross_entropy(f, tensors[0], reduction="none", label_smoothing=smoothing)
        return (u * each).sum() / u.sum()

    agree(net, X, y, loss, sample_weight=u.numpy())


@pytest.mark.parametrize("loss", ["bce", "huber", "mae", "mse"])
def test_weighted_elements_agree_with_torch(loss: str) -> None:
    net = ss.MLP((3, 5, 2), loss=loss, dtype="float64")
    rng = np.random.default_rng(0)
    X, Y, w = rng.standard_normal((19, 3)), rng.random((19, 2)), rng.exponential(size=19)
    u, targets = torch.from_numpy(w / w.mean())[:, None], torch.from_numpy(Y)
    theirs = {
        "bce": lambda f: 2 * F.binary_cross_entropy_with_logits(f, targets, weight=u),
        "huber": lambda f: (u * F.huber_loss(f, targets, reduction="none")).mean(),
        "mae": lambda f: (u * F.l1_loss(f, targets, reduction="none")).mean(),
        "mse": lambda f: (u * F.mse_loss(f, targets, reduction="none")).mean(),
    }[loss]
    agree(net, X, Y, theirs, sample_weight=w)


def agree(net: ss.MLP, X: Any, y: Any, loss: Any, **weights: Any) -> None:
    """Loss, gradient and Hessian products of a plain tanh network."""
    parameters = [
        torch.tensor(p, requires_grad=True)
        for layer in net.layers()
        for p in layer
        if p is not None
    ]
    a = torch.from_numpy(X)
    for i in range(0, len(parameters), 2):
        a = (torch.tanh(a) if i else a) @ parameters[i].T + parameters[i + 1]
    theirs = loss(a)
    flat = torch.cat(
        [g.reshape(-1) for g in torch.autograd.grad(theirs, parameters, create_graph=True)]
    )
    value, g = net.loss_and_gradient(X, y, **weights)
    assert abs(value - theirs.item()) <= 1e-13 * abs(value)
    assert np.abs(g - flat.detach().numpy()).max() <= 1e-13 * np.abs(g).max()
    V = np.random.default_rng(1).standard_normal((net.parameters, 3))
    HV = np.stack([_product(flat, parameters, torch.from_numpy(v)) for v in V.T.copy()], axis=1)
    H = curvature.of(net, X, y, **weights)
    for got in (net.hvp(X, y, V, **weights), H @ V, H.dense() @ V):
        assert np.abs(got - HV).max() <= 1e-12 * np.abs(HV).max()


def test_a_tensor_is_refused_by_name() -> None:
    net = ss.MLP((3, 2))
    with pytest.raises(TypeError) as caught:
        net.predict(torch.zeros(4, 3))
    assert str(caught.value) == "X: Tensor, expected a NumPy array of float32 or float64"
    with pytest.raises(TypeError) as caught:
        net.loss(np.zeros((4, 3)), torch.zeros(4, dtype=torch.int64))
    assert str(caught.value) == "y: Tensor, expected a NumPy array"
