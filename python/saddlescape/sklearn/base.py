"""What both estimators do: fit, go on, keep scikit-learn's attributes, pickle, diagnose."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from saddlescape import optim
from saddlescape.diagnosis import Diagnosis, diagnose
from saddlescape.net import MLP
from saddlescape.net.store import architecture, blank
from saddlescape.sklearn.arguments import LBFGS, Settings, settings_of
from saddlescape.sklearn.epochs import initial_best
from saddlescape.sklearn.fitting import fit_by_batches, fit_by_lbfgs
from saddlescape.sklearn.lbfgs import Rule
from saddlescape.sklearn.samples import Samples, random_of, weights_of
from saddlescape.sklearn.solver import Recipe, Units
from saddlescape.sklearn.start import check_alike, make_net
from saddlescape.train import History, Run, RunOutcome

__all__ = ["FLOATS", "BaseMLP", "Encoded", "takes_batches"]

Encoded = tuple[NDArray[Any], NDArray[Any], NDArray[np.float64] | None]
FLOATS = (np.float64, np.float32)


def takes_batches(estimator: Any) -> bool:
    """Whether there is a `partial_fit`: L-BFGS takes all samples at once."""
    if estimator.solver == LBFGS:
        raise AttributeError("partial_fit: solver 'lbfgs', expected one that takes batches")
    return True


class BaseMLP(BaseEstimator, abc.ABC):
    """A network between `fit` and `predict`; what its outputs are, the subclasses say."""

    def _take(self, arguments: Mapping[str, Any]) -> None:
        """Keep the constructor's arguments as they came, as scikit-learn asks."""
        for name, value in arguments.items():
            if name not in ("self", "__class__"):
                setattr(self, name, value)

    # What the subclasses say

    @abc.abstractmethod
    def _encoded(
        self, X: Any, y: Any, going_on: bool, incremental: bool, classes: Any = None
    ) -> Encoded:
        """Return X, the targets (N, C) in its dtype, and weights of the classes (N,) or None."""

    @abc.abstractmethod
    def _loss(self) -> tuple[dict[str, Any], Units]:
        """Return the network's arguments that concern its loss, and scikit-learn's units of it."""

    @abc.abstractmethod
    def _score_of(self, outputs: NDArray[Any], held: Samples) -> float:
        """Return the score that early stopping looks at."""

    @abc.abstractmethod
    def _classes_of(self, samples: Samples) -> NDArray[Any] | None:
        """Return what a split is stratified by."""

    # Fitting

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Fit the network to samples X (N, d) and targets y.

        Parameters
        ----------
        X : (N, d) array or DataFrame
            Samples; float32 stays float32, all else becomes float64. Not sparse.
        y : (N,) or (N, C) array
            Targets.
        sample_weight : (N,) array, optional
            Weights >= 0. A batch's loss is the mean of weight times loss, the weights divided by
            their mean over all samples (scikit-learn: by that of the batch's own).

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            Naming the argument; the estimator is then as it was.
        """
        return self._fit(X, y, sample_weight)

    def _fit(
        self, X: Any, y: Any, weight: Any, incremental: bool = False, classes: Any = None
    ) -> Any:
        before = dict(self.__dict__)
        try:
            self._learn(X, y, weight, incremental, classes)
        except (TypeError, ValueError):
            self.__dict__.clear()
            self.__dict__.update(before)
            raise
        return self

    def _learn(self, X: Any, y: Any, weight: Any, incremental: bool, classes: Any) -> None:
        settings = settings_of(self.get_params(deep=False))
        if incremental and settings.early_stopping:
            raise ValueError("early_stopping: True, expected False for partial_fit: an epoch each")
        going_on = hasattr(self, "net_") and (incremental or settings.warm_start)
        X, Y, factor = self._encoded(X, y, going_on, incremental, classes)
        loss, units = self._loss()
        samples = Samples(X, Y, weights_of(weight, len(X), factor))
        random = random_of(self.random_state)
        sizes = (X.shape[1], *settings.hidden_layer_sizes, Y.shape[1])
        if going_on:
            self._forget_undone()
            check_alike(self.net_, make_net(settings, sizes, loss, self.net_.dtype, None))
            for name, value in initial_best(settings.early_stopping).items():
                if (getattr(self, name) is None) != (value is None):  # early_stopping was changed
                    setattr(self, name, value)
        else:
            self._begin(make_net(settings, sizes, loss, X.dtype, random), settings)
        if settings.solver == LBFGS:
            fit_by_lbfgs(self, settings, units, samples)
        else:
            fit_by_batches(self, settings, units, samples, random, incremental)

    def _begin(self, net: MLP, settings: Settings) -> None:
        self.net_ = net
        self.n_layers_, self.n_outputs_ = len(net.sizes), net.sizes[-1]
        self.out_activation_ = {"cross_entropy": "softmax", "bce": "logistic"}.get(
            net.loss_name, "identity"
        )
        self.n_iter_ = self.t_ = 0
        self.loss_curve_: list[float] = []
        self.grad_norm_curve_: list[float] = []
        for name, value in initial_best(settings.early_stopping).items():
            setattr(self, name, value)
        self.history_ = History(
            ["loss", "gradient_norm", "gradient_cosine", "update_norm", "learning_rate"]
        )
        self._undone: tuple[tuple[int, int], ...] = ()
        self._restored: int | None = None
        self._no_improvement_count = 0
        self._recipe: Recipe | None = None
        self._optimizer: optim.Optimizer | None = None

    def _forget_undone(self) -> None:
        """Note which steps early stopping undid: the next fit goes on from before them."""
        if self._restored is not None:
            self._undone += ((self._restored, self.history_.steps),)
            self._restored = None

    def _judged(self) -> tuple[History, int | None]:
        """Return the history less what earlier fits undid, and how many of its steps led here."""
        history, restored, gone = self.history_, self._restored, 0
        for first, stop in self._undone:
            kept = history.until(first - gone)
            kept.extend(history.since(stop - gone))
            history, gone = kept, gone + stop - first
        return history, None if restored is None else restored - gone

    def _keep(
        self,
        samples: Samples,
        size: int,
        outcome: RunOutcome,
        l2: float,
        restored: int | None = None,
    ) -> None:
        """Keep what `diagnose` needs of the fit."""
        self.outcome_, self._batch = outcome, size
        self._l2, self._restored = l2, restored
        self._data: Samples | None = samples

    # Afterwards

    def _outputs(self, X: Any) -> NDArray[Any]:
        check_is_fitted(self)
        X = validate_data(self, X, dtype=FLOATS, order="C", reset=False)
        outputs: NDArray[Any] = self.net_.predict(X)
        return outputs

    @property
    def coefs_(self) -> list[NDArray[Any]]:
        """Weights (in, out) of each layer: views of ``net_.theta``."""
        return [weights.T for weights, _ in self.net_.layers()]

    @property
    def intercepts_(self) -> list[NDArray[Any]]:
        """Biases (out,) of each layer: views of ``net_.theta``."""
        return [biases for _, biases in self.net_.layers() if biases is not None]

    def diagnose(
        self,
        X: Any = None,
        y: Any = None,
        sample_weight: Any = None,
        *,
        curvature: bool = True,
        seed: int = 0,
    ) -> Diagnosis:
        """Say why the fit ended where it did: see `saddlescape.diagnose`.

        Parameters
        ----------
        X, y : arrays, optional
            Samples and targets to look at the curvature with: those that it was fitted on by
            default. An estimator that was pickled has them no longer, and takes them here.
        sample_weight : (N,) array, optional
            Of these samples, as in `fit`.
        curvature : bool
            Whether to compute curvature where the fit ended, over these samples.
        seed : int
            Of random start vectors and probes.

        Returns
        -------
        Diagnosis
            Of the loss that was fitted: with its weights of samples and classes, and the penalty
            `alpha`. With early stopping, of the epoch with the best score; what it undid of earlier
            fits, from before which later ones went on, is left out of the history.
        """
        check_is_fitted(self)
        data = self._data
        if X is not None:
            X, Y, factor = self._encoded(X, y, going_on=True, incremental=True)
            data = Samples(X, Y, weights_of(sample_weight, len(X), factor))
        elif sample_weight is not None:
            raise ValueError("sample_weight: given without X, expected the samples that it is of")
        if data is None:
            raise ValueError(
                "X: None, expected the samples fitted on: a pickle of the estimator has them not"
            )
        optimizer: Any = Rule() if self._optimizer is None else self._optimizer
        history, restored = self._judged()
        run = Run(
            self.net_, data.X, data.Y, history, self.outcome_, optimizer, self._batch,
            self.n_iter_, restored=restored, sample_weight=data.weight, l2=self._l2,
        )  # fmt: skip
        return diagnose(run, curvature=curvature, seed=seed)

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled: numbers, and the optimizer's state, but not the samples."""
        state = dict(super().__getstate__())
        if "net_" in state:
            net, optimizer = state["net_"], state["_optimizer"]
            state["net_"] = (architecture(net), net.theta.copy(), net.running.copy())
            state["_optimizer"] = None if optimizer is None else optimizer.state_dict()
            state["_data"] = None
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "net_" in state:
            arguments, theta, running = state["net_"]
            self.net_ = blank(MLP, arguments)
            self.net_.theta[:], self.net_.running[:] = theta, running
            if self._recipe is not None:
                self._optimizer = self._recipe.make(self.net_, state["_optimizer"])
