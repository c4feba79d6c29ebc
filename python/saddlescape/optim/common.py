"""Arguments that every optimizer takes beside its rule's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt

from saddlescape import _check
from saddlescape._core import optim as _core
from saddlescape.optim.averages import Average

__all__ = ["Common", "Settings", "Statistics"]


class Common(TypedDict, total=False):
    """See `Optimizer` for what they mean."""

    state_dtype: str | None
    master_weights: bool
    stochastic_rounding: bool
    clip_norm: float | None
    clip_value: float | None
    average: Average | None
    statistics: bool
    non_finite: str


@dataclass(frozen=True)
class Statistics:
    """Euclidean norms of the last step, for each array of parameters; 0 where it had no gradient.

    Narrow parameters are measured as they are kept: a step that rounding lost has norm 0. With
    master weights it is those that are measured.

    Attributes
    ----------
    gradient_norm : (arrays,) ndarray of float64
        Of its gradient, unscaled and clipped by value, not yet by norm.
    update_norm : (arrays,) ndarray of float64
        Of what the step added to it.
    parameter_norm : (arrays,) ndarray of float64
        Of itself after the step.
    """

    gradient_norm: npt.NDArray[np.float64]
    update_norm: npt.NDArray[np.float64]
    parameter_norm: npt.NDArray[np.float64]

    @property
    def update_ratio(self) -> npt.NDArray[np.float64]:
        """Update norm over parameter norm; infinite, or NaN if nothing moved, where that is 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.update_norm / self.parameter_norm


class Settings:
    """The common arguments, checked, with what is not given at its neutral value."""

    def __init__(self, given: Common) -> None:
        for name in given:
            if name not in Common.__annotations__:
                raise TypeError(
                    f"{name}: not an argument of this optimizer, which beside its rule's takes "
                    f"{', '.join(Common.__annotations__)}"
                )
        self.state_dtype = _state_dtype(given.get("state_dtype"))
        self.master_weights = _check.flag("master_weights", given.get("master_weights", False))
        self.stochastic = _check.flag(
            "stochastic_rounding", given.get("stochastic_rounding", False)
        )
        self.clip_norm = _limit("clip_norm", given.get("clip_norm"))
        self.clip_value = _limit("clip_value", given.get("clip_value"))
        self.average = _average(given.get("average"))
        self.statistics = _check.flag("statistics", given.get("statistics", False))
        non_finite = given.get("non_finite", "raise")
        self.skip = _check.choice("non_finite", non_finite, ("raise", "skip")) == "skip"

    def layout(self) -> _core.Layout:
        """Return what the core needs when it allocates."""
        return _core.Layout(self.state_dtype, self.master_weights, self.average is not None)

    def apply(self, around: _core.Around) -> None:
        """Write what the core needs in every step."""
        around.clip_norm = self.clip_norm
        around.clip_value = self.clip_value
        around.statistics = self.statistics
        around.dithered_parameters = self.stochastic


def _state_dtype(value: object) -> str:
    allowed = ("float32", "float64", "bfloat16", "8bit")
    if value is None:
        return ""
    return _check.choice("state_dtype", value, allowed)


def _limit(name: str, value: Any) -> float:
    if value is None:
        return float("inf")
    return _check.positive(name, value, "a finite number > 0, or None")


def _average(value: object) -> Average | None:
    if value is None or isinstance(value, Average):
        return value
    raise TypeError(f"average: {type(value).__name__}, expected optim.EMA, optim.SWA or None")
