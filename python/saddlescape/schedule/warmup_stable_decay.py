"""Up, level, down: a run that can be cut short or gone on with."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from saddlescape import _check
from saddlescape.schedule.arguments import number_of, store
from saddlescape.schedule.shapes import CURVES, blend, left, rise

__all__ = ["warmup_stable_decay"]


@dataclass(frozen=True)
class warmup_stable_decay:  # noqa: N801 - called like a function
    r"""Up in a straight line, level for most of the run, down at its end.

    .. math::

        \eta_t = \begin{cases}
            \eta_{\max} \dfrac{t + 1}{w + 1} & t < w \\[1ex]
            \eta_{\max} & w \le t \le T - d \\[1ex]
            \eta_T + (\eta_{\max} - \eta_T)\,
                f\!\left(\dfrac{t - (T - d)}{d}\right) & T - d < t \le T
        \end{cases}

    :math:`f(x)` is :math:`1 - x`, :math:`(1 + \cos \pi x)/2` or :math:`1 - \sqrt x`. The level part
    doesn't depend on :math:`T`, so a run can be prolonged without starting anew.

    Parameters
    ----------
    peak : float
        :math:`\eta_{\max} \ge 0`.
    steps : int
        :math:`T \ge 1`: the step from which on the rate is `final`.
    warmup, decay : int
        :math:`w \ge 0` and :math:`d \ge 1` steps at the start and at the end,
        :math:`w + d \le T`.
    final : float, default 0
        :math:`\eta_T \ge 0`.
    curve : "linear", "cosine" or "sqrt"
        :math:`f`.

    Raises
    ------
    TypeError, ValueError
        If an argument, or the step of a call, is not as said above; it is named.

    Examples
    --------
    >>> from saddlescape import schedule
    >>> lr = schedule.warmup_stable_decay(0.5, steps=100, warmup=9, decay=20)
    >>> lr(0), lr(9), lr(80), lr(90), lr(100)
    (0.05, 0.5, 0.5, 0.25, 0.0)

    References
    ----------
    S. Hu et al., "MiniCPM", arXiv 2404.06395, section 4; the curve 1 - sqrt(x): A. Hägele et al.,
    "Scaling laws and compute-optimal training beyond fixed training durations", arXiv 2405.18392.
    """

    peak: float
    steps: int
    _: KW_ONLY
    warmup: int
    decay: int
    final: float = 0.0
    curve: str = "linear"

    def __post_init__(self) -> None:
        steps = _check.integer("steps", self.steps, low=1)
        warmup = _check.integer("warmup", self.warmup, low=0)
        decay = _check.integer("decay", self.decay, low=1)
        if warmup + decay > steps:
            raise ValueError(
                f"warmup + decay: {warmup} + {decay}, expected at most steps={steps} together"
            )
        store(
            self,
            peak=_check.non_negative("peak", self.peak),
            steps=steps,
            warmup=warmup,
            decay=decay,
            final=_check.non_negative("final", self.final),
            curve=_check.choice("curve", self.curve, tuple(CURVES)),
        )

    def __call__(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        t = number_of(step)
        if t < self.warmup:
            return rise(self.peak, t, self.warmup)
        done = max(t - (self.steps - self.decay), 0)
        return blend(self.peak, self.final, CURVES[self.curve](left(done, self.decay)))
