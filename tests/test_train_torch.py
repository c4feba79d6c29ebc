"""A hundred training steps beside PyTorch's: the same weights, batches and optimizer."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import saddlescape as ss
from saddlescape import schedule
from saddlescape.train.batches import order_of

torch = pytest.importorskip("torch")

STEPS, SIZE = 100, 16


# NAdam keeps the product of its momenta in PyTorch's default dtype, ours in float64.
pytestmark = pytest.mark.usefixtures("in_double")

SIZES = (8, 16, 12, 3)
# float32: 100 steps, each with roundings of 6e-8 that the next ones carry on
TOLERANCE = {"float64": 1e-12, "float32": 1e-5}

OPTIMIZERS: dict[str, tuple[str, dict[str, Any], Any, dict[str, Any]]] = {
    "gradient descent": ("sgd", {"lr": 0.05}, torch.optim.SGD, {"lr": 0.05}),
    "momentum": (
        "sgd", {"lr": 0.02, "momentum": 0.9}, torch.optim.SGD, {"lr": 0.02, "momentum": 0.9},
    ),
    "nesterov": (
        "sgd", {"lr": 0.02, "momentum": 0.9, "nesterov": True},
        torch.optim.SGD, {"lr": 0.02, "momentum": 0.9, "nesterov": True},
    ),
    "adagrad": ("adagrad", {"lr": 0.02}, torch.optim.Adagrad, {"lr": 0.02}),
    "rmsprop": ("rmsprop", {"lr": 1e-3}, torch.optim.RMSprop, {"lr": 1e-3}),
    "adam": ("adam", {"lr": 2e-3}, torch.optim.Adam, {"lr": 2e-3}),
    "amsgrad": (
        "adam", {"lr": 2e-3, "amsgrad": True}, torch.optim.Adam, {"lr": 2e-3, "amsgrad": True},
    ),
    "adamw": (
        "adamw", {"lr": 2e-3, "weight_decay": 0.1},
        torch.optim.AdamW, {"lr": 2e-3, "weight_decay": 0.1},
    ),
    "nadam": ("nadam", {"lr": 2e-3}, torch.optim.NAdam, {"lr": 2e-3}),
    "radam": ("radam", {"lr": 2e-3}, torch.optim.RAdam, {"lr": 2e-3}),
    "adamax": ("adamax", {"lr": 2e-3}, torch.optim.Adamax, {"lr": 2e-3}),
    "adadelta": ("adadelta", {}, torch.optim.Adadelta, {}),
}  # fmt: skip
ACTIVATIONS = {"tanh": torch.nn.Tanh, "silu": torch.nn.SiLU, "softplus": torch.nn.Softplus}
# ours is a mean over all elements for mse, over samples for cross_entropy: as PyTorch's
LOSSES = {"cross_entropy": torch.nn.functional.cross_entropy, "mse": torch.nn.functional.mse_loss}


def samples(loss: str, dtype: str) -> tuple[Any, Any]:
    rng = np.random.default_rng(5)
    X = rng.standard_normal((SIZE * 7 + 5, SIZES[0])).astype(dtype)  # the last batch is smaller
    if loss == "mse":
        return X, rng.standard_normal((len(X), SIZES[-1])).astype(dtype)
    return X, rng.integers(0, SIZES[-1], len(X))


class Twin(torch.nn.Module):
    """The same network in PyTorch, from our weights."""

    def __init__(self, net: ss.MLP) -> None:
        super().__init__()
        dtype = getattr(torch, net.dtype.name)
        self.layers = torch.nn.ModuleList(
            torch.nn.Linear(below, above, dtype=dtype) for below, above in pairwise(net.sizes)
        )
        kinds = {"batch": torch.nn.BatchNorm1d, "layer": torch.nn.LayerNorm}
        kind = kinds.get(net.normalisation, torch.nn.Identity)
        self.norms = torch.nn.ModuleList(kind(width, dtype=dtype) for width in net.sizes[1:-1])
        self.phi, self.residual = ACTIVATIONS[net.activation](), net.residual
        for layer, (W, b) in zip(self.layers, net.layers(), strict=True):
            layer.weight.data, layer.bias.data = torch.tensor(W), torch.tensor(b)

    def forward(self, a: Any) -> Any:
        for layer, norm in zip(self.layers[:-1], self.norms, strict=True):
            up = self.phi(norm(layer(a)))
            a = up + a if self.residual and up.shape == a.shape else up
        return self.layers[-1](a)

    def theta(self) -> Any:
        parts: list[Any] = []
        for i, layer in enumerate(self.layers):
            parts += [layer.weight, layer.bias]
            if i < len(self.norms) and not isinstance(self.norms[i], torch.nn.Identity):
                parts += [self.norms[i].weight, self.norms[i].bias]
        return np.concatenate([part.detach().numpy().ravel() for part in parts])

    def weights(self) -> list[Any]:
        return [layer.weight for layer in self.layers]


def orders(n: int) -> list[Any]:
    """The batches of the first STEPS steps with seed 4."""
    found: list[Any] = []
    epoch = 0
    while len(found) < STEPS:
        order = order_of(n, SIZE, epoch, 4)
        found += [order[i : i + SIZE] for i in range(0, n, SIZE)]
        epoch += 1
    return found[:STEPS]


def beside(net: ss.MLP, ours: dict[str, Any], rule: Any, theirs: dict[str, Any], **more: Any):
    """Train both for STEPS steps: parameters and losses of each.

    more : l2, clip_norm, and rate, a function of the step.
    """
    X, y = samples(net.loss_name, net.dtype.name)
    twin = Twin(net)
    optimizer = rule(twin.parameters(), **theirs)
    losses = []
    for step, rows in enumerate(orders(len(X))):
        if "rate" in more:
            optimizer.param_groups[0]["lr"] = more["rate"](step)
        optimizer.zero_grad()
        loss = LOSSES[net.loss_name](twin(torch.tensor(X[rows])), torch.tensor(y[rows]))
        if "l2" in more:
            loss = loss + more["l2"] / 2 * sum((W**2).sum() for W in twin.weights())
        loss.backward()
        if "clip_norm" in more:
            torch.nn.utils.clip_grad_norm_(twin.parameters(), more["clip_norm"])
        optimizer.step()
        losses.append(loss.item())
    arguments = {name: more[name] for name in ("l2", "clip_norm") if name in more}
    if "rate" in more:
        arguments["lr"] = more["rate"]
    batches = -(-len(X) // SIZE)
    run = ss.train(
        net, X, y, batch_size=SIZE, epochs=-(-STEPS // batches), seed=4,
        callback=lambda state: state.step == STEPS, **{**ours, **arguments},
    )  # fmt: skip
    return run.history.loss, net.theta, np.array(losses), twin.theta()


def expect_equal(found: Any, dtype: str) -> None:
    loss, theta, their_loss, their_theta = found
    assert len(loss) == STEPS
    tolerance = TOLERANCE[dtype]
    np.testing.assert_allclose(loss, their_loss, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(theta, their_theta, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("case", OPTIMIZERS)
def test_optimizers(case, dtype):
    name, ours, rule, theirs = OPTIMIZERS[case]
    net = ss.MLP(SIZES, dtype=dtype, seed=3)
    before = net.theta.copy()
    found = beside(net, {"optimizer": name, **ours}, rule, theirs)
    expect_equal(found, dtype)
    assert np.abs(net.theta - before).max() > 1e-3  # it went somewhere


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_networks(activation, loss, dtype):
    net = ss.MLP(SIZES, activation, loss, dtype=dtype, seed=3)
    ours = {"optimizer": "adam", "lr": 2e-3}
    expect_equal(beside(net, ours, torch.optim.Adam, {"lr": 2e-3}), dtype)


@pytest.mark.parametrize("normalisation", [None, "batch", "layer"])
@pytest.mark.parametrize("residual", [False, True])
def test_layers(normalisation, residual):
    net = ss.MLP(
        (8, 8, 8, 3), dtype="float64", seed=3, normalisation=normalisation, residual=residual
    )
    ours = {"optimizer": "sgd", "lr": 0.05}
    expect_equal(beside(net, ours, torch.optim.SGD, {"lr": 0.05}), "float64")


AROUND: dict[str, dict[str, Any]] = {
    "penalty": {"l2": 0.01},
    "clipped": {"clip_norm": 0.3},
    "schedule": {"rate": schedule.cosine(0.05, steps=STEPS, warmup=10)},
}


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("case", AROUND)
def test_around(case, dtype):
    net = ss.MLP(SIZES, dtype=dtype, seed=3)
    ours = {"optimizer": "sgd"} if case == "schedule" else {"optimizer": "sgd", "lr": 0.05}
    expect_equal(beside(net, ours, torch.optim.SGD, {"lr": 0.05}, **AROUND[case]), dtype)
