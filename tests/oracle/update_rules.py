"""The update rules once more, as their papers print them, by name.

Adam's family stands in `adam_rules`, the other rules in `plain_rules`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np

from oracle.adam_rules import adam, adamax, adan, ademamix, nadam, radam
from oracle.plain_rules import adadelta, adagrad, asgd, lion, rmsprop, rprop, sgd

__all__ = ["RULES", "trace"]

_adamw = partial(adam, weight_decay=1e-2, decoupled=True)
_rmsprop_momentum = partial(rmsprop, momentum=0.9)

RULES: dict[str, Callable[..., Any]] = {
    "adadelta": adadelta,
    "adagrad": adagrad,
    "adam": adam,
    "adamax": adamax,
    "adamw": _adamw,
    "adan": adan,
    "ademamix": ademamix,
    "amsgrad": partial(adam, amsgrad=True),
    "amsgradw": partial(_adamw, amsgrad=True),
    "asgd": asgd,
    "lion": lion,
    "momentum": partial(sgd, momentum=0.9),
    "nadam": nadam,
    "nesterov": partial(sgd, momentum=0.9, nesterov=True),
    "radam": radam,
    "rmsprop": rmsprop,
    "rmsprop_centered": partial(rmsprop, centered=True),
    "rmsprop_centered_momentum": partial(_rmsprop_momentum, centered=True),
    "rmsprop_momentum": _rmsprop_momentum,
    "rprop": rprop,
    "sgd": sgd,
}


def trace(name: str, theta, gradients: Iterable[Any], real: type = np.float64, **arguments: Any):
    """Where the rule goes from `theta`, shape (steps + 1, *theta.shape), computed in `real`."""
    return RULES[name](theta, gradients, real, **arguments)
