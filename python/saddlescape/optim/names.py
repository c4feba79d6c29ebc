"""Optimizers by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from saddlescape.optim.adadelta import Adadelta
from saddlescape.optim.adafactor import Adafactor
from saddlescape.optim.adagrad import Adagrad
from saddlescape.optim.adam import Adam
from saddlescape.optim.adamax import Adamax
from saddlescape.optim.adamw import AdamW
from saddlescape.optim.adan import Adan
from saddlescape.optim.ademamix import AdEMAMix
from saddlescape.optim.asgd import ASGD
from saddlescape.optim.lamb import Lamb
from saddlescape.optim.lars import Lars
from saddlescape.optim.lion import Lion
from saddlescape.optim.muon import Muon
from saddlescape.optim.nadam import NAdam
from saddlescape.optim.optimizer import Optimizer, Params
from saddlescape.optim.radam import RAdam
from saddlescape.optim.rmsprop import RMSprop
from saddlescape.optim.rprop import Rprop
from saddlescape.optim.schedule_free_adamw import ScheduleFreeAdamW
from saddlescape.optim.sgd import SGD

__all__ = ["classes", "create", "names"]

_MAKERS: dict[str, Callable[..., Optimizer]] = {
    "adadelta": Adadelta,
    "adafactor": Adafactor,
    "adagrad": Adagrad,
    "adam": Adam,
    "adamax": Adamax,
    "adamw": AdamW,
    "adan": Adan,
    "ademamix": AdEMAMix,
    "amsgrad": partial(Adam, amsgrad=True),
    "amsgradw": partial(AdamW, amsgrad=True),
    "asgd": ASGD,
    "lamb": Lamb,
    "lars": Lars,
    "lion": Lion,
    "momentum": partial(SGD, momentum=0.9),
    "muon": Muon,
    "nadam": NAdam,
    "nesterov": partial(SGD, momentum=0.9, nesterov=True),
    "radam": RAdam,
    "rmsprop": RMSprop,
    "rmsprop_centered": partial(RMSprop, centered=True),
    "rmsprop_centered_momentum": partial(RMSprop, centered=True, momentum=0.9),
    "rmsprop_momentum": partial(RMSprop, momentum=0.9),
    "rprop": Rprop,
    "schedule_free_adamw": ScheduleFreeAdamW,
    "sgd": SGD,
}


# They refuse whatever is no matrix.
_OF_MATRICES = {"muon"}


def names(*, vectors: bool = False) -> list[str]:
    """Return the optimizers' names, for `create`: those that need gradients alone.

    `AdaHessian`, `Sophia` and `SaddleFreeNewton` take curvature as well and have no name here.

    Parameters
    ----------
    vectors : bool, default False
        Only those that take arrays of one dimension, such as a network's ``theta``.

    Examples
    --------
    >>> from saddlescape import optim
    >>> optim.names()[:6]
    ['adadelta', 'adafactor', 'adagrad', 'adam', 'adamax', 'adamw']
    >>> set(optim.names()) - set(optim.names(vectors=True))
    {'muon'}
    """
    return sorted({*_MAKERS} - _OF_MATRICES if vectors else _MAKERS)


def classes() -> set[type[Optimizer]]:
    """Return the classes behind the names."""
    made = (maker.func if isinstance(maker, partial) else maker for maker in _MAKERS.values())
    return {each for each in made if isinstance(each, type)}


def create(name: str, params: Params, **arguments: Any) -> Optimizer:
    """Make an optimizer by its name.

    Parameters
    ----------
    name : str
        One of `names`: a class's in small letters, or ``"momentum"`` and ``"nesterov"`` (`SGD` with
        ``momentum=0.9``), ``"amsgrad"`` and ``"amsgradw"`` (`Adam` and `AdamW` with it),
        ``"rmsprop_centered"``, ``"rmsprop_momentum"`` (with 0.9), ``"rmsprop_centered_momentum"``.
    params : array or list or tuple of arrays or list of dict
        What is optimized, as the optimizer's class says.
    **arguments
        The class's other arguments.

    Returns
    -------
    Optimizer

    Raises
    ------
    ValueError
        If there is no such optimizer.
    TypeError
        If `name` is not a string, or an argument is not one of the class's.

    Examples
    --------
    >>> import numpy as np
    >>> from saddlescape import optim
    >>> optim.create("nesterov", np.zeros(3), lr=0.1).lr
    0.1
    """
    if not isinstance(name, str):
        raise TypeError(f"name: {type(name).__name__}, expected one of {', '.join(names())}")
    if name not in _MAKERS:
        raise ValueError(f"name: {name!r}, expected one of {', '.join(names())}")
    return _MAKERS[name](params, **arguments)
