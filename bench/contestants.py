"""Steps that race: made from shapes, and compared with an oracle in every element before they do.

Nothing is shared between two contestants: each has parameters, gradients and states of its own, in
the memory that its own library would take. The oracles are the float64 writings of the tests, over
one block that the arrays repeat; ``copies`` is how often they do, which only a norm can tell.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import blocks
from oracle.update_rules import trace
from saddlescape import optim

Array = blocks.Array
Shape = tuple[int, ...]
Call = Callable[[], Any]
Oracle = Callable[[Array, list[Array], int], dict[str, Array]]

THREADS = 2
LR = 1e-2
FACTORS = (1.0, -2.0, 0.5, 1.0, -0.5, 2.0)  # step t has FACTORS[t] g; RAdam's root enters at 6


@dataclass(frozen=True)
class Contestant:
    """A step that is ready to be taken, and the arrays that it works on."""

    step: Call
    params: list[Array]
    grads: list[Array]
    averages: Callable[[], list[Array]] = list


Maker = Callable[[list[Shape]], Contestant]


def check(
    make: Maker, shapes: list[Shape], oracle: Oracle, largest: float, mean: float
) -> Contestant:
    """Make a contestant and take six steps, which must end where the oracle says."""
    theta, g = start(), blocks.random_block(1)
    contestant = make(shapes)
    gradients = [factor * g for factor in FACTORS]
    for gradient in gradients:
        blocks.fill(contestant.grads, gradient)
        contestant.step()
    copies = sum(int(np.prod(shape)) for shape in shapes) // blocks.PERIOD
    ends = oracle(theta, gradients, copies)
    for name, arrays in (("params", contestant.params), ("averages", contestant.averages())):
        if not arrays and name not in ends:
            continue
        off, off_on_average = blocks.errors(arrays, ends[name])
        assert off <= largest, f"{name}: off by {off}"
        assert off_on_average <= mean, f"{name}: off by {off_on_average} on average"
    return contestant


def start() -> Array:
    return blocks.random_block(0)


def ours(make: Callable[..., optim.Optimizer], single: bool = False, **how: bool) -> Maker:
    """Return a maker of our optimizer; `how` is what its step is called with."""

    def maker(shapes: list[Shape]) -> Contestant:
        params, grads = ([np.empty(shape, np.float32) for shape in shapes] for _ in range(2))
        blocks.fill(params, start())
        opt = make(params[0] if single else params)
        step = functools.partial(opt.step, grads[0] if single else grads, **how)
        return Contestant(step, params, grads, lambda: list(getattr(opt, "average", None) or []))

    return maker


def rule(name: str, **how: bool) -> Maker:
    return ours(lambda p: optim.create(name, p, **arguments(name)), **how)


def arguments(name: str) -> dict[str, Any]:
    """Return what a rule is called with on every side, such that six steps can tell it apart."""
    special: dict[str, dict[str, Any]] = {
        "adadelta": {"lr": 1.0},  # its steps are tiny at first
        "amsgrad": {"betas": (0.9, 0.9)},  # with 0.999 the mean square does not fall, as Adam's
    }
    return {"lr": LR, **special.get(name, {})}


TORCH: dict[str, tuple[str, dict[str, Any]]] = {
    "adadelta": ("Adadelta", {}),
    "adagrad": ("Adagrad", {}),
    "adam": ("Adam", {}),
    "adamax": ("Adamax", {}),
    "adamw": ("AdamW", {}),
    "amsgrad": ("Adam", {"amsgrad": True}),
    "momentum": ("SGD", {"momentum": 0.9}),
    "nadam": ("NAdam", {}),
    "nesterov": ("SGD", {"momentum": 0.9, "nesterov": True}),
    "radam": ("RAdam", {}),
    "rmsprop": ("RMSprop", {}),
    "sgd": ("SGD", {}),
}


def in_torch(name: str, **options: Any) -> Maker:
    """Return a maker of PyTorch's optimizer; `options` is ``fused=True`` or ``foreach=...``."""

    def maker(shapes: list[Shape]) -> Contestant:
        opt, _, arrays, grads = _torch_parts(name, shapes, options)
        return Contestant(opt.step, arrays, grads)

    return maker


def clip_step_average_in_torch(shapes: list[Shape]) -> Contestant:
    """As PyTorch's users put it together: three calls, the step fused, the others foreach."""
    opt, tensors, arrays, grads = _torch_parts("adam", shapes, {"fused": True})
    step, averages = three_calls_of_torch(opt, tensors)
    return Contestant(step, arrays, grads, lambda: [a.numpy() for a in averages])


def three_calls_of_torch(opt: Any, tensors: list[Any]) -> tuple[Call, list[Any]]:
    """Return clipping, step and averaging as one call, and the averages."""
    import torch

    detached = [p.detach() for p in tensors]
    averages: list[Any] = []  # they begin with the first step's parameters, as AveragedModel's do

    def step() -> None:
        torch.nn.utils.clip_grad_norm_(tensors, 1.0, foreach=True)
        opt.step()
        if averages:
            torch._foreach_lerp_(averages, detached, 0.001)
        else:
            averages.extend(p.clone() for p in detached)

    return step, averages


def torch_optimizer(name: str, tensors: list[Any], **options: Any) -> Any:
    """Return PyTorch's optimizer of that rule, with the arguments that every side has."""
    import torch

    kind, variant = TORCH[name]
    return getattr(torch.optim, kind)(tensors, **{**arguments(name), **variant, **options})


def _torch_parts(
    name: str, shapes: list[Shape], options: dict[str, Any]
) -> tuple[Any, list[Any], list[Array], list[Array]]:
    import torch

    torch.set_num_threads(THREADS)
    tensors = [torch.empty(shape, requires_grad=True) for shape in shapes]
    for tensor in tensors:
        tensor.grad = torch.empty(tensor.shape)
    opt = torch_optimizer(name, tensors, **options)
    arrays = [tensor.detach().numpy() for tensor in tensors]  # the same memory
    blocks.fill(arrays, start())
    return opt, tensors, arrays, [tensor.grad.numpy() for tensor in tensors]


def elementwise(name: str, **other: float) -> Oracle:
    given = {**arguments(name), **other}
    return lambda theta, gradients, _: {"params": trace(name, theta, gradients, **given)[-1]}


def scheduled_adam(lr: Callable[[int], float]) -> Oracle:
    """Adam's path is linear in the learning rate, for the gradients here do not depend on it."""

    def oracle(theta: Array, gradients: list[Array], _: int) -> dict[str, Array]:
        moves = np.diff(trace("adam", theta, gradients, lr=1.0), axis=0)
        rates = [lr(t) for t in range(len(gradients))]
        return {"params": theta + np.tensordot(rates, moves, 1)}

    return oracle


def clipped_averaged_adam(theta: Array, gradients: list[Array], copies: int) -> dict[str, Array]:
    """Gradients of global norm 1 at most, and an average that starts at the first step's end."""
    norms = [np.sqrt(copies) * np.linalg.norm(g) for g in gradients]
    clipped = [g * min(1.0, 1.0 / norm) for g, norm in zip(gradients, norms, strict=True)]
    path = trace("adam", theta, clipped, lr=LR)
    average = path[1]
    for point in path[2:]:
        average = 0.999 * average + 0.001 * point
    return {"params": path[-1], "averages": average}


def lamb(theta: Array, gradients: list[Array], _: int) -> dict[str, Array]:
    """You et al. 2020, algorithm 2; how often the block is repeated cancels in a ratio of norms."""
    m = v = np.zeros_like(theta)
    for t, g in enumerate(gradients, start=1):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        u = m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-6) + 0.01 * theta
        theta = theta - LR * np.linalg.norm(theta) / np.linalg.norm(u) * u
    return {"params": theta}
