"""Early stopping: an end to the run where the monitored value no longer gets better."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape import _check
from saddlescape.metrics.measure import higher_is_better
from saddlescape.net import MLP
from saddlescape.train.run import RunOutcome
from saddlescape.train.state import RunState

__all__ = ["Best", "EarlyStopping", "put"]

_STATE = ("value", "epoch", "waited", "theta", "running")


@dataclass(frozen=True)
class EarlyStopping:
    """When to end a run early, for ``train(early_stopping=)``.

    The run ends after `patience` epochs in a row without a value that is better than the best one
    so far by more than `min_delta`. Lower is better, but for accuracy, balanced_accuracy, f1,
    precision, recall and r2. NaN is never better.

    Parameters
    ----------
    patience : int
        Epochs, at least 1.
    monitor : str
        A column of ``History.epochs``: ``"validation_loss"``, ``"loss"``, or a metric that the run
        takes, ``"validation_accuracy"``.
    min_delta : float
        >= 0.
    restore_best : bool
        Whether parameters and running averages are put back, bit for bit, to those of the best
        epoch's end, however the run ends; the optimizer's state is not.

    Raises
    ------
    TypeError, ValueError
        Naming the argument.

    Examples
    --------
    >>> import numpy as np, saddlescape as ss
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(60, 4)), rng.integers(0, 2, 60)  # nothing to be learned
    >>> net = ss.MLP((4, 16, 2), seed=0)
    >>> run = ss.train(net, X, y, epochs=500, lr=0.01, validation=0.3,
    ...                early_stopping=ss.EarlyStopping(patience=5))
    >>> run.outcome.name, run.epochs - 1 - run.best_epoch
    ('EARLY', 5)
    >>> bool(run.history.epochs["validation_loss"].argmin() == run.best_epoch)
    True
    """

    patience: int
    monitor: str = "validation_loss"
    min_delta: float = 0.0
    restore_best: bool = True

    def __post_init__(self) -> None:
        _check.integer("patience", self.patience, low=1)
        if not isinstance(self.monitor, str):
            raise TypeError(f"monitor: {type(self.monitor).__name__}, expected a name")
        _check.non_negative("min_delta", self.min_delta)
        _check.flag("restore_best", self.restore_best)

    @staticmethod
    def checked(given: Any, columns: Iterable[str]) -> EarlyStopping | None:
        """Return what ``train(early_stopping=)`` was given; it may monitor one of `columns`."""
        if given is None:
            return None
        rule: EarlyStopping = given
        if not isinstance(given, EarlyStopping):
            try:
                rule = EarlyStopping(given)
            except (TypeError, ValueError) as error:
                text = str(error).removeprefix("patience: ")
                raise type(error)(
                    f"early_stopping: {text}" + " epochs, an EarlyStopping, or None"
                ) from None
        allowed = [name for name in columns if name not in ("epoch", "step")]
        if rule.monitor not in allowed:
            hint = "" if "validation_loss" in allowed else "; there are no validation data"
            raise ValueError(
                f"early_stopping: monitors {rule.monitor!r}, expected one of "
                f"{', '.join(allowed)}{hint}"
            )
        return rule


class Best:
    """The best epoch so far, and how long ago it was.

    Attributes
    ----------
    value, epoch : float, int
        Of the best epoch; NaN and None before there is one.
    waited : int
        Epochs since then.
    theta, running : arrays
        The network's parameters and running averages at its end, if they are to be restored.
    """

    def __init__(self, rule: EarlyStopping, net: MLP) -> None:
        self.rule, self.net = rule, net
        self.value, self.waited = math.nan, 0
        self.epoch: int | None = None
        self.theta: NDArray[Any] | None = None
        self.running: NDArray[np.float64] | None = None

    def look(self, state: RunState) -> RunOutcome | None:
        """Compare the epoch that has ended with the best one."""
        value = float(state.history.epochs.tail(self.rule.monitor, 1)[0])
        if self.better(value):
            self.value, self.epoch, self.waited = value, state.epoch, 0
            if self.rule.restore_best:
                state._bring()
                self.theta, self.running = self.net.theta.copy(), self.net.running.copy()
            return None
        self.waited += 1
        return self.outcome

    @property
    def outcome(self) -> RunOutcome | None:
        """How the run is to end now; None: it goes on."""
        return RunOutcome.EARLY if self.waited >= self.rule.patience else None

    def state_dict(self) -> dict[str, Any]:
        """Return what changes."""
        return {name: getattr(self, name) for name in _STATE}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned, of this rule or another for the same value."""
        for name in _STATE:
            setattr(self, name, state[name])
        if not self.rule.restore_best:
            self.theta = self.running = None

    def better(self, value: float) -> bool:
        """Say whether a value is better than the best one by more than `min_delta`."""
        if math.isnan(self.value):
            return not math.isnan(value)
        sign = 1.0 if higher_is_better(self.rule.monitor) else -1.0
        return sign * (value - self.value) > self.rule.min_delta

    def restore(self, state: RunState) -> None:
        """Put back what the network was at the best epoch's end."""
        if self.theta is None or self.running is None:
            return
        what = "to put the best epoch's back"
        if state.net.device == "cpu":
            put("theta", state.net.theta, self.theta, what)
        else:
            state.net.theta = self.theta
        put("running", state.net.running, self.running, what)


def put(name: str, array: NDArray[Any], values: NDArray[Any], what: str) -> None:
    """Write values into an array that a callback may have frozen, or resized by force."""
    if array.shape != values.shape:
        raise ValueError(f"{name}: shape {array.shape}, expected {values.shape} {what}")
    if not array.flags.writeable:
        raise ValueError(f"{name}: read-only, expected a writable array {what}")
    array[:] = values
