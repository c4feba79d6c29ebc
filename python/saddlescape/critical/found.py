"""What a search for a critical point came to."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from saddlescape.critical.point import CriticalPoint
from saddlescape.critical.statement import wrapped

__all__ = ["FindOutcome", "Found"]

Vector = NDArray[np.float64]


class FindOutcome(Enum):
    """How a search for a critical point ended; the text says what to do next."""

    CRITICAL = "The gradient vanishes here: `point` says what kind of critical point it is."
    GRADIENT_FLAT = (
        "Not a critical point: the gradient is not zero, but it lies where H is zero, so no small "
        "step makes it shorter. The loss still falls along it: follow the gradient, or start the "
        "search elsewhere."
    )
    BUDGET = (
        "max_steps or max_products was used up before the gradient vanished: go on with "
        "start=found. If |theta| grows from step to step, the loss may have its lowest value, or a "
        "critical point, only at infinity: add weight decay to it."
    )
    STALLED = (
        "No step makes further progress although the gradient has not vanished: the point is at a "
        "kink, or as exact as the rounding of the loss allows. Compute in float64, or start "
        "elsewhere."
    )
    STOPPED = "The callback stopped the search: go on with start=found."
    NO_LOSS = (
        "The operator can't evaluate the loss, so saddle-free Newton had nothing to lower: give it "
        "a loss, or take method='gradient_norm'."
    )


@dataclass(frozen=True)
class Found:
    """Where a search for a critical point ended, and how.

    Attributes
    ----------
    outcome : FindOutcome
        Whether it is a critical point; the text of a member is the remedy.
    theta : (P,) array
        The point; nothing of the caller's was moved.
    gradient_norm : float
        ``|g|`` there.
    flatness : float or None
        ``|H g| / (|H| |g|)`` there; None where a norm is zero.
    loss : float or None
        There; None where no loss can be evaluated.
    gradient_norms, losses : (steps + 1,) arrays
        At the start and after each step; losses are NaN where there are none.
    steps : int
        Steps taken.
    saddles_left : int
        Saddles that saddle-free Newton came upon and left.
    products : int
        Hessian products of all steps and of the classification.
    radius : float
        The length of a step that was last trusted; a search that goes on begins with it.
    point : CriticalPoint
        What `classify` says of the end.
    """

    outcome: FindOutcome
    theta: Vector = field(repr=False)
    gradient_norm: float
    flatness: float | None
    loss: float | None
    gradient_norms: Vector = field(repr=False)
    losses: Vector = field(repr=False)
    steps: int
    saddles_left: int
    products: int
    radius: float = field(repr=False)
    point: CriticalPoint = field(repr=False)

    def __str__(self) -> str:
        norms, losses = self.gradient_norms, self.losses
        way = f"{self.steps} {'step' if self.steps == 1 else 'steps'}, {self.products} Hessian "
        way += f"products: |g| from {norms[0]:.3g} to {norms[-1]:.3g}"
        if self.loss is not None:
            way += f", loss from {losses[0]:.6g} to {losses[-1]:.6g}"
        ended = self.outcome.name.lower().replace("_", " ")
        rows = [("SEARCH", ended), ("", self.outcome.value), ("", way)]
        return "\n".join(line for row in rows for line in wrapped(*row)) + f"\n\n{self.point}"
