"""Half a wave of a cosine down, after a warm-up."""

from __future__ import annotations

from dataclasses import dataclass

from saddlescape import _check
from saddlescape.schedule import shapes
from saddlescape.schedule.arguments import below, number_of, store

__all__ = ["cosine"]


@dataclass(frozen=True)
class cosine:  # noqa: N801 - called like a function
    r"""Up in a straight line, then down along half a wave of a cosine.

    .. math::

        \eta_t = \begin{cases}
            \eta_{\max} \dfrac{t + 1}{w + 1} & t < w \\[1ex]
            \eta_T + \dfrac{\eta_{\max} - \eta_T}{2}
                \left(1 + \cos \pi \dfrac{t - w}{T - w}\right) & w \le t \le T \\[1ex]
            \eta_T & t > T
        \end{cases}

    Step 0 already moves, and the peak stands at step :math:`w` exactly. From :math:`w` to
    :math:`T` these are the values of ``torch.optim.lr_scheduler.CosineAnnealingLR`` with
    ``T_max = T - w``, which climbs again beyond; ours stays down.

    Parameters
    ----------
    peak : float
        :math:`\eta_{\max} \ge 0`.
    steps : int
        :math:`T \ge 1`, warm-up included: the step from which on the rate is `final`.
    warmup : int, default 0
        :math:`0 \le w < T` steps of warm-up.
    final : float, default 0
        :math:`\eta_T \ge 0`.

    Raises
    ------
    TypeError, ValueError
        If an argument, or the step of a call, is not as said above; it is named.

    Examples
    --------
    >>> from saddlescape import schedule
    >>> lr = schedule.cosine(1e-3, steps=1000, warmup=100)
    >>> [round(lr(t), 6) for t in (0, 50, 100, 550, 1000, 1001)]
    [1e-05, 0.000505, 0.001, 0.0005, 0.0, 0.0]
    >>> lr
    cosine(peak=0.001, steps=1000, warmup=100, final=0.0)

    References
    ----------
    I. Loshchilov, F. Hutter, "SGDR: stochastic gradient descent with warm restarts",
    arXiv 1608.03983, equation 5, without restarts. Warm-up: P. Goyal et al., "Accurate, large
    minibatch SGD", arXiv 1706.02677, section 2.2.
    """

    peak: float
    steps: int
    warmup: int = 0
    final: float = 0.0

    def __post_init__(self) -> None:
        steps = _check.integer("steps", self.steps, low=1)
        store(
            self,
            peak=_check.non_negative("peak", self.peak),
            steps=steps,
            warmup=below("warmup", self.warmup, 0, "steps", steps),
            final=_check.non_negative("final", self.final),
        )

    def __call__(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        t = number_of(step)
        if t < self.warmup:
            return shapes.rise(self.peak, t, self.warmup)
        left = shapes.left(t - self.warmup, self.steps - self.warmup)
        return shapes.blend(self.peak, self.final, shapes.cosine(left))
