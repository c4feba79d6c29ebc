"""scikit-learn's own checks of estimators, all of them."""

from __future__ import annotations

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from saddlescape.sklearn import MLPClassifier, MLPRegressor

# Batches of all samples, as "auto" makes of what the checks are given: of other sizes a sample that
# weighs 2 is not the same as two samples, here and in scikit-learn.
CHECKED = [
    MLPClassifier(),
    MLPRegressor(),
    MLPClassifier(solver="lbfgs", activation="logistic", early_stopping=True),
    MLPRegressor(solver="lbfgs", activation="softplus", normalisation="layer"),
    MLPClassifier((8, 8), solver="sgd", learning_rate="adaptive"),
    MLPRegressor(hidden_layer_sizes=(8, 8), solver="adamw", residual=True, learning_rate_init=0.01),
    MLPRegressor(loss="huber", huber_delta=2.0, learning_rate_init=0.01),
    MLPRegressor(loss="absolute_error", hidden_layer_sizes=(), learning_rate_init=0.01),
]


@pytest.mark.filterwarnings("ignore:.*max_iter:sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(CHECKED)
def test_check(estimator, check):
    check(estimator)
