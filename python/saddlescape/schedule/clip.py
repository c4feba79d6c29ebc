"""A schedule between two bounds."""

from __future__ import annotations

from dataclasses import dataclass

from saddlescape import _check
from saddlescape.schedule.arguments import Rate, number_of, rate, rate_at, store

__all__ = ["clip"]


@dataclass(frozen=True)
class clip:  # noqa: N801 - called like a function
    r"""A schedule kept between two bounds.

    .. math:: \eta_t = \min(\max(s(t), \eta_{low}), \eta_{high})

    Parameters
    ----------
    schedule : callable or float
        :math:`s`; a number stands for a constant.
    low : float, default 0
        :math:`\eta_{low} \ge 0`.
    high : float, optional
        :math:`\eta_{high} \ge \eta_{low}`; no bound if left out.

    Raises
    ------
    TypeError, ValueError
        If an argument, or the step of a call, is not as said above; it is named.

    Examples
    --------
    >>> from saddlescape import schedule
    >>> lr = schedule.clip(schedule.exponential(0.8, gamma=0.5), low=0.15)
    >>> lr(0), lr(2), lr(3), lr(100)
    (0.8, 0.2, 0.15, 0.15)
    """

    schedule: Rate
    low: float = 0.0
    high: float | None = None

    def __post_init__(self) -> None:
        low = _check.non_negative("low", self.low)
        high = None if self.high is None else _check.non_negative("high", self.high)
        if high is not None and high < low:
            raise ValueError(f"high: {high}, expected at least low={low}")
        store(self, schedule=rate("schedule", self.schedule), low=low, high=high)

    def __call__(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        value = max(rate_at("schedule", self.schedule, number_of(step)), self.low)
        return value if self.high is None else min(value, self.high)
