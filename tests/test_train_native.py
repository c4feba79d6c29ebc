"""Steps in the core: the same bits as one by one from Python, with any optimizer."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

import saddlescape as ss
from isa_samples import alike
from saddlescape import _core, optim, schedule
from saddlescape.optim.ahead import Ahead
from saddlescape.train import History
from saddlescape.train.batches import order_of
from saddlescape.train.native import NativeSteps
from saddlescape.train.steps import Steps
from train_samples import NAMES, data, network, taken, trained
from train_samples import SAMPLES as N


def assert_same_bits(one, other):
    assert one[0].tobytes() == other[0].tobytes()
    assert one[1] == other[1]
    assert one[3] == other[3]
    states = [each[2].state_dict() for each in (one, other)]
    assert states[0]["step"] == states[1]["step"]
    assert np.array_equal(states[0]["steps"], states[1]["steps"])
    for name, arrays in states[0]["state"].items():
        for a, b in zip(arrays, states[1]["state"][name], strict=True):
            assert a.tobytes() == b.tobytes(), name
    assert one[2].lr == other[2].lr
    assert one[2].clip == other[2].clip


def check(dtype, make, size=8, penalty=(0.0, 0.0), **arguments):
    X, y = data(dtype)
    python = trained(Steps, network(dtype, **arguments), X, y, make, size, penalty=penalty)
    for burst in (None, 2):
        core = trained(
            NativeSteps, network(dtype, **arguments), X, y, make, size, penalty=penalty, burst=burst
        )
        assert_same_bits(python, core)
    assert python[1].steps == 3 * -(-N // min(size, N))
    return python


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rule", optim.names(vectors=True))
def test_every_rule(rule, dtype):
    check(dtype, lambda theta: optim.create(rule, theta))


AROUND = {
    "schedule": {"lr": schedule.cosine(0.1, 20)},
    "function": {"lr": lambda step: 0.1 / (1 + step)},
    "observer": {"lr": schedule.reduce_on_plateau(0.1)},
    "clip_norm": {"clip_norm": 0.1},
    "clip_value": {"clip_value": 0.01},
    "EMA": {"average": optim.EMA(0.9, start=2, every=3)},
    "SWA": {"average": optim.SWA(start=3)},
    "statistics": {"statistics": True},
    "weight_decay": {"weight_decay": 0.1},
}


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("rule", ["adam", "sgd", "lamb", "schedule_free_adamw"])
def test_what_stands_round_the_rule(rule, around):
    arguments = AROUND[around]
    if rule in ("schedule_free_adamw",) and around in ("EMA", "SWA"):
        return  # has its own
    check("float32", lambda theta: optim.create(rule, theta, **{"lr": 0.05, **arguments}))


@pytest.mark.parametrize("state", ["bfloat16", "8bit"])
def test_narrow_states(state):
    check("float32", lambda theta: optim.Adam(theta, state_dtype=state))


@pytest.mark.parametrize("size", [1, 2, 7, 16, 17, N - 1, N, N + 1])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_batch_sizes(size, dtype):
    check(dtype, optim.Adam, size)


@pytest.mark.parametrize("loss", ["cross_entropy", "mse", "mae", "bce", "huber"])
@pytest.mark.parametrize("activation", _core.net.activations())
def test_networks(activation, loss):
    X, y = data("float32")
    targets = y if loss == "cross_entropy" else np.eye(3, dtype=np.float32)[y]
    runs = [
        trained(kind, network("float32", activation=activation, loss=loss), X, targets, optim.Adam)
        for kind in (Steps, NativeSteps)
    ]
    assert_same_bits(*runs)


@pytest.mark.parametrize("penalty", [(0.01, 0.0), (0.0, 0.1), (0.01, 0.1)])
def test_penalties_reach_weights_and_no_biases(penalty):
    net = network("float64")
    X, y = data("float64")
    l1, l2 = penalty
    _, history, *_ = check("float64", optim.Adam, N, penalty)
    weights = [W for W, _ in net.layers()]
    value = sum(l1 * np.abs(W).sum() + l2 / 2 * (W**2).sum() for W in weights)
    expected = net.gradient(X, y)
    at = 0
    for W, b in net.layers():
        expected[at : at + W.size] += (l1 * np.sign(W) + l2 * W).ravel()
        at += W.size + b.size
    # float64 sums of some 150 terms
    np.testing.assert_allclose(history.loss[0], net.loss(X, y) + value, rtol=1e-13)
    np.testing.assert_allclose(history.gradient_norm[0], np.linalg.norm(expected), rtol=1e-13)


# Sums of float32 terms in float32: units of 6e-8, averaged over the terms.
@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 1e-7), ("float64", 1e-13)])
def test_records_are_those_of_numpy(dtype, rtol):
    net = network(dtype)
    X, y = data(dtype)
    theta, gradients, updates = [net.theta.copy()], [], []
    optimizer = optim.Adam(net.theta)
    for _ in range(4):
        gradients.append(net.gradient(X, y).astype(np.float64))
        optimizer.step(gradients[-1].astype(dtype))
        updates.append(np.linalg.norm((net.theta - theta[-1]).astype(np.float64)))
        theta.append(net.theta.copy())
    run = ss.train(network(dtype), X, y, batch_size="full", epochs=4)
    norms = [np.linalg.norm(g) for g in gradients]
    cosines = [a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in pairwise(gradients)]
    np.testing.assert_allclose(run.history.gradient_norm, norms, rtol=rtol)
    np.testing.assert_allclose(run.history["update_norm"], updates, rtol=rtol)
    assert np.isnan(run.history["gradient_cosine"][0])
    np.testing.assert_allclose(run.history["gradient_cosine"][1:], cosines, rtol=10 * rtol)


# Norms whose squares, in float32, overflow or vanish: 1e-25 squared is 0, 1e25 squared infinite.
@pytest.mark.parametrize("scale", [1e-38, 1e-25, 1e-12, 1.0, 1e12, 1e25, 1e37])
@pytest.mark.parametrize("n", [3, 5000, 70_001])
def test_norms_of_all_sizes(n, scale):
    rng = np.random.default_rng(n)
    g, last = (scale * rng.uniform(-1, 1, (2, n))).astype(np.float32)
    norms = [np.linalg.norm(x.astype(np.float64)) for x in (g, last)]
    cosine = g.astype(np.float64) / norms[0] @ (last.astype(np.float64) / norms[1])
    found = _core.train.measure(g, last, norms[1])
    # float32 terms have errors of 6e-8 each
    np.testing.assert_allclose(found, (norms[0], cosine), rtol=1e-7, atol=1e-7)
    zero = np.zeros_like(g)
    np.testing.assert_allclose(_core.train.distance(g, zero), norms[0], rtol=1e-7)
    assert _core.train.measure(zero, None, 0.0)[0] == 0
    assert _core.train.distance(g, g) == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rounding_leaves_no_cosine_outside_of_its_range(dtype):
    rng = np.random.default_rng(4)
    for n in [3, 12, 100, 2000] * 20:
        g = rng.standard_normal(n).astype(dtype)
        norm = _core.train.measure(g, None, 0.0)[0]
        assert 1 - 1e-6 < _core.train.measure(g, g, norm * (1 - 1e-9))[1] <= 1
        assert -1 <= _core.train.measure(-g, g, norm * (1 - 1e-9))[1] < -1 + 1e-6


SHAPES = [((784, 200, 90, 10), 1), ((300, 257, 10), 33), ((64, 32, 10), 128), ((64, 32, 10), 700)]
# Large: a chunk to each thread, and for 2,048 samples a run of chunks.
LARGE = [((784, 200, 90, 10), 130), ((520, 260, 10), 300), ((520, 260, 10), 2048)]


@pytest.mark.parametrize(("sizes", "batch"), SHAPES + LARGE)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_same_bits_for_any_number_of_threads_and_instruction_set(sizes, batch, dtype):
    X, y = data(dtype, 2 * batch + 3, sizes[0], sizes[-1])
    ends = []
    isa, threads = _core.isa(), _core.threads()
    try:
        for name in alike():
            for count in (1, 2, 5):
                _core.force_isa(name)
                _core.set_threads(count)
                net = network(dtype, sizes, activation="relu")
                theta, history, *_ = trained(NativeSteps, net, X, y, optim.Adam, batch, 1)
                rows = [history[name].tobytes() for name in NAMES]
                ends.append((theta.tobytes(), *rows))
    finally:
        _core.force_isa(isa)
        _core.set_threads(threads)
    assert len(set(ends)) == 1


LAYERS = {
    "dropout": {"dropout": 0.4},
    "batch normalisation": {"normalisation": "batch"},
    "layer normalisation": {"normalisation": "layer", "residual": True},
    "all": {"normalisation": "batch", "residual": True, "dropout": 0.2},
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layers", LAYERS)
def test_layers(layers, dtype):
    check(dtype, optim.Adam, size=7, penalty=(1e-3, 1e-2), **LAYERS[layers])


@pytest.mark.parametrize("size", [7, N])
def test_running_averages_move_in_the_core(size):
    X, y = data("float64")
    found = []
    for kind in (Steps, NativeSteps):
        net, history = network("float64", **LAYERS["all"]), History(NAMES)
        optimizer = optim.SGD(net.theta, lr=0.1)
        before = net.running.copy()
        handle = Ahead(optimizer) if kind is NativeSteps else optimizer
        steps = kind(net, *net.encode(X, y), handle, history, size, (0.0, 0.0), seed=3)
        taken(steps, history, order_of(N, size, 0, 0), size, -(-N // size))
        assert np.abs(net.running - before).max() > 0.01
        found.append((net.running.tobytes(), net.theta.tobytes(), history))
    assert found[0] == found[1]


def test_a_batch_of_one_sample_has_no_statistics():
    X, y = data("float64")
    net = network("float64", **LAYERS["all"])
    optimizer = optim.SGD(net.theta, lr=0.1)
    before = net.theta.copy()
    with pytest.raises(ValueError, match="size: a batch of 1 sample, expected at least 2"):
        NativeSteps(
            net, *net.encode(X, y), Ahead(optimizer), History(NAMES), 1, (0.0, 0.0)
        )  # fmt: skip
    steps = NativeSteps(net, *net.encode(X, y), Ahead(optimizer), History(NAMES), 6, (0.0, 0.0))
    with pytest.raises(ValueError, match="size: a batch of 1 sample, expected at least 2"):
        steps.take(np.arange(7), 2)
    assert np.array_equal(net.theta, before)


@pytest.mark.parametrize("size", [1, 8, 32, 128, 700, 4096])
@pytest.mark.parametrize("sizes", [(2, 16, 16, 2), (64, 32, 10), (784, 256, 256, 10)])
def test_memory(sizes, size):
    """Beside theta and the optimizer's state: theta before, two gradients, three activations.

    Of those each hidden unit has its value, its slope and its place in the turned matrix, for rows
    of whole vectors; a batch of more than 128 samples goes through piece by piece. Where the loss
    goes through blocks of 64 samples, each pass has scratch for one; mse needs none.
    """
    whole = 16 if size < 128 else 128
    rows, units = -(-size // whole) * whole, sum(-(-width // 16) * 16 for width in sizes)
    most = 3 * network("float32", sizes).parameters + 3 * rows * units + 1000
    assert 3 * network("float32", sizes).parameters < loop_bytes(sizes, size, "mse") / 4 <= most
    scratch = loop_bytes(sizes, size, "cross_entropy") - loop_bytes(sizes, size, "mse")
    assert scratch == 4 * passes(sizes, size) * (3 * sizes[-1] + 6) * 64


def loop_bytes(sizes, size, loss):
    net = network("float32", sizes, loss=loss)
    X, Y = np.zeros((2 * size, sizes[0]), np.float32), np.zeros((2 * size, sizes[-1]), np.float32)
    Y[:, 0] = 1
    core = Ahead(optim.Adam(net.theta)).core
    return _core.train.Loop(net.network, core, net.theta, X, Y, size).bytes


def passes(sizes, size):
    """How many passes through the network stand beside one another: see cpp/net/gradient.hpp."""
    large = 4 * network("float32", sizes).parameters > 512 * 1024
    rows = 64 if large else 128
    chunks = 1 if size <= rows else 2 * -(-size // (2 * rows))
    return min(4 if large else 16, chunks)


@pytest.mark.parametrize("kind", [Steps, NativeSteps])
def test_a_diverged_batch_leaves_the_averages(kind):
    X, _ = data("float32")
    net = network("float32", normalisation="batch", loss="mse")
    Y = np.full((N, 3), 1e20, np.float32)  # its squares overflow
    optimizer, history = optim.SGD(net.theta, lr=0.1), History(NAMES)
    before = net.running.copy()
    handle = Ahead(optimizer) if kind is NativeSteps else optimizer
    steps = kind(net, X, Y, handle, history, N, (0.0, 0.0))
    assert not steps.take(None, 1)
    assert np.array_equal(net.running, before)
