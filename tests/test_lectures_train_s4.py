"""The Toronto lecture on what makes training hard: rows S4-15 to S4-22 and S4-31 to S4-36.

In numbers, row by row of the acceptance table. S4-23 and S4-24, on batch normalisation, stand in
test_lectures_train_s2_norm.py.
"""

from __future__ import annotations

import numpy as np
import pytest

import saddlescape as ss
from lecture_samples import digits, study
from saddlescape import data
from saddlescape.critical import Kind


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def backprop(net, x, t):
    """The lecture's equations for one sample, squared loss, sigmoid: the bars of W2 and W1."""
    (W1, b1), (W2, b2) = net.layers()
    z = W1 @ x + b1
    h = sigmoid(z)
    y_bar = 2 * (W2 @ h + b2 - t)
    h_bar = W2.T @ y_bar
    z_bar = h_bar * h * (1 - h)
    return np.outer(y_bar, h), np.outer(z_bar, x), z_bar


def two_layers(**settings):
    return ss.MLP((3, 4, 1), "sigmoid", "mse", dtype="float64", **settings)


@pytest.mark.parametrize("init", ["xavier", "zeros"])
def test_s4_15_all_zero_weights_stop_the_first_layer(init):
    net, rng = two_layers(init=init, seed=1), np.random.default_rng(0)
    x, t = rng.standard_normal(3), np.ones(1)
    W2_bar, W1_bar, _ = backprop(net, x, t)
    g = net.gradient(x[None], t)
    np.testing.assert_allclose(g[:12], W1_bar.ravel(), rtol=1e-13, atol=1e-16)
    np.testing.assert_allclose(g[16:20], W2_bar.ravel(), rtol=1e-13)
    assert (W1_bar == 0).all() == (init == "zeros")  # h_bar = W2^T y_bar = 0
    assert (W2_bar != 0).all()


def started_at(init):
    X, y = (part[:500] for part in digits())
    net = ss.MLP((64, 8, 10), init=init, dtype="float64", seed=0)
    run = ss.train(net, X, y, optimizer="sgd", lr=0.5, batch_size="full", epochs=150)
    return net, X, y, run


def test_s4_15_the_verdict_is_a_saddle_by_symmetry():
    net, X, y, run = started_at("zeros")
    W = net.layers()[0][0]
    assert np.ptp(W, axis=0).max() == 0  # equal units stay equal
    point = ss.critical.classify(ss.curvature.of(net, X, y))
    assert point.kind is Kind.SADDLE
    text = str(ss.diagnose(run))
    assert "saddle" in text
    assert "symmetric units" in text
    assert "start them at random" in " ".join(text.split())


def test_s4_16_small_random_values_break_the_symmetry():
    losses = {init: started_at(init)[3].history.loss[-1] for init in ("zeros", "normal", "he")}
    assert losses["zeros"] > 2
    assert losses["normal"] < 1  # standard deviation 0.01
    assert losses["he"] < 0.5


@pytest.mark.parametrize("fan_in", [50, 400, 2000])
def test_s4_17_the_deviation_follows_fan_in(fan_in):
    # He et al. 2015, equation 10: std = sqrt(2 / fan_in)
    W, b = ss.MLP((fan_in, 100, 2), init="he", dtype="float64", seed=3).layers()[0]
    # five standard errors of a standard deviation
    assert W.std() == pytest.approx(np.sqrt(2 / fan_in), rel=5 / np.sqrt(2 * W.size))
    assert (b == 0).all()
    x = np.random.default_rng(0).standard_normal((2000, fan_in))
    # so that after relu a unit's mean square is what its inputs' was: 1
    assert np.mean(np.maximum(x @ W.T, 0) ** 2) == pytest.approx(1, rel=0.05)


def plateau(name):
    """A network whose loss is high and whose gradient is next to nothing."""
    X, y = np.linspace(-1, 1, 8)[:, None], np.arange(8.0) > 3
    loss = {"squares far away": "mse", "nearly 0-1": "mse"}.get(name, "bce")
    activation = "relu" if name == "dead relu" else "sigmoid"
    net = ss.MLP((1, 3, 1), activation, loss, dtype="float64", seed=0)
    (W, b), (V, c) = net.layers()
    V[:], c[:] = 0.5, 0.0
    if name == "saturated":
        W[:], b[:] = 1.0, 40.0
        c[:] = -1.5  # so that the output is 0, and what is left of the loss is ln 2
    elif name == "dead relu":
        W[:], b[:] = 1.0, -2.0
    elif name == "squares far away":
        W[:], b[:], V[:] = 0.1, -40.0, 1 / 3
        c[:] = y.mean()
    else:  # steps between the samples: the share of wrong ones hardly moves with theta
        W[:], b[:], V[:] = 2000.0, -2000 * X[1:4] @ np.ones(1), 1 / 3
        b -= 2000 / 7
        V[:], c[:] = -1 / 3, 1.0
    return net, X, y.astype(float)


@pytest.mark.parametrize("name", ["saturated", "dead relu", "squares far away", "nearly 0-1"])
def test_s4_18_plateaux(name):
    net, X, y = plateau(name)
    assert net.loss(X, y) > 0.2
    first = net.gradient(X, y)[:6]  # of the hidden layer
    assert np.linalg.norm(first) < 1e-12


def test_s4_19_a_saturated_unit_hears_nothing():
    # z_bar = h_bar sigma'(z): told unit by unit, from the rows of W1's gradient.
    net, rng = two_layers(init="xavier", seed=2), np.random.default_rng(1)
    X, t = rng.standard_normal((30, 3)), rng.standard_normal(30)
    b = net.layers()[0][1]
    b[:] = [0.0, 0.0, 50.0, -50.0]
    rows = net.gradient(X, t)[:12].reshape(4, 3)
    by_hand = np.mean([backprop(net, x, t[[i]])[1] for i, x in enumerate(X)], axis=0)
    np.testing.assert_allclose(rows, by_hand, rtol=1e-12, atol=1e-18)
    norms = np.linalg.norm(rows, axis=1)
    assert (norms[:2] > 1e-3).all()
    assert (norms[2:] < 1e-15).all()


def test_s4_19_which_units_are_saturated_is_reported():
    # Of the plateau of S4-18 every unit, at every sample: h_bar sigma'(z) = 0 to 16 digits.
    net, X, y = plateau("saturated")
    run = ss.train(net, X, y, optimizer="sgd", lr=0.1, batch_size="full", epochs=3)
    found = ss.diagnose(run)
    np.testing.assert_array_equal(found.saturation.shares[0], np.ones(3))
    text = " ".join(str(found).split())
    assert "Hidden layer 1: 3 of 3 sigmoid units saturated for at least 99 % of the samples" in text
    # Two of four: their rows of the gradient are those that vanish.
    net = two_layers(init="xavier", seed=2)
    net.layers()[0][1][:] = [0.0, 0.0, 50.0, -50.0]
    X = np.random.default_rng(1).standard_normal((30, 3))
    found = ss.diagnosis.saturation(net, X)
    np.testing.assert_array_equal(found.shares[0], [0, 0, 1, 1])
    assert [unit.unit for unit in found.worst(2)] == found.stuck(1).tolist() == [2, 3]
    norms = np.linalg.norm(net.gradient(X, X[:, 0])[:12].reshape(4, 3), axis=1)
    np.testing.assert_array_equal(norms < 1e-15, found.shares[0] == 1)


def table_of_three(standardised):
    table = data.ravine()
    X = np.stack([column.values for column in table.features], axis=1)
    y = table.target.values
    if standardised:
        X, y = (X - X.mean(axis=0)) / X.std(axis=0), y - y.mean()
    return X, y


def test_s4_20_ravine():
    # Sloshing at a rate just below the walls' limit, and next to no way along the floor.
    X, y = table_of_three(standardised=False)
    net = ss.MLP((2, 1), loss="mse", init="zeros", bias=False, dtype="float64")
    steepest = np.linalg.eigvalsh(net.hessian(X, y))[-1]
    run = ss.train(net, X, y, optimizer="sgd", lr=1.98 / steepest, batch_size="full", epochs=300)
    assert (run.history["gradient_cosine"][1:200] < -0.9).mean() > 0.9
    net.theta[:] = 0
    run = ss.train(net, X, y, optimizer="sgd", lr=1.6 / steepest, batch_size="full", epochs=300)
    found = ss.diagnose(run)
    assert found.verdict == "ravine"
    assert "877,641 times" in " ".join(str(found).split())  # the condition number


def test_s4_21_the_condition_number_of_the_table():
    for standardised, kappa in ((False, 8.78e5), (True, 2.48)):
        X, _ = table_of_three(standardised)
        assert np.linalg.cond(X.T @ X / 3) == pytest.approx(kappa, rel=2e-3)


def test_s4_22_standardised_inputs_are_no_ravine():
    # Each at its best fixed rate, 2 / (largest + smallest curvature): the loss left of what can
    # go, after 50 steps.
    left = []
    for standardised in (False, True):
        X, y = table_of_three(standardised)
        net = ss.MLP((2, 1), loss="mse", init="zeros", bias=False, dtype="float64")
        ends = np.linalg.eigvalsh(net.hessian(X, y))
        best, *_ = np.linalg.lstsq(X, y, rcond=None)
        least = np.mean((X @ best - y) ** 2)
        net.theta = 0.5 * best
        before = net.loss(X, y) - least
        ss.train(net, X, y, optimizer="sgd", lr=2 / (ends[0] + ends[-1]), batch_size="full",
                 epochs=50)  # fmt: skip
        left.append((net.loss(X, y) - least) / before)
    assert left[1] < 1e-20  # ((kappa - 1) / (kappa + 1))^100 = 6e-38, less what rounding leaves
    assert left[0] > 0.5


def test_s4_31_three_regimes_and_the_border_between_them():
    found = study("learning_rate")
    said = dict(zip(found.shares.tolist(), found.verdicts, strict=True))
    assert said == {0.01: "slow", 0.1: "converges", 0.45: "converges", 0.9: "converges",
                    0.98: "oscillates", 1.02: "diverges", 1.2: "diverges"}  # fmt: skip
    assert found.found == pytest.approx(found.limit, rel=0.005)  # bisected to 0.1 %
    # Oscillations are of the steepest direction, whose error turns by 1 - eta lambda_max.
    slow, swing = found.losses[0], found.losses[4]
    assert (np.diff(slow) < 0).all()
    assert swing[-1] < 0.1 * swing[0]


def test_s4_32_batch_goes_downhill_and_sgd_on_average():
    paths = study("batch_paths")
    assert paths.uphill[0] == 0
    for losses in paths.losses[1:]:
        drops = -np.diff(losses)
        assert (drops < 0).any()
        assert drops.mean() > 0
    assert (paths.cosines > 0.1).all()


def test_s4_33_the_rate_sets_the_fluctuations():
    found = study("learning_rate")
    assert (np.diff(found.noisy_losses) > 0).all()
    assert found.slope == pytest.approx(1, abs=0.12)


def test_s4_34_the_variance_of_a_mini_batch_gradient():
    # Var[mean of S] = Var / S for samples drawn independently; over all parameters together.
    X, y = (part[:300] for part in digits())
    net = ss.MLP((64, 8, 10), dtype="float64", seed=0)
    each = np.array([net.gradient(X[i : i + 1], y[i : i + 1]) for i in range(len(X))])
    total, whole = each.var(axis=0).sum(), net.gradient(X, y)
    np.testing.assert_allclose(each.mean(axis=0), whole, rtol=0, atol=1e-14)
    sizes, rng = np.array([1, 2, 4, 8, 16, 32]), np.random.default_rng(0)
    variances = []
    for size in sizes:
        squares = []
        for _ in range(800):
            rows = rng.integers(0, len(X), size)
            squares.append(np.sum((net.gradient(X[rows], y[rows]) - whole) ** 2))
        variances.append(np.mean(squares))
    np.testing.assert_allclose(variances, total / sizes, rtol=0.1)
    assert np.polyfit(np.log(sizes), np.log(variances), 1)[0] == pytest.approx(-1, abs=0.05)


def test_s4_35_at_what_cost():
    # Until the loss of all samples is below 0.5, at the same rate: larger batches take fewer
    # updates, hardly fewer, and many more samples.
    X, y = (part[:1024] for part in digits())
    samples, updates = [], []
    for size in (4, 32, 256):
        net = ss.MLP((64, 16, 10), dtype="float64", seed=0)
        count, rng = 0, np.random.default_rng(0)
        opt = ss.optim.SGD(net.theta, lr=0.1)
        while net.loss(X, y) > 0.5:
            rows = rng.integers(0, len(X), size)
            opt.step(net.gradient(X[rows], y[rows]))
            count += 1
        updates.append(count)
        samples.append(count * size)
    assert samples[0] < samples[1] < samples[2]
    assert samples[2] > 30 * samples[0]
    assert max(updates) < 2 * min(updates)


def test_s4_36_learning_curves_are_there_without_being_asked_for():
    pytest.importorskip("matplotlib")
    pytest.importorskip("plotly")
    from saddlescape.report.curves import curves

    X, y = (part[:200] for part in digits())
    run = ss.train(ss.MLP((64, 8, 10), seed=0), X, y, epochs=3)
    (_, label, lines), *_ = curves(run.history)
    (legend, _, steps, losses), *_ = lines
    assert "loss" in label
    assert "loss" in legend
    np.testing.assert_array_equal(steps, np.arange(run.history.steps))
    np.testing.assert_array_equal(losses, run.history.loss)
