"""The same networks in PyTorch: loss and gradient by its autograd, in float64."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

import saddlescape as ss

torch = pytest.importorskip("torch")
F = torch.nn.functional

ACTIVATIONS: dict[str, Any] = {
    "elu": F.elu,
    "gelu": F.gelu,
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
    theirs.backward()
    expected = np.concatenate([t.grad.numpy().ravel() for t in tensors])
    value, g = net.loss_and_gradient(X, Y)
    assert abs(value - theirs.item()) <= 1e-12 * abs(value)
    assert np.abs(g - expected).max() <= 1e-12 * np.abs(expected).max()


def test_a_tensor_is_refused_by_name() -> None:
    net = ss.MLP((3, 2))
    with pytest.raises(TypeError) as caught:
        net.predict(torch.zeros(4, 3))
    assert str(caught.value) == "X: Tensor, expected a NumPy array of float32 or float64"
    with pytest.raises(TypeError) as caught:
        net.loss(np.zeros((4, 3)), torch.zeros(4, dtype=torch.int64))
    assert str(caught.value) == "y: Tensor, expected a NumPy array"
