"""Down by a factor when what is measured no longer gets better."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

from saddlescape import _check
from saddlescape.schedule.arguments import measurement, number_of, same_names, store

__all__ = ["reduce_on_plateau"]


@dataclass(frozen=True)
class reduce_on_plateau:  # noqa: N801 - called like a function
    r"""Down by a factor when what is measured has not got better for a while.

    After more than ``patience`` observations in a row without a new best,

    .. math:: \eta \leftarrow \max(\gamma\, \eta,\; \eta_{\min})

    and for ``cooldown`` further ones nothing is held against it. In mode "min" a value :math:`z` is
    a new best if :math:`z < z_{best} (1 - \theta)` ("rel") or :math:`z < z_{best} - \theta`
    ("abs"); in mode "max" if :math:`z > z_{best} (1 + \theta)` or :math:`z > z_{best} + \theta`.

    Names, defaults and values of ``torch.optim.lr_scheduler.ReduceLROnPlateau``. As there, a
    relative threshold turns against you where the measured value is negative (the threshold is then
    the wrong side of the best, and standing still counts as better): take "abs" for such values.
    NaN is never better.

    Parameters
    ----------
    initial : float
        :math:`\eta \ge 0` at the start.
    mode : "min" or "max"
        Whether lower or higher is better.
    factor : float, default 0.1
        :math:`0 \le \gamma < 1`.
    patience : int, default 10
        How many observations without a new best are borne, at least 0.
    threshold : float, default 1e-4
        :math:`\theta \ge 0`.
    threshold_mode : "rel" or "abs"
        What `threshold` is measured in.
    cooldown : int, default 0
        Observations, at least 0.
    min_lr : float, default 0
        :math:`\eta_{\min} \ge 0`.
    eps : float, default 1e-8
        A reduction by no more than this, at least 0, is left undone.

    Attributes
    ----------
    lr : float
        The learning rate now, whatever the step.
    best : float
        The best value so far; infinite before the first.
    bad, cooling : int
        Observations since the best one; those left of the cooldown.

    Raises
    ------
    TypeError, ValueError
        If an argument, or the step of a call, is not as said above; it is named.

    Examples
    --------
    >>> from saddlescape import schedule
    >>> lr = schedule.reduce_on_plateau(0.8, factor=0.5, patience=1)
    >>> for loss in (3.0, 2.0, 2.0, 2.0):
    ...     lr.observe(loss)
    >>> lr(4), lr.best
    (0.4, 2.0)

    References
    ----------
    The manual rule of A. Krizhevsky, I. Sutskever, G. E. Hinton, "ImageNet classification with deep
    convolutional neural networks", NIPS 2012, section 5; PyTorch's documentation.
    """

    initial: float
    _: KW_ONLY
    mode: str = "min"
    factor: float = 0.1
    patience: int = 10
    threshold: float = 1e-4
    threshold_mode: str = "rel"
    cooldown: int = 0
    min_lr: float = 0.0
    eps: float = 1e-8
    lr: float = field(init=False, hash=False)
    best: float = field(init=False, hash=False)
    bad: int = field(default=0, init=False, hash=False)
    cooling: int = field(default=0, init=False, hash=False)

    def __post_init__(self) -> None:
        initial = _check.non_negative("initial", self.initial)
        mode = _check.choice("mode", self.mode, ("min", "max"))
        store(
            self,
            initial=initial,
            factor=_check.fraction("factor", self.factor),
            patience=_check.integer("patience", self.patience, low=0),
            threshold=_check.non_negative("threshold", self.threshold),
            threshold_mode=_check.choice("threshold_mode", self.threshold_mode, ("rel", "abs")),
            cooldown=_check.integer("cooldown", self.cooldown, low=0),
            min_lr=_check.non_negative("min_lr", self.min_lr),
            eps=_check.non_negative("eps", self.eps),
            lr=initial,
            best=math.inf if mode == "min" else -math.inf,
        )

    def __call__(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        number_of(step)
        return self.lr

    def observe(self, metric: float) -> None:
        """Take note of a value, the validation loss at the end of an epoch for example.

        Raises
        ------
        TypeError
            If `metric` is no number.
        """
        value = measurement("metric", metric)
        best, bad = (value, 0) if self._is_better(value) else (self.best, self.bad + 1)
        lr, cooling = self.lr, self.cooling
        if cooling > 0:
            cooling, bad = cooling - 1, 0
        if bad > self.patience:
            lower = max(lr * self.factor, self.min_lr)
            lr = lower if lr - lower > self.eps else lr
            cooling, bad = self.cooldown, 0
        store(self, lr=lr, best=best, bad=bad, cooling=cooling)

    def _is_better(self, value: float) -> bool:
        sign = 1.0 if self.mode == "max" else -1.0
        margin = sign * self.threshold
        limit = self.best * (1 + margin) if self.threshold_mode == "rel" else self.best + margin
        return value > limit if self.mode == "max" else value < limit

    def state_dict(self) -> dict[str, Any]:
        """Return what changes: ``lr``, ``best``, ``bad``, ``cooling``."""
        return {"lr": self.lr, "best": self.best, "bad": self.bad, "cooling": self.cooling}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned.

        Raises
        ------
        TypeError, ValueError
            If it is not such a mapping; nothing is then changed.
        """
        state = same_names("state_dict", state_dict, ("lr", "best", "bad", "cooling"))
        best = measurement("best", state["best"])
        if math.isnan(best):
            raise ValueError("best: nan, expected a number")
        store(
            self,
            lr=_check.non_negative("lr", state["lr"]),
            best=best,
            bad=_check.integer("bad", state["bad"], low=0),
            cooling=_check.integer("cooling", state["cooling"], low=0),
        )
