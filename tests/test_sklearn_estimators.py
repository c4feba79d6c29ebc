"""The estimators at home in scikit-learn, and what they have beyond its own."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    TunedThresholdClassifierCV,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import saddlescape as ss
from saddlescape.sklearn import MLPClassifier, MLPRegressor, epochs, fitting
from saddlescape.train import RunOutcome
from sklearn_samples import CLASSES, TARGETS, X60, model

pytestmark = pytest.mark.filterwarnings("ignore:.*max_iter:sklearn.exceptions.ConvergenceWarning")

SOLVERS = ["adam", "lbfgs", "lion", "rmsprop", "sgd"]


def dumped(estimator):
    file = io.BytesIO()
    joblib.dump(estimator, file)
    file.seek(0)
    return joblib.load(file)


class TestSaved:
    @pytest.mark.parametrize("again", [lambda e: pickle.loads(pickle.dumps(e)), dumped])  # noqa: S301
    @pytest.mark.parametrize("kind", TARGETS)
    @pytest.mark.parametrize("solver", SOLVERS)
    def test_predicts_the_same_bits_and_goes_on_with_them(self, kind, solver, again):
        fitted = model(kind, solver=solver).fit(X60, TARGETS[kind])
        twin = again(fitted)
        np.testing.assert_array_equal(twin.predict(X60), fitted.predict(X60))
        assert twin.history_ == fitted.history_
        assert twin.loss_curve_ == fitted.loss_curve_
        if solver != "lbfgs":
            for estimator in (fitted, twin):
                estimator.partial_fit(X60, TARGETS[kind])
            np.testing.assert_array_equal(twin.net_.theta, fitted.net_.theta)

    @pytest.mark.parametrize("given", [{"normalisation": "batch"}, {"dropout": 0.3}])
    def test_layers_too(self, given):
        fitted = model("multi", **given).fit(X60, TARGETS["multi"])
        twin = pickle.loads(pickle.dumps(fitted))  # noqa: S301
        for estimator in (fitted, twin):
            estimator.partial_fit(X60, TARGETS["multi"])
        np.testing.assert_array_equal(twin.predict_proba(X60), fitted.predict_proba(X60))

    def test_unfitted(self):
        twin = pickle.loads(pickle.dumps(model("one", alpha=0.5)))  # noqa: S301
        assert twin.get_params() == model("one", alpha=0.5).get_params()

    def test_samples_are_not_pickled(self):
        fitted = model("one").fit(X60, TARGETS["one"])
        twin = pickle.loads(pickle.dumps(fitted))  # noqa: S301
        assert X60.tobytes() not in pickle.dumps(fitted)
        with pytest.raises(ValueError, match="X: None, expected the samples fitted on"):
            twin.diagnose()
        assert str(twin.diagnose(X60, TARGETS["one"])) == str(fitted.diagnose())


class TestAtHome:
    def test_searched_in_a_pipeline(self):
        X = pd.DataFrame(X60 * 100 + 5, columns=list("abcd"))
        y = np.array(["no", "yes"])[(X60[:, 0] > 0).astype(int)]
        steps = make_pipeline(StandardScaler().set_output(transform="pandas"), model("binary"))
        grid = {
            "mlpclassifier__alpha": np.array([1e-4, 100.0]),
            "mlpclassifier__solver": ["lbfgs"],
            "mlpclassifier__nesterovs_momentum": np.array([True]),
        }
        search = GridSearchCV(steps, grid, cv=3, error_score="raise").fit(X, y)
        assert search.best_params_["mlpclassifier__alpha"] == 1e-4
        assert search.score(X, y) > 0.95
        inner = search.best_estimator_[-1]
        assert list(inner.feature_names_in_) == list("abcd")
        assert inner.n_features_in_ == 4
        assert list(inner.classes_) == ["no", "yes"]

    def test_cross_validated(self):
        scores = cross_val_score(model("one", solver="lbfgs", max_iter=200), X60, X60[:, 0], cv=3)
        assert (scores > 0.9).all()

    def test_cloned(self):
        fitted = model("one", solver_params={"weight_decay": 0.1}, solver="adamw")
        fitted.fit(X60, TARGETS["one"])
        twin = clone(fitted)
        assert twin.get_params() == fitted.get_params()
        assert not hasattr(twin, "coefs_")
        np.testing.assert_array_equal(twin.fit(X60, TARGETS["one"]).net_.theta, fitted.net_.theta)
        assert twin.set_params(alpha=3.0).alpha == 3.0

    def test_thresholds(self):
        y = (X60[:, 0] > 0).astype(int)
        kept = model("binary", max_iter=100).fit(X60, y)
        low = FixedThresholdClassifier(kept, threshold=0.2, response_method="predict_proba")
        found = low.fit(X60, y).predict(X60)
        np.testing.assert_array_equal(found, kept.predict_proba(X60)[:, 1] >= 0.2)
        TunedThresholdClassifierCV(model("binary"), cv=2).fit(X60, y).predict(X60)

    def test_chances_add_up_and_keep_what_is_small(self):
        y = (X60[:, 0] > 0).astype(int)
        fitted = model("binary", solver="lbfgs", alpha=0.0, max_iter=500).fit(X60, y)
        chances = fitted.predict_proba(X60 * 100)
        np.testing.assert_allclose(chances.sum(axis=1), 1.0, rtol=1e-15)
        assert chances[chances > 0].min() < 1e-30  # 1 - p would be 0
        logs = fitted.predict_log_proba(X60 * 1e4)
        assert np.isfinite(logs).all()
        assert logs.min() < -1000  # the chance itself is 0 in float64

    def test_one_class(self):
        fitted = model("binary").fit(X60, np.full(60, "only"))
        assert set(fitted.predict(X60)) == {"only"}
        np.testing.assert_array_equal(fitted.predict_proba(X60), np.ones((60, 1)))
        np.testing.assert_array_equal(fitted.predict_log_proba(X60), np.zeros((60, 1)))

    @pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.float16])
    def test_dtypes(self, dtype):
        X = (X60 * 3).astype(dtype)
        fitted = model("multi").fit(X, TARGETS["multi"])
        kept = np.float32 if dtype is np.float32 else np.float64
        assert {w.dtype for w in fitted.coefs_ + fitted.intercepts_} == {np.dtype(kept)}
        assert fitted.predict_proba(X).dtype == kept

    def test_import_says_what_to_install(self):
        code = (
            "import sys; sys.modules['sklearn'] = None\n"
            "try: import saddlescape.sklearn\n"
            "except ImportError as error: print(error)"
        )
        said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)  # noqa: S603
        assert (
            said.stdout.decode()
            == "scikit-learn is needed for this: pip install 'saddlescape[app]'\n"
        )


class TestBeyond:
    @pytest.mark.parametrize("kind", TARGETS)
    @pytest.mark.parametrize("solver", SOLVERS)
    def test_the_curves_are_those_of_the_history(self, kind, solver):
        fitted = model(kind, solver=solver, batch_size=25, max_iter=4).fit(X60, TARGETS[kind])
        half = 1.0 if kind in CLASSES else 0.5
        norms, losses = fitted.history_.gradient_norm, fitted.history_.loss
        if solver == "lbfgs":  # a row before each step, the curve after it
            np.testing.assert_array_equal(fitted.loss_curve_[:-1], half * losses[1:])
            np.testing.assert_array_equal(fitted.grad_norm_curve_[:-1], half * norms[1:])
            return
        counts = np.tile([25, 25, 10], 4).reshape(4, 3)
        for curve, rows in ((fitted.loss_curve_, losses), (fitted.grad_norm_curve_, norms)):
            mean = (rows.reshape(4, 3) * counts).sum(axis=1) / 60
            np.testing.assert_allclose(curve, half * mean, rtol=1e-14)

    def test_the_last_gradient_norm_is_the_loss_curves(self):
        fitted = model("one", solver="lbfgs", alpha=0.0).fit(X60, TARGETS["one"])
        y = TARGETS["one"][:, None]
        assert fitted.loss_ == pytest.approx(fitted.net_.loss(X60, y) / 2, rel=1e-14)
        norm = np.linalg.norm(fitted.net_.gradient(X60, y)) / 2
        assert fitted.grad_norm_curve_[-1] == pytest.approx(norm, rel=1e-13)

    @pytest.mark.parametrize("kind", TARGETS)
    @pytest.mark.parametrize("solver", SOLVERS)
    def test_diagnosed(self, kind, solver):
        fitted = model(kind, solver=solver, max_iter=40).fit(X60, TARGETS[kind])
        found = fitted.diagnose(curvature=solver in ("adam", "lbfgs"))
        assert isinstance(found, ss.Diagnosis)
        assert f", {fitted.solver}" in found.subject or solver == "sgd"
        with pytest.raises(TypeError, match="curvature: int, expected True or False"):
            fitted.diagnose(curvature=1)

    def test_a_minimum_is_found_to_be_one(self):
        fitted = MLPRegressor(
            hidden_layer_sizes=(), solver="lbfgs", alpha=0.0, tol=1e-9, random_state=0
        ).fit(X60, X60 @ np.array([1.0, 2.0, 3.0, 4.0]) + TARGETS["one"])
        assert fitted.diagnose().verdict == "minimum"

    def test_goes_on(self):
        fitted = model("multi").fit(X60, TARGETS["multi"])
        steps, net = fitted.history_.steps, fitted.net_
        fitted.partial_fit(X60, TARGETS["multi"])
        assert fitted.history_.steps == steps + 1
        assert fitted.net_ is net
        assert (fitted.n_iter_, fitted.t_, len(fitted.loss_curve_)) == (1, 360, 6)

    def test_weights_are_views(self):
        fitted = model("one").fit(X60, TARGETS["one"])
        for weights in fitted.coefs_ + fitted.intercepts_:
            weights[...] = 0
        np.testing.assert_array_equal(fitted.predict(X60), np.zeros(60))

    @pytest.mark.parametrize("given", [
        {"normalisation": "batch", "batch_size": 20}, {"normalisation": "layer"},
        {"normalisation": "layer", "normalise_after": True},
        {"normalisation": "batch", "normalise_after": True, "batch_size": 20},
        {"residual": True, "hidden_layer_sizes": (4, 4)}, {"dropout": 0.2}, {"init": "he"},
        {"init": "constant", "init_scale": 0.1}, {"init": "orthogonal", "init_scale": 0.5},
        {"activation": "gelu"}, {"solver": "nadam", "solver_params": {"betas": (0.5, 0.9)}},
        {"solver": "adam", "solver_params": {"clip_norm": 1.0}},
    ])  # fmt: skip
    @pytest.mark.parametrize("kind", ["multi", "two"])
    def test_extensions_learn(self, given, kind):
        fitted = model(kind, max_iter=60, learning_rate_init=0.01, **given)
        fitted.fit(X60, TARGETS[kind])
        assert fitted.loss_curve_[-1] < 0.95 * fitted.loss_curve_[0]
        assert fitted.net_.normalise_after == given.get("normalise_after", False)
        other = clone(fitted).fit(X60, TARGETS[kind])
        np.testing.assert_array_equal(other.net_.theta, fitted.net_.theta)

    @pytest.mark.parametrize(("kind", "wanted"), [("binary", 0.05), ("multi", 0.1 / 3)])
    def test_smoothed_labels(self, kind, wanted):
        """A network that can tell all samples apart gives the other classes that much."""
        X = np.eye(60)
        fitted = model(
            kind, hidden_layer_sizes=(), solver="lbfgs", alpha=0.0, label_smoothing=0.1,
            max_iter=500, tol=1e-10,
        ).fit(X, TARGETS[kind])  # fmt: skip
        # SciPy stops where the loss moves by less than 2e-9 of it: its root, 60 samples, p = 0.05
        np.testing.assert_allclose(fitted.predict_proba(X).min(axis=1), wanted, rtol=1e-2)
        assert fitted.score(X, TARGETS[kind]) == 1.0

    def test_dropout_has_other_masks_in_each_partial_fit(self):
        fitted = model("one", dropout=0.5, solver="sgd", learning_rate_init=1e-30)
        for _ in range(6):
            fitted.partial_fit(X60, TARGETS["one"])
        assert len(set(fitted.loss_curve_)) == 6


class TestEnds:
    def test_best_weights_come_back(self):
        seen = []
        fitted = model(
            "multi", early_stopping=True, n_iter_no_change=3, max_iter=100, batch_size=10,
            learning_rate_init=0.05, validation_fraction=0.3,
        )  # fmt: skip
        score = fitted._score_of
        fitted._score_of = lambda outputs, held: (
            seen.append((score(outputs, held), fitted.net_.theta.copy())) or seen[-1][0]
        )
        fitted.fit(X60, TARGETS["multi"])
        assert fitted.outcome_ is RunOutcome.EARLY
        best = max(range(len(seen)), key=lambda i: (seen[i][0], -i))
        assert best < len(seen) - 1
        np.testing.assert_array_equal(fitted.net_.theta, seen[best][1])
        assert fitted.best_validation_score_ == seen[best][0] == max(fitted.validation_scores_)

    def test_the_split_keeps_the_shares_of_classes(self):
        y = np.repeat([0, 1, 2], [40, 14, 6])
        fitted = model("multi", early_stopping=True, validation_fraction=0.5).fit(X60, y)
        assert fitted.t_ == 5 * 30
        shares = fitted._data.Y.sum(axis=0)
        np.testing.assert_array_equal(shares, [20, 7, 3])
        alone = np.repeat([0, 1, 2], [40, 19, 1])  # too few: drawn at random
        model("multi", early_stopping=True).fit(X60, alone)

    def test_what_diverges_says_so_and_keeps_its_weights(self):
        fitted = model("one", solver="sgd", learning_rate_init=1e6, max_iter=50)
        with pytest.warns(ConvergenceWarning, match="infinite or NaN"):
            fitted.fit(X60, TARGETS["one"])
        assert fitted.outcome_ is RunOutcome.NOT_FINITE
        assert np.isfinite(fitted.net_.theta).all()
        assert fitted.diagnose().verdict == "not finite"

    def test_lbfgs_says_that_it_is_not_done(self):
        with pytest.warns(ConvergenceWarning, match="lbfgs: .* after 2 iterations"):
            model("one", solver="lbfgs", max_iter=2).fit(X60, TARGETS["one"])

    def test_a_larger_batch_than_there_are_samples(self):
        with pytest.warns(UserWarning, match="batch_size: 100, taken as all 60 samples"):
            model("one", batch_size=100).fit(X60, TARGETS["one"])

    @pytest.mark.parametrize("solver", ["adam", "lbfgs"])
    def test_interrupted(self, solver, monkeypatch):
        said = []

        def interrupt(line):
            said.append(line)
            if len(said) == 3:
                raise KeyboardInterrupt

        monkeypatch.setattr(epochs, "say", interrupt)
        monkeypatch.setattr(fitting, "say", interrupt)
        fitted = model("one", solver=solver, verbose=True, max_iter=20)
        with pytest.warns(UserWarning, match="interrupted"):
            fitted.fit(X60, TARGETS["one"])
        assert fitted.outcome_ is RunOutcome.INTERRUPTED
        assert fitted.n_iter_ == len(fitted.loss_curve_) == fitted.history_.steps == 3
        fitted.predict(X60)

    def test_verbose(self, capsys):
        model("one", verbose=True, max_iter=2, early_stopping=True).fit(X60, TARGETS["one"])
        lines = capsys.readouterr().out.splitlines()
        assert [line.split()[0] for line in lines] == ["Iteration", "Validation"] * 2
        assert "loss = " in lines[0]
        assert "gradient norm = " in lines[0]
        MLPClassifier(max_iter=1).fit(X60, TARGETS["binary"])
        assert capsys.readouterr().out == ""
