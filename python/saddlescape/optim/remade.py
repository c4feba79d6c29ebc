"""An optimizer as plain data, and made again from it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from saddlescape.optim.adahessian import AdaHessian
from saddlescape.optim.averages import EMA, SWA
from saddlescape.optim.common import Settings
from saddlescape.optim.names import classes
from saddlescape.optim.optimizer import LearningRate, Optimizer, Params
from saddlescape.optim.sophia import Sophia

__all__ = ["describe", "remake"]

_ELSE = "no file can hold another"
_RULES: list[type[Optimizer]] = [*classes(), AdaHessian, Sophia]
_CLASSES: dict[str, Any] = {made.__name__: made for made in _RULES}
_AVERAGES: dict[str, Any] = {made.__name__: made for made in (EMA, SWA)}


def describe(optimizer: Optimizer) -> dict[str, Any]:
    """Return all that another process needs to go on with an optimizer bit for bit.

    Its class, what stands round the rule, and `Optimizer.state_dict`, which has the arguments; not
    a learning rate that is a function.

    Raises
    ------
    TypeError
        If its class, or that of its average, is not of `saddlescape.optim`.
    """
    name, core = type(optimizer).__name__, optimizer._core
    if _CLASSES.get(name) is not type(optimizer):
        raise TypeError(f"optimizer: {name}, expected a class of saddlescape.optim: {_ELSE}")
    return {
        "class": name,
        "common": _common(optimizer._settings),
        "skipped": optimizer.skipped,
        "measured": (core.norms.tolist(), core.gradient_norm, core.clip),
        "state_dict": optimizer.state_dict(),
    }


def remake(params: Params, lr: LearningRate | None, description: Mapping[str, Any]) -> Optimizer:
    """Make the described optimizer again, for parameters as they were then.

    lr : in the place of the described one; None keeps that, which must then be a number.
    """
    state = description["state_dict"]
    arguments = {**state["arguments"], **({} if lr is None else {"lr": lr})}
    common = dict(description["common"])
    if common["average"] is not None:
        name, own = common["average"]
        common["average"] = _AVERAGES[name](**own)
    made: Optimizer = _CLASSES[description["class"]](params, **arguments, **common)
    made._load(state, as_left=True)
    made._core.measured(*description["measured"])
    if lr is not None:
        made.lr = lr
    made._skipped = description["skipped"]
    return made


def _common(settings: Settings) -> dict[str, Any]:
    average = settings.average
    if average is not None and _AVERAGES.get(type(average).__name__) is not type(average):
        raise TypeError(f"average: {type(average).__name__}, expected EMA or SWA: {_ELSE}")
    return {
        "state_dtype": settings.state_dtype or None,
        "master_weights": settings.master_weights,
        "stochastic_rounding": settings.stochastic,
        "clip_norm": None if math.isinf(settings.clip_norm) else settings.clip_norm,
        "clip_value": None if math.isinf(settings.clip_value) else settings.clip_value,
        "average": None if average is None else (type(average).__name__, asdict(average)),
        "statistics": settings.statistics,
        "non_finite": "skip" if settings.skip else "raise",
    }
