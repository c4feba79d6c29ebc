"""The Transformer's schedule, also called Noam's."""

from __future__ import annotations

from dataclasses import dataclass

from saddlescape import _check
from saddlescape.schedule.arguments import number_of, store

__all__ = ["noam", "transformer"]


@dataclass(frozen=True)
class transformer:  # noqa: N801 - called like a function
    r"""Up in a straight line, then down with the inverse square root of the step.

    .. math::

        \eta_t = c\, d_{model}^{-1/2}\,
            \min\left(n^{-1/2},\; n\, w^{-3/2}\right), \qquad n = t + 1

    The paper counts its steps :math:`n` from 1, where the formula is finite; ours are counted from
    0, so the peak :math:`c\, (d_{model} w)^{-1/2}` stands at step :math:`w - 1`. ``schedule.noam``
    is the same.

    Parameters
    ----------
    d_model : int
        :math:`d_{model} \ge 1`, the width of the model.
    warmup : int, default 4000
        :math:`w \ge 1` steps of warm-up.
    factor : float, default 1
        :math:`c > 0`.

    Raises
    ------
    TypeError, ValueError
        If an argument, or the step of a call, is not as said above; it is named.

    Examples
    --------
    >>> from saddlescape import schedule
    >>> lr = schedule.transformer(512, warmup=4000)
    >>> [f"{lr(t):.3e}" for t in (0, 3999, 99_999)]
    ['1.747e-07', '6.988e-04', '1.398e-04']

    References
    ----------
    A. Vaswani et al., "Attention is all you need", arXiv 1706.03762, equation 3.
    """

    d_model: int
    warmup: int = 4000
    factor: float = 1.0

    def __post_init__(self) -> None:
        store(
            self,
            d_model=_check.integer("d_model", self.d_model, low=1),
            warmup=_check.integer("warmup", self.warmup, low=1),
            factor=_check.positive("factor", self.factor),
        )

    def __call__(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        n = float(number_of(step) + 1)
        return float(self.factor * self.d_model**-0.5 * min(n**-0.5, n * self.warmup**-1.5))


noam = transformer
