"""Up in a straight line to where another schedule begins."""

from __future__ import annotations

from dataclasses import dataclass

from saddlescape import _check
from saddlescape.schedule.arguments import Rate, number_of, rate, rate_at, store
from saddlescape.schedule.shapes import rise

__all__ = ["warmup"]


@dataclass(frozen=True)
class warmup:  # noqa: N801 - called like a function
    r"""Up in a straight line to where another schedule begins, which follows from its step 0 on.

    .. math::

        \eta_t = \begin{cases}
            s(0)\, \dfrac{t + 1}{w + 1} & t < w,\ \text{or with a start }
            \eta_0 + (s(0) - \eta_0)\, \dfrac{t}{w} \\[1ex]
            s(t - w) & t \ge w
        \end{cases}

    With a start it is the ramp of ``torch.optim.lr_scheduler.LinearLR`` (``start_factor``
    times the rate). Libraries that start at 0 waste step 0; say ``start=0`` for theirs.

    Parameters
    ----------
    schedule : callable or float
        :math:`s`: what comes after; a number stands for a constant.
    steps : int
        :math:`w \ge 0` steps of warm-up; step :math:`w` has :math:`s(0)`.
    start : float, optional
        :math:`\eta_0 \ge 0`, the rate of step 0.

    Raises
    ------
    TypeError, ValueError
        If an argument, or the step of a call, is not as said above; it is named.

    Examples
    --------
    >>> from saddlescape import schedule
    >>> lr = schedule.warmup(schedule.step(0.8, every=10, gamma=0.5), steps=3)
    >>> lr(0), lr(1), lr(3), lr(12), lr(13)
    (0.2, 0.4, 0.8, 0.8, 0.4)

    References
    ----------
    P. Goyal et al., "Accurate, large minibatch SGD: training ImageNet in 1 hour",
    arXiv 1706.02677, section 2.2 (gradual warm-up).
    """

    schedule: Rate
    steps: int
    start: float | None = None

    def __post_init__(self) -> None:
        start = None if self.start is None else _check.non_negative("start", self.start)
        store(
            self,
            schedule=rate("schedule", self.schedule),
            steps=_check.integer("steps", self.steps, low=0),
            start=start,
        )

    def __call__(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        t = number_of(step)
        if t < self.steps:
            return rise(rate_at("schedule", self.schedule, 0), t, self.steps, self.start)
        return rate_at("schedule", self.schedule, t - self.steps)
