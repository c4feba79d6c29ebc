"""MLP(device="cuda") with normalisation, residual connections and dropout: the CPU's numbers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import saddlescape as ss
from device_samples import NEEDS_DEVICE, to_device
from saddlescape import optim
from saddlescape.net import Draw

pytestmark = NEEDS_DEVICE

# Sums in another order, and what dividing by a small deviation makes of them.
TOLERANCE = {"float32": 2e-4, "float64": 1e-11}
NORMALISED = [None, "batch", "layer"]
LAYERS = [
    {"normalisation": kind, "normalise_after": after, "residual": residual, "dropout": dropout}
    for kind, after, residual, dropout in itertools.product(
        NORMALISED, (False, True), (False, True), (0.0, 0.3)
    )
    if kind or not after
]


def twins(dtype="float64", **layers):
    """The same network here and there, with averages of its own."""
    here = ss.MLP((4, 6, 6, 3), "silu", dtype=dtype, seed=3, **layers)
    rng = np.random.default_rng(4)
    here.theta[:] += rng.standard_normal(here.parameters) / 5
    here.running[:] = rng.random(here.running.shape) + 0.5
    return here, here.to("cuda")


def samples(dtype="float64", N=37):
    rng = np.random.default_rng(5)
    return rng.standard_normal((N, 4)).astype(dtype), rng.integers(0, 3, N)


def near(there, here, dtype="float64"):
    there = there if isinstance(there, np.ndarray) else there.numpy()
    assert there.dtype == here.dtype
    assert there.shape == here.shape
    np.testing.assert_allclose(there, here, rtol=0, atol=TOLERANCE[dtype] * np.abs(here).max())


@pytest.mark.parametrize("training", [False, Draw(2, 5)])
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("layers", LAYERS, ids=str)
def test_numbers(layers, dtype, training):
    here, there = twins(dtype, **layers)
    X, y = samples(dtype)
    V = np.random.default_rng(7).standard_normal((here.parameters, 3)).astype(dtype)
    near(there.predict(X, training), here.predict(X, training), dtype)
    assert there.loss(X, y, training) == pytest.approx(
        here.loss(X, y, training), rel=TOLERANCE[dtype]
    )
    near(there.gradient(X, y, training), here.gradient(X, y, training), dtype)
    near(there.hvp(X, y, V, training), here.hvp(X, y, V, training), dtype)


@pytest.mark.parametrize("part", ["all", "gauss_newton", "functional"])
@pytest.mark.parametrize("layer", [None, 2])
@pytest.mark.parametrize("kind", NORMALISED)
def test_hessian(kind, layer, part):
    here, there = twins(normalisation=kind, residual=True, dropout=0.2)
    X, y = samples()
    for training in (False, True):
        own = here.hessian(X, y, part, layer, training)
        near(there.hessian(X, y, part, layer, training), own)


@pytest.mark.parametrize("after", [False, True])
def test_a_batch_moves_the_averages(after):
    here, there = twins(normalisation="batch", normalise_after=after)
    X, y = samples()
    before = there.running.copy()
    g = there.loss_and_gradient(X, y, training=True, momentum=0.7)[1]
    near(g, here.loss_and_gradient(X, y, training=True, momentum=0.7)[1])
    assert (there.running != before).any()
    near(there.running, here.running)
    there.gradient(X, y, training=True)  # without momentum they stay
    near(there.running, here.running)
    near(there.predict(X), here.predict(X))


def test_a_diverged_batch_does_not():
    _, there = twins(normalisation="batch")
    X, y = samples()
    before = there.running.copy()
    optim.SGD(there.theta, lr=1e300).step(there.gradient(to_device(X), to_device(y)))
    loss, _ = there.loss_and_gradient(X, y, training=True, momentum=0.7)
    assert not np.isfinite(loss)
    assert (there.running == before).all()


def test_training_by_hand_is_the_host_s():
    here, there = twins(normalisation="batch", residual=True, dropout=0.2)
    X, y = samples()
    own, other = optim.Adam(here.theta, lr=0.01), optim.Adam(there.theta, lr=0.01)
    dX, dy = to_device(X), to_device(y)
    for step in range(20):
        draw = Draw(1, step)
        own.step(here.loss_and_gradient(X, y, draw, 0.9)[1])
        other.step(there.loss_and_gradient(dX, dy, draw, 0.9)[1])
    np.testing.assert_allclose(there.theta.numpy(), here.theta, rtol=1e-8)
    np.testing.assert_allclose(there.running, here.running, rtol=1e-8)


def test_masks_are_the_host_s():
    here, there = twins(dropout=0.5)
    X, _ = samples()
    zeros = [net.predict(np.repeat(X[:1], 40, 0), Draw(3)) for net in (here, there)]
    near(zeros[1], zeros[0])
    assert (there.predict(X, Draw(3)) == there.predict(X, Draw(3))).all()
    assert (there.predict(X, Draw(3)) != there.predict(X, Draw(3, 1))).any()


def test_one_sample_does_not_train_a_batch_normalisation():
    here, there = twins(normalisation="batch")
    X, y = samples(N=1)
    with pytest.raises(ValueError, match="X: 1 sample, expected at least 2 where batch"):
        there.gradient(X, y, training=True)
    near(there.gradient(X, y), here.gradient(X, y))


def test_there_and_back(tmp_path):
    here, there = twins(normalisation="batch", residual=True)
    X, _ = samples()
    for back in (there.to("cpu"), ss.MLP.load(there.save(tmp_path / "net.safetensors"))):
        assert back.theta.tobytes() == here.theta.tobytes()
        assert (back.running == here.running).all()
    near(there.copy().predict(X), here.predict(X))
