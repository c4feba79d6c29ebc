"""The rows of bench/gpu: who races, on what, and what must be reached on a chip of H100's kind.

A side is made, and taken a few steps, before the clock starts: both sides must then have the same
numbers. Bytes are those that a case can't do without (`speed_cases`), operations those of its
products of matrices.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import gpu_rivals as rivals
import saddlescape as ss
from bench_train_steps import flops
from contestants import LR, arguments
from gpu_place import Call, Place
from saddlescape import _backend, eig, optim
from saddlescape.optim.ahead import Ahead
from speed_cases import EIGHT_BIT_LR, EIGHT_BIT_MEAN, ROUNDING, STATES, many

GIB = 1 << 30
WIDE, NARROW = 1 << 30, 1 << 28  # elements of one tensor
SMALL = 4099  # with the CPU in the device's place
FUSED = {"adam": 1.0, "adamw": 1.0, "momentum": 1.0}  # their time in torch over ours, at least
NOT_FUSED = ("adadelta", "adagrad", "adamax", "nadam", "radam", "rmsprop")
COPY = 0.9  # of the bandwidth of a copy, at least


@dataclass(frozen=True)
class Side:
    """What is timed, and the numbers that it works on."""

    call: Call
    numbers: Callable[[], Any]


@dataclass(frozen=True)
class Case:
    """A row; `must`: the rival's time over ours, at least."""

    name: str
    rival_name: str
    ours: Callable[[Place], Side]
    rival: Callable[[Place], Side]
    must: float
    steps: int = 2  # before the sides are compared
    bytes: int = 0
    copies: float = 0.0  # of the copy's bandwidth, at least
    flops: float = 0.0
    memory: int = 0  # of both sides, and the copy's
    tolerance: float = ROUNDING  # of the largest number
    mean: bool = False  # the tolerance is for the mean error
    wall: bool = False  # the host's clock: the rival's work is in streams of its own
    budget: float = 8.0  # seconds


def one_tensor(name: str, n: int, must: float, fused: bool) -> Case:
    how = "fused" if fused else "foreach"
    per = 4 * (3 + 2 * STATES[name])

    def ours(place: Place) -> Side:
        p, g = place.normal((n,), 0), place.normal((n,), 1)
        opt = optim.create(name, [p], **arguments(name))
        return Side(
            lambda: opt.step([g], check_finite=False, stream=place.stream), lambda: place.ends(p)
        )

    return Case(
        f"{name}, {size(n)} float32",
        f"torch {how}",
        ours,
        lambda place: Side(*rivals.torch_step(place, name, [(n,)], **{how: True})),
        must,
        bytes=per * n,
        copies=COPY,
        memory=4 * n * (2 * (2 + STATES[name]) + 2 + 2 * (not fused)),
    )


def eight_bit(n: int) -> Case:
    def ours(place: Place) -> Side:
        p, g = place.normal((n,), 0), place.normal((n,), 1)
        opt = optim.AdamW([p], lr=EIGHT_BIT_LR, state_dtype="8bit")
        return Side(
            lambda: opt.step([g], check_finite=False, stream=place.stream), lambda: place.ends(p)
        )

    def rival(place: Place) -> Side:
        return Side(*rivals.torch_step(place, "adamw", [(n,)], lr=EIGHT_BIT_LR, fused=True))

    return Case(
        f"adamw with 8-bit state, {size(n)}",
        "torch fused, float32",
        ours,
        rival,
        1.6,
        steps=6,
        bytes=(4 * 3 + 2 * 2) * n,
        memory=(4 * (2 + 4 + 2) + 3) * n,
        tolerance=EIGHT_BIT_MEAN,
        mean=True,
    )


def small_tensors(graph: bool) -> Case:
    shapes = many(0)

    def ours(place: Place) -> Side:
        ps, gs = ([place.normal(s, 2 * i + k) for i, s in enumerate(shapes)] for k in (0, 1))
        opt = optim.Adam(ps, lr=LR)

        def step() -> None:
            opt.step(gs, check_finite=False, stream=place.stream)

        step()
        if graph:
            held = optim.capture(opt, gs, check_finite=False, stream=place.stream)
            step = place.graph(lambda: held.launch(stream=place.inside()))
        return Side(step, lambda: np.concatenate([place.ends(p) for p in ps[::97]]))

    def rival(place: Place) -> Side:
        step, numbers = rivals.torch_step(
            place, "adam", shapes, fused=True, every=97, capturable=graph and not place.hosted
        )
        step()
        return Side(place.graph(step) if graph else step, numbers)

    return Case(
        f"adam, {len(shapes)} small tensors, {'graph replay' if graph else 'eager'}",
        "torch fused",
        ours,
        rival,
        1.5,
        bytes=28 * sum(int(np.prod(s)) for s in shapes),
        memory=64 << 20,
    )


def clip_step_average(n: int) -> Case:
    def ours(place: Place) -> Side:
        p, g = place.normal((n,), 0), place.normal((n,), 1)
        opt = optim.Adam([p], lr=LR, clip_norm=1.0, average=optim.EMA(0.999))
        return Side(
            lambda: opt.step([g], check_finite=False, stream=place.stream), lambda: place.ends(p)
        )

    return Case(
        f"adam, clip by global norm, EMA, {size(n)}",
        "torch: clip_grad_norm_, fused, foreach lerp",
        ours,
        lambda place: Side(*rivals.torch_clip_step_average(place, n)),
        1.4,
        bytes=4 * (4 + 2 * 3) * n,
        memory=4 * 14 * n,
        tolerance=LR / 100,  # torch's norm in float32 reaches parameters through eps
    )


def training(batch: int, sizes: tuple[int, ...], jax: bool) -> Case:
    """Some steps of `train`, which records each, against as many of a loop in Python."""
    lr, steps = LR / 10, 16

    def data() -> tuple[Any, Any]:
        rng = np.random.default_rng(0)
        X = rng.standard_normal((batch, sizes[0])).astype(np.float32)
        return X, rng.integers(0, sizes[-1], batch)

    def ours(place: Place) -> Side:
        X, y = data()
        net = ss.MLP(sizes, activation="relu", seed=1, device="cuda")
        core = Ahead(optim.Adam(net.theta, lr=lr)).core
        there = (place.sent(array) for array in net.encode(X, y))
        loop = _backend.cuda("bench/gpu").Loop(net._network, core, net.theta, *there, batch)
        rates, weights = np.full(steps, lr), np.zeros(steps)
        return Side(lambda: loop.run(None, rates, weights, 1e9), lambda: place.ends(net.predict(X)))

    def rival(place: Place) -> Side:
        step, numbers = make(place, sizes, *data(), lr)

        def call() -> Any:
            for _ in range(steps - 1):
                step()
            return step()

        return Side(call, numbers)

    make = rivals.jax_training if jax else rivals.torch_training
    return Case(
        f"{steps} training steps, {'-'.join(map(str, sizes))}, batch {batch}",
        "jitted JAX" if jax else "torch eager",
        ours,
        rival,
        1.0 if jax else 2.0,
        steps=1,
        flops=steps * flops(sizes, batch),
        tolerance=1e-3,  # Adam's first steps are signs of the gradient, and grow its rounding
        wall=jax,
        memory=GIB,
    )


def dense_hessian(sizes: tuple[int, ...], n: int) -> Case:
    net = ss.MLP(sizes, activation="tanh", dtype="float64", seed=1)
    rng = np.random.default_rng(0)
    X, y = rng.random((n, sizes[0])), rng.integers(0, sizes[-1], n)

    def ours(place: Place) -> Side:
        there, dX, dy = net.to("cuda"), place.sent(X), place.sent(y)
        kept: list[Any] = [None]

        def call() -> None:
            kept[0] = None  # room for the next
            kept[0] = there.hessian(dX, dy)

        return Side(call, lambda: place.ends(kept[0]))

    P = net.parameters
    return Case(
        f"dense Hessian, {'-'.join(map(str, sizes))}, N = {n:,}, float64",
        "jitted jax.hessian",
        ours,
        lambda place: Side(*rivals.jax_hessian(place, net, X, y)),
        5.0,
        steps=1,
        flops=float(n) * P**2,
        tolerance=1e-12,
        wall=True,
        memory=8 * P**2 * 3,
        budget=25.0,
    )


def eigenvalues(n: int) -> Case:
    def matrix() -> Any:
        A = np.random.default_rng(0).standard_normal((n, n))
        return (A + A.T) / 2

    def side(place: Place, A: Any, solve: Callable[[Any], Any]) -> Side:
        kept: list[Any] = [None]

        def call() -> None:
            kept[0] = solve(A)

        return Side(call, lambda: place.ends(kept[0]))

    return Case(
        f"eigenvalues, n = {n:,}, float64",
        "torch.linalg.eigvalsh",
        lambda place: side(place, place.sent(matrix()), eig.eigvalsh),
        lambda place: side(place, place.rivals(matrix()), rivals.torch_eigvalsh),
        1.0,
        steps=1,
        flops=4 / 3 * n**3,
        tolerance=1e-11,
        memory=8 * n**2 * 8,
        budget=25.0,
    )


def size(n: int) -> str:
    return f"{n >> 30} Gi" if n >= GIB else f"{n >> 20} Mi" if n >= 1 << 20 else f"{n:,}"


def table(hosted: bool) -> list[Case]:
    wide, narrow = (SMALL, SMALL) if hosted else (WIDE, NARROW)
    mlp = (784, 256, 256, 10) if not hosted else (12, 8, 8, 4)
    return [
        *(one_tensor(name, wide, must, True) for name, must in FUSED.items()),
        *(one_tensor(name, narrow, 3.0, False) for name in NOT_FUSED),
        eight_bit(wide),
        *(small_tensors(graph) for graph in (True, False)),
        clip_step_average(narrow),
        *(training(n, mlp, jax) for n in ((128, 4096) if not hosted else (9, 65))
          for jax in (False, True)),
        eigenvalues(10_000 if not hosted else 120),
        # JAX keeps the memory that it once had: last.
        dense_hessian((64, 64, 32, 10), 1797) if not hosted else dense_hessian((8, 6, 5, 3), 50),
    ]  # fmt: skip
