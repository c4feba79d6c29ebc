"""The same networks in JAX: its automatic derivatives against ours, in float64."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import saddlescape as ss
from saddlescape import curvature

jax = pytest.importorskip("jax")

pytestmark = pytest.mark.filterwarnings("ignore::saddlescape.curvature.PiecewiseLinearWarning")

jax.config.update("jax_enable_x64", True)
jnp, nn = jax.numpy, jax.nn

ACTIVATIONS: dict[str, Any] = {
    "elu": nn.elu,
    "gelu": lambda z: nn.gelu(z, approximate=False),
    "hard_sigmoid": nn.hard_sigmoid,
    "hard_swish": nn.hard_swish,
    "hard_tanh": nn.hard_tanh,
    "leaky_relu": nn.leaky_relu,
    "linear": lambda z: z,
    "relu": nn.relu,
    "sigmoid": nn.sigmoid,
    "silu": nn.silu,
    "softplus": nn.softplus,
    "tanh": jnp.tanh,
}
LOSSES: dict[str, Any] = {
    "bce": lambda f, y: (nn.softplus(f) - y * f).sum(axis=1).mean(),
    "cross_entropy": lambda f, y: -(y * nn.log_softmax(f)).sum(axis=1).mean(),
    "huber": lambda f, y: jnp.where(
        jnp.abs(f - y) < 1, (f - y) ** 2 / 2, jnp.abs(f - y) - 0.5
    ).mean(),
    "mae": lambda f, y: jnp.abs(f - y).mean(),
    "mse": lambda f, y: ((f - y) ** 2).mean(),
}


def loss_of(net: ss.MLP, X: Any, Y: Any) -> Any:
    def loss(theta: Any) -> Any:
        a, start = X, 0
        sizes = list(zip(net.sizes[:-1], net.sizes[1:], strict=True))
        for layer, (fan_in, fan_out) in enumerate(sizes, 1):
            end = start + fan_in * fan_out
            a = a @ theta[start:end].reshape(fan_out, fan_in).T
            start = end
            if net.bias:
                a, start = a + theta[end : end + fan_out], end + fan_out
            a = ACTIVATIONS[net.activation](a) if layer < len(sizes) else a
        return LOSSES[net.loss_name](a, Y)

    return loss


@pytest.mark.parametrize(
    ("activation", "loss", "sizes"),
    list(itertools.product(ACTIVATIONS, LOSSES, [(3, 4), (3, 4, 4, 3)])),
)
def test_agrees_with_jax(activation: str, loss: str, sizes: tuple[int, ...]) -> None:
    net = ss.MLP(sizes, activation, loss, bias=len(sizes) == 4, dtype="float64")
    rng = np.random.default_rng(len(sizes))
    net.theta = 0.7 * rng.standard_normal(net.parameters)
    X, Y = rng.standard_normal((9, 3)), rng.dirichlet(np.ones(sizes[-1]), 9)
    theirs, theta = loss_of(net, X, Y), jnp.asarray(net.theta)
    value, g = net.loss_and_gradient(X, Y)
    H = np.asarray(jax.hessian(theirs)(theta))
    product = jax.jit(lambda v: jax.jvp(jax.grad(theirs), (theta,), (v,))[1])
    expected = np.asarray(jax.grad(theirs)(theta))
    assert abs(value - float(theirs(theta))) <= 1e-12 * abs(value)
    assert np.abs(g - expected).max() <= 1e-12 * np.abs(expected).max()
    largest = max(np.abs(H).max(), 1e-300)
    assert np.abs(net.hessian(X, Y) - H).max() <= 1e-12 * largest
    V = rng.standard_normal((net.parameters, 3))
    HV = np.stack([np.asarray(product(v)) for v in jnp.asarray(V.T)], axis=1)
    for got in (net.hvp(X, Y, V), curvature.of(net, X, Y) @ V):
        assert np.abs(got - HV).max() <= 1e-10 * max(np.abs(HV).max(), 1e-300)
