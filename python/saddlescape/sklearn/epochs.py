"""What scikit-learn does at the end of each epoch: the curves, when to stop, the learning rate."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape import optim
from saddlescape.net import MLP
from saddlescape.sklearn.arguments import Settings
from saddlescape.sklearn.samples import Samples
from saddlescape.sklearn.solver import Units
from saddlescape.train import RunState

__all__ = ["EpochEnd", "initial_best", "say"]

_SMALLEST_RATE = 1e-6  # below it "adaptive" gives up


class EpochEnd:
    """Keeps an estimator's attributes up to date; called with a run's state, it says when to stop.

    samples : how many an epoch has. size : of a batch. held : what is validated on, with
    early stopping.
    """

    def __init__(
        self,
        estimator: Any,
        settings: Settings,
        units: Units,
        samples: int,
        size: int,
        held: Samples | None,
    ) -> None:
        self.estimator, self.settings, self.units = estimator, settings, units
        self.samples, self.held = samples, held
        sizes = np.full(-(-samples // size), float(size))
        sizes[-1] = samples - size * (len(sizes) - 1)
        self.shares = sizes / samples  # of each batch in the epoch
        self.best: tuple[NDArray[Any], NDArray[Any]] | None = None
        self.steps = 0  # after which the best was there
        if held is not None:  # what a warm start may not get better than
            self.best = (estimator.net_.theta.copy(), estimator.net_.running.copy())

    def __call__(self, state: RunState) -> bool:
        """Take note of an epoch; True if it is to be the last."""
        estimator = self.estimator
        estimator.n_iter_ += 1
        estimator.t_ += self.samples
        self.take_note(state)
        if self.held is None:
            improved = self.loss_improved(estimator.loss_)
        else:
            improved = self.score_improved(state, self.held)
        count = 0 if improved else estimator._no_improvement_count + 1
        estimator._no_improvement_count = count
        if self.settings.learning_rate == "invscaling" and self.follows:
            state.optimizer.lr = self.first_rate / (estimator.t_ + 1) ** self.settings.power_t
        # "no change for n epochs" is more than n, as in scikit-learn
        return count > self.settings.n_iter_no_change and self.gives_up(state.optimizer)

    @property
    def follows(self) -> bool:
        """Whether the learning rate has a schedule: as in scikit-learn, Adam's has none."""
        return self.settings.solver != "adam"

    @property
    def first_rate(self) -> float:
        """The learning rate at the start, as the optimizer takes it."""
        return float(self.estimator._recipe.lr)

    def take_note(self, state: RunState) -> None:
        """Keep the epoch's loss and gradient norm: means over its samples, as they were seen."""
        estimator, shown, history = self.estimator, self.units.shown, state.history
        loss = shown * float(history.epochs.tail("loss", 1)[0])
        norms = history.tail("gradient_norm", len(self.shares))
        norm = shown * float(self.shares @ norms)
        estimator.loss_ = loss
        estimator.loss_curve_.append(loss)
        estimator.grad_norm_curve_.append(norm)
        if self.settings.verbose:
            say(f"Iteration {estimator.n_iter_}, loss = {loss:.8f}, gradient norm = {norm:.8f}")

    def loss_improved(self, loss: float) -> bool:
        """Whether the training loss is lower than the best by tol."""
        estimator = self.estimator
        improved = loss <= estimator.best_loss_ - self.settings.tol
        estimator.best_loss_ = min(loss, estimator.best_loss_)
        return bool(improved)

    def score_improved(self, state: RunState, held: Samples) -> bool:
        """Whether the score of what is held out is higher than the best by tol; keep the best."""
        estimator, net = self.estimator, state.net
        score = estimator._score_of(net.predict(held.X), held)
        estimator.validation_scores_.append(score)
        if self.settings.verbose:
            say(f"Validation score: {score:f}")
        improved = score >= estimator.best_validation_score_ + self.settings.tol
        if score > estimator.best_validation_score_:
            estimator.best_validation_score_ = score
            self.best, self.steps = (net.theta.copy(), net.running.copy()), state.step
        return bool(improved)

    def gives_up(self, optimizer: optim.Optimizer) -> bool:
        """Whether to stop; with "adaptive" a fifth of the learning rate is tried first."""
        what = "Training loss" if self.held is None else "Validation score"
        message = (
            f"{what} did not improve more than tol={self.settings.tol:f} for "
            f"{self.settings.n_iter_no_change:g} consecutive epochs."
        )
        start = self.settings.learning_rate_init
        rate = optimizer.lr / self.first_rate * start  # in scikit-learn's units
        adaptive = self.settings.learning_rate == "adaptive" and self.follows
        stops = not adaptive or rate <= _SMALLEST_RATE
        if not stops:
            optimizer.lr = optimizer.lr / 5
            self.estimator._no_improvement_count = 0
        if self.settings.verbose:
            done = "Stopping." if stops else f"Setting learning rate to {rate / 5:f}"
            say(f"{message} {done}")
        return stops

    def restore(self, net: MLP) -> int | None:
        """Put the weights back that had the best score, with early stopping; its step."""
        if self.best is None:
            return None
        net.theta[:], net.running[:] = self.best
        return self.steps


def say(line: str) -> None:
    """Print a line of progress: where scikit-learn does."""
    sys.stdout.write(f"{line}\n")


def initial_best(early_stopping: bool) -> dict[str, Any]:
    """Return what an estimator knows of its best epoch before the first."""
    return {
        "best_loss_": None if early_stopping else math.inf,
        "validation_scores_": [] if early_stopping else None,
        "best_validation_score_": -math.inf if early_stopping else None,
    }
