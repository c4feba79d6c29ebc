"""Train, notice a stall, judge it, escape, train on, judge the end: the whole pipeline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape import optim
from saddlescape.critical import CriticalPoint, Escape, EscapeOutcome, escape
from saddlescape.curvature import NetworkCurvature
from saddlescape.diagnosis import points
from saddlescape.diagnosis.block import plain
from saddlescape.diagnosis.diagnose import examine, judge, subject_of
from saddlescape.diagnosis.diagnosis import Investigation
from saddlescape.diagnosis.records import Event, Evidence
from saddlescape.metrics import TrendState, latest_trend, trend
from saddlescape.metrics.trend import WIDEST
from saddlescape.net import MLP
from saddlescape.train import History, Run, RunOutcome, RunState, train

__all__ = ["Plan", "Progress", "investigate"]

_CHECK_EVERY = 5
_SETTLED = 0.1  # a gradient norm that falls by less than a tenth in a window has found its bottom
_ZERO = 1e-12  # of its largest value: rounding


@dataclass(frozen=True)
class Plan:
    """How to train, and how long to go on.

    Attributes
    ----------
    optimizer, lr, settings :
        As for `saddlescape.train`.
    batch_size : int or "full"
        Samples in a batch.
    epochs : int
        At the most, over all stretches.
    seed : int
        Of shuffling, start vectors and probes.
    escapes : int
        At the most.
    until : callable, optional
        Takes the history of the present stretch, which begins anew at an escape; a true answer
        ends the training for good.
    """

    optimizer: str = "sgd"
    lr: float | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    batch_size: int | str = "full"
    epochs: int = 200
    seed: int = 0
    escapes: int = 5
    until: Callable[[History], bool] | None = None


@dataclass(frozen=True)
class Progress:
    """What a progress line shows."""

    step: int
    loss: float
    gradient_norm: float
    state: str


def investigate(
    net: MLP,
    X: NDArray[Any],
    y: NDArray[Any],
    plan: Plan,
    *,
    title: str,
    notes: tuple[str, ...] = (),
    validation: tuple[NDArray[Any], NDArray[Any]] | None = None,
    metrics: Callable[[MLP], tuple[Evidence, ...]] | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Investigation:
    """Run the pipeline on a network and its data; the network is trained in place.

    Parameters
    ----------
    net : MLP
        The network.
    X, y : arrays
        Training data.
    plan : Plan
        How to train.
    title : str
        A heading for the report.
    notes : tuple of str
        What was done to the data.
    validation : (X, y), optional
        Recorded at each epoch's end.
    metrics : callable, optional
        Takes the network and returns what it can do, as evidence, at the end.
    progress : callable, optional
        Called with a `Progress` every few steps and at every change of state.

    Returns
    -------
    Investigation
        The story with its numbers, and the diagnosis of the end.

    Raises
    ------
    TypeError, ValueError
        As `saddlescape.train` does, before anything is changed.

    Examples
    --------
    >>> from saddlescape.lectures import two_weights
    >>> net, X, y = two_weights()
    >>> story = investigate(net, X, y, Plan(lr=0.1), title="two weights")
    >>> [event.kind for event in story.events], story.diagnosis.verdict
    (['stall', 'escape', 'stall', 'end'], 'degenerate_minimum')
    """
    return _Pipeline(net, X, y, plan, validation, progress).run(title, notes, metrics)


class _Pipeline:
    def __init__(
        self,
        net: MLP,
        X: NDArray[Any],
        y: NDArray[Any],
        plan: Plan,
        validation: tuple[NDArray[Any], NDArray[Any]] | None,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self.net, self.X, self.y, self.plan = net, X, y, plan
        self.validation, self.progress = validation, progress
        self.history: History | None = None
        self.events: list[Event] = []
        self.points: list[tuple[int, CriticalPoint]] = []
        self.escapes: list[tuple[int, Escape]] = []
        self.path: list[NDArray[Any]] = []
        self.enough = False
        self.floor = NetworkCurvature(net, X, y).lower_bound
        self.noisy = isinstance(plan.batch_size, int) and plan.batch_size < len(X)

    def run(
        self,
        title: str,
        notes: tuple[str, ...],
        metrics: Callable[[MLP], tuple[Evidence, ...]] | None,
    ) -> Investigation:
        left = self.plan.epochs
        while True:
            run = self.stretch(left)
            left -= run.epochs
            whole = Run(
                self.net, self.X, self.y, self.whole_history(), run.outcome, run.optimizer,
                run.batch_size, self.plan.epochs - left,
            )  # fmt: skip
            self.show("judging")
            operator, point = examine(whole, self.plan.seed)
            if point is not None:
                self.points.append((self.steps, point))
            if not self.leave(run, point, left):
                break
        self.events.append(Event(self.steps, "end", _ending(run, point)))
        two = self.net.parameters == 2
        return Investigation(
            title=title,
            subject=subject_of(whole),
            notes=notes,
            history=whole.history,
            events=tuple(self.events),
            points=tuple(self.points),
            escapes=tuple(self.escapes),
            metrics=metrics(self.net) if metrics is not None else (),
            diagnosis=judge(whole, operator, point),
            path=np.array(self.path, dtype=np.float64).reshape(-1, 2) if two else None,
            surface=_surface(self.net, self.X, self.y) if two else None,
        )

    @property
    def steps(self) -> int:
        return 0 if self.history is None else self.history.steps

    def whole_history(self) -> History:
        if self.history is None:
            raise RuntimeError("no stretch was trained")
        return self.history

    def stretch(self, epochs: int) -> Run:
        """Train until the loss stalls, the plan is fulfilled, or the epochs are used up."""
        optimizer = optim.create(self.plan.optimizer, self.net.theta, **self.arguments())
        run = train(
            self.net, self.X, self.y, optimizer=optimizer, batch_size=self.plan.batch_size,
            epochs=epochs, validation=self.validation, seed=self.plan.seed + len(self.escapes),
            callback=self.watch,
        )  # fmt: skip
        if self.history is None:
            self.history = run.history
        else:
            self.history.extend(run.history)
        if run.outcome is RunOutcome.NOT_FINITE:  # its last step was taken back, after no callback
            self.path.append(self.net.theta.copy())
        return run

    def arguments(self) -> dict[str, Any]:
        given = {} if self.plan.lr is None else {"lr": self.plan.lr}
        return {**given, **self.plan.settings}

    def watch(self, state: RunState) -> bool:
        """After each step: show progress; true at a stall or when the plan says enough."""
        history = state.history
        if self.net.parameters == 2:
            self.path.append(self.net.theta.copy())
        if self.plan.until is not None and self.plan.until(history):
            self.enough = True
            return True
        if history.steps % _CHECK_EVERY:
            return False
        loss = latest_trend(
            history.tail("loss", WIDEST if self.noisy else 50), floor=self.floor, noisy=self.noisy
        )
        stalled = loss.state is TrendState.FLAT and self.settled(history)
        self.show("stalled" if stalled else loss.state.value, history)
        return stalled

    def settled(self, history: History) -> bool:
        """Whether the gradient norm has found its bottom.

        Below a flat loss it may still sink; and where it grows, the run is leaving on its own.
        """
        norms = history.tail("gradient_norm", 50)
        if norms[-1] <= _ZERO * max(1.0, float(np.max(history.gradient_norm))):
            return True
        if not norms.all():
            return False
        slope = trend(np.log(norms), threshold=_SETTLED, floor=float(np.median(np.log(norms))) - 1)
        return slope.state not in (TrendState.FALLING, TrendState.RISING)

    def leave(self, run: Run, point: CriticalPoint | None, left: int) -> bool:
        """Escape if there is a way down and training may go on; whether it does."""
        if point is None:
            return False
        if run.outcome is RunOutcome.STOPPED and not self.enough:
            found = f"|g| = {point.gradient_norm:.2g}: {plain(point.kind)}"
            self.events.append(Event(self.steps, "stall", f"The loss stands still, {found}."))
        if not point.has_way_down or left < 1 or len(self.escapes) >= self.plan.escapes:
            return False
        if self.enough or run.outcome in (RunOutcome.INTERRUPTED, RunOutcome.NOT_FINITE):
            return False
        self.show("escaping")
        out = escape(NetworkCurvature(self.net, self.X, self.y), point=point, seed=self.plan.seed)
        if out.outcome is not EscapeOutcome.ESCAPED:
            return False
        self.net.theta = out.theta
        self.escapes.append((self.steps, out))
        self.events.append(
            Event(
                self.steps,
                "escape",
                f"A step of {out.step:.3g} {points.along(out.direction, out.curvature)}: "
                f"loss {out.loss_before:.6g} to {out.loss_after:.6g}.",
            )
        )
        return True

    def show(self, state: str, history: History | None = None) -> None:
        if self.progress is None:
            return
        rows = history if history is not None else self.history
        if rows is None or not rows.steps:
            self.progress(Progress(self.steps, float("nan"), float("nan"), state))
            return
        step = (self.steps if history is not None else 0) + rows.steps
        loss, norm = float(rows.tail("loss", 1)[0]), float(rows.tail("gradient_norm", 1)[0])
        self.progress(Progress(step, loss, norm, state))


def _ending(run: Run, point: CriticalPoint | None) -> str:
    before = {
        RunOutcome.INTERRUPTED: "Interrupted from the keyboard",
        RunOutcome.NOT_FINITE: "Back where the loss was last finite",
    }.get(run.outcome, "Training ends")
    return f"{before}." if point is None else f"{before}: {plain(point.kind)}."


def _surface(net: MLP, X: NDArray[Any], y: NDArray[Any]) -> Callable[..., NDArray[np.float64]]:
    """The loss of a two-parameter network on arrays w1, w2."""
    operator = NetworkCurvature(net, X, y)

    def surface(w1: NDArray[np.float64], w2: NDArray[np.float64]) -> NDArray[np.float64]:
        pairs = np.stack(np.broadcast_arrays(w1, w2), axis=-1)
        flat = [operator.loss(pair) for pair in pairs.reshape(-1, 2)]
        return np.array(flat).reshape(pairs.shape[:-1])

    return surface
