"""Saddlescape's network as scikit-learn's estimators: change the import and nothing else.

`MLPClassifier` and `MLPRegressor` take the arguments of their namesakes in
``sklearn.neural_network`` and have their attributes; with the same `random_state` they start at the
same weights. Beyond them: every activation, normalisation, dropout and optimizer of Saddlescape,
the gradient norm of every epoch, and `diagnose`. Importing this needs scikit-learn.
"""

from saddlescape._extras import require

require("sklearn", "app")

from saddlescape.sklearn.classifier import MLPClassifier  # noqa: E402 - after how to get it
from saddlescape.sklearn.regressor import MLPRegressor  # noqa: E402

__all__ = ["MLPClassifier", "MLPRegressor"]
