"""The loss ends far above its lowest value, or rises."""

from __future__ import annotations

import numpy as np

from saddlescape.diagnosis.case import Case
from saddlescape.diagnosis.records import Evidence, Finding
from saddlescape.metrics import TrendState

__all__ = ["check"]

FACTOR = 1.5
TAIL = 10


def check(case: Case) -> Finding | None:
    """Fire if the median of the last losses is 1.5 times the lowest, or the trend surely rises."""
    losses = case.run.history.loss
    losses = losses[np.isfinite(losses)]
    if len(losses) < 2 * TAIL:
        return None
    # Medians of ten steps on both sides: the lowest single loss of small batches is luck.
    smooth = np.median(np.lib.stride_tricks.sliding_window_view(losses, TAIL), axis=1)
    best, end = int(np.argmin(smooth)), float(smooth[-1])
    far = end > FACTOR * smooth[best] and best < len(smooth) - TAIL
    if not far and case.trend.state is not TrendState.RISING:
        return None
    rate = float(case.run.history["learning_rate"][-1])
    return Finding(
        rule="diverging",
        verdict="learning rate too large",
        statement=(
            f"The loss rises: it was {smooth[best]:.4g} around step {best + TAIL // 2} and ends at "
            f"{end:.4g}."
        ),
        evidence=(
            Evidence("lowest loss", f"{smooth[best]:.4g}", f"median of {TAIL} steps"),
            Evidence("loss at the end", f"{end:.4g}", f"median of the last {TAIL} steps"),
            Evidence("learning rate", f"{rate:.3g}", "as the optimizer used it"),
        ),
        remedy=(
            f"Go back to step {best + TAIL // 2} and divide the learning rate by 3 "
            f"({rate / 3:.2g})."
        ),
        weight=90,
    )
