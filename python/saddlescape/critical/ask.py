"""What a caller of `classify` wants to know, checked before the first product."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saddlescape import _check
from saddlescape._sums import Sums
from saddlescape.critical.hylee2021 import check_preset
from saddlescape.critical.null_space import check_directions
from saddlescape.curvature import AnyCurvature

__all__ = ["DENSE_LIMIT", "Ask"]

DENSE_LIMIT = (
    3000  # parameters up to which "auto" assembles H: 72 MB, some ten seconds on two cores
)
Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Ask:
    """The arguments of `classify`."""

    dense: bool
    gradient_tolerance: float | None
    tau: float | None
    delta: float
    null_directions: list[tuple[str, Vector]]
    preset: bool
    seed: int

    @classmethod
    def checked(
        cls,
        operator: AnyCurvature,
        gradient_tolerance: float | None,
        method: str,
        tau: float | None,
        delta: float,
        null_directions: dict[str, Vector] | None,
        preset: str | None,
        seed: int,
    ) -> Ask:
        """Look at every argument before the first product."""
        method = _check.choice("method", method, ("auto", "dense", "lanczos"))
        n = operator.shape[0]
        spread = Sums(operator).spread
        if spread and method == "dense":
            raise ValueError(
                "method: 'dense' of an operator in pieces, expected 'lanczos' or 'auto': no "
                "process holds the whole matrix"
            )
        if spread and null_directions is not None:
            raise ValueError("null_directions: given with an operator in pieces, expected None")
        if gradient_tolerance is not None:
            gradient_tolerance = _check.non_negative("gradient_tolerance", gradient_tolerance)
        if tau is not None and _check.non_negative("tau", tau, "a number > 0 or None") == 0:
            raise ValueError("tau: 0, expected a number > 0 or None")
        if _check.fraction("delta", delta) == 0:
            raise ValueError("delta: 0, expected a number > 0 and < 1")
        named = [] if null_directions is None else check_directions(null_directions, n)
        if preset is not None:
            _check.choice("preset", preset, ("hylee2021",))
            check_preset(operator)
        return cls(
            method == "dense" or (method == "auto" and n <= DENSE_LIMIT and not spread),
            gradient_tolerance,
            None if tau is None else float(tau),
            float(delta),
            named,
            preset is not None,
            _check.integer("seed", seed, low=0),
        )
