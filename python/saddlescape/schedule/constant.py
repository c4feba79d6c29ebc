"""Always the same."""

from __future__ import annotations

from dataclasses import dataclass

from saddlescape import _check
from saddlescape.schedule.arguments import number_of, store

__all__ = ["constant"]


@dataclass(frozen=True)
class constant:  # noqa: N801 - called like a function
    r"""The same learning rate at every step: :math:`\eta_t = \eta`.

    Parameters
    ----------
    value : float
        :math:`\eta \ge 0`.

    Raises
    ------
    TypeError, ValueError
        If an argument, or the step of a call, is not as said above; it is named.

    Examples
    --------
    >>> from saddlescape import schedule
    >>> lr = schedule.constant(0.1)
    >>> lr(0), lr(10**6)
    (0.1, 0.1)

    References
    ----------
    L. Bottou, F. E. Curtis, J. Nocedal, "Optimization methods for large-scale machine learning",
    arXiv 1606.04838, theorem 4.6.
    """

    value: float

    def __post_init__(self) -> None:
        store(self, value=_check.non_negative("value", self.value))

    def __call__(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        number_of(step)
        return self.value
