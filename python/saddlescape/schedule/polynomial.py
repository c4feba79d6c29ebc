"""From one rate to another along a power of the steps that are left."""

from __future__ import annotations

from dataclasses import dataclass

from saddlescape import _check
from saddlescape.schedule.arguments import number_of, store
from saddlescape.schedule.shapes import blend, left

__all__ = ["polynomial"]


@dataclass(frozen=True)
class polynomial:  # noqa: N801 - called like a function
    r"""From one learning rate to another along a power of the steps that are left.

    .. math::

        \eta_t = \eta_T + (\eta_0 - \eta_T)
            \left(1 - \frac{\min(t, T)}{T}\right)^p

    With :math:`\eta_T = 0` the values of ``torch.optim.lr_scheduler.PolynomialLR``; with
    :math:`p = 1` those of ``LinearLR``, which may go up as well.

    Parameters
    ----------
    initial : float
        :math:`\eta_0 \ge 0`, at step 0.
    steps : int
        :math:`T \ge 1`: the step from which on the rate is `final`.
    power : float, default 1
        :math:`p > 0`.
    final : float, default 0
        :math:`\eta_T \ge 0`.

    Raises
    ------
    TypeError, ValueError
        If an argument, or the step of a call, is not as said above; it is named.

    Examples
    --------
    >>> from saddlescape import schedule
    >>> lr = schedule.polynomial(0.8, steps=10, power=2.0)
    >>> lr(0), lr(5), lr(10), lr(11)
    (0.8, 0.2, 0.0, 0.0)

    References
    ----------
    L.-C. Chen et al., "DeepLab", arXiv 1606.00915, section 4.1.2 (the poly policy, p = 0.9).
    """

    initial: float
    steps: int
    power: float = 1.0
    final: float = 0.0

    def __post_init__(self) -> None:
        store(
            self,
            initial=_check.non_negative("initial", self.initial),
            steps=_check.integer("steps", self.steps, low=1),
            power=_check.positive("power", self.power),
            final=_check.non_negative("final", self.final),
        )

    def __call__(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        return blend(self.initial, self.final, left(number_of(step), self.steps) ** self.power)
