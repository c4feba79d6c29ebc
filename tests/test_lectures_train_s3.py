"""The SYSU lecture on mini-batches, overfitting and the learning rate: rows S3-13 to S3-26.

In numbers, row by row of the acceptance table. The lecture's figures are lost; those of S3-18,
S3-19, S3-22 and S3-23 to S3-25 are drawn by the studies `batch_paths`, `early_stopping` and
`learning_rate`, whose numbers are held here.
"""

from __future__ import annotations

import numpy as np
import pytest

import saddlescape as ss
from lecture_samples import digits, line, split_digits, study, week
from saddlescape import optim
from saddlescape.metrics import accuracy
from saddlescape.net import Draw
from saddlescape.train.batches import order_of
from saddlescape.train.loop import RunOutcome


def linear(inputs=7, **settings):
    return ss.MLP((inputs, 1), loss="mse", dtype="float64", **settings)


def test_s3_13_gradient_descent_until_convergence():
    # 1. W ~ N(0, sigma^2): 20,000 weights with standard deviation sigma = 0.01
    wide = ss.MLP((1000, 20, 2), init="normal", dtype="float64", seed=0)
    W, b = wide.layers()[0]
    assert W.std() == pytest.approx(0.01, rel=5 / np.sqrt(2 * W.size))  # five standard errors
    assert abs(W.mean()) < 5 * 0.01 / np.sqrt(W.size)
    assert (b == 0).all()
    # 2. to 5.: W <- W - eta dJ/dW until the gradient, of all data, is next to 0
    X, y = week()
    net = linear(init="normal", seed=1)
    limit = 2 / np.linalg.eigvalsh(net.hessian(X, y))[-1]
    opt, rounds = optim.SGD(net.theta, lr=0.9 * limit), 0
    while np.linalg.norm(net.gradient(X, y)) > 1e-8:
        rounds += ss.train(net, X, y, optimizer=opt, batch_size="full", epochs=100).history.steps
        assert rounds < 20_000
    best, *_ = np.linalg.lstsq(X, y, rcond=None)
    np.testing.assert_allclose(net.theta[:7], best, atol=1e-6)


def test_s3_14_and_x10_one_point_is_easy_and_noisy():
    # X10: the slide picks a point i, computes dJ_i and then updates with dJ. It is dJ_i that one
    # point gives.
    X, y = line()
    net = linear(1, seed=2)
    w, b = net.theta
    for i in order_of(20, 1, 0, 5):
        r = w * X[i, 0] + b - y[i]
        w, b = w - 0.1 * 2 * r * X[i, 0], b - 0.1 * 2 * r
    ss.train(net, X, y, optimizer="sgd", lr=0.1, batch_size=1, epochs=1, seed=5)
    np.testing.assert_allclose(net.theta, [w, b], rtol=0, atol=1e-14)
    # Very noisy: what a point's gradient is off by is longer than what all points say.
    each = np.array([net.gradient(X[i : i + 1], y[i : i + 1]) for i in range(20)])
    noise = np.linalg.norm(each - each.mean(axis=0), axis=1).mean()
    assert noise > np.linalg.norm(each.mean(axis=0))


@pytest.mark.parametrize("size", [1, 4, 7, 20])
def test_s3_15_a_batch_averages_over_its_points(size):
    X, y = line()
    net = ss.MLP((1, 5, 1), loss="mse", dtype="float64", seed=1)
    rows = np.arange(size)
    each = np.array([net.gradient(X[i : i + 1], y[i : i + 1]) for i in rows])
    batch = net.gradient(X[rows], y[rows])
    np.testing.assert_allclose(batch, each.sum(axis=0) / size, rtol=1e-12, atol=1e-15)
    whole = net.gradient(X, y)
    assert np.allclose(batch, whole, rtol=1e-12, atol=1e-14) == (size == 20)


def test_s3_16_a_better_estimate_and_smoother_convergence():
    # The mean square of what a batch's gradient is off by falls with its size; so does the share of
    # updates that go uphill, and they turn towards straight down.
    noise = study("batch_size").variances.mean(axis=1)
    assert (np.diff(noise) < 0).all()
    paths = study("batch_paths")
    assert paths.sizes.tolist() == [20, 5, 1]
    assert (np.diff(paths.uphill) > 0).all()
    assert (np.diff(paths.cosines) < 0).all()
    assert (np.diff(paths.detour) > 0).all()


def test_s3_16_larger_learning_rates():
    # At a rate at which a batch of 64 still converges, one point at a time diverges; it needs a
    # rate ten times smaller. (The speed of many at once is the study `batch_cost`; S0-41.)
    X, y = week()
    limit = 2 / np.linalg.eigvalsh(linear().hessian(X, y))[-1]
    ends = {}
    for size in (1, 64):
        for share in (0.05, 0.5):
            net = linear(init="zeros")
            run = ss.train(net, X, y, optimizer="sgd", lr=share * limit, batch_size=size, epochs=5)
            finite = run.outcome is RunOutcome.FINISHED
            ends[size, share] = net.loss(X, y) if finite else np.inf
    assert ends[64, 0.5] < 0.5
    assert ends[64, 0.05] < 0.5
    assert ends[1, 0.05] < 0.7
    assert ends[1, 0.5] > 10


@pytest.mark.parametrize(("size", "iterations"), [(1, 20), (3, 7), (5, 4), (19, 2), (20, 1)])
def test_s3_17_iterations_are_the_batches_of_an_epoch(size, iterations):
    X, y = line()
    run = ss.train(linear(1), X, y, batch_size=size, epochs=3)
    assert run.batch_size == size
    assert run.epochs == 3
    assert run.history.steps == 3 * iterations


def test_s3_18_batch_online_and_mini_batch():
    paths = study("batch_paths")
    titles = [panel.title for panel in paths.panels()]
    assert titles == ["full batch: 15 updates", "mini-batches: 60 updates",
                      "one at a time: 300 updates"]  # fmt: skip
    left = [losses[-1] - paths.least for losses in paths.losses]
    assert min(left) > -1e-12
    # In as many epochs mini-batches come closest: the full batch is not there yet, one at a time
    # doesn't settle.
    assert left[1] < 0.5 * left[2] < 0.1 * left[0]


def test_s3_19_underfitting_ideal_fit_overfitting():
    found = study("early_stopping")
    assert found.names[:2] == ("1 hidden unit", "64 hidden units")
    under, over = 0, 1
    # Underfitting: bad on both. Overfitting: good on what it was trained on, wrong labels among it,
    # and worse on the rest than it once was.
    assert found.train[under].mean() < 0.4
    assert found.test[under].mean() < 0.4
    assert found.train[over].mean() > 0.8
    rise = found.validation_losses[over, :, -1] - found.validation_losses[over].min(axis=1)
    assert (rise > 0.15).all()
    assert (np.diff(found.losses[over].mean(axis=0)) < 0).all()
    # The ideal fit lies between.
    assert (found.test_stopped[over] > found.test[over] + 0.03).all()


def test_s3_20_weight_decay_improves_on_unseen_data():
    found = study("early_stopping")
    over, decayed = 1, found.names.index("64, weight decay 0.02")
    assert (found.test[decayed] > found.test[over] + 0.04).all()
    assert found.train[decayed].mean() < found.train[over].mean()
    # A more complex model is what the penalty discourages: it shrinks the weights.
    X, y, _, _ = split_digits(300, 0)
    lengths = []
    for l2 in (0.0, 0.02):
        net = ss.MLP((64, 16, 10), dtype="float64", seed=0)
        ss.train(net, X, y, lr=3e-3, epochs=30, l2=l2)
        lengths.append(np.linalg.norm(net.theta))
    assert lengths[1] < 0.7 * lengths[0]


def test_s3_21_dropout_drops_half_in_training_and_none_at_test():
    # A network that sums its 400 hidden units, each 1 for x = 1: in training what it says is
    # 2 kept / 400, at test 1.
    net = ss.MLP((1, 400, 1), "linear", "mse", init="zeros", dropout=0.5, dtype="float64")
    (W, _), (V, _) = net.layers()
    W[:], V[:] = 1, 1 / 400
    x = np.ones((1, 1))
    assert net.predict(x)[0, 0] == pytest.approx(1, rel=1e-14)
    said = np.array([net.predict(x, Draw(0, step))[0, 0] for step in range(2000)])
    kept = 200 * said
    np.testing.assert_allclose(kept, np.round(kept), atol=1e-9)  # each unit counts twice or not
    # binomial of 400 and 1/2: mean 200, variance 100; five standard errors
    assert kept.mean() == pytest.approx(200, abs=5 * 10 / np.sqrt(2000))
    assert kept.var() == pytest.approx(100, rel=5 * np.sqrt(2 / 2000))
    found = study("early_stopping")
    dropped = found.names.index("64, dropout 0.5")
    assert (found.test[dropped] > found.test[1] + 0.01).all()


def test_s3_22_stopping_early():
    # Past the best epoch, and short of the end: there the test is better than at the end.
    found = study("early_stopping")
    best, last = found.best_epochs[1], found.losses.shape[2]
    assert ((best > 1) & (best < last / 2)).all()
    assert (found.test_stopped[1] > found.test[1]).all()
    overfit = found.panels()[1]
    assert overfit.marks == {"best": float(best[0])}


def test_s3_22_the_trainer_stops_and_gives_the_best_weights_back():
    X, y, X_rest, y_rest = split_digits(500, 1, wrong=0.2)
    held_out = X_rest[:400], y_rest[:400]
    settings = {"lr": 3e-3, "validation": held_out, "seed": 1}
    net, on = (ss.MLP((64, 64, 10), init="lecun", dtype="float64", seed=1) for _ in range(2))
    run = ss.train(net, X, y, epochs=60, early_stopping=8, **settings)
    losses = run.history.epochs["validation_loss"]
    best = int(losses.argmin())
    assert run.outcome is RunOutcome.EARLY
    assert len(losses) == best + 1 + 8  # eight epochs in a row that were no better
    assert run.best_epoch == best
    assert net.loss(*held_out) == losses[best]  # to the last bit
    # Going on does better in training, and worse on what was held out.
    ss.train(on, X, y, epochs=60, **settings)
    assert on.loss(X, y) < net.loss(X, y)
    assert on.loss(*held_out) > net.loss(*held_out) + 0.1


def test_s3_22_stopping_early_as_an_animation(tmp_path):
    # The study's second network, as the lecture's seven slides build it up: down, the best one,
    # ten epochs that are no better, stop; and how it would have gone on.
    pytest.importorskip("matplotlib")
    from saddlescape.report.early_stopping import frames, write_early_stopping

    found = study("early_stopping")
    training, validation = found.losses[1, 0], found.validation_losses[1, 0]
    shown = frames(validation, 10)
    assert len(shown) == 60
    stop = shown[-1].stop
    assert shown[stop - 1].best == found.best_epochs[1, 0] == stop - 10
    path = write_early_stopping(training, validation, tmp_path / "stop.gif")
    assert path.read_bytes()[:6] == b"GIF89a"


def walks():
    found = study("learning_rate")
    return dict(zip(("small", "stable", "large"), found.walks, strict=True))


def test_s3_23_a_small_rate_is_slow_and_stays_in_a_false_minimum():
    small = walks()["small"]
    assert small[-1] == pytest.approx(3.8, abs=0.1)  # the false one near 3.9, of 0 the true one
    assert abs(small[-1] - small[-2]) < 1e-6
    assert small[10] > 4.5


def test_s3_24_a_large_rate_overshoots_and_diverges():
    large = walks()["large"]
    assert np.sign(large[1]) == -np.sign(large[0])
    assert abs(large[-1]) > 1e6


def test_s3_25_a_stable_rate_passes_the_false_minima():
    stable = walks()["stable"]
    assert abs(stable[-1]) < 1e-10
    assert abs(stable[50]) < 1e-3


def test_s3_26_trying_many_rates():
    # A sweep over seven decades on the digits: the best rate is inside, either end far worse.
    X, y = (part[:600] for part in digits())
    ends = []
    rates = 10.0 ** np.arange(-4, 4)
    for rate in rates:
        net = ss.MLP((64, 16, 10), dtype="float64", seed=0)
        run = ss.train(net, X, y, optimizer="sgd", lr=rate, epochs=10)
        ends.append(net.loss(X, y) if run.outcome is RunOutcome.FINISHED else np.inf)
    best = int(np.argmin(ends))
    assert 0.01 < rates[best] < 100
    assert ends[best] < 0.1
    assert min(ends[0], ends[-1]) > 10 * ends[best]
    net = ss.MLP((64, 16, 10), dtype="float64", seed=0)
    ss.train(net, X, y, optimizer="sgd", lr=rates[best], epochs=10)
    assert accuracy(net, X, y) > 0.97
