"""One cycle: up to a large rate, then down far below the first."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from saddlescape import _check
from saddlescape.schedule.arguments import number_of, store
from saddlescape.schedule.shapes import CURVES, blend

__all__ = ["one_cycle"]


@dataclass(frozen=True)
class one_cycle:  # noqa: N801 - called like a function
    r"""Up to a large rate, then down far below the one it started with.

    .. math::

        \eta_0 = \eta_{\max} / d \;\longrightarrow\; \eta_{\max}
            \;\longrightarrow\; \eta_0 / f

    up over the steps :math:`0 \dots pT - 1`, down over :math:`pT - 1 \dots T - 1`, each along half
    a wave of a cosine or a straight line. The learning rates of
    ``torch.optim.lr_scheduler.OneCycleLR``, and its names; the momentum stays as it is. PyTorch
    raises ZeroDivisionError at step 0 if :math:`pT = 1`; here that step has the peak.

    Parameters
    ----------
    peak : float
        :math:`\eta_{\max} \ge 0`. Between two steps if :math:`pT` is no integer.
    steps : int
        :math:`T \ge 1`. The last of them, and every later one, has the lowest rate.
    pct_start : float, default 0.3
        :math:`p`, from 0 to 1 (a half in three phases): the part of the steps that go up.
    div_factor : float, default 25
        :math:`d \ge 1`.
    final_div_factor : float, default 1e4
        :math:`f \ge 1`.
    anneal : "cosine" or "linear"
        The curve; PyTorch calls it anneal_strategy, and the first of them "cos".
    three_phase : bool, default False
        Come down to :math:`\eta_0` in as many steps as it went up, and only then lower.

    Raises
    ------
    TypeError, ValueError
        If an argument, or the step of a call, is not as said above; it is named.

    Examples
    --------
    >>> from saddlescape import schedule
    >>> lr = schedule.one_cycle(1.0, steps=100, div_factor=10, final_div_factor=100)
    >>> [round(lr(t), 6) for t in (0, 29, 99, 100)]
    [0.1, 1.0, 0.001, 0.001]

    References
    ----------
    L. N. Smith, N. Topin, "Super-convergence: very fast training of neural networks using large
    learning rates", arXiv 1708.07120, section 3.
    """

    peak: float
    steps: int
    _: KW_ONLY
    pct_start: float = 0.3
    div_factor: float = 25.0
    final_div_factor: float = 1e4
    anneal: str = "cosine"
    three_phase: bool = False

    def __post_init__(self) -> None:
        three_phase = _check.flag("three_phase", self.three_phase)
        store(
            self,
            peak=_check.non_negative("peak", self.peak),
            steps=_check.integer("steps", self.steps, low=1),
            pct_start=_share("pct_start", self.pct_start, 0.5 if three_phase else 1.0),
            div_factor=_divisor("div_factor", self.div_factor),
            final_div_factor=_divisor("final_div_factor", self.final_div_factor),
            anneal=_check.choice("anneal", self.anneal, ("cosine", "linear")),
        )

    def __call__(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        t = min(number_of(step), self.steps - 1)
        begin, start = 0.0, self.peak / self.div_factor
        for last, end in self._phases():
            if t <= last:
                # The first phase may be step 0 alone, which then has what the phase ends with.
                left = (last - t) / (last - begin) if last > begin else 0.0
                return blend(start, end, CURVES[self.anneal](left))
            begin, start = last, end
        return start

    def _phases(self) -> list[tuple[float, float]]:
        """Each phase's last step, which need not be whole, and the rate there."""
        initial = self.peak / self.div_factor
        up = self.pct_start * self.steps - 1
        middle = [(2 * self.pct_start * self.steps - 2, initial)] if self.three_phase else []
        last = (float(self.steps - 1), initial / self.final_div_factor)
        return [(up, self.peak), *middle, last]


def _share(name: str, value: object, high: float) -> float:
    allowed = f"a number from 0 to {high:g}"
    number = _check.real(name, value, allowed)
    if not 0 <= number <= high:
        raise ValueError(f"{name}: {value}, expected {allowed}")
    return number


def _divisor(name: str, value: object) -> float:
    allowed = "a finite number >= 1"
    number = _check.real(name, value, allowed)
    if number < 1:
        raise ValueError(f"{name}: {value}, expected {allowed}")
    return number
