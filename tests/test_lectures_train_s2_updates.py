"""The student's notes on updates, classes and likelihood: rows S2-43 to S2-53, in numbers.

Rows S2-38 to S2-42, on schedules, stand in test_schedule_lectures.py.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

import saddlescape as ss
from lecture_samples import digits, week
from saddlescape import data, optim, schedule

ETA, BETA1, BETA2 = 0.01, 0.9, 0.99


def softmax(z):
    e = np.exp(z - z.max())
    return e / e.sum()


def plain_softmax(logits):
    """A network whose outputs are its biases: cross-entropy's gradient there is y' - y_hat."""
    net = ss.MLP((1, len(logits)), init="zeros", dtype="float64")
    net.layers()[0][1][:] = logits
    return net


@pytest.mark.parametrize("scale", [1.0, 10.0, 1000.0])
def test_s2_43_and_x10_softmax_and_one_hot(scale):
    # X10: the notes write y'_t = e^{y_i} / sum e^{y_j}; the index is i on both sides. For large y
    # the formula as it stands overflows, ours doesn't.
    y = scale * np.array([1.0, -0.5, 0.25])
    net, X = plain_softmax(y), np.zeros((1, 1))
    for label in range(3):
        one_hot = np.eye(3)[[label]]
        g = net.gradient(X, np.array([label]))[3:]
        np.testing.assert_allclose(g, softmax(y) - one_hot[0], rtol=0, atol=1e-15)
        assert net.loss(X, np.array([label])) == net.loss(X, one_hot)
        expected = np.log(np.exp(y - y.max()).sum()) + y.max() - y[label]
        assert net.loss(X, one_hot) == pytest.approx(expected, rel=0, abs=1e-15 * scale)


def test_s2_44_early_on_sigma_has_few_statistics():
    # The rate 1 / sigma of 20,000 coordinates whose gradients are all N(0, 1): after one step its
    # variance is without bound (1 / |g|), and falls as 1 / t. RAdam goes without sigma for five
    # steps and then multiplies by what leaves the variance about what it ends at.
    n, rng = 20_000, np.random.default_rng(1)
    adam = optim.Adam(np.zeros(n), lr=1.0, betas=(0.0, 0.999), eps=0.0)
    radam = optim.RAdam(np.zeros(n), lr=1.0, betas=(0.0, 0.999), eps=0.0)
    variance = {}
    for t in range(1, 301):
        g = rng.standard_normal(n)
        before = adam.params.copy(), radam.params.copy()
        adam.step(g)
        radam.step(g)
        rates = [(b - o.params) / g for b, o in zip(before, (adam, radam), strict=True)]
        variance[t] = [rate.var() for rate in rates]
    ours = np.array([variance[t] for t in (1, 2, 5, 10, 30, 100, 300)])
    assert ours[0, 0] > 1000
    assert (np.diff(ours[:, 0]) < 0).all()
    # near 1 / (2 t), as of one over the root of a mean of t squares
    np.testing.assert_allclose(ours[4:, 0] * np.array([30, 100, 300]), 0.5, rtol=0.2)
    assert max(variance[t][1] for t in range(1, 6)) < 1e-20
    rectified = [variance[t][1] for t in range(6, 301)]
    assert max(rectified) < 2.5 * min(rectified)


# Which m and which sigma of theta <- theta - (eta^t / sigma^t) m^t makes which optimizer
ONE_RULE = {
    "sgd": ({}, "g", "1"),
    "momentum": ({"momentum": BETA1}, "sum of g", "1"),
    "rmsprop": ({"alpha": BETA2, "eps": 0.0}, "g", "root of mean of g^2"),
    "adam": ({"betas": (BETA1, BETA2), "eps": 0.0}, "mean of g", "root of mean of g^2"),
}


@pytest.mark.parametrize("name", ONE_RULE)
def test_s2_45_one_update_covers_all(name):
    settings, what_m, what_sigma = ONE_RULE[name]
    X, y = week()
    net = ss.MLP((7, 3, 1), loss="mse", dtype="float64", seed=2)
    rate = schedule.exponential(ETA, 0.95)
    ours = net.copy()
    m = square = np.zeros(net.parameters)
    for t in range(40):
        g = net.gradient(X, y)
        m = {"g": g, "sum of g": BETA1 * m + g, "mean of g": BETA1 * m + (1 - BETA1) * g}[what_m]
        square = BETA2 * square + (1 - BETA2) * g**2
        sigma = 1.0 if what_sigma == "1" else np.sqrt(square)
        eta = rate(t)
        if name == "adam":  # its correction for starting at zero is a part of the rate
            eta *= math.sqrt(1 - BETA2 ** (t + 1)) / (1 - BETA1 ** (t + 1))
        net.theta -= eta / sigma * m
    ss.train(ours, X, y, optimizer="sgd" if name == "momentum" else name, lr=rate,
             batch_size="full", epochs=40, **settings)  # fmt: skip
    np.testing.assert_allclose(ours.theta, net.theta, rtol=0, atol=1e-11)


@pytest.mark.parametrize(("turning", "share"), [(False, 1.0), (True, (1 - BETA1) / (1 + BETA1))])
def test_s2_46_sigma_and_m_do_not_cancel(turning, share):
    # sigma is the size alone, 1 for either sequence; m has a direction, which +1, -1, ... loses.
    theta = np.zeros(1)
    opt = optim.Adam(theta, lr=ETA, betas=(BETA1, BETA2), eps=0.0)
    for t in range(400):
        before = theta[0]
        opt.step(np.array([(-1.0) ** t if turning else 1.0]))
    assert abs(theta[0] - before) / ETA == pytest.approx(share, rel=1e-10)


def test_s2_47_the_error_surface_can_be_changed():
    # Residual connections (arXiv 1712.09913 draws the surfaces): a random move of 5% of theta's
    # length turns the gradient of 20 relu layers round a corner; with them hardly at all. What
    # batch normalisation changes is measured by the study `batch_norm` (S2-57 to S2-59).
    X, y = (part[:400] for part in digits())
    cosines = {}
    for residual in (False, True):
        cosines[residual] = []
        for seed in range(4):
            net = ss.MLP((64, *(16,) * 20, 10), "relu", init="lecun", residual=residual,
                         dtype="float64", seed=seed)  # fmt: skip
            g = net.gradient(X, y)
            v = np.random.default_rng(seed).standard_normal(net.parameters)
            net.theta += 0.05 * np.linalg.norm(net.theta) * v / np.linalg.norm(v)
            h = net.gradient(X, y)
            cosines[residual].append(g @ h / np.linalg.norm(g) / np.linalg.norm(h))
    assert min(cosines[True]) > 0.95
    assert max(cosines[False]) < 0.8
    assert np.mean(cosines[False]) < 0.6


def test_s2_48_a_classifier_in_matrices():
    # y = b' + W' sigmoid(b + W x)
    net = ss.MLP((4, 6, 3), "sigmoid", dtype="float64", seed=1)
    net.theta = np.random.default_rng(0).standard_normal(net.parameters)
    (W, b), (W2, b2) = net.layers()
    x = np.random.default_rng(1).standard_normal(4)
    y = b2 + W2 @ (1 / (1 + np.exp(-(b + W @ x))))
    np.testing.assert_allclose(net.predict(x[None])[0], y, rtol=1e-13)


def test_s2_49_softmax_widens_the_gap():
    # The lecture's 3, 1, -3: 0.88, 0.12, 0; a difference becomes a ratio, e^(y_i - y_j).
    y = np.array([3.0, 1.0, -3.0])
    net = plain_softmax(y)
    p = net.gradient(np.zeros((1, 1)), np.array([0]))[3:] + np.eye(3)[0]
    np.testing.assert_allclose(p, [0.88, 0.12, 0.0], atol=0.005)
    np.testing.assert_allclose(p[:-1] / p[1:], np.exp(y[:-1] - y[1:]), rtol=1e-12)
    # the largest of the three against the sum of sizes: more than its share of the plain numbers
    assert p[0] > y[0] / np.abs(y).sum()


def test_s2_50_two_losses_for_classes():
    rng = np.random.default_rng(3)
    X, labels = rng.standard_normal((9, 4)), rng.integers(0, 3, 9)
    hot = np.eye(3)[labels]
    for loss, targets in (("mse", hot), ("cross_entropy", labels)):
        net = ss.MLP((4, 5, 3), loss=loss, dtype="float64", seed=1)
        out = net.predict(X)
        p = np.array([softmax(row) for row in out])
        e = ((hot - out) ** 2).mean(axis=1) if loss == "mse" else -(hot * np.log(p)).sum(axis=1)
        assert net.loss(X, targets) == pytest.approx(e.mean(), rel=1e-14)


def test_s2_51_least_cross_entropy_is_largest_likelihood():
    rng = np.random.default_rng(4)
    X, labels = rng.standard_normal((12, 4)), rng.integers(0, 3, 12)
    net = ss.MLP((4, 3), dtype="float64", seed=1)
    values = []
    for _ in range(5):
        net.theta = rng.standard_normal(net.parameters)
        likelihood = math.prod(
            softmax(row)[k] for row, k in zip(net.predict(X), labels, strict=True)
        )
        assert math.exp(-12 * net.loss(X, labels)) == pytest.approx(likelihood, rel=1e-12)
        values.append((net.loss(X, labels), likelihood))
    assert [v for _, v in sorted(values)] == sorted((v for _, v in values), reverse=True)
    # Without inputs to go by, the most likely probabilities are the shares of the classes.
    free = ss.MLP((1, 3), init="zeros", dtype="float64")
    ss.train(free, np.zeros((12, 1)), labels, optimizer="sgd", lr=1.0, batch_size="full",
             epochs=500)  # fmt: skip
    shares = np.bincount(labels, minlength=3) / 12
    np.testing.assert_allclose(softmax(free.layers()[0][1]), shares, atol=1e-10)


def far_off(x):
    """Networks y' = sigmoid(w x) at w x = -10 for class 1: by squares, and by cross-entropy."""
    squares = ss.MLP((1, 1, 1), "sigmoid", "mse", bias=False, dtype="float64")
    squares.theta = np.array([-10 / x, 1.0])  # the second layer passes y' on, and is kept
    entropy = ss.MLP((1, 1), loss="bce", bias=False, dtype="float64")
    entropy.theta = np.array([-10 / x])
    return squares, entropy


def test_s2_52_squares_are_flat_far_away_and_cross_entropy_is_steep():
    x, X, y = 2.0, np.array([[2.0]]), np.array([1])
    squares, entropy = far_off(x)
    # d/dz (1 - s)^2 = -2 (1 - s)^2 s, d/dz -ln s = s - 1 with s = sigmoid(-10) = 4.5e-5
    s = 1 / (1 + math.exp(10))
    assert squares.gradient(X, y * 1.0)[0] == pytest.approx(-2 * (1 - s) ** 2 * s * x, rel=1e-12)
    assert entropy.gradient(X, y)[0] == pytest.approx((s - 1) * x, rel=1e-12)
    # So from there, at the same rate, one stalls and the other arrives.
    for net, targets in ((squares, y * 1.0), (entropy, y)):
        opt = optim.SGD(net.theta[:1], lr=0.1)
        for _ in range(500):
            opt.step(net.gradient(X, targets)[:1])
    at = [1 / (1 + math.exp(-net.theta[0] * x)) for net in (squares, entropy)]
    assert at[0] < 1e-3
    assert at[1] > 0.98


def test_s2_53_features_are_normalised_one_by_one():
    # (x_i^r - m_i) / sigma_i, m and sigma over the samples that are trained on
    table = data.ravine()
    X = np.stack([column.values for column in table.features], axis=1)
    many = np.repeat(X, 10, axis=0) + np.arange(30)[:, None] * [0.1, -3.0]
    split = data.prepare(data.from_arrays(many, np.arange(30.0), task="regression"))
    train = many[split.train_rows]
    for part, rows in ((split.train, split.train_rows), (split.test, split.test_rows)):
        expected = (many[rows] - train.mean(axis=0)) / train.std(axis=0)
        # numbers of 1e3 less their mean, over 4 and more: a few 1e-13 of rounding
        np.testing.assert_allclose(part.X, expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(split.train.X.mean(axis=0), 0, atol=1e-13)
    np.testing.assert_allclose(split.train.X.std(axis=0), 1, rtol=1e-13)
