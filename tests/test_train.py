"""Training: the numbers of every step against a loop of its own."""

from __future__ import annotations

import numpy as np
import pytest

import saddlescape as ss
from oracle import streams
from saddlescape import optim
from saddlescape.train import RunOutcome
from saddlescape.train.plan import Plan
from train_samples import N, make_data, make_net

F32, F64 = np.float32, np.float64


def rows_by_step(n, size, epochs, seed):
    """The batches as the documentation says: permutation of (seed, epoch), cut in pieces."""
    found = []
    for epoch in range(epochs):
        if size >= n:
            found.append(np.arange(n))
            continue
        order = streams.permutation("shuffle", seed, epoch, n)
        found += [order[i : i + size] for i in range(0, n, size)]
    return found


def loop(net, X, y, rows, lr, momentum=0.0):
    """Plain gradient descent written out: losses, norms, updates, and where it ends."""
    theta = net.theta.copy()
    scratch = net.copy()
    buffer = None
    losses, norms, updates = [], [], []
    for step, batch in enumerate(rows):
        scratch.theta = theta
        losses.append(scratch.loss(X[batch], y[batch]))
        g = scratch.gradient(X[batch], y[batch])
        norms.append(np.sqrt(np.sum(g.astype(F64) ** 2)))
        buffer = g if buffer is None else momentum * buffer + g
        move = -(lr(step) if callable(lr) else lr) * buffer
        updates.append(np.sqrt(np.sum(move.astype(F64) ** 2)))
        theta = theta + move
    return np.array(losses), np.array(norms), np.array(updates), theta


SIZES = [1, 7, N, N + 1, "full"]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_every_step_is_that_of_a_loop_of_its_own(size, momentum):
    X, y = make_data()
    net = make_net()
    rows = rows_by_step(N, N if size == "full" else size, 3, 5)
    losses, norms, updates, theta = loop(net, X, y, rows, 0.1, momentum)
    run = ss.train(
        net, X, y, optimizer="sgd", lr=0.1, momentum=momentum, batch_size=size, epochs=3, seed=5
    )
    # float64; the core adds the terms of a step in another order than NumPy: 60 steps of 1e-16
    tolerance = {"rtol": 1e-12, "atol": 1e-15}
    assert run.outcome is RunOutcome.FINISHED
    assert run.epochs == 3
    np.testing.assert_allclose(run.history.loss, losses, **tolerance)
    np.testing.assert_allclose(run.history.gradient_norm, norms, **tolerance)
    np.testing.assert_allclose(run.history["update_norm"], updates, **tolerance)
    np.testing.assert_allclose(net.theta, theta, **tolerance)
    assert (run.history["learning_rate"] == 0.1).all()
    assert (run.history["step"] == np.arange(len(rows))).all()


def test_float32_follows_the_same_loop():
    X, y = make_data()
    net = make_net("float32")
    losses, norms, _, theta = loop(net, X, y, rows_by_step(N, 7, 5, 0), F32(0.1))
    run = ss.train(net, X, y, optimizer="sgd", lr=0.1, batch_size=7, epochs=5)
    # float32: 15 steps of 6e-8
    np.testing.assert_allclose(run.history.loss, losses, rtol=2e-6)
    np.testing.assert_allclose(run.history.gradient_norm, norms, rtol=1e-5)
    np.testing.assert_allclose(net.theta, theta, atol=2e-6)


@pytest.mark.parametrize(("size", "updates"), [(N, 1), (1, 20), ("full", 1), (7, 3), (N + 5, 1)])
def test_updates_in_an_epoch(size, updates):
    X, y = make_data()
    assert ss.train(make_net(), X, y, batch_size=size, epochs=1).history.steps == updates
    assert ss.train(make_net(), X, y, batch_size=size, epochs=4).history.steps == 4 * updates


@pytest.mark.parametrize("size", [1, 2, 7, 19])
def test_an_epoch_sees_each_sample_once_in_an_order_of_its_own(size):
    plan = Plan(N, size, 4, 3)
    orders = {epoch: [] for epoch in range(4)}
    for step in range(plan.steps):
        rows = plan.rows(step, 1)
        assert 0 < len(rows) <= size
        orders[plan.position(step).epoch] += rows.tolist()
    assert all(sorted(order) == list(range(N)) for order in orders.values())
    assert len({tuple(order) for order in orders.values()}) == 4
    assert Plan(N, size, 2, 3).rows(0, 1).tolist() == orders[0][:size]


def test_the_seed_is_the_order():
    X, y = make_data()
    ends = {}
    for name, seed in {"a": 0, "again": 0, "b": 1}.items():
        net = make_net()
        ss.train(net, X, y, batch_size=7, epochs=3, seed=seed)
        ends[name] = net.theta.tobytes()
    assert ends["a"] == ends["again"] != ends["b"]


def test_two_runs_one_after_the_other_are_one_run():
    X, y = make_data()
    whole, parts = make_net(), make_net()
    run = ss.train(whole, X, y, lr=0.01, batch_size="full", epochs=10)
    first = ss.train(parts, X, y, lr=0.01, batch_size="full", epochs=4)
    second = ss.train(parts, X, y, optimizer=first.optimizer, batch_size="full", epochs=6)
    assert whole.theta.tobytes() == parts.theta.tobytes()
    first.history.extend(second.history)
    assert (first.history["step"] == np.arange(10)).all()
    assert (first.history.loss == run.history.loss).all()


def test_validation_stands_at_the_ends_of_epochs():
    X, y = make_data()
    Xv, yv = make_data(9)
    net = make_net()
    seen = []

    def look(state):
        seen.append((net.loss(Xv, yv), ss.metrics.accuracy(net, Xv, yv)))
        return False

    run = ss.train(net, X, y, batch_size=7, epochs=3, validation=(Xv, yv), callback=look)
    ends = [2, 5, 8]
    losses, shares = run.history["validation_loss"], run.history["validation_accuracy"]
    assert np.flatnonzero(np.isfinite(losses)).tolist() == ends
    assert np.flatnonzero(np.isfinite(shares)).tolist() == ends
    assert losses[ends].tolist() == [seen[i][0] for i in ends]
    assert shares[ends].tolist() == [seen[i][1] for i in ends]


def test_validation_of_numbers_has_no_accuracy():
    X, _ = make_data()
    net = ss.MLP((3, 4, 1), loss="mse", dtype="float64")
    run = ss.train(net, X, X[:, :1].copy(), epochs=2, validation=(X, X[:, 0].copy()))
    assert "validation_loss" in run.history
    assert "validation_accuracy" not in run.history


def test_a_callback_stops():
    X, y = make_data()
    run = ss.train(make_net(), X, y, batch_size=7, epochs=5, callback=lambda state: state.step == 4)
    assert run.outcome is RunOutcome.STOPPED
    assert run.history.steps == 4
    assert run.epochs == 2


def test_an_interrupt_ends_in_good_order():
    X, y = make_data()
    net, twin = make_net(), make_net()

    def interrupt(state):
        if state.step == 3:
            raise KeyboardInterrupt

    run = ss.train(net, X, y, batch_size="full", epochs=9, callback=interrupt)
    ss.train(twin, X, y, batch_size="full", epochs=3)
    assert run.outcome is RunOutcome.INTERRUPTED
    assert run.history.steps == 3
    assert net.theta.tobytes() == twin.theta.tobytes()
    assert "cannot tell yet" in str(ss.diagnose(run)).lower()


def test_what_a_callback_raises_goes_through():
    X, y = make_data()

    def fail(state):
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        ss.train(make_net(), X, y, callback=fail)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("lr", [1e3, 1e10, 1e18])
def test_where_numbers_end_the_last_good_parameters_come_back(dtype, lr):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((30, 4)), rng.standard_normal(30)
    net = ss.MLP((4, 8, 1), activation="relu", loss="mse", dtype=dtype)
    visited = [net.theta.tobytes()]
    run = ss.train(
        net, X, y, optimizer="sgd", lr=lr, batch_size="full", epochs=200,
        callback=lambda _: visited.append(net.theta.tobytes()),
    )  # fmt: skip
    assert run.outcome is RunOutcome.NOT_FINITE
    assert np.isfinite(net.theta).all()
    assert np.isfinite(net.loss(X, y))
    assert net.theta.tobytes() in visited[-2:]
    good = np.isfinite(run.history.loss) & np.isfinite(run.history.gradient_norm)
    assert good[:-1].all()
    verdict = ss.diagnose(run)
    assert verdict.verdict == "not finite"
    assert "nan" not in verdict.remedy


def test_parameters_that_end_infinite_after_the_last_step_come_back():
    """No later loss would show it; the update itself has to be looked at."""
    net = ss.MLP((1, 1), loss="mse", dtype="float64", init="zeros")
    X, y = np.array([[1e8]]), np.array([1e8])
    before = net.theta.tobytes()
    run = ss.train(net, X, y, optimizer="sgd", lr=1e300, batch_size="full", epochs=1)
    assert run.outcome is RunOutcome.NOT_FINITE
    assert net.theta.tobytes() == before


def test_no_epochs():
    X, y = make_data()
    net = make_net()
    before = net.theta.tobytes()
    run = ss.train(net, X, y, epochs=0)
    assert (run.history.steps, run.epochs, run.outcome) == (0, 0, RunOutcome.FINISHED)
    assert net.theta.tobytes() == before
    assert ss.diagnose(run).verdict == "cannot tell yet"


def test_a_schedule_is_recorded():
    X, y = make_data()
    run = ss.train(
        make_net(), X, y, optimizer="sgd", lr=lambda step: 0.1 / (1 + step), batch_size=7, epochs=2
    )
    assert run.history["learning_rate"].tolist() == [0.1 / (1 + step) for step in range(6)]
    net = make_net()
    losses, _, _, theta = loop(net, X, y, rows_by_step(N, 7, 2, 0), lambda step: 0.1 / (1 + step))
    assert run.history.loss == pytest.approx(losses, rel=1e-12)  # float64, six steps
    assert run.net.theta == pytest.approx(theta, rel=1e-11)


def test_settings_go_to_the_optimizer():
    X, y = make_data()
    run = ss.train(make_net(), X, y, optimizer="adam", betas=(0.8, 0.95), epochs=1)
    assert run.optimizer.arguments["betas"] == (0.8, 0.95)
    assert ss.train(make_net(), X, y, optimizer="momentum", momentum=0.5, epochs=1).optimizer.rule


# Not Muon: a network's parameters are one vector.
@pytest.mark.parametrize("name", ss.optim.names(vectors=True))
def test_every_optimizer_learns(name):
    X, y = make_data()
    lr = {"adadelta": 1.0, "lars": 20.0}.get(name, 0.02)
    run = ss.train(make_net(), X, y, optimizer=name, lr=lr, batch_size="full", epochs=60)
    assert run.history.loss[-1] < 0.9 * run.history.loss[0]


def test_the_cosine_is_that_of_successive_gradients():
    X, y = make_data()
    net = make_net()
    gradients = []
    run = ss.train(
        net, X, y, optimizer="sgd", lr=0.5, batch_size="full", epochs=6,
        callback=lambda _: gradients.append(net.gradient(X, y)),
    )  # fmt: skip
    cosines = run.history["gradient_cosine"]
    assert np.isnan(cosines[0])
    for t in range(2, 6):
        a, b = gradients[t - 2], gradients[t - 1]
        expected = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
        assert cosines[t] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "rates"),
    [
        ("constant", [0.1] * 8),
        ("cosine", [0.05 * (1 + np.cos(np.pi * t / 8)) for t in range(8)]),
        ("linear", [0.1 * (1 - t / 8) for t in range(8)]),
    ],
)
def test_schedules_by_name_run_over_the_whole_run(name, rates):
    run = ss.train(
        make_net(), *make_data(), optimizer="sgd", lr=0.1, schedule=name, batch_size=5, epochs=2
    )
    np.testing.assert_allclose(run.history["learning_rate"], rates, rtol=1e-14)


def test_a_schedule_peaks_at_the_rule_s_own_rate():
    run = ss.train(make_net(), *make_data(), schedule="one_cycle", batch_size=5, epochs=20)
    assert run.history["learning_rate"].max() == optim.Adam(np.zeros(1)).lr
    assert run.history["learning_rate"][-1] < 1e-6


def test_a_schedule_by_name_is_refused_with_an_optimizer_object():
    net = make_net()
    with pytest.raises(ValueError, match="schedule: given with an optimizer object"):
        ss.train(net, *make_data(), optimizer=optim.SGD(net.theta, lr=0.1), schedule="cosine")
