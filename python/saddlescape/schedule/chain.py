"""One schedule after the other."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from saddlescape.schedule.arguments import Rate, increasing, number_of, rate, rate_at, store

__all__ = ["chain"]


@dataclass(frozen=True)
class chain:  # noqa: N801 - called like a function
    r"""One schedule after the other, each from its own step 0 on.

    .. math:: \eta_t = s_i(t - a_i), \qquad a_i \le t < a_{i+1}, \quad a_0 = 0

    The order of ``torch.optim.lr_scheduler.SequentialLR``. (PyTorch's ChainedScheduler is something
    else, a product: see `scale`.)

    Parameters
    ----------
    schedules : sequence of (callable or float)
        :math:`s_0, s_1, \dots`, at least one; a number stands for a constant.
    at : sequence of int
        :math:`a_1 < a_2 < \dots`, the step that each of them but the first begins at.

    Raises
    ------
    TypeError, ValueError
        If an argument, or the step of a call, is not as said above; it is named.

    Examples
    --------
    >>> from saddlescape import schedule
    >>> lr = schedule.chain((0.01, schedule.polynomial(0.8, steps=10)), at=(5,))
    >>> lr(4), lr(5), lr(10), lr(15)
    (0.01, 0.8, 0.4, 0.0)

    References
    ----------
    PyTorch's documentation of SequentialLR.
    """

    schedules: Sequence[Rate]
    at: Sequence[int]

    def __post_init__(self) -> None:
        if not isinstance(self.schedules, tuple | list):
            raise TypeError(
                f"schedules: {type(self.schedules).__name__}, expected a list or tuple of schedules"
            )
        if not self.schedules:
            raise ValueError("schedules: none, expected at least one")
        at = increasing("at", self.at)
        if len(at) != len(self.schedules) - 1:
            raise ValueError(
                f"at: {len(at)} steps for {len(self.schedules)} schedules, expected one for "
                "each but the first"
            )
        schedules = tuple(rate(f"schedules[{i}]", s) for i, s in enumerate(self.schedules))
        store(self, schedules=schedules, at=at)

    def __call__(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        t = number_of(step)
        i = bisect_right(self.at, t)
        begin = self.at[i - 1] if i else 0
        return rate_at(f"schedules[{i}]", self.schedules[i], t - begin)
