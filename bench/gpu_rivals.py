"""The rivals of bench/gpu: PyTorch and JAX, each as its users would write it, on the same numbers.

Each function returns a call to time and one that reads the numbers to compare. Those that can't be
made raise ImportError, or NotThereError with a reason. Products of float32 are float32's
throughout, as ours: TF32 is off.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

import saddlescape as ss
from contestants import three_calls_of_torch, torch_optimizer
from gpu_place import Call, NotThereError, Place

Made = tuple[Call, Call]


def torch_parameters(place: Place, shapes: list[tuple[int, ...]]) -> list[Any]:
    tensors = []
    for i, shape in enumerate(shapes):
        tensors.append(place.rivals_normal(shape, 2 * i).requires_grad_())
        tensors[-1].grad = place.rivals_normal(shape, 2 * i + 1)
    return tensors


def torch_step(
    place: Place, name: str, shapes: list[tuple[int, ...]], every: int = 1, **options: Any
) -> Made:
    """A step of PyTorch's optimizer; every so many-th tensor is compared."""
    tensors = torch_parameters(place, shapes)
    if not options.get("capturable", True):
        del options["capturable"]
    opt = torch_optimizer(name, tensors, **options)
    return opt.step, lambda: np.concatenate([place.ends(p) for p in tensors[::every]])


def torch_clip_step_average(place: Place, n: int) -> Made:
    """Three calls; the step is fused, the others go over the whole list."""
    tensors = torch_parameters(place, [(n,)])
    step, _ = three_calls_of_torch(torch_optimizer("adam", tensors, fused=True), tensors)
    return step, lambda: place.ends(tensors[0])


def weights(sizes: tuple[int, ...]) -> list[tuple[Any, Any]]:
    net = ss.MLP(sizes, activation="relu", seed=1)
    return [(W.copy(), b.copy()) for W, b in net.layers() if b is not None]


def torch_training(place: Place, sizes: tuple[int, ...], X: Any, y: Any, lr: float) -> Made:
    import torch

    layers: list[Any] = []
    for (W, b), (below, above) in zip(weights(sizes), pairwise(sizes), strict=True):
        layer = torch.nn.Linear(below, above)
        layer.weight.data, layer.bias.data = place.rivals(W), place.rivals(b)
        layers += [layer, torch.nn.ReLU()]
    model, measure = torch.nn.Sequential(*layers[:-1]), torch.nn.CrossEntropyLoss()
    opt = torch.optim.Adam(model.parameters(), lr=lr, fused=True)
    dX, dy = place.rivals(X), place.rivals(y)

    def step() -> None:
        opt.zero_grad()
        measure(model(dX), dy).backward()
        opt.step()

    return step, lambda: place.ends(model(dX))


def jax_there(place: Place) -> Any:
    """JAX where it computes on what `place` is; on a device it would fall back to the CPU."""
    import jax

    where = jax.devices()[0].platform
    if not place.hosted and where != "gpu":
        raise NotThereError(f"JAX sees no CUDA device here: its platform is {where}")
    return jax


def jax_training(place: Place, sizes: tuple[int, ...], X: Any, y: Any, lr: float) -> Made:
    """Adam is written out: not everybody who has JAX has optax."""
    jax = jax_there(place)
    jnp = jax.numpy

    def outputs(layers: Any, x: Any) -> Any:
        for W, b in layers[:-1]:
            x = jax.nn.relu(jnp.dot(x, W.T, precision="highest") + b)
        return jnp.dot(x, layers[-1][0].T, precision="highest") + layers[-1][1]

    def loss(layers: Any) -> Any:
        logs = jax.nn.log_softmax(outputs(layers, dX))
        return -jnp.take_along_axis(logs, dy[:, None], axis=1).mean()

    def step(state: Any) -> Any:
        layers, m, v, t = state
        g, t = jax.grad(loss)(layers), t + 1
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        one, two = 1 - 0.9**t, 1 - 0.999**t
        layers = jax.tree.map(
            lambda p, m, v: p - lr * (m / one) / (jnp.sqrt(v / two) + 1e-8), layers, m, v
        )
        return layers, m, v, t

    dX, dy = jnp.asarray(X), jnp.asarray(y)
    layers = [(jnp.asarray(W), jnp.asarray(b)) for W, b in weights(sizes)]
    zeros = jax.tree.map(jnp.zeros_like, layers)
    state = [(layers, zeros, jax.tree.map(jnp.zeros_like, layers), jnp.float32(0))]
    jitted = jax.jit(step, donate_argnums=0)

    def call() -> Any:
        state[0] = jitted(state[0])
        return state[0][3]

    return call, lambda: np.asarray(outputs(state[0][0], dX)).reshape(-1)


def jax_hessian(place: Place, net: ss.MLP, X: Any, y: Any) -> Made:
    jax = jax_there(place)
    jax.config.update("jax_enable_x64", True)
    jnp = jax.numpy

    def loss(theta: Any) -> Any:
        x, at = dX, 0
        for k, (below, above) in enumerate(pairwise(net.sizes)):
            W = theta[at : at + above * below].reshape(above, below)
            b = theta[at + above * below : at + above * (below + 1)]
            x, at = (jnp.tanh(x) if k else x) @ W.T + b, at + above * (below + 1)
        return -jnp.take_along_axis(jax.nn.log_softmax(x), dy[:, None], axis=1).mean()

    dX, dy, theta = jnp.asarray(X), jnp.asarray(y), jnp.asarray(net.theta)
    hessian = jax.jit(jax.hessian(loss))
    kept: list[Any] = [None]

    def call() -> Any:
        kept[0] = None
        kept[0] = hessian(theta)
        return kept[0]

    return call, lambda: place.ends(np.asarray(kept[0]))


def torch_eigvalsh(A: Any) -> Any:
    import torch

    return torch.linalg.eigvalsh(A)
