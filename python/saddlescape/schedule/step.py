"""Down by a factor now and then."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass

from saddlescape import _check
from saddlescape.schedule.arguments import increasing, number_of, store
from saddlescape.schedule.shapes import power

__all__ = ["step"]


@dataclass(frozen=True)
class step:  # noqa: N801 - called like a function
    r"""Down by a factor every so many steps, or at given ones.

    .. math::

        \eta_t = \eta_0\, \gamma^{\lfloor t / n \rfloor}
        \qquad\text{or}\qquad
        \eta_t = \eta_0\, \gamma^{\#\{m \in M:\; m \le t\}}

    The values of ``torch.optim.lr_scheduler.StepLR`` and ``MultiStepLR``, there called with the
    number of an epoch.

    Parameters
    ----------
    initial : float
        :math:`\eta_0 \ge 0`.
    every : int, optional
        :math:`n \ge 1` steps from one decay to the next. Either this or `milestones`.
    milestones : sequence of int, optional
        :math:`M`: the steps, increasing and from 1 on, at which the lower rate is used first.
        PyTorch takes them in any order, and one that is named twice as two; here both are refused.
    gamma : float, default 0.1
        :math:`\gamma > 0`.

    Raises
    ------
    TypeError, ValueError
        If an argument, or the step of a call, is not as said above; it is named.

    Examples
    --------
    >>> from saddlescape import schedule
    >>> lr = schedule.step(0.8, every=10, gamma=0.5)
    >>> lr(9), lr(10), lr(20)
    (0.8, 0.4, 0.2)
    >>> lr = schedule.step(0.8, milestones=(100, 150), gamma=0.5)
    >>> lr(99), lr(100), lr(150), lr(10**6)
    (0.8, 0.4, 0.2, 0.2)

    References
    ----------
    K. He, X. Zhang, S. Ren, J. Sun, "Deep residual learning for image recognition",
    arXiv 1512.03385, section 4.2: divided by 10 at 32k and 48k iterations.
    """

    initial: float
    _: KW_ONLY
    every: int | None = None
    milestones: Sequence[int] | None = None
    gamma: float = 0.1

    def __post_init__(self) -> None:
        if (self.every is None) == (self.milestones is None):
            both = "neither" if self.every is None else "both"
            raise ValueError(f"every, milestones: {both} given, expected one of them")
        if self.every is not None:
            store(self, every=_check.integer("every", self.every, low=1))
        else:
            store(self, milestones=increasing("milestones", self.milestones))
        store(
            self,
            initial=_check.non_negative("initial", self.initial),
            gamma=_check.positive("gamma", self.gamma),
        )

    def __call__(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        t = number_of(step)
        if self.milestones is not None:
            return power(self.initial, self.gamma, bisect_right(self.milestones, t))
        assert self.every is not None  # noqa: S101 - one of the two is there
        return power(self.initial, self.gamma, t // self.every)
