"""A schedule times another, or times a number."""

from __future__ import annotations

from dataclasses import dataclass

from saddlescape.schedule.arguments import Rate, number_of, rate, rate_at, store

__all__ = ["scale"]


@dataclass(frozen=True)
class scale:  # noqa: N801 - called like a function
    r"""A schedule times a number, or times another schedule.

    .. math:: \eta_t = c(t)\, s(t)

    Parameters
    ----------
    schedule : callable or float
        :math:`s`; a number stands for a constant.
    factor : callable or float
        :math:`c \ge 0`; a number stands for a constant.

    Raises
    ------
    TypeError, ValueError
        If an argument, or the step of a call, is not as said above; it is named.

    Examples
    --------
    The linear scaling rule: eight times the batch, eight times the rate.

    >>> from saddlescape import schedule
    >>> lr = schedule.scale(schedule.step(0.1, every=30, gamma=0.5), 8)
    >>> lr(0), lr(30)
    (0.8, 0.4)

    References
    ----------
    P. Goyal et al., "Accurate, large minibatch SGD: training ImageNet in 1 hour",
    arXiv 1706.02677, section 2.1.
    """

    schedule: Rate
    factor: Rate

    def __post_init__(self) -> None:
        store(self, schedule=rate("schedule", self.schedule), factor=rate("factor", self.factor))

    def __call__(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        t = number_of(step)
        return rate_at("factor", self.factor, t) * rate_at("schedule", self.schedule, t)
