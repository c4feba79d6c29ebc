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


def test_a_tensor_is_refused_by_name() -> None:
    net = ss.MLP((3, 2))
    with pytest.raises(TypeError) as caught:
        net.predict(torch.zeros(4, 3))
    assert str(caught.value) == "X: Tensor, expected a NumPy array of float32 or float64"
    with pytest.raises(TypeError) as caught:
        net.loss(np.zeros((4, 3)), torch.zeros(4, dtype=torch.int64))
    assert str(caught.value) == "y: Tensor, expected a NumPy array"
