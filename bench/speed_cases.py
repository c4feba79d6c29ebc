"""The table of what an optimizer's step is measured on: rivals, bytes, and what must be reached.

Bytes are those that a step can't do without: the gradient read, parameters and states read and
written, ``4 (3 + 2 states)`` an element in float32. ``LOOP`` moves the same bytes and computes
nothing; it is the roofline, measured in the same run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

import roofline
from contestants import (
    LR,
    THREADS,
    Call,
    Maker,
    Oracle,
    Shape,
    check,
    clip_step_average_in_torch,
    clipped_averaged_adam,
    elementwise,
    in_torch,
    lamb,
    ours,
    rule,
    scheduled_adam,
)
from saddlescape import optim, schedule

LARGE = 32 * 2**20
LOOP = "same-bytes loop"
OURS, CHECKED = "ours", "ours, gradients checked"
# Six steps round parameters of up to 5 to 2^-24 of their size, 3e-7 each; a step moves them by LR.
ROUNDING = 2e-6
# The budget of 8-bit moments: mean absolute error after 20 steps with a learning rate of 1e-3.
EIGHT_BIT_MEAN, EIGHT_BIT_LR = 6e-5, 1e-3
STATES = {
    "sgd": 0,
    "momentum": 1,
    "nesterov": 1,
    "adagrad": 1,
    "adam": 2,
    "adamw": 2,
    "amsgrad": 3,
    "adadelta": 2,
    "rmsprop": 1,
    "nadam": 2,
    "radam": 2,
    "adamax": 2,
}
FUSED_IN_TORCH = ("sgd", "momentum", "nesterov", "adagrad", "adam", "adamw", "amsgrad")


@dataclass(frozen=True)
class Case:
    """A row: who runs, where they must end, and how many times as fast as each rival ours must be.

    The first of `ours` is held to `must` and `must_seconds`.
    """

    name: str
    shapes: Callable[[int], list[Shape]]
    bytes_per_element: float
    oracle: Oracle
    ours: dict[str, Maker]
    rivals: dict[str, Maker] = field(default_factory=dict)
    must: dict[str, float] = field(default_factory=dict)
    must_seconds: float | None = None
    best_rival_only: bool = False
    reads_updates: tuple[int, int] | None = None  # the loop's arrays
    largest: float = ROUNDING
    mean: float = ROUNDING
    rival_oracle: Oracle | None = None  # where the rivals follow another rule
    rival_largest: float | None = None  # where they are less exact

    def elements(self, n: int) -> int:
        """Of all tensors together, where a large one has n."""
        return sum(int(np.prod(shape)) for shape in self.shapes(n))

    def contestants(self) -> list[str]:
        """Everybody's name: ours first."""
        loop = [LOOP] if self.reads_updates else []
        return [*self.ours, *loop, *self.rivals]

    def make(self, who: str, n: int) -> Call:
        """Return a step that was compared with the oracle; n is the size of a large tensor."""
        if who == LOOP and self.reads_updates:
            return roofline.same_bytes(*self.reads_updates, self.elements(n), THREADS)
        maker = {**self.ours, **self.rivals}[who]
        oracle, largest = self.oracle, self.largest
        if who in self.rivals:
            oracle, largest = self.rival_oracle or oracle, self.rival_largest or largest
        return check(maker, self.shapes(n), oracle, largest, self.mean).step


def large(n: int) -> list[Shape]:
    return [(n,)]


def many(_: int) -> list[Shape]:
    return [(64, 64)] * 300 + [(64,)] * 300


def mlp(_: int) -> list[Shape]:
    return [shape for a, b in pairwise((784, 256, 256, 10)) for shape in ((b, a), (b,))]


def small(_: int) -> list[Shape]:
    return [(10,)]


def both(name: str) -> dict[str, Maker]:
    """Ours as torch's works, which looks at no gradient before it steps, and ours as it comes."""
    return {OURS: rule(name, check_finite=False), CHECKED: rule(name)}


def one_tensor(name: str) -> Case:
    fused = name in FUSED_IN_TORCH
    rivals = {"torch fused": in_torch(name, fused=True)}
    if not fused:
        rivals = {
            "torch foreach": in_torch(name, foreach=True),
            "torch for-loop": in_torch(name, foreach=False),
        }
    return Case(
        f"{name}, one large tensor",
        large,
        4 * (3 + 2 * STATES[name]),
        elementwise(name),
        both(name),
        rivals,
        {LOOP: 0.95 if fused else 0.9, **dict.fromkeys(rivals, 1.0 if fused else 5.0)},
        best_rival_only=not fused,
        reads_updates=(1, 1 + STATES[name]),
    )


def many_tensors(name: str, shapes: Callable[[int], list[Shape]], must: dict[str, float]) -> Case:
    rivals = {
        "torch fused": in_torch("adam", fused=True),
        "torch foreach": in_torch("adam", foreach=True),
    }
    return Case(name, shapes, 28, elementwise("adam"), both("adam"), rivals, must)


def small_step(name: str, lr: Any, oracle: Oracle) -> Case:
    def make(**how: bool) -> Maker:
        return ours(lambda p: optim.Adam(p, lr=lr), single=True, **how)

    return Case(
        name,
        small,
        28,
        oracle,
        {OURS: make(), "ours, gradients not checked": make(check_finite=False)},
        {"torch fused": in_torch("adam", fused=True)} if lr == LR else {},
        must_seconds=2e-6,
    )


def adamw8bit(p: Any) -> optim.Optimizer:
    return optim.AdamW(p, lr=EIGHT_BIT_LR, state_dtype="8bit")


def clip_step_average(p: Any) -> optim.Optimizer:
    return optim.Adam(p, lr=LR, clip_norm=1.0, average=optim.EMA(0.999))


def our_lamb(p: Any) -> optim.Optimizer:
    return optim.Lamb(p, lr=LR, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.01)


COSINE = schedule.cosine(LR, steps=10**6, warmup=4)
CASES = [
    *map(one_tensor, STATES),
    # No torch in 8 bits on the CPU: its rival is the same rule in float32, checked on its own row.
    Case(
        "adamw with 8-bit state, one large tensor",
        large,
        4 * 3 + 2 * 2,  # and two scales for each block of codes
        elementwise("adamw", lr=EIGHT_BIT_LR),
        {OURS: ours(adamw8bit, check_finite=False), CHECKED: ours(adamw8bit)},
        {"torch fused, float32": in_torch("adamw", lr=EIGHT_BIT_LR, fused=True)},
        {"torch fused, float32": 1.5},
        largest=np.inf,
        mean=EIGHT_BIT_MEAN,
    ),
    many_tensors(
        "adam, 300 tensors of 64x64 and 300 of 64", many, {"torch fused": 8, "torch foreach": 20}
    ),
    many_tensors("adam, MLP 784-256-256-10", mlp, {"torch fused": 3}),
    # The norm is a pass over the gradients of its own: 4 bytes more. Torch 2.13 sums it in float32,
    # 0.2 % too small for 32 Mi elements; that reaches parameters through eps, a quarter of it at
    # most, LR each step.
    Case(
        "adam, clipped by global norm, with an average, one large tensor",
        large,
        4 * (4 + 2 * 3),
        clipped_averaged_adam,
        {OURS: ours(clip_step_average, check_finite=False), CHECKED: ours(clip_step_average)},
        {"torch fused, clip_grad_norm_, foreach average": clip_step_average_in_torch},
        {"torch fused, clip_grad_norm_, foreach average": 1.6},
        rival_largest=6 * LR * 2e-3 / 4,
    ),
    # Norms before the step: parameters are read, and moments read and written, then read again.
    Case(
        "lamb, one large tensor",
        large,
        40,
        lamb,
        {OURS: ours(our_lamb, check_finite=False), CHECKED: ours(our_lamb)},
        {"our adam": rule("adam", check_finite=False)},
        {"our adam": 1 / 1.5},
        rival_oracle=elementwise("adam"),
    ),
    small_step("adam, 10 numbers, constant lr", LR, elementwise("adam")),
    small_step("adam, 10 numbers, cosine schedule", COSINE, scheduled_adam(COSINE)),
]
