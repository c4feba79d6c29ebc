"""The two ways to fit: steps over batches by `train`, and L-BFGS over all samples."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from saddlescape.sklearn.arguments import Settings
from saddlescape.sklearn.epochs import EpochEnd, say
from saddlescape.sklearn.lbfgs import Lbfgs
from saddlescape.sklearn.samples import Samples, split
from saddlescape.sklearn.solver import Units, recipe_of
from saddlescape.train import RunOutcome, train

__all__ = ["fit_by_batches", "fit_by_lbfgs"]


_REMEDY = "raise max_iter, scale the data, or ask diagnose()"


def fit_by_batches(
    estimator: Any,
    settings: Settings,
    units: Units,
    samples: Samples,
    random: np.random.RandomState,
    incremental: bool,
) -> None:
    """Train the estimator's network: one epoch of `partial_fit`, or until it gets no better."""
    held, net = None, estimator.net_
    if settings.early_stopping:
        classes = estimator._classes_of(samples)
        samples, held = split(samples, settings.validation_fraction, classes, random)
    count = len(samples.X)
    size = _batch_size(settings.batch_size, count)
    if estimator._optimizer is None or not incremental:
        estimator._recipe = recipe_of(settings, units)
        estimator._optimizer = estimator._recipe.make(net)
    look = EpochEnd(estimator, settings, units, count, size, held)
    estimator.n_iter_ = 0
    l2 = _penalty(settings, units, samples, size)
    run = train(
        net,
        samples.X,
        samples.Y,
        optimizer=estimator._optimizer,
        batch_size=size,
        epochs=1 if incremental else settings.max_iter,
        # what went before makes it another: the masks of dropout would come again
        seed=int(random.randint(2**31 - 1)) + estimator.t_,
        shuffle=settings.shuffle,
        sample_weight=samples.weight,
        epoch_callback=look,
        l2=l2,
    )
    restored, before = look.restore(net), estimator.history_.steps
    estimator.history_.extend(run.history)
    # it is our look at each epoch's end that stops a run
    stopped = run.outcome is RunOutcome.STOPPED
    outcome = RunOutcome.EARLY if stopped else run.outcome
    later = restored is not None and restored < run.history.steps
    estimator._keep(samples, size, outcome, l2, before + restored if later else None)
    _say_how_it_ended(settings, run.outcome, incremental)


def _say_how_it_ended(settings: Settings, outcome: RunOutcome, incremental: bool) -> None:
    if outcome is RunOutcome.FINISHED and not incremental:
        _warn(
            f"{settings.solver}: max_iter={settings.max_iter} epochs were trained and the loss "
            "still falls by more than tol in n_iter_no_change of them: " + _REMEDY,
            7,
        )
    elif outcome is RunOutcome.NOT_FINITE:
        # scikit-learn raises ValueError here, with the weights lost
        _warn(f"{settings.solver}: {outcome.value}", 7)
    elif outcome is RunOutcome.INTERRUPTED:
        warnings.warn("Training interrupted by user.", stacklevel=6)


def fit_by_lbfgs(estimator: Any, settings: Settings, units: Units, samples: Samples) -> None:
    """Minimise the loss over all samples, in scikit-learn's units: tol is of its gradient."""
    net, count = estimator.net_, len(samples.X)
    l2 = _penalty(settings, units, samples, count)
    path = Lbfgs(net, samples, l2, estimator.history_)
    estimator.n_iter_ = 0

    def told(point: Any) -> None:
        estimator.n_iter_ += 1
        estimator.loss_curve_.append(units.shown * point.loss)
        estimator.grad_norm_curve_.append(units.shown * point.norm)
        if settings.verbose:
            loss, norm = estimator.loss_curve_[-1], estimator.grad_norm_curve_[-1]
            say(f"Iteration {estimator.n_iter_}, loss = {loss:.8f}, gradient norm = {norm:.8f}")

    limits = {"maxiter": settings.max_iter, "maxfun": settings.max_fun, "gtol": settings.tol}
    outcome, trouble = path.minimise(units.factor, limits, told)
    net.theta = path.at.theta
    estimator.loss_ = estimator.best_loss_ = units.shown * path.at.loss
    estimator._recipe = estimator._optimizer = None
    estimator._keep(samples, count, outcome, l2)
    if outcome is RunOutcome.INTERRUPTED:
        warnings.warn("Training interrupted by user.", stacklevel=5)
    elif trouble:
        _warn(f"lbfgs: {trouble} after {estimator.n_iter_} iterations: {_REMEDY}", 6)


def _batch_size(asked: int | None, samples: int) -> int:
    if asked is None:
        return min(200, samples)
    if asked > samples:
        warnings.warn(f"batch_size: {asked}, taken as all {samples} samples", stacklevel=6)
    return min(asked, samples)


def _penalty(settings: Settings, units: Units, samples: Samples, size: int) -> float:
    """Return what `train` takes for scikit-learn's alpha.

    scikit-learn adds ``alpha / 2 sum w^2 / S`` to a batch's mean loss, S being what the batch's
    samples weigh together. Here S is what `size` samples weigh on the average, for every batch: the
    last one of an epoch, if smaller, has the same penalty as the others.
    """
    weight = size * samples.weight_sum / len(samples.X)
    return settings.alpha / weight / units.factor


def _warn(text: str, level: int) -> None:
    warnings.warn(text, ConvergenceWarning, stacklevel=level)
