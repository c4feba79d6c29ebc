"""SGDR: down along a cosine, back up at once, and again."""

from __future__ import annotations

from dataclasses import dataclass

from saddlescape import _check
from saddlescape.schedule.arguments import number_of, store
from saddlescape.schedule.shapes import blend, cosine, left

__all__ = ["cosine_restarts"]


@dataclass(frozen=True)
class cosine_restarts:  # noqa: N801 - called like a function
    r"""Down along half a wave of a cosine, back up at once, and again, each time for longer.

    .. math::

        \eta_t = \eta_{\min} + \frac{\eta_{\max} - \eta_{\min}}{2}
            \left(1 + \cos \pi \frac{T_{cur}}{T_i}\right), \qquad
        T_i = T_0\, T_{mult}^{\,i}

    :math:`T_{cur}` counts the steps since the last restart, so that :math:`\eta_{\min}` itself is
    never used. The values of ``torch.optim.lr_scheduler.CosineAnnealingWarmRestarts``; where that
    finds the cycle by a logarithm in floating point, here it is counted in integers.

    Parameters
    ----------
    peak : float
        :math:`\eta_{\max} \ge 0`, at step 0 and at each restart.
    period : int
        :math:`T_0 \ge 1` steps to the first restart.
    t_mult : int, default 1
        :math:`T_{mult} \ge 1`: how much longer each cycle is than the one before.
    final : float, default 0
        :math:`\eta_{\min} \ge 0`, which each cycle goes down to.

    Raises
    ------
    TypeError, ValueError
        If an argument, or the step of a call, is not as said above; it is named.

    Examples
    --------
    >>> from saddlescape import schedule
    >>> lr = schedule.cosine_restarts(0.1, period=10, t_mult=2)
    >>> [round(lr(t), 6) for t in (0, 5, 9, 10, 20, 30)]
    [0.1, 0.05, 0.002447, 0.1, 0.05, 0.1]

    References
    ----------
    I. Loshchilov, F. Hutter, "SGDR: stochastic gradient descent with warm restarts",
    arXiv 1608.03983, equation 5.
    """

    peak: float
    period: int
    t_mult: int = 1
    final: float = 0.0

    def __post_init__(self) -> None:
        store(
            self,
            peak=_check.non_negative("peak", self.peak),
            period=_check.integer("period", self.period, low=1),
            t_mult=_check.integer("t_mult", self.t_mult, low=1),
            final=_check.non_negative("final", self.final),
        )

    def __call__(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        t, period = number_of(step), self.period
        if self.t_mult == 1:
            t %= period
        while t >= period:
            t, period = t - period, period * self.t_mult
        return blend(self.peak, self.final, cosine(left(t, period)))
