"""The classifier."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from saddlescape import _check
from saddlescape.sklearn.base import FLOATS, BaseMLP, Encoded, takes_batches
from saddlescape.sklearn.classes import Classes
from saddlescape.sklearn.samples import Samples
from saddlescape.sklearn.solver import Units

__all__ = ["MLPClassifier"]


class MLPClassifier(ClassifierMixin, BaseMLP):
    """A network that tells classes apart, as ``sklearn.neural_network.MLPClassifier``.

    The softmax of its outputs is fitted by cross-entropy; two classes share one output, and several
    labels (an indicator matrix as y) have one each, with a sigmoid and binary cross-entropy.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int
        Units of each hidden layer; ``()`` for none.
    activation : str
        identity, logistic, tanh, relu, or any other of `MLP`.
    solver : str
        sgd, adam, lbfgs (SciPy's, over all samples, in float64), or another name of
        ``optim.names(vectors=True)`` but ``"schedule_free_adamw"``, which evaluates elsewhere than
        it trains.
    alpha : float
        L2 penalty: ``alpha / 2 sum w^2 / S`` joins the mean loss of a batch, S being what
        `batch_size` samples weigh. scikit-learn's S is of each batch, the last, smaller one too.
    batch_size : int or "auto"
        Samples in a batch, all of them at most; "auto" is 200.
    learning_rate : {"constant", "invscaling", "adaptive"}
        invscaling: ``learning_rate_init / (t_ + 1)^power_t``, t_ samples seen, after each epoch;
        adaptive: a fifth each time that training would stop, down to 1e-6. Adam takes no notice.
    learning_rate_init, power_t : float
    max_iter : int
        Epochs, or iterations of lbfgs, at most.
    shuffle : bool
        Whether each epoch has an order of its own. The order is drawn by `train`: the batches are
        others than scikit-learn's.
    random_state : int, RandomState or None
        Of the start, the split and the seed that `train` is given.
    tol, n_iter_no_change : float, int
        Training stops after more than `n_iter_no_change` epochs whose loss (with early stopping:
        whose score) was not better than the best by `tol`. lbfgs: the largest gradient component.
    verbose : bool or int
        A line for each epoch.
    warm_start : bool
        Whether `fit` goes on from the last one's weights.
    momentum, nesterovs_momentum : float, bool
        Of sgd.
    early_stopping, validation_fraction : bool, float
        Whether to hold a part out, stratified by class (scikit-learn: for two classes only), and
        keep the weights that are most accurate there. Of no effect with lbfgs.
    beta_1, beta_2, epsilon : float
        Of adam.
    max_fun : int
        Evaluations of lbfgs at most.
    init : str
        glorot_uniform, which is scikit-learn's, number by number, or one of `MLP`.
    init_scale : float, optional
        With init "constant" (which needs it), "normal" or "orthogonal", as in `MLP`.
    normalisation, normalise_after, residual, dropout
        Of the hidden layers: see `MLP`.
    label_smoothing : float
        e in [0, 1): targets are ``t (1 - e) + e / C``.
    class_weight : dict, list of dict, "balanced" or None
        Weights of classes, a factor to the samples', as elsewhere in scikit-learn.
    solver_params : dict, optional
        Other arguments of the optimizer, ``{"weight_decay": 0.01}`` for adamw.

    Attributes
    ----------
    classes_, coefs_, intercepts_, n_features_in_, feature_names_in_, n_layers_, n_outputs_, \
out_activation_, n_iter_, t_, loss_, best_loss_, loss_curve_, validation_scores_, \
best_validation_score_
        As in scikit-learn. `loss_curve_` is there for lbfgs too.
    grad_norm_curve_ : list of float
        Gradient norm of the loss in `loss_curve_`: mean over each epoch's batches.
    history_ : History
        Loss, gradient norm, update norm and learning rate of every step, of all fits that went on.
    net_ : MLP
        The network; `coefs_` and `intercepts_` are views of its theta.
    outcome_ : RunOutcome
        How the last fit ended. Where the loss became infinite the weights are those before, with a
        ConvergenceWarning; scikit-learn raises.

    Notes
    -----
    Sparse X is refused: a dense copy of it is the caller's to make. With one class only,
    `predict_proba` has one column.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from saddlescape.sklearn import MLPClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> model = MLPClassifier((32,), learning_rate_init=0.01, tol=0.01, random_state=0)
    >>> model.fit(X[:1500] / 16, y[:1500]).score(X[1500:] / 16, y[1500:]) > 0.9
    True
    >>> len(model.grad_norm_curve_) == model.n_iter_
    True
    """

    _classes: Classes  # once fitted

    def __init__(
        self,
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
        label_smoothing: float = 0.0,
        class_weight: Any = None,
        solver_params: Any = None,
    ) -> None:
        self._take(locals())

    def _encoded(
        self, X: Any, y: Any, going_on: bool, incremental: bool, classes: Any = None
    ) -> Encoded:
        smoothing = _check.fraction("label_smoothing", self.label_smoothing)
        X, y = validate_data(
            self, X, y, dtype=FLOATS, order="C", multi_output=True, reset=not going_on
        )
        check_classification_targets(y)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if going_on:
            self._classes.check(y, incremental, classes)
        else:
            self._classes = Classes.of_first_part(y, classes) if incremental else Classes(y)
            self.classes_ = self._classes.labels
        factor = None
        if self.class_weight is not None:
            factor = compute_sample_weight(self.class_weight, y)
        return X, self._classes.encode(y, X.dtype, smoothing), factor

    def _loss(self) -> tuple[dict[str, Any], Units]:
        return {"loss": "cross_entropy" if self._classes.softmax else "bce"}, Units()

    def _classes_of(self, samples: Samples) -> NDArray[Any] | None:
        return self._classes.strata(samples)

    def _score_of(self, outputs: NDArray[Any], held: Samples) -> float:
        return self._classes.accuracy(outputs, held)

    @available_if(takes_batches)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Any:
        """Train for one epoch over the given samples, going on from where it stands.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`; y need not have all classes.
        classes : array, optional
            All classes that will come; needed at the first call.

        Returns
        -------
        self
        """
        if self.class_weight == "balanced":
            raise ValueError("class_weight: 'balanced', expected a dict or None for partial_fit")
        return self._fit(X, y, sample_weight, incremental=True, classes=classes)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the class of each sample (N,), or 0 and 1 for each label (N, C)."""
        logits = self._outputs(X)
        return self._classes.find(self._classes.chances(logits))

    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Return probabilities (N, classes), in the order of `classes_`."""
        logits = self._outputs(X)
        return self._classes.chances(self._classes.both(logits))

    def predict_log_proba(self, X: Any) -> NDArray[Any]:
        """Return the logarithms of `predict_proba`, finite where that has underflowed."""
        logits = self._outputs(X)
        return self._classes.log_chances(self._classes.both(logits))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
