"""How steps in the core end, and what they refuse."""

from __future__ import annotations

import _thread
import signal
import threading

import numpy as np
import pytest

import saddlescape as ss
from saddlescape import _core, optim
from saddlescape.optim.ahead import Ahead
from saddlescape.train import History, RunOutcome
from saddlescape.train.native import NativeSteps
from saddlescape.train.steps import Steps
from train_samples import NAMES, data, network, taken, trained
from train_samples import SAMPLES as N


def test_a_loss_that_is_not_finite_gives_the_last_good_parameters_back():
    for kind in (Steps, NativeSteps):
        X, y = data("float32")
        net = network("float32", activation="relu", loss="mse", sizes=(5, 19, 1))
        target = y.astype(np.float32)
        theta, history, _, finite = trained(
            kind, net, X, target, lambda t: optim.create("sgd", t, lr=1e12), epochs=20
        )
        assert not finite
        assert np.isfinite(theta).all()
        rows = [history[name].tobytes() for name in NAMES]
        if kind is Steps:
            expected = rows, theta.tobytes()
    assert (rows, theta.tobytes()) == expected


# The loss is finite, some of its derivatives in the first weights are not: 1e30 times 1e25. The
# second network is one whose gradient is bounded instead of looked through.
@pytest.mark.parametrize("sizes", [(5, 19, 1), (130, 190, 1)])
@pytest.mark.parametrize("rule", ["adam", "momentum", "lamb"])
@pytest.mark.parametrize("kind", [Steps, NativeSteps])
def test_a_gradient_that_is_not_finite_moves_neither_parameters_nor_states(kind, rule, sizes):
    X = np.zeros((N, sizes[0]), np.float32)
    X[:, 0] = 1e30
    net = network("float32", sizes, activation="relu", loss="mae")
    for W, b in net.layers():
        W[...] = 1e-30
        b[...] = 1.0
    net.layers()[-1][0][...] = 1e25
    before = net.theta.copy()
    theta, history, optimizer, finite = trained(
        kind, net, X, np.zeros(N, np.float32), lambda t: optim.create(rule, t)
    )
    assert not finite
    assert history.steps == 1
    assert np.isfinite(history["loss"][0])
    assert history["gradient_norm"][0] == np.inf
    assert theta.tobytes() == before.tobytes()
    assert optimizer.steps == 0
    for name, arrays in optimizer.state_dict()["state"].items():
        assert not any(np.any(array) for array in arrays), name


# A unit that overflows to infinity switches the next layer off: the loss is finite, and a gradient
# of 0 times infinity is no number.
@pytest.mark.parametrize("sizes", [(5, 19, 19, 1), (130, 190, 40, 1)])
@pytest.mark.parametrize("kind", [Steps, NativeSteps])
def test_a_unit_that_overflows_moves_nothing(kind, sizes):
    X = np.full((N, sizes[0]), 1e30, np.float32)
    net = network("float32", sizes, activation="relu", loss="mse")
    for (W, b), value in zip(net.layers(), (1e30, -1.0, 1.0), strict=True):
        W[...] = value
        b[...] = 1.0
    before = net.theta.copy()
    theta, history, optimizer, finite = trained(kind, net, X, np.zeros(N, np.float32), optim.Adam)
    assert not finite
    assert history.steps == 1
    assert history["loss"][0] == 1.0
    assert np.isnan(history["gradient_norm"][0])
    assert theta.tobytes() == before.tobytes()
    assert optimizer.steps == 0
    for name, arrays in optimizer.state_dict()["state"].items():
        assert not any(np.any(array) for array in arrays), name


def test_a_schedule_that_raises_does_so_after_the_steps_before_it():
    def lr(step):
        if step == 7:
            raise OSError("no rate")
        return 0.01

    X, y = data("float64")
    net, history = network("float64"), History(NAMES)
    steps = NativeSteps(
        net, *net.encode(X, y), Ahead(optim.Adam(net.theta, lr=lr)), history, N, (0.0, 0.0)
    )
    with pytest.raises(OSError, match="no rate"):
        taken(steps, history, None, N, 20)
    assert history.steps == 7


def test_an_interrupt_between_steps_keeps_the_history():
    def lr(step):
        if step == 5:
            raise KeyboardInterrupt
        return 0.01

    X, y = data("float64")
    net = network("float64")
    run = ss.train(net, X, y, lr=lr, batch_size=8, epochs=9)
    assert run.outcome is RunOutcome.INTERRUPTED
    assert run.history.steps == run.optimizer.steps == 5
    assert run.epochs == 2 if N // 8 < 4 else run.epochs >= 1


def test_an_interrupt_from_the_keyboard_ends_a_run_between_steps():
    X, y = data("float32", 512, 64, 10)
    net = network("float32", (64, 32, 10))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's child ignores it
    timer = threading.Timer(0.2, _thread.interrupt_main)
    try:
        timer.start()
        run = ss.train(net, X, y, batch_size=32, epochs=1_000_000)
    finally:
        timer.cancel()
        signal.signal(signal.SIGINT, before)
    assert run.outcome is RunOutcome.INTERRUPTED
    assert run.history.steps == run.optimizer.steps > 100
    columns = [run.history[name] for name in run.history]
    assert {len(column) for column in columns} == {run.history.steps}
    again = network("float32", (64, 32, 10))
    ss.train(again, X, y, batch_size=32, epochs=run.epochs, callback=stop_at(run.history.steps))
    assert again.theta.tobytes() == net.theta.tobytes()


def stop_at(steps):
    return lambda state: state.step == steps


def test_a_burst_ends_when_its_time_is_over():
    X, y = data("float64")
    net = network("float64")
    optimizer = optim.Adam(net.theta)
    inputs, targets = net.encode(X, y)
    loop = _core.train.Loop(net.network, optimizer._core, net.theta, inputs, targets, N)
    assert loop.run(None, np.full(500, 1e-3), np.zeros(500), seconds=0.0)
    assert len(loop.records) == loop.steps == optimizer.steps == 1


def test_optimizers_that_need_curvature_go_on_one_by_one():
    net = network("float64")
    assert Ahead.can(optim.Adam(net.theta))
    assert not Ahead.can(optim.AdaHessian(net.theta))
    assert not Ahead.can(optim.Sophia(net.theta))


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"order": np.arange(8)}, ValueError, "steps"),
        ({"order": np.full(16, N)}, ValueError, f"order: {N} at 0, expected 0 to {N - 1}"),
        ({"order": np.full(16, -1)}, ValueError, "order: -1 at 0"),
        ({"order": None}, ValueError, "order: None with batches of 8"),
        ({"order": np.arange(16.0)}, TypeError, "order: dtype float64"),
        ({"rates": np.array([np.nan, 1.0])}, ValueError, "rates"),
        ({"rates": np.array([-1.0, 1.0])}, ValueError, "rates"),
        ({"weights": np.zeros(3)}, ValueError, "weights"),
    ],
)
def test_a_refused_run_changes_nothing(arguments, error, text):
    X, y = data("float32")
    net = network("float32")
    optimizer = optim.Adam(net.theta)
    loop = _core.train.Loop(net.network, optimizer._core, net.theta, *net.encode(X, y), 8)
    before = net.theta.tobytes()
    right = {"order": np.arange(16), "rates": np.full(2, 0.1), "weights": np.zeros(2)}
    with pytest.raises(error, match=text):
        loop.run(**{**right, **arguments})
    assert net.theta.tobytes() == before
    assert loop.steps == optimizer.steps == 0
    loop.run(**right)
    assert loop.steps == optimizer.steps == 2


def test_a_loop_needs_its_own_parameters():
    X, y = data("float32")
    net = network("float32")
    other = optim.Adam(net.theta.copy())
    with pytest.raises(ValueError, match="stepper: made for other parameters"):
        _core.train.Loop(net.network, other._core, net.theta, *net.encode(X, y), 8)
    with pytest.raises(ValueError, match=r"l1: -1\.0"):
        ss.train(net, X, y, l1=-1.0)


def test_memory_is_parameters_and_two_batches_of_activations():
    sizes, batch = (784, 256, 256, 10), 4096
    net = network("float32", sizes)
    X, y = data("float32", batch, sizes[0], sizes[-1])
    optimizer = optim.Adam(net.theta)
    loop = _core.train.Loop(net.network, optimizer._core, net.theta, *net.encode(X, y), batch)
    activations = 4 * batch * sum(sizes)
    # this step's gradient, the last one's, and the parameters before the step
    assert loop.bytes <= 3 * net.theta.nbytes + 2 * activations
