"""The regressor."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import validate_data

from saddlescape import _check
from saddlescape.sklearn.base import FLOATS, BaseMLP, Encoded, takes_batches
from saddlescape.sklearn.samples import Samples
from saddlescape.sklearn.solver import Units

__all__ = ["MLPRegressor"]

# By scikit-learn's names; its "poisson" the network does not have.
_LOSSES = {"squared_error": "mse", "absolute_error": "mae", "huber": "huber"}


class MLPRegressor(RegressorMixin, BaseMLP):
    """A network that fits numbers, as ``sklearn.neural_network.MLPRegressor``.

    Parameters
    ----------
    loss : {"squared_error", "absolute_error", "huber"}
        What is minimised: ``1/2 sum_c mean_n (f - y)^2``; means over samples and outputs of
        ``|f - y|``, or of `MLP`'s huber. scikit-learn's "poisson" there is not, and the others it
        has not.
    huber_delta : float
        Where "huber" goes from square to linear.
    hidden_layer_sizes, activation, ..., solver_params
        As in `MLPClassifier`. Early stopping looks at R squared; its split is not stratified.

    Attributes
    ----------
    coefs_, intercepts_, ..., grad_norm_curve_, history_, net_, outcome_
        As in `MLPClassifier`.

    Notes
    -----
    `loss_curve_` shows, as in scikit-learn, half the mean over samples and outputs,
    ``1/2 mean (f - y)^2``, and the penalty; what is descended is C times that for C outputs, and
    one penalty. So for C > 1 scikit-learn's curve has C times the penalty of this one. Its lbfgs is
    given the gradient of the one with the value of the other, which don't fit together; here both
    are of what is descended. `history_` and `diagnose` are of the network's own loss, the mean over
    samples and outputs: what is descended is C / 2 times that, and so is sgd's learning rate.

    Examples
    --------
    >>> import numpy as np
    >>> from saddlescape.sklearn import MLPRegressor
    >>> X = np.linspace(-1, 1, 50)[:, None]
    >>> model = MLPRegressor(hidden_layer_sizes=(10,), activation="tanh", solver="lbfgs",
    ...                      random_state=0)
    >>> model.fit(X, np.sin(3 * X[:, 0])).score(X, np.sin(3 * X[:, 0])) > 0.999
    True
    """

    def __init__(
        self,
        loss: str = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        init: str = "glorot_uniform",
        init_scale: float | None = None,
        normalisation: str | None = None,
        normalise_after: bool = False,
        residual: bool = False,
        dropout: float = 0.0,
        huber_delta: float = 1.0,
        solver_params: Any = None,
    ) -> None:
        self._take(locals())

    def _encoded(
        self,
        X: Any,
        y: Any,
        going_on: bool,
        incremental: bool,  # noqa: ARG002 - the classifier's
        classes: Any = None,  # noqa: ARG002
    ) -> Encoded:
        X, y = validate_data(
            self, X, y, dtype=FLOATS, order="C", multi_output=True, y_numeric=True,
            reset=not going_on,
        )  # fmt: skip
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        Y = y.reshape(len(X), -1)
        self._outputs_seen = Y.shape[1]
        with np.errstate(over="ignore"):  # what float32 can't hold is refused in training, as inf
            return X, np.ascontiguousarray(Y, dtype=X.dtype), None

    def _loss(self) -> tuple[dict[str, Any], Units]:
        name = _LOSSES[_check.choice("loss", self.loss, sorted(_LOSSES))]
        units = Units(self._outputs_seen / 2, 0.5) if name == "mse" else Units()
        threshold = {"huber_delta": self.huber_delta} if name == "huber" else {}
        return {"loss": name, **threshold}, units

    def _classes_of(self, samples: Samples) -> None:  # noqa: ARG002
        return None

    def _score_of(self, outputs: NDArray[Any], held: Samples) -> float:
        """Return R squared, the mean over the outputs."""
        if not np.isfinite(outputs).all():
            return float("nan")
        return float(r2_score(held.Y, outputs, sample_weight=held.weight))

    @available_if(takes_batches)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Train for one epoch over the given samples, going on from where it stands.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.

        Returns
        -------
        self
        """
        return self._fit(X, y, sample_weight, incremental=True)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the values (N,), or (N, C) of several outputs."""
        outputs = self._outputs(X)
        return outputs[:, 0] if outputs.shape[1] == 1 else outputs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
