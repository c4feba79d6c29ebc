"""Schedules of the learning rate by name, over all the steps of a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from saddlescape import _check, optim, schedule
from saddlescape.optim.optimizer import LearningRate

__all__ = ["SCHEDULES", "scheduled"]

# name -> (peak, steps) -> the schedule
SCHEDULES: dict[str, Callable[[float, int], LearningRate]] = {
    "constant": lambda peak, steps: peak,  # noqa: ARG005
    "cosine": lambda peak, steps: schedule.cosine(peak, steps=steps),
    "linear": lambda peak, steps: schedule.polynomial(peak, steps=steps),
    "one_cycle": lambda peak, steps: schedule.one_cycle(peak, steps=steps),
}


def scheduled(name: Any, optimizer: Any, lr: Any, steps: int) -> LearningRate | None:
    """Return the learning rate of `train`'s arguments for a run of so many steps.

    Without a name it is `lr` as it stands; with one `lr` is the peak, the rule's own rate if it was
    left out.
    """
    if name is None:
        rate: LearningRate | None = lr
        return rate
    _check.choice("schedule", name, list(SCHEDULES))
    if not isinstance(optimizer, str):
        raise ValueError("schedule: given with an optimizer object, expected only with a name")
    if callable(lr):
        raise ValueError(f"schedule: {name!r} with a function for lr, expected one of the two")
    if lr is None:
        _check.choice("optimizer", optimizer, optim.names(vectors=True))
        lr = optim.create(optimizer, np.zeros(1)).lr
    return SCHEDULES[name](_check.non_negative("lr", lr), max(1, steps))
