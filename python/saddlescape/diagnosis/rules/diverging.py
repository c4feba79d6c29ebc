"""The loss ends far above its lowest value, or rises."""

from __future__ import annotations

import numpy as np

from saddlescape.diagnosis.case import Case
from saddlescape.diagnosis.records import Evidence, Finding
from saddlescape.metrics import TrendState

__all__ = ["check"]

FACTOR = 1.5
LEAST = 10
PIECES = 20


def check(case: Case) -> Finding | None:
    """Fire if the losses end well above the lowest piece of the run, or the trend surely rises.

    Of up to twenty pieces of equal length, and at least ten steps, the last has 1.5 times the
    lowest median, and four fifths of its losses lie above four fifths of the lowest one's:
    with fewer steps a piece, or without the fifths, lucky batches look like a way back.
    """
    losses = case.history.loss
    losses = losses[np.isfinite(losses)]
    if len(losses) < 2 * LEAST:
        return None
    length = max(LEAST, len(losses) // PIECES)
    pieces = losses[len(losses) % length :].reshape(-1, length)
    medians = np.median(pieces, axis=1)
    best, end = int(np.argmin(medians)), float(medians[-1])
    apart = np.quantile(pieces[-1], 0.2) > np.quantile(pieces[best], 0.8)
    far = apart and end > FACTOR * medians[best]
    if not far and case.trend.state is not TrendState.RISING:
        return None
    lowest, step = float(medians[best]), len(losses) % length + best * length + length // 2
    if not far:  # a slow rise: from where the trend was taken
        window = losses[-case.trend.window :]
        lowest, step = float(np.median(window[:LEAST])), len(losses) - len(window)
        end, length = float(np.median(window[-LEAST:])), LEAST
    rate = case.rate
    return Finding(
        rule="diverging",
        verdict="learning rate too large",
        statement=(
            f"The loss rises: it was {lowest:.4g} around step {step:,} and ends at {end:.4g}."
        ),
        evidence=(
            Evidence("loss before", f"{lowest:.4g}", f"median of {length} steps"),
            Evidence("loss at the end", f"{end:.4g}", f"median of the last {length} steps"),
            Evidence("learning rate", f"{rate:.3g}", "as the optimizer used it"),
        ),
        remedy=_remedy(step if best > 0 or not far else 0, rate),
        weight=90,
    )


def _remedy(step: int, rate: float) -> str:
    if step:
        return f"Go back to step {step:,} and divide the learning rate by 3 ({rate / 3:.2g})."
    return (
        f"Start again with the learning rate divided by 3 ({rate / 3:.2g}), and so on until the "
        "loss falls; or standardise the inputs."
    )
