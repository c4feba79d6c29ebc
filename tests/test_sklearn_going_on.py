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


def test_diagnosis_of_other_samples_with_balanced_classes():
    estimator = model(class_weight="balanced").fit(X60, CLASSES)
    assert estimator.diagnose(X60[:30], CLASSES[:30], curvature=False).verdict is not None
    with pytest.raises(ValueError, match="class_weight: 'balanced', expected a dict or None"):
        estimator.partial_fit(X60, CLASSES)
