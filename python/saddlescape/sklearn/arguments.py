"""What the estimators' arguments may be: all are checked in `fit`, before anything is changed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from saddlescape import _check, _core, optim
from saddlescape.optim.common import Common

__all__ = ["LBFGS", "UNIFORM", "Settings", "flag", "settings_of", "solvers"]

LBFGS = "lbfgs"
UNIFORM = "glorot_uniform"  # scikit-learn's own start

# scikit-learn's names of activations
_ACTIVATIONS = {"identity": "linear", "logistic": "sigmoid"}
# Its parameters are not where the network is to be evaluated.
_TWO_POINTS = {"schedule_free_adamw"}


@dataclass(frozen=True)
class Settings:
    """The arguments that both estimators have, by scikit-learn's names, checked."""

    hidden_layer_sizes: tuple[int, ...]
    activation: str  # by saddlescape's name
    solver: str
    alpha: float
    batch_size: int | None  # None: "auto"
    learning_rate: str
    learning_rate_init: float
    power_t: float
    max_iter: int
    shuffle: bool
    tol: float
    verbose: bool
    warm_start: bool
    momentum: float
    nesterovs_momentum: bool
    early_stopping: bool
    validation_fraction: float
    beta_1: float
    beta_2: float
    epsilon: float
    n_iter_no_change: float  # an integer, or infinite
    max_fun: int
    init: str
    init_scale: float | None
    normalisation: str | None
    normalise_after: bool
    residual: bool
    dropout: float
    solver_params: dict[str, Any]


def solvers() -> list[str]:
    """Return the solvers' names."""
    return sorted({*optim.names(vectors=True), LBFGS} - _TWO_POINTS)


def flag(name: str, value: Any) -> bool:
    """Return True or False; a search over a NumPy array brings NumPy's."""
    return _check.flag(name, bool(value) if isinstance(value, np.bool_) else value)


def _layers(name: str, value: Any) -> tuple[int, ...]:
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        return (_check.integer(name, value, low=1),)
    return tuple(_check.integer(f"{name}[{i}]", n, low=1) for i, n in enumerate(value))


def _activation(name: str, value: Any) -> str:
    known = [*_ACTIVATIONS, *_core.net.activations()]
    chosen = _check.choice(name, value, sorted(known))
    return _ACTIVATIONS.get(chosen, chosen)


def _batch(name: str, value: Any) -> int | None:
    if isinstance(value, str):
        _check.choice(name, value, ("auto", "an integer of at least 1"))
        return None
    return _check.integer(name, value, low=1)


def _open_fraction(name: str, value: Any) -> float:
    number = _check.fraction(name, value)
    if number == 0:
        raise ValueError(f"{name}: {value}, expected a number > 0 and < 1")
    return number


def _patience(name: str, value: Any) -> float:
    endless = isinstance(value, float) and value == math.inf
    return math.inf if endless else _check.integer(name, value, low=1)


def _verbose(name: str, value: Any) -> bool:
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    return _check.integer(name, value, low=0) > 0


def _extra(name: str, value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise TypeError(f"{name}: {type(value).__name__}, expected a dict or None")
    return dict(value)


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "hidden_layer_sizes": _layers,
    "activation": _activation,
    "solver": lambda name, value: _check.choice(name, value, solvers()),
    "alpha": _check.non_negative,
    "batch_size": _batch,
    "learning_rate": lambda name, value: _check.choice(
        name, value, ("adaptive", "constant", "invscaling")
    ),
    "learning_rate_init": _check.positive,
    "power_t": _check.non_negative,
    "max_iter": lambda name, value: _check.integer(name, value, low=1),
    "shuffle": flag,
    "tol": _check.non_negative,
    "verbose": _verbose,
    "warm_start": flag,
    "momentum": _check.non_negative,
    "nesterovs_momentum": flag,
    "early_stopping": flag,
    "validation_fraction": _open_fraction,
    "beta_1": _check.fraction,
    "beta_2": _check.fraction,
    "epsilon": _check.positive,
    "n_iter_no_change": _patience,
    "max_fun": lambda name, value: _check.integer(name, value, low=1),
    "init": lambda name, value: value,  # noqa: ARG005 - the network's own check
    "init_scale": lambda name, value: value,  # noqa: ARG005
    "normalisation": lambda name, value: value,  # noqa: ARG005
    "normalise_after": flag,
    "residual": flag,
    "dropout": _check.fraction,
    "solver_params": _extra,
}


def settings_of(given: Mapping[str, Any]) -> Settings:
    """Return an estimator's arguments, checked, but for what the network checks itself."""
    names = [field.name for field in fields(Settings)]
    settings = Settings(**{name: _CHECKS[name](name, given[name]) for name in names})
    if settings.init == UNIFORM and settings.init_scale is not None:
        raise ValueError(
            f"init_scale: given with init {UNIFORM!r}, expected only with constant, normal, "
            "orthogonal"
        )
    random = settings.dropout > 0 or settings.normalisation == "batch"
    if settings.solver == LBFGS:
        if random:
            raise ValueError(
                "solver: 'lbfgs' with dropout or batch normalisation, expected a solver that takes "
                "batches: its line search needs a loss that is a function of the weights"
            )
        if settings.solver_params:
            raise ValueError("solver_params: given with solver 'lbfgs', expected tol and max_fun")
    else:
        _check_extra(settings)
    return settings


def _check_extra(settings: Settings) -> None:
    """Refuse what is no argument of the optimizer."""
    made = optim.create(settings.solver, np.zeros(1))
    allowed = [*made.arguments, *Common.__annotations__]
    for name in settings.solver_params:
        if name not in allowed:
            raise TypeError(
                f"solver_params: {name!r}, no argument of {settings.solver!r}, expected one of "
                f"{', '.join(allowed)}"
            )
