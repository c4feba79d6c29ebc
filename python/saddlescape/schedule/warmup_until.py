"""A low rate until what is measured passes a threshold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

from saddlescape import _check
from saddlescape.schedule.arguments import (
    Rate,
    measurement,
    number_of,
    rate,
    rate_at,
    same_names,
    store,
)

__all__ = ["warmup_until"]


@dataclass(frozen=True)
class warmup_until:  # noqa: N801 - called like a function
    r"""A low rate until what is measured passes a threshold, then another schedule, for good.

    .. math::

        \eta_t = \begin{cases}
            \eta_{low} & \text{until some } z < z^\ast \text{ is observed} \\
            s(t) & \text{from then on}
        \end{cases}

    Calling it changes nothing; `observe` does. What comes after is asked for the step itself, not
    for the steps since the switch: ResNet's milestones count from the start of the training.

    Parameters
    ----------
    low : float
        :math:`\eta_{low} \ge 0`, the rate of the warm-up.
    then : callable or float
        :math:`s`: what comes after; a number stands for a constant.
    below, above : float, optional
        :math:`z^\ast`: the warm-up ends when a value below, or above, it is observed; just at it
        does not count. One of the two.

    Attributes
    ----------
    over : bool
        Whether the warm-up is over.

    Raises
    ------
    TypeError, ValueError
        If an argument, or the step of a call, is not as said above; it is named.

    Examples
    --------
    ResNet-110: 0.01 until the training error is below 80 %, then 0.1, a tenth of that from
    iteration 32k on, a hundredth from 48k on.

    >>> from saddlescape import schedule
    >>> lr = schedule.warmup_until(
    ...     0.01, then=schedule.step(0.1, milestones=(32_000, 48_000)), below=0.8
    ... )
    >>> lr(399)
    0.01
    >>> lr.observe(0.79)
    >>> lr(400), round(lr(32_000), 6)
    (0.1, 0.01)

    In a training run the callback observes, here the loss of each step:

    >>> import numpy as np, saddlescape as ss
    >>> X, y = np.array([[0.0], [1.0]]), np.array([0, 1])
    >>> net, lr = ss.MLP((1, 4, 2), seed=0), schedule.warmup_until(0.1, then=1.0, below=0.5)
    >>> run = ss.train(net, X, y, optimizer="sgd", lr=lr, batch_size="full", epochs=150,
    ...                callback=lambda state: lr.observe(state.history.loss[-1]))
    >>> rates = run.history["learning_rate"]
    >>> float(rates[0]), float(rates[-1])
    (0.1, 1.0)

    References
    ----------
    K. He, X. Zhang, S. Ren, J. Sun, "Deep residual learning for image recognition",
    arXiv 1512.03385, section 4.2.
    """

    low: float
    then: Rate
    _: KW_ONLY
    below: float | None = None
    above: float | None = None
    over: bool = field(default=False, init=False, hash=False)

    def __post_init__(self) -> None:
        if (self.below is None) == (self.above is None):
            both = "neither" if self.below is None else "both"
            raise ValueError(f"below, above: {both} given, expected one of them")
        name = "below" if self.below is not None else "above"
        store(
            self,
            low=_check.non_negative("low", self.low),
            then=rate("then", self.then),
            **{name: _check.finite(name, getattr(self, name))},
        )

    def __call__(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        t = number_of(step)
        return rate_at("then", self.then, t) if self.over else self.low

    def observe(self, value: float) -> None:
        """Take note of a value, the training error for example; NaN fulfils no condition.

        Raises
        ------
        TypeError
            If `value` is no number.
        """
        seen = measurement("value", value)
        passed = (self.below is not None and seen < self.below) or (
            self.above is not None and seen > self.above
        )
        store(self, over=self.over or passed)

    def state_dict(self) -> dict[str, Any]:
        """Return what changes: ``over``."""
        return {"over": self.over}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned.

        Raises
        ------
        TypeError, ValueError
            If it is not such a mapping; nothing is then changed.
        """
        state = same_names("state_dict", state_dict, ("over",))
        store(self, over=_check.flag("over", state["over"]))
