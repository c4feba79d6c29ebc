"""nn.BatchNorm1d and nn.LayerNorm in float64: values, gradients, Hessians, averages."""

from __future__ import annotations

from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest

import saddlescape as ss
from saddlescape import curvature

torch = pytest.importorskip("torch")
nn = torch.nn

SIZES = (3, 5, 5, 4, 2)


class Twin(nn.Module):  # type: ignore[misc]
    """The same network, with the same parameters, in the same order."""

    def __init__(self, net: ss.MLP) -> None:
        super().__init__()
        self.residual = net.residual
        self.linear = nn.ModuleList(
            nn.Linear(i, o, dtype=torch.float64) for i, o in pairwise(SIZES)
        )
        # Ours is 1 - PyTorch's momentum.
        self.norm = nn.ModuleList(
            nn.BatchNorm1d(d, momentum=0.2, dtype=torch.float64)
            if net.normalisation == "batch"
            else nn.LayerNorm(d, dtype=torch.float64)
            for d in SIZES[1:-1]
        )
        flat, start = torch.from_numpy(net.theta.copy()), 0
        for p in self.in_order():
            p.data[:] = flat[start : start + p.numel()].reshape(p.shape)
            start += p.numel()
        for i, layer in enumerate(self.norm):
            if net.normalisation == "batch":
                at = slice(sum(SIZES[1 : i + 1]), sum(SIZES[1 : i + 2]))
                layer.running_mean[:] = torch.from_numpy(net.running[0, at])
                layer.running_var[:] = torch.from_numpy(net.running[1, at])

    def in_order(self) -> list[Any]:
        parameters: list[Any] = []
        for i, linear in enumerate(self.linear):
            parameters += linear.parameters()
            if i < len(self.norm):
                parameters += self.norm[i].parameters()
        return parameters

    def forward(self, a: Any) -> Any:
        for linear, norm in zip(self.linear, self.norm, strict=False):
            h = torch.tanh(norm(linear(a)))
            a = h + a if self.residual and h.shape == a.shape else h
        return self.linear[-1](a)


@pytest.mark.parametrize(
    ("kind", "residual", "training"),
    list(product(("batch", "layer"), (False, True), (False, True))),
)
def test_agrees_with_torch(kind: str, residual: bool, training: bool) -> None:
    """1e-10 of the largest element: both round at 1e-16, times 1/sigma of a few layers."""
    net = ss.MLP(SIZES, normalisation=kind, residual=residual, dtype="float64", seed=3)
    rng = np.random.default_rng(1)
    net.theta[:] += 0.3 * rng.standard_normal(net.parameters)
    net.running[:] = 0.5 + rng.random(net.running.shape)
    X, Y = rng.standard_normal((200, 3)), rng.dirichlet(np.ones(2), 200)
    twin = Twin(net).train(training)
    loss = nn.functional.cross_entropy(twin(torch.from_numpy(X)), torch.from_numpy(Y))
    parameters = twin.in_order()
    grads = torch.autograd.grad(loss, parameters, create_graph=True)
    flat = torch.cat([g.reshape(-1) for g in grads])
    H = curvature.of(net, X, Y, training=training)
    before = net.running.copy()
    value, g = net.loss_and_gradient(X, Y, training, momentum=0.8 if training else None)
    assert abs(value - loss.item()) < 1e-12
    assert np.abs(g - flat.detach().numpy()).max() < 1e-10 * np.abs(g).max()
    V = rng.standard_normal((net.parameters, 5))
    theirs = np.stack([_product(flat, parameters, v) for v in V.T.copy()], axis=1)
    for ours in (H @ V, net.hvp(X, Y, V, training), H.dense() @ V):
        assert np.abs(ours - theirs).max() < 1e-10 * np.abs(theirs).max()
    if kind == "batch" and training:
        mean = np.concatenate([layer.running_mean.numpy() for layer in twin.norm])
        var = np.concatenate([layer.running_var.numpy() for layer in twin.norm])
        np.testing.assert_allclose(net.running[0], mean, rtol=1e-12, atol=1e-14)
        # PyTorch averages the unbiased variance, 200 / 199 times ours.
        batch = (var - 0.8 * before[1]) / 0.2
        np.testing.assert_allclose(net.running[1], 0.8 * before[1] + 0.2 * batch * 199 / 200)


def _product(flat: Any, parameters: list[Any], v: Any) -> Any:
    rows = torch.autograd.grad(
        flat @ torch.from_numpy(v), parameters, retain_graph=True, materialize_grads=True
    )
    return torch.cat([row.reshape(-1) for row in rows]).numpy()
