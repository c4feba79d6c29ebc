"""Down by the same factor at every step."""

from __future__ import annotations

from dataclasses import dataclass

from saddlescape import _check
from saddlescape.schedule.arguments import number_of, store
from saddlescape.schedule.shapes import power

__all__ = ["exponential"]


@dataclass(frozen=True)
class exponential:  # noqa: N801 - called like a function
    r"""Down (or up) by the same factor at every step.

    .. math:: \eta_t = \eta_0\, \gamma^{t / n}

    With :math:`n = 1` the values of ``torch.optim.lr_scheduler.ExponentialLR``. It has no end: for
    a lowest rate see `clip`. With :math:`\gamma > 1` it is the learning-rate range test, and grows
    to infinity, which the optimizers refuse.

    Parameters
    ----------
    initial : float
        :math:`\eta_0 \ge 0`.
    gamma : float
        :math:`\gamma > 0`.
    every : int, default 1
        :math:`n \ge 1`: in how many steps the rate changes by `gamma`.

    Raises
    ------
    TypeError, ValueError
        If an argument, or the step of a call, is not as said above; it is named.

    Examples
    --------
    >>> from saddlescape import schedule
    >>> lr = schedule.exponential(0.8, gamma=0.5, every=10)
    >>> lr(0), round(lr(5), 6), lr(10), lr(20)
    (0.8, 0.565685, 0.4, 0.2)

    References
    ----------
    L. N. Smith, "Cyclical learning rates for training neural networks", arXiv 1506.01186,
    section 3.3: the range test (there along a straight line).
    """

    initial: float
    gamma: float
    every: int = 1

    def __post_init__(self) -> None:
        store(
            self,
            initial=_check.non_negative("initial", self.initial),
            gamma=_check.positive("gamma", self.gamma),
            every=_check.integer("every", self.every, low=1),
        )

    def __call__(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        return power(self.initial, self.gamma, number_of(step) / self.every)
