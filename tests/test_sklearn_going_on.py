"""Estimators that go on: with other settings, and from weights that were better."""

from __future__ import annotations

import numpy as np
import pytest

from saddlescape.sklearn import MLPClassifier
from sklearn_samples import TARGETS, X60

CLASSES = TARGETS["multi"]

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def model(**arguments):
    return MLPClassifier((7,), max_iter=5, random_state=1, warm_start=True, **arguments)


@pytest.mark.parametrize("before", [True, False])
def test_early_stopping_may_be_turned_on_and_off(before):
    estimator = model(early_stopping=before).fit(X60, CLASSES)
    epochs = len(estimator.loss_curve_)
    estimator.set_params(early_stopping=not before).fit(X60, CLASSES)
    assert len(estimator.loss_curve_) > epochs
    if before:
        assert estimator.validation_scores_ is None
        assert estimator.best_loss_ == min(estimator.loss_curve_[epochs:])
    else:
        assert estimator.best_loss_ is None
        assert estimator.best_validation_score_ == max(estimator.validation_scores_)


def test_a_warm_start_keeps_the_best_weights():
    estimator = model(early_stopping=True, learning_rate_init=0.01).fit(X60, CLASSES)
    estimator.best_validation_score_ = 2.0  # better than any
    best = estimator.net_.theta.copy()
    estimator.fit(X60, CLASSES)
    assert np.array_equal(estimator.net_.theta, best)


def test_where_normalisation_stands_can_not_change():
    estimator = model(normalisation="layer").fit(X60, CLASSES)
    with pytest.raises(ValueError, match=r"^normalise_after: True, expected False as"):
        estimator.set_params(normalise_after=True).fit(X60, CLASSES)


def undoing(fits, **arguments):
    """An estimator whose fits went on, each but the last with steps that early stopping undid."""
    estimator = model(early_stopping=True, learning_rate_init=0.5, n_iter_no_change=2, **arguments)
    estimator.set_params(max_iter=30)
    parts, marks = [], []
    for _ in range(fits):
        before = estimator.history_.steps if parts else 0
        estimator.fit(X60, CLASSES)
        last = estimator.history_.steps if estimator._restored is None else estimator._restored
        parts.append((before, last))
        marks.append(estimator.history_.steps)
    return estimator, parts, marks


def test_steps_that_early_stopping_undid_are_not_judged_after_a_warm_start():
    """They lead nowhere: what is judged are the steps from the start to the parameters."""
    estimator, parts, marks = undoing(3)
    assert any(last < mark for (_, last), mark in zip(parts[:-1], marks, strict=False))
    found = estimator.diagnose()
    whole = estimator.history_
    led = np.concatenate([whole.loss[first:last] for first, last in parts])
    undone = whole.loss[parts[-1][1] :]
    assert np.array_equal(found.history.loss, np.concatenate([led, undone]))
    assert found.history["step"].tolist() == list(range(found.history.steps))
    assert (found.history.steps if found.step is None else found.step) == len(led)
    epochs = found.history.epochs
    assert epochs["epoch"].tolist() == list(range(epochs.rows))
    assert epochs["step"].tolist() == list(range(epochs.rows))  # a batch has all samples here
    assert np.array_equal(epochs["loss"], found.history.loss)
    assert len(estimator.loss_curve_) == whole.steps  # all that was trained is told there


def test_lbfgs_goes_on_from_before_what_was_undone():
    estimator, parts, marks = undoing(1)
    (_, led), before = parts[0], marks[0]
    assert led < before
    estimator.set_params(solver="lbfgs", early_stopping=False).fit(X60, CLASSES)
    found = estimator.diagnose()
    assert found.step is None
    assert found.history.steps == led + estimator.history_.steps - before


def test_a_refused_fit_leaves_the_diagnosis_as_it_was():
    estimator, *_ = undoing(1)
    before = estimator.diagnose()
    with pytest.raises(ValueError, match=r"^hidden_layer_sizes: "):
        estimator.set_params(hidden_layer_sizes=(3,)).fit(X60, CLASSES)
    after = estimator.diagnose()
    assert after.history == before.history
    assert after.step == before.step


def test_a_new_start_knows_of_nothing_undone():
    estimator, *_ = undoing(2)
    estimator.set_params(warm_start=False, early_stopping=False).fit(X60, CLASSES)
    assert estimator.diagnose().history == estimator.history_


def test_diagnosis_of_other_samples_with_balanced_classes():
    estimator = model(class_weight="balanced").fit(X60, CLASSES)
    assert estimator.diagnose(X60[:30], CLASSES[:30], curvature=False).verdict is not None
    with pytest.raises(ValueError, match="class_weight: 'balanced', expected a dict or None"):
        estimator.partial_fit(X60, CLASSES)
