"""What looks at a run between its steps: callbacks, epochs, metrics, the order of looks."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as theirs

import saddlescape as ss
from saddlescape.train import RunOutcome
from saddlescape.train.native import NativeSteps
from saddlescape.train.plan import Plan, Position
from train_samples import N, make_data, make_net

# Steps in the core, and one by one
LAYERS = {"plain": {}, "dropout": {"dropout": 0.3}, "batch": {"normalisation": "batch"}}


def network_of(layers):
    return ss.MLP((3, 5, 2), dtype="float64", seed=1, **LAYERS[layers])


def test_a_callback_sees_every_step():
    X, y = make_data()
    net, seen = make_net(), []

    def look(state):
        seen.append((state.step, state.epoch, state.epoch_ended, state.position))
        assert state.net is net
        assert state.history.steps == state.step == state.optimizer.steps
        assert (state.epochs, state.batches) == (2, 3)

    run = ss.train(net, X, y, batch_size=7, epochs=2, callback=look)
    assert [s[0] for s in seen] == [1, 2, 3, 4, 5, 6]
    assert [s[1] for s in seen] == [0, 0, 0, 1, 1, 1]
    assert [s[2] for s in seen] == [False, False, True] * 2
    assert seen[2][3] == Position(1, 0)
    assert seen[4][3] == Position(1, 2)
    assert run.history.epochs.rows == 2


@pytest.mark.parametrize("size", [7, "full"])
def test_an_epoch_callback_sees_every_epoch_and_no_more(size):
    X, y = make_data()
    seen = []

    def look(state):
        assert state.epoch_ended
        assert state.history.epochs.rows == state.epoch + 1
        seen.append((state.epoch, state.step))
        return state.epoch == 3

    run = ss.train(make_net(), X, y, batch_size=size, epochs=9, epoch_callback=look)
    batches = 3 if size == 7 else 1
    assert seen == [(e, batches * (e + 1)) for e in range(4)]
    assert run.outcome is RunOutcome.STOPPED
    assert run.epochs == 4


def bursts(monkeypatch, **arguments):
    """How many steps are asked of the core at once, in the order."""
    asked, take = [], NativeSteps.take

    def told(self, order, count):
        asked.append(count)
        return take(self, order, count)

    monkeypatch.setattr(NativeSteps, "take", told)
    X, y = make_data()
    ss.train(make_net(), X, y, **arguments)
    return asked


def test_what_is_asked_of_the_core(monkeypatch):
    """Nothing to look at: as many steps as there are; else as many as to the next look."""
    assert bursts(monkeypatch, batch_size="full", epochs=500)[0] == 500
    assert set(bursts(monkeypatch, batch_size=7, epochs=5)) == {3}
    assert set(bursts(monkeypatch, batch_size=7, epochs=5, epoch_callback=lambda _: None)) == {3}
    assert set(bursts(monkeypatch, batch_size=7, epochs=5, callback=lambda _: None)) == {1}
    assert set(bursts(monkeypatch, batch_size="full", epochs=5, metrics=["f1"])) == {1}


@pytest.mark.parametrize("watched", [
    {"callback": lambda _: None}, {"epoch_callback": lambda _: None}, {"validation": make_data(9)},
    {"metrics": ("accuracy",)},
])  # fmt: skip
@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize("size", [7, "full"])
def test_looking_changes_no_bit(size, layers, watched):
    X, y = make_data()
    ends = []
    for arguments in ({}, watched):
        net = network_of(layers)
        run = ss.train(net, X, y, batch_size=size, epochs=30, **arguments)
        ends.append((net.theta.tobytes(), run.history.loss.tobytes()))
        epochs = run.history.epochs["loss"]
    assert ends[0] == ends[1]
    assert len(epochs) == 30


def test_an_interrupt_and_a_failure_leave_whole_rows():
    X, y = make_data()
    for error in (KeyboardInterrupt, LookupError):
        kept = []

        def look(state, error=error, kept=kept):
            kept.append(state)
            if state.step == 6:
                raise error

        try:
            ss.train(make_net(), X, y, batch_size=7, epochs=9, callback=look)
        except LookupError:
            assert error is LookupError
        history = kept[-1].history
        assert history.steps == 6
        assert history.epochs["step"].tolist() == [2, 5]
        assert {len(column) for column in history.epochs.values()} == {2}


@pytest.mark.parametrize("layers", LAYERS)
def test_an_interrupt_between_a_step_and_its_record_loses_none(layers, monkeypatch):
    """Wherever in the taking of the steps it comes: what moved the parameters is recorded."""
    record, left = ss.History.record, [5]

    def interrupted(self, *arguments):
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt
        return record(self, *arguments)

    monkeypatch.setattr(ss.History, "record", interrupted)
    X, y = make_data()
    net, twin = network_of(layers), network_of(layers)
    run = ss.train(net, X, y, batch_size=7, epochs=9)
    assert run.outcome is RunOutcome.INTERRUPTED
    assert run.history.steps == run.optimizer.steps
    steps = run.history.steps
    ss.train(twin, X, y, batch_size=7, epochs=9, callback=lambda state: state.step == steps)
    assert net.theta.tobytes() == twin.theta.tobytes()


def test_rows_that_an_interrupt_cut_short_are_completed():
    rows = ss.History(["loss", "gradient_norm"])
    rows._columns["step"].extend([0.0, 1.0])
    rows._columns["loss"].extend([5.0])
    assert rows.whole == 0
    rows.record(0, ["loss", "gradient_norm"], np.array([[5.0, 6.0], [7.0, 8.0]]))
    assert rows["step"].tolist() == [0, 1]
    assert rows.loss.tolist() == [5, 7]
    assert rows.gradient_norm.tolist() == [6, 8]


@pytest.mark.parametrize("size", [1, 7, N - 1, N, "full"])
def test_the_loss_of_an_epoch_is_the_mean_over_its_samples(size):
    X, y = make_data()
    run = ss.train(make_net(), X, y, batch_size=size, epochs=4, lr=0.05)
    batch = N if size == "full" else size
    counts = [len(range(i, min(N, i + batch))) for i in range(0, N, batch)]
    losses = run.history.loss.reshape(4, -1)
    expected = [sum(a * n for a, n in zip(row, counts, strict=True)) / N for row in losses]
    # the sum of at most 20 terms in another order
    np.testing.assert_allclose(run.history.epochs["loss"], expected, rtol=1e-14)
    assert run.history.epochs["epoch"].tolist() == [0, 1, 2, 3]
    assert run.history.epochs["step"].tolist() == [len(counts) * (e + 1) - 1 for e in range(4)]


def test_an_epoch_whose_last_step_was_not_finite_has_no_row():
    X, _ = make_data()
    net = ss.MLP((3, 4, 1), loss="mse", dtype="float64")
    run = ss.train(net, X, X[:, :1].copy(), optimizer="sgd", lr=1e150, batch_size="full", epochs=50)
    assert run.outcome is RunOutcome.NOT_FINITE
    assert run.epochs == run.history.steps
    assert run.history.epochs.rows == run.history.steps - 1
    assert np.isfinite(run.history.epochs["loss"]).all()


SCORES = {
    "accuracy": theirs.accuracy_score,
    "balanced_accuracy": theirs.balanced_accuracy_score,
    "f1": lambda a, b: theirs.f1_score(a, b, average="macro", zero_division=0),
    "precision": lambda a, b: theirs.precision_score(a, b, average="macro", zero_division=0),
    "recall": lambda a, b: theirs.recall_score(a, b, average="macro", zero_division=0),
}


@pytest.mark.parametrize("classes", [2, 3, 7])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
def test_metrics_of_classes_are_scikit_learns(classes, seed):
    rng = np.random.default_rng(seed)
    X, Xv = rng.normal(size=(40, 3)), rng.normal(size=(11, 3))
    y, yv = rng.integers(0, classes, 40), rng.integers(0, classes - 1, 11)
    net = ss.MLP((3, 8, classes), seed=seed)
    run = ss.train(net, X, y, epochs=2, lr=0.05, validation=(Xv, yv), metrics=list(SCORES))
    epochs = run.history.epochs
    for name, score in SCORES.items():
        ours = getattr(ss.metrics, name)
        for prefix, A, b in (("", X, y), ("validation_", Xv, yv)):
            expected = score(b, net.predict(A).argmax(axis=1))
            assert epochs[prefix + name][-1] == pytest.approx(expected, rel=1e-14), name
            assert ours(net, A, b) == epochs[prefix + name][-1]
    assert epochs["validation_accuracy"].tolist() == [
        v for v in run.history["validation_accuracy"] if not np.isnan(v)
    ]


@pytest.mark.parametrize("outputs", [1, 3])
def test_metrics_of_numbers_are_scikit_learns(outputs):
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(30, 3)), rng.normal(size=(30, outputs))
    net = ss.MLP((3, 8, outputs), loss="mae", dtype="float64")
    run = ss.train(net, X, Y, epochs=2, validation=0.3, metrics=("r2", "mse", "rmse", "mae"))
    epochs = run.history.epochs
    f = net.predict(run.X)
    expected = {
        "r2": theirs.r2_score(run.y, f, multioutput="variance_weighted"),
        "mse": theirs.mean_squared_error(run.y, f),
        "rmse": np.sqrt(theirs.mean_squared_error(run.y, f)),
        "mae": theirs.mean_absolute_error(run.y, f),
    }
    for name, value in expected.items():
        assert epochs[name][-1] == pytest.approx(value, rel=1e-12), name
        ours = getattr(ss.metrics, "r_squared" if name == "r2" else name)
        assert ours(net, run.X, run.y) == epochs[name][-1]
    assert epochs["validation_mae"].tolist() == pytest.approx(
        epochs["validation_loss"].tolist(), rel=1e-13
    )
    assert "validation_mae" not in run.history


def test_metrics_of_one_logit_and_of_classes_with_a_loss_on_numbers():
    X, y = make_data()
    net = ss.MLP((3, 4, 1), loss="bce")
    run = ss.train(net, X, y, epochs=2, metrics=("accuracy",))
    assert run.history.epochs["accuracy"][-1] == ss.metrics.accuracy(net, X, y)
    net = ss.MLP((3, 4, 2), loss="mse")
    run = ss.train(net, X, y, epochs=2, metrics=("accuracy", "mse"), validation=(X, y))
    assert run.history.epochs["accuracy"][-1] == ss.metrics.accuracy(net, X, y)
    assert run.history.epochs["mse"][-1] == pytest.approx(net.loss(X, y), rel=1e-6)  # float32


def test_what_is_measured_is_of_the_whole_network():
    """Standardisation comes before the steps; labels are smoothed once."""
    X, y = make_data(40)
    X = 100 + 30 * X
    net = ss.MLP((3, 5, 2), seed=1)
    net.standardise(X)
    run = ss.train(net, X, y, epochs=3, lr=0.05, metrics=("f1",), validation=0.3)
    epochs = run.history.epochs
    assert epochs["f1"][-1] == ss.metrics.f1(net, run.X, run.y)
    held = np.setdiff1d(np.arange(40), [np.flatnonzero((row == X).all(1))[0] for row in run.X])
    assert epochs["validation_loss"][-1] == net.loss(X[held], y[held])
    assert epochs["validation_accuracy"][-1] == ss.metrics.accuracy(net, X[held], y[held])


def test_frames():
    X, y = make_data()
    run = ss.train(make_net(), X, y, batch_size=7, epochs=2, validation=(X, y))
    frame, epochs = run.history.to_frame(), run.history.epochs.to_frame()
    assert list(frame) == list(run.history)
    assert len(frame) == run.history.steps
    assert frame["step"].dtype == epochs["epoch"].dtype == epochs["step"].dtype == np.int64
    joined = epochs.merge(frame, on="step", suffixes=("_epoch", ""))
    assert (joined["validation_loss_epoch"] == joined["validation_loss"]).all()
    assert ss.History(["loss"]).to_frame().shape == (0, 2)


def test_histories_one_after_the_other():
    X, y = make_data()
    runs = [
        ss.train(make_net(), X, y, batch_size=7, epochs=n, validation=v)
        for n, v in ((2, None), (3, (X, y)))
    ]
    runs[0].history.extend(runs[1].history)
    epochs = runs[0].history.epochs
    assert epochs["epoch"].tolist() == [0, 1, 2, 3, 4]
    assert epochs["step"].tolist() == [2, 5, 8, 11, 14]
    assert np.isnan(epochs["validation_loss"]).tolist() == [True, True, False, False, False]
    assert runs[0].history != runs[1].history
    assert runs[1].history == runs[1].history
    assert "3 epochs" in repr(runs[1].history.epochs)


@pytest.mark.parametrize(("samples", "size"), [(20, 7), (21, 7), (5, 9), (1, 1)])
def test_a_plan_cuts_every_epoch_into_its_batches(samples, size):
    plan = Plan(samples, min(size, samples), 4, 3)
    assert plan.steps == 4 * plan.batches
    for done in range(plan.steps):
        position = plan.position(done)
        assert plan.done(position) == done
        rows = plan.rows(done, 1)
        whole = Plan(samples, min(size, samples), 4, 3).rows(position.epoch * plan.batches, 99)
        if rows is None:
            assert whole is None
        else:
            at = position.first * size
            assert rows.tolist() == whole[at : at + size].tolist()
    assert [plan.begun(done) for done in (0, 1, plan.batches, plan.batches + 1)] == [1, 1, 1, 2]
    assert Plan(samples, 1, 0, 3).begun(0) == 0
