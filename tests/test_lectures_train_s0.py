"""The slides on batches and momentum: rows S0-21 to S0-46 of the acceptance table, in numbers.

The figures of the slides are lost; what they show is measured here. S0-45 and S0-46 stand as
equations in test_optim_lectures.py, here as the trainer follows them. Rows S0-32 to S0-38 are in
test_lectures_train_keskar.py. Of the rows that speak of time (S0-25 to S0-27, S0-40 to S0-42) the
study `batch_cost` takes the times of the machine that it runs on; a test can't, and holds what is
made of them.
"""

from __future__ import annotations

import numpy as np
import pytest

import saddlescape as ss
from lecture_samples import line, study
from saddlescape.studies.batch_cost import BatchCost, batch_cost, knee
from saddlescape.train.batches import order_of

ETA = 0.1


def regression(seed=0):
    return ss.MLP((1, 1), loss="mse", dtype="float64", seed=seed)


def slope(theta, x, y):
    """The gradient of mean (w x + b - y)^2 with respect to w and b."""
    r = theta[0] * x + theta[1] - y
    return np.array([2 * (r * x).mean(), 2 * r.mean()])


def test_s0_21_one_batch_loss_for_every_update():
    # theta^1 = theta^0 - eta g^0, g^0 = grad L^1(theta^0), and so on. X10: the slide calls the
    # third gradient g^3; it is taken at theta^2 and is g^2.
    X, y = line()
    net = regression()
    theta = net.theta.copy()
    assert np.abs(theta[0]) > 0  # picked at random
    order, path = order_of(20, 5, 0, 3), [theta]
    for batch in order.reshape(4, 5):
        path.append(path[-1] - ETA * slope(path[-1], X[batch, 0], y[batch]))
    ss.train(net, X, y, optimizer="sgd", lr=ETA, batch_size=5, epochs=1, seed=3)
    np.testing.assert_allclose(net.theta, path[-1], rtol=0, atol=1e-14)  # 4 steps of 1e-16
    # Taking every gradient of the whole loss instead ends elsewhere.
    for _ in range(4):
        theta = theta - ETA * slope(theta, X[:, 0], y)
    assert np.abs(theta - net.theta).max() > 1e-3


def test_s0_22_an_epoch_is_all_batches_once_and_then_they_are_shuffled():
    # Sample i reaches weight i alone, which an update moves to 2 eta y_i, the next one closer to
    # y_i by the same factor; the loss of a step says whose turn it was.
    N = 20
    y = 1 + np.arange(N) / 7
    net = ss.MLP((N, 1), loss="mse", init="zeros", bias=False, dtype="float64")
    run = ss.train(net, np.eye(N), y, optimizer="sgd", lr=ETA, batch_size=1, epochs=2, seed=1)
    np.testing.assert_allclose(net.theta, y * (1 - (1 - 2 * ETA) ** 2), rtol=1e-14)
    first, second = np.sqrt(run.history.loss).reshape(2, N)
    turns = [np.searchsorted(y, first - 1e-9), np.searchsorted(y, second / (1 - 2 * ETA) - 1e-9)]
    assert all(sorted(turn) == list(range(N)) for turn in turns)
    assert not np.array_equal(*turns)


@pytest.mark.parametrize(("size", "updates"), [(20, 1), (1, 20)])
def test_s0_23_updates_in_an_epoch_of_20(size, updates):
    X, y = line()
    history = ss.train(regression(), X, y, batch_size=size, epochs=3).history
    assert history.steps == 3 * updates


def test_s0_24_trajectories_of_the_full_batch_and_of_one():
    paths = study("batch_paths")
    full, _, one = range(3)
    assert paths.updates.tolist() == [15, 60, 300]
    # The full batch: every update straight down. One sample: noisy, and further on in the end.
    assert paths.uphill[full] == 0
    assert paths.cosines[full] == pytest.approx(1, abs=1e-12)
    assert paths.uphill[one] > 0.2
    assert 0.1 < paths.cosines[one] < 0.6
    assert paths.losses[one][-1] < 0.2 * paths.losses[full][-1]
    panels = paths.panels()
    assert len(panels) == 3
    for panel, path in zip(panels, paths.paths, strict=True):
        np.testing.assert_array_equal(np.stack(*panel.lines.values(), axis=1), path)
        assert panel.ground is not None


COST, EACH = 100e-6, 4e-6  # seconds for a step at all, and for each sample in it
B = np.array([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024])


def made_up(parallel=64):
    """One thread: a + b B. Many: the same for every B up to `parallel`, then in proportion."""
    one, many = COST + EACH * B, (COST + EACH) * np.maximum(1, B / parallel)
    return BatchCost(B, np.array([1, 4]), np.stack([one, many], axis=1))


def test_s0_25_the_knee_is_where_a_batch_is_too_large():
    # a + b B = 2 (a + b) at B = a / b + 2 = 27; between the sizes that are timed, logarithms are
    # taken to be linear, which is off by some per cent at most.
    one, many = made_up().knees
    assert one == pytest.approx(COST / EACH + 2, rel=0.05)
    assert many == pytest.approx(2 * 64, rel=1e-12)
    assert knee(B, np.full(len(B), COST)) == np.inf
    assert knee(B[:2], np.array([1.0, 2.0])) == pytest.approx(2)


def test_s0_26_and_s0_42_an_epoch_of_small_batches_takes_longer():
    epochs = made_up().epoch_seconds
    np.testing.assert_allclose(epochs[0], 1024 * (COST + EACH), rtol=1e-14)
    assert (np.diff(epochs[:, 0]) < 0).all()
    assert (np.diff(epochs[:, 1]) <= 1e-15).all()
    # Past the knee hardly anything is gained.
    past = epochs[B >= 64, 0]
    assert past.max() < 1.5 * past.min() < 0.1 * epochs[0, 0]


def test_s0_27_the_two_curves_side_by_side():
    step, epoch = made_up().panels()
    assert [step.title, epoch.title] == ["time for one step", "time for one epoch"]
    for panel, seconds in ((step, made_up().seconds), (epoch, made_up().epoch_seconds)):
        assert list(panel.lines) == ["1 thread", "4 threads"]
        for (x, milliseconds), column in zip(panel.lines.values(), seconds.T, strict=True):
            np.testing.assert_array_equal(x, B)
            np.testing.assert_allclose(milliseconds, 1e3 * column, rtol=1e-15)
        assert panel.log_x
        assert panel.log_y


def test_s0_40_and_s0_41_one_update_with_and_without_parallel():
    # As the slide's table has it: without parallel small is faster; with it they are the same, up
    # to where there is no more of it.
    one, many = made_up().seconds.T
    assert (np.diff(one) > 0).all()
    assert (many[B <= 64] == many[0]).all()
    assert many[-1] > many[0]
    # The study times either: here as few batches as show that it does.
    timed = batch_cost(most=6)
    assert timed.sizes.tolist() == [1, 2, 4, 6]
    assert timed.threads[0] == 1
    assert timed.threads[-1] == ss.info()["threads"]  # put back, too
    assert (timed.seconds > 0).all()
    assert str(timed).count("knee") == len(timed.threads) + 1


def test_s0_28_and_s0_29_accuracy_against_batch_size():
    # MNIST and CIFAR-10 need a network; the digits stand in for both, in direction, not in value.
    found = study("batch_size")
    for shares in (found.train, found.validation):
        assert (np.diff(shares.mean(axis=1)) < 0.002).all()
        assert shares[0].mean() > shares[-1].mean() + 0.2
    panel = found.panels()[0]
    assert list(panel.lines) == ["training", "validation"]


def test_s0_30_and_x7_with_a_large_batch_the_optimization_fails():
    # What validation loses from the smallest batch to the largest, training has lost: no
    # overfitting. (X7: the slides' own table shows the other cause; test_lectures_train_keskar.py.)
    found = study("batch_size")
    train, validation = found.train.mean(axis=1), found.validation.mean(axis=1)
    assert found.losses[-1].mean() > 10 * found.losses[0].mean()
    gap = train - validation
    assert abs(gap[-1] - gap[0]) < 0.15 * (train[0] - train[-1])


def test_s0_31_stuck_on_one_batch_and_not_on_the_next():
    X, y = line()
    one, two = np.arange(0, 20, 2), np.arange(1, 20, 2)
    net = regression()
    A = np.hstack([X, np.ones_like(X)])
    net.theta, *_ = np.linalg.lstsq(A[one], y[one], rcond=None)
    assert np.linalg.norm(net.gradient(X[one], y[one])) < 1e-14
    g = net.gradient(X[two], y[two])
    assert np.linalg.norm(g) > 0.1
    before = net.loss(X, y)
    net.theta -= ETA * g
    assert net.loss(X, y) < before
    assert np.linalg.norm(net.gradient(X[one], y[one])) > 0.01


def test_s0_39_flat_minima_bear_a_shift():
    # Where the test data shift the loss by d along theta, it has risen by lambda d^2 / 2: by more
    # where it is sharper. And small batches end where it is flatter, at the same rate, after as
    # many updates: the full batch at the edge of stability, batches of 4 far below.
    d, y = 0.3, np.ones(1)
    for x in (1.0, 5.0):
        net = ss.MLP((1, 1), loss="mse", bias=False, dtype="float64")
        net.theta[:] = 1 / x + d
        sharpness = net.hessian(np.full((1, 1), x), y)[0, 0]
        assert sharpness == pytest.approx(2 * x**2)
        assert net.loss(np.full((1, 1), x), y) == pytest.approx(sharpness * d**2 / 2)
    found = study("batch_size")
    ratios = found.flatness.mean(axis=1)
    assert (np.diff(ratios) > 0).all()
    assert ratios[0] < 0.6
    assert ratios[-1] == pytest.approx(1, abs=0.05)


def test_s0_43_small_batches_are_noisy_and_do_better():
    found = study("batch_size")
    noise = found.variances.mean(axis=1)
    # Var = (1 / B) Var (S4-34), but for samples that are drawn without putting them back
    N = found.sizes[-1]
    expected = noise[0] * (N / found.sizes - 1) / (N / found.sizes[0] - 1)
    np.testing.assert_allclose(noise[:-1], expected[:-1], rtol=0.15)
    assert noise[-1] < 1e-25
    assert (np.diff(found.losses.mean(axis=1)) > 0).all()


def test_s0_44_a_batch_size_is_suggested_with_its_evidence():
    found = study("batch_size")
    means = dict(zip(found.sizes.tolist(), found.validation.mean(axis=1), strict=True))
    assert means[found.suggested] > max(means.values()) - 0.01
    assert f"as well as the best: {found.suggested}\n" in str(found)


@pytest.mark.parametrize("size", [1, 7, 20])
def test_s0_45_and_s0_46_and_x6_the_trainer_moves_by_m(size):
    # m^{t+1} = lambda m^t - eta g^t, theta^{t+1} = theta^t + m^{t+1}; v = -m of the other lectures;
    # and m is the weighted sum of all gradients before it.
    X, y = line()
    net, lam = regression(), 0.8
    theta, m, v, other, gradients, norms = net.theta.copy(), 0, 0, net.theta.copy(), [], []
    for epoch in range(2):
        order = order_of(20, size, epoch, 0)
        whole = np.arange(20) if order is None else order
        for start in range(0, 20, size):
            batch = whole[start : start + size]
            g = slope(theta, X[batch, 0], y[batch])
            gradients.append(g)
            m = lam * m - ETA * g
            v = lam * v + ETA * slope(other, X[batch, 0], y[batch])
            theta, other = theta + m, other - v
            norms.append(np.linalg.norm(m))
    run = ss.train(net, X, y, optimizer="sgd", lr=ETA, momentum=lam, batch_size=size, epochs=2)
    for path in (theta, other):
        np.testing.assert_allclose(net.theta, path, rtol=0, atol=1e-13)  # 40 steps of 1e-16
    np.testing.assert_allclose(run.history["update_norm"], norms, rtol=1e-11)
    t = len(gradients)
    unrolled = -ETA * sum(lam ** (t - 1 - s) * gradients[s] for s in range(t))
    np.testing.assert_allclose(m, unrolled, rtol=0, atol=1e-13)
