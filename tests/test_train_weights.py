"""How much each sample counts."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_sample_weight

import saddlescape as ss
from saddlescape.train.batches import order_of
from saddlescape.train.held_out import held_out

LAYERS = {"plain": {}, "dropout": {"dropout": 0.3}, "layer": {"normalisation": "layer"}}


def samples(n=37, classes=3):
    rng = np.random.default_rng(5)
    return rng.normal(size=(n, 4)), rng.integers(0, classes, n), rng.uniform(0, 3, n)


def network(layers="plain", **arguments):
    return ss.MLP((4, 6, 3), seed=1, dtype="float64", **LAYERS[layers], **arguments)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("layers", ["plain", "layer"])
def test_every_step_has_the_weighted_loss_of_its_batch(layers, smoothing):
    X, y, w = samples()
    net, seen = network(layers, label_smoothing=smoothing), []
    before = net.copy()

    def look(state):
        seen.append(net.theta.copy())

    run = ss.train(
        net, X, y, batch_size=10, epochs=2, sample_weight=w, seed=3, callback=look, lr=0.05
    )
    unit = w / w.mean()
    for step in range(8):
        rows = order_of(37, 10, step // 4, 3)[10 * (step % 4) :][:10]
        before.theta = seen[step - 1] if step else network(layers).theta
        # each batch divides by its own mean there, and by the mean of all here
        share = unit[rows].mean()
        loss = share * before.loss(X[rows], y[rows], sample_weight=w[rows])
        gradient = share * before.gradient(X[rows], y[rows], sample_weight=w[rows])
        # float64 sums of 10 samples in another order
        assert run.history.loss[step] == pytest.approx(loss, rel=1e-13)
        norm = np.linalg.norm(gradient)
        assert run.history.gradient_norm[step] == pytest.approx(norm, rel=1e-12)


@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize("size", [10, "full"])
def test_weights_that_are_equal_change_no_bit(layers, size):
    X, y, _ = samples()
    ends = []
    for weight in (None, np.ones(37), np.full(37, 3.0), np.full(37, 5, dtype=int)):
        net = network(layers)
        run = ss.train(net, X, y, batch_size=size, epochs=3, sample_weight=weight)
        ends.append((net.theta.tobytes(), run.history.loss.tobytes()))
    assert len(set(ends)) == 1


@pytest.mark.parametrize("layers", ["plain", "layer"])
def test_a_weight_of_two_is_a_sample_that_comes_twice(layers):
    X, y, _ = samples(12)
    w = np.ones(12)
    w[[2, 7]] = 2
    twice = np.sort([*range(12), 2, 7])
    nets = [network(layers) for _ in range(2)]
    ss.train(nets[0], X, y, batch_size="full", epochs=20, sample_weight=w, lr=0.05)
    ss.train(nets[1], X[twice], y[twice], batch_size="full", epochs=20, lr=0.05)
    # float64, 20 steps of Adam, whose first step divides gradients by themselves
    np.testing.assert_allclose(nets[0].theta, nets[1].theta, atol=1e-9)


def test_samples_without_weight_are_not_seen():
    X, y, w = samples()
    w[:9] = 0
    other = X.copy()
    other[:9] *= -5
    nets = [network() for _ in range(2)]
    for net, data in zip(nets, (X, other), strict=True):
        ss.train(net, data, y, batch_size=8, epochs=5, sample_weight=w)
    assert nets[0].theta.tobytes() == nets[1].theta.tobytes()


def test_the_mean_loss_of_an_epoch_is_weighted():
    X, y, w = samples()
    net = network()
    run = ss.train(net, X, y, optimizer="sgd", lr=0.0, batch_size=10, epochs=2, sample_weight=w)
    expected = net.loss(X, y, sample_weight=w)  # of 37 terms in another order
    assert run.history.epochs["loss"] == pytest.approx([expected] * 2, rel=1e-13)


@pytest.mark.parametrize("given", ["balanced", {0: 0.5, 2: 4}, {1: 0}])
@pytest.mark.parametrize("both", [True, False])
def test_classes_weigh_as_scikit_learn_has_them(given, both):
    X, y, w = samples()
    y[y == 2] = np.where(np.arange((y == 2).sum()) < 3, 2, 0)  # a rare one
    w = w if both else np.ones(37)
    nets = [network() for _ in range(2)]
    ss.train(
        nets[0], X, y, batch_size=10, epochs=4, class_weight=given,
        sample_weight=w if both else None,
    )  # fmt: skip
    full = given if given == "balanced" else {0: 1, 1: 1, 2: 1, **given}
    factor = compute_sample_weight(full, y) * w
    ss.train(nets[1], X, y, batch_size=10, epochs=4, sample_weight=factor)
    # float64, 16 steps of Adam with weights that differ in their last bit
    np.testing.assert_allclose(nets[0].theta, nets[1].theta, rtol=1e-8, atol=1e-11)


def test_of_what_is_held_out_weights_are_left_out():
    X, y, w = samples()
    train, out = held_out(0.3, 37, y, 4)
    nets = [network() for _ in range(2)]
    one = ss.train(
        nets[0], X, y, epochs=3, validation=0.3, seed=4, sample_weight=w, class_weight="balanced"
    )
    two = ss.train(
        nets[1], X[train], y[train], epochs=3, validation=(X[out], y[out]), seed=4,
        sample_weight=w[train], class_weight="balanced",
    )  # fmt: skip
    assert nets[0].theta.tobytes() == nets[1].theta.tobytes()
    assert one.history == two.history
    # what is measured is not weighted
    assert one.history.epochs["validation_loss"][-1] == nets[0].loss(X[out], y[out])


@pytest.mark.parametrize("loss", ["bce", "mse", "huber", "mae"])
def test_every_loss_takes_weights(loss):
    X, _, w = samples()
    y = (X[:, :1] > 0) * 1.0
    net = ss.MLP((4, 5, 1), loss=loss, dtype="float64")
    first = net.loss(X, y, sample_weight=w)
    run = ss.train(net, X, y, batch_size="full", epochs=30, sample_weight=w, lr=0.01)
    assert run.history.loss[0] == first
    assert run.history.loss[-1] < first
