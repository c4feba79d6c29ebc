"""The student's notes on normalisation: rows S2-54 to S2-60 of the acceptance table, in numbers.

S2-60 lists layer, instance, weight and spectral normalisation: of these layer normalisation is
here, and what the others do is computed and compared.
"""

from __future__ import annotations

import numpy as np
import pytest

import saddlescape as ss
from lecture_samples import digits, study
from saddlescape.net import Draw
from saddlescape.train.batches import order_of

EPS = 1e-5
rng = np.random.default_rng(0)
X, Y = rng.standard_normal((40, 3)) * [1.0, 30.0, 0.1] + [5.0, -100.0, 0.0], np.arange(40) % 2


def network(normalisation="batch", hidden=6, seed=1, **settings):
    return ss.MLP((3, hidden, 2), "sigmoid", normalisation=normalisation, dtype="float64",
                  seed=seed, **settings)  # fmt: skip


def hidden_inputs(net):
    W, b = net.layers()[0]
    return X @ W.T + b


def outputs(net, u):
    """What the network says where the activation takes u."""
    W, b = net.layers()[1]
    return (1 / (1 + np.exp(-u))) @ W.T + b


def test_s2_54_z_is_normalised_so_the_sigmoid_is_not_saturated():
    # Inputs of 100 and more put most units of the plain network at an end of their sigmoid, where
    # sigma' is next to 0; normalised z is where sigma' is largest.
    plain, normalised = network(None), network()
    for net in (plain, normalised):
        net.layers()[0][0][:] = np.random.default_rng(1).standard_normal((6, 3))
    slopes = []
    for net in (plain, normalised):
        z = hidden_inputs(net)
        if net is normalised:
            z = (z - z.mean(axis=0)) / np.sqrt(z.var(axis=0) + EPS)
        np.testing.assert_allclose(net.predict(X, training=True), outputs(net, z), rtol=1e-11)
        s = 1 / (1 + np.exp(-np.clip(z, -700, 700)))
        slopes.append(np.median(s * (1 - s), axis=0))
    assert np.median(slopes[0]) < 1e-3
    assert slopes[1].min() > 0.15
    # It is z: the size of W and its bias leave the outputs alone, as they would not after sigma.
    before = normalised.predict(X, training=True)
    W, b = normalised.layers()[0]
    W *= 7
    b += 3
    # eps is 1e-5 of a variance that was at least 1, and is 49 times that now
    np.testing.assert_allclose(normalised.predict(X, training=True), before, atol=1e-4)


def test_s2_54_or_a_is_normalised():
    # normalise_after: the next layer gets a of mean 0 and variance 1, however flat the sigmoid is.
    net = network(normalise_after=True)
    net.layers()[0][0][:] = np.random.default_rng(1).standard_normal((6, 3))
    a = 1 / (1 + np.exp(-hidden_inputs(net)))
    normal_a = (a - a.mean(axis=0)) / np.sqrt(a.var(axis=0) + EPS)
    W, b = net.layers()[1]
    np.testing.assert_allclose(net.predict(X, training=True), normal_a @ W.T + b, rtol=1e-10)


def test_s2_54_for_the_sigmoid_z_is_the_better_one():
    # Each at the best of three rates. Where inputs are of size 1, both learn alike. Where they are
    # of size 1,000, z is what it was, and a is that of saturated units.
    A, y = digits()
    best, flat = {}, {}
    for after in (False, True):
        for size in (1, 1000):
            losses = []
            for lr in (0.1, 1.0, 3.0):
                net = ss.MLP((64, 32, 10), "sigmoid", normalisation="batch", init="lecun",
                             normalise_after=after, dtype="float64")  # fmt: skip
                run = ss.train(net, A * size, y, optimizer="sgd", lr=lr, batch_size=50, epochs=5)
                losses.append(run.history.loss[-20:].mean())
                if lr == 1:
                    flat[after, size] = ss.diagnosis.saturation(net, A * size).shares[0].mean()
            best[after, size] = min(losses)
    assert best[True, 1] < 1.5 * best[False, 1]
    assert best[False, 1000] < 1.1 * best[False, 1]
    assert best[True, 1000] > 2.5 * best[True, 1]
    assert flat[True, 1000] > 0.9
    assert max(flat[False, 1], flat[False, 1000], flat[True, 1]) < 0.05


def test_s2_55_batch_normalisation():
    # z~ = (z - mu) / sigma, z^ = gamma * z~ + beta; gamma = 1 and beta = 0 at the start
    net = network()
    ((gamma, beta),) = net.scales()
    assert (gamma == 1).all()
    assert (beta == 0).all()
    gamma[:], beta[:] = rng.uniform(0.5, 2, 6), rng.standard_normal(6)
    z = hidden_inputs(net)
    normal = (z - z.mean(axis=0)) / np.sqrt(z.var(axis=0) + EPS)
    expected = outputs(net, gamma * normal + beta)
    np.testing.assert_allclose(net.predict(X, training=True), expected, rtol=1e-11)
    assert not np.allclose(net.predict(X, training=True)[:5], net.predict(X[:5], training=True))
    # gamma and beta are learnt along with the rest.
    before = gamma.copy(), beta.copy()
    ss.train(net, X, Y, optimizer="sgd", lr=0.1, batch_size="full", epochs=1)
    assert (gamma != before[0]).all()
    assert (beta != before[1]).all()


@pytest.mark.parametrize("size", [10, 40])
def test_s2_56_and_s4_24_at_test_time_the_moving_averages(size):
    # mu <- p mu + (1 - p) mu^t, and likewise the variance, batch after batch in training
    net, p, epochs = network(), 0.9, 3
    mean, variance, z = np.zeros(6), np.ones(6), hidden_inputs(net)
    run = net.copy()
    # the rate 0 leaves theta where it is, so that every batch's z can be told from here
    ss.train(run, X, Y, optimizer="sgd", lr=0.0, batch_size=size, epochs=epochs, seed=4)
    np.testing.assert_array_equal(run.theta, net.theta)
    for epoch in range(epochs):
        order = order_of(40, size, epoch, 4)
        rows = np.arange(40) if order is None else order
        for start in range(0, 40, size):
            part = z[rows[start : start + size]]
            mean = p * mean + (1 - p) * part.mean(axis=0)
            variance = p * variance + (1 - p) * part.var(axis=0)
    np.testing.assert_allclose(run.running, [mean, variance], rtol=1e-11)
    u = (z - mean) / np.sqrt(variance + EPS)
    np.testing.assert_allclose(run.predict(X), outputs(run, u), rtol=1e-10)
    # Alone or among others, a sample gets the same answer at test time, to the last bits.
    np.testing.assert_allclose(run.predict(X)[:1], run.predict(X[:1].copy()), rtol=1e-14)
    assert not np.allclose(run.predict(X), run.predict(X, training=True))


def test_s2_57_sigmoid_fails_without_and_bears_five_times_the_rate_with():
    found = study("batch_norm")
    without, normalised, faster = found.steps[:3]
    assert found.names[:3] == ("sigmoid without", "sigmoid with", "sigmoid with, rate x5")
    assert np.isinf(without).all()
    assert np.isfinite(normalised).all()
    assert (faster < 0.5 * normalised).all()
    # at chance, ln 10, where it does not learn
    assert found.losses[0, :, -20:].mean() == pytest.approx(np.log(10), abs=0.05)


def test_s2_58_internal_covariate_shift_is_there_and_not_the_reason():
    # A -> A' and B -> B' are updated at once: G' of B after A's update is not G. With batch
    # normalisation training is faster, and yet the shift is no smaller.
    found = study("batch_norm")
    without, normalised = (found.names.index(name) for name in ("gelu without", "gelu with"))
    assert (found.shifts[[without, normalised]] > 0.01).all()
    assert (found.steps[normalised] < found.steps[without]).all()
    assert np.median(found.shifts[normalised]) > np.median(found.shifts[without])


def test_s2_59_the_surface_is_smoother():
    # The gradient four steps ahead is nearer to what it was, and the largest eigenvalue met on the
    # way smaller. Not so |g' - g| / |theta' - theta| by itself: it scales with the gradient, which
    # is longer here while the plain network stands on its plateau.
    found = study("batch_norm")
    without, normalised = (found.names.index(name) for name in ("gelu without", "gelu with"))
    assert np.median(found.unsteady[normalised]) < 0.9 * np.median(found.unsteady[without])
    assert np.median(found.sharpest[normalised]) < 0.9 * np.median(found.sharpest[without])
    assert (found.smooth > 0).all()
    assert "lambda_max" in str(found)


def test_s4_23_batch_normalisation_speeds_training():
    # The lecture says 1.5 to 2 times; on four gelu layers it is more than that.
    found = study("batch_norm")
    without, normalised = (found.names.index(name) for name in ("gelu without", "gelu with"))
    assert (found.steps[without] > 1.5 * found.steps[normalised]).all()
    # Hidden activations are off centre, and centred where they are normalised.
    A, y = digits()
    net = ss.MLP((64, 32, 32, 10), "gelu", normalisation="batch", dtype="float64")
    net.loss_and_gradient(A, y, Draw(), momentum=0.0)
    W, b = net.layers()[0]
    z = A @ W.T + b
    np.testing.assert_allclose(net.running[0, :32], z.mean(axis=0), atol=1e-12)
    u = (z - net.running[0, :32]) / np.sqrt(net.running[1, :32] + EPS)
    np.testing.assert_allclose(u.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(u.std(axis=0), 1, atol=1e-4)


def test_s2_60_layer_normalisation():
    # Of a sample over its units: no batch, no running averages, the same in training and at test.
    net = network("layer")
    z = hidden_inputs(net)
    u = (z - z.mean(axis=1, keepdims=True)) / np.sqrt(z.var(axis=1, keepdims=True) + EPS)
    np.testing.assert_allclose(net.predict(X), outputs(net, u), rtol=1e-10)
    np.testing.assert_array_equal(net.predict(X), net.predict(X, training=True))
    assert net.running.size == 0
    for other in ("instance", "weight", "spectral"):
        with pytest.raises(ValueError, match="expected None, 'batch' or 'layer'"):
            network(other)


# Of activations (N, C, S): samples, units, places. What each kind takes mean and variance over, and
# how many of them there are with 5 samples and 6 units, as docs/faq.md has it; of two groups.
OVER = {
    "batch": ((0, 2), 6),
    "layer": ((1, 2), 5),
    "instance": ((2,), 30),
    "group": ((2, 3), 10),
}


def normal(kind, s):
    """What is left of s (N, C, S), and the means."""
    over, _ = OVER[kind]
    parts = s.reshape(len(s), 2, -1, s.shape[2]) if kind == "group" else s
    mean = parts.mean(axis=over, keepdims=True)
    return ((parts - mean) / np.sqrt(parts.var(axis=over, keepdims=True) + EPS)).reshape(
        s.shape
    ), mean


@pytest.mark.parametrize("kind", OVER)
def test_s2_60_what_each_normalisation_averages_over(kind):
    s = np.random.default_rng(2).standard_normal((5, 6, 7)) * 3 + 2
    u, mean = normal(kind, s)
    assert mean.size == OVER[kind][1]
    # A sample hears of the others in batch normalisation only, and a unit of others in two kinds.
    sample, unit = s.copy(), s.copy()
    sample[1:] += np.arange(4.0)[:, None, None]
    unit[:, 1:] *= np.arange(2.0, 7)[None, :, None]
    assert np.allclose(normal(kind, sample)[0][0], u[0]) == (kind != "batch")
    assert np.allclose(normal(kind, unit)[0][:, 0], u[:, 0]) == (kind in ("batch", "instance"))
    torch = pytest.importorskip("torch")
    given, named = torch.from_numpy(s), torch.nn.functional
    theirs = {
        "batch": lambda: named.batch_norm(given, None, None, training=True, eps=EPS),
        "layer": lambda: named.layer_norm(given, given.shape[1:], eps=EPS),
        "instance": lambda: named.instance_norm(given, eps=EPS),
        "group": lambda: named.group_norm(given, 2, eps=EPS),
    }[kind]()
    np.testing.assert_allclose(u, theirs.numpy(), rtol=1e-12, atol=1e-13)


def test_s2_60_of_a_perceptron_two_of_them_are_left():
    # One place: batch and layer normalisation are the network's own, instance normalisation leaves
    # zeros, group normalisation of one group is layer normalisation.
    for kind in ("batch", "layer"):
        net = network(kind)
        u, _ = normal(kind, hidden_inputs(net)[:, :, None])
        np.testing.assert_allclose(net.predict(X, training=True), outputs(net, u[:, :, 0]),
                                   rtol=1e-10)  # fmt: skip
    assert not normal("instance", hidden_inputs(network())[:, :, None])[0].any()


def test_s2_60_weight_normalisation_is_another_coordinate():
    # w = g v / |v|: the gradient of v is at right angles to v (Salimans, Kingma 2016, section 2.1),
    # and any row w has a g and v, so that the functions are the same.
    net = network(None)
    W = net.layers()[0][0]
    v = 3 * W.copy()
    g = np.linalg.norm(W, axis=1, keepdims=True)
    length = np.linalg.norm(v, axis=1, keepdims=True)
    np.testing.assert_allclose(g * v / length, W, rtol=1e-14)
    of_w = net.gradient(X, Y)[: W.size].reshape(W.shape)
    along = (of_w * v).sum(axis=1, keepdims=True) / length
    of_v = g / length * (of_w - along * v / length)
    np.testing.assert_allclose((of_v * v).sum(axis=1), 0, atol=1e-14)
    for i, j in ((0, 0), (3, 2)):
        sides = []
        for h in (1e-6, -1e-6):
            moved = v.copy()
            moved[i, j] += h
            W[:] = g * moved / np.linalg.norm(moved, axis=1, keepdims=True)
            sides.append(net.loss(X, Y))
        assert of_v[i, j] == pytest.approx((sides[0] - sides[1]) / 2e-6, abs=1e-8)


def test_s2_60_spectral_normalisation_by_a_callback():
    # Each W divided by its largest singular value after every step, as a callback may: no layer
    # stretches any difference, so neither does the network (tanh' <= 1).
    net = ss.MLP((3, 8, 8, 2), "tanh", dtype="float64", seed=3)

    def divide(state):
        for W, _ in net.layers():
            W /= np.linalg.norm(W, 2)

    run = ss.train(net, X / 100, Y, lr=0.05, batch_size=10, epochs=20, callback=divide)
    assert run.history.loss[-4:].mean() < run.history.loss[:4].mean()
    for W, _ in net.layers():
        assert np.linalg.svd(W, compute_uv=False)[0] == pytest.approx(1, rel=1e-14)
    a, b = np.random.default_rng(5).standard_normal((2, 200, 3))
    stretch = np.linalg.norm(net.predict(a) - net.predict(b), axis=1) / np.linalg.norm(
        a - b, axis=1
    )
    assert stretch.max() <= 1
