"""Normalisation behind the activation: values, gradients and Hessian products, as the oracle's.

Tolerances as in test_net_layers.py.
"""

from __future__ import annotations

import re
from itertools import product
from typing import Any

import numpy as np
import pytest

import saddlescape as ss
from oracle.layers import ACTIVATIONS, LOSSES, Layered
from saddlescape import _core, curvature
from saddlescape.net import Draw

pytestmark = pytest.mark.filterwarnings("ignore::saddlescape.curvature.PiecewiseLinearWarning")
LAYERS = list(product(("batch", "layer"), (False, True), (0.0, 0.4), (False, True)))
layers = pytest.mark.parametrize(("normalisation", "residual", "dropout", "training"), LAYERS)
needs_extended = pytest.mark.skipif(
    np.finfo(np.longdouble).eps > 1e-18, reason="long double is no wider than double here"
)
TOLERANCE = 1e-10
SIZES = (3, 3, 4, 4, 2)


def made(normalisation, residual, dropout, training, activation="tanh", loss="cross_entropy", *,
         N=9, bias=True, sizes=SIZES, dtype="float64"):  # fmt: skip
    rng = np.random.default_rng([len(activation), len(loss), residual, N])
    net = ss.MLP(sizes, activation, loss, bias=bias, dtype=dtype, normalisation=normalisation,
                 normalise_after=True, residual=residual, dropout=dropout)  # fmt: skip
    net.theta = 0.7 * rng.standard_normal(net.parameters)
    net.running[0] = 0.3 * rng.standard_normal(net.running.shape[1])
    net.running[1] = 0.5 + rng.random(net.running.shape[1])
    X = rng.standard_normal((N, sizes[0])).astype(dtype)
    Y = rng.dirichlet(np.ones(sizes[-1]), N).astype(dtype)
    oracle = Layered(sizes, activation, loss, bias, normalisation, residual, dropout, after=True)
    draw: Any = (5, 3) if training else None
    return net, X, Y, Draw(5, 3) if training else False, oracle, (X, Y, net.running, draw), rng


def off(got, expected):
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.shape == expected.shape
    return float(np.abs(got - expected).max() / max(np.abs(expected).max(), 1e-3))


@layers
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_loss_and_gradient_agree_with_the_oracle(
    activation, normalisation, residual, dropout, training
):
    for loss in LOSSES:
        net, X, Y, t, oracle, given, _ = made(
            normalisation, residual, dropout, training, activation, loss
        )
        value, g = net.loss_and_gradient(X, Y, t)
        outputs = oracle.predict(net.theta, X, *given[2:])[0]
        assert off(net.predict(X, t), outputs) < 1e-12
        assert off(value, oracle.loss(net.theta, *given)) < 1e-12
        assert net.loss(X, Y, t) == value
        assert off(g, oracle.gradient(net.theta, *given)) < TOLERANCE


@needs_extended
@layers
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_hessian_products_agree_with_the_oracle(
    activation, normalisation, residual, dropout, training
):
    turn = LAYERS.index((normalisation, residual, dropout, training)) + len(activation)
    net, X, Y, t, oracle, given, rng = made(
        normalisation, residual, dropout, training, activation,
        list(LOSSES)[turn % len(LOSSES)], bias=turn % 3 > 0,
    )  # fmt: skip
    v = rng.standard_normal(net.parameters)
    expected = oracle.product(net.theta, *given, v)
    assert off(net.hvp(X, Y, v, t), expected) < TOLERANCE
    H = curvature.of(net, X, Y, training=t)
    assert off(H @ v, expected) < TOLERANCE
    assert off(H.dense() @ v, expected) < TOLERANCE


@layers
def test_the_parts_of_the_hessian(normalisation, residual, dropout, training):
    net, X, Y, t, *_ = made(normalisation, residual, dropout, training)
    H, G, F = (
        net.hessian(X, Y, part=part, training=t) for part in ("all", "gauss_newton", "functional")
    )
    products = net.hvp(X, Y, np.eye(net.parameters), t)
    assert off(H, products) < 1e-12
    assert off(products, products.T) < 1e-12
    assert off(G + F, H) < 1e-12
    assert off(net.hessian_diagonal(X, Y, training=t), np.diag(H)) < 1e-12
    # J by differences of the outputs, off by h^2 of the third derivative
    theta, columns = net.theta.copy(), []
    for p in range(net.parameters):
        sides = []
        for h in (1e-5, -1e-5):
            net.theta[:] = theta
            net.theta[p] += h
            sides.append(net.predict(X, t))
        columns.append((sides[0] - sides[1]) / 2e-5)
    net.theta[:] = theta
    f, J = net.predict(X, t), np.stack(columns, axis=2)
    p = np.exp(f) / np.exp(f).sum(axis=1, keepdims=True)
    S = p[:, :, None] * np.eye(p.shape[1]) - p[:, :, None] * p[:, None, :]
    assert off(G, np.einsum("ncp,ncd,ndq->pq", J, S, J) / len(f)) < 1e-7


@pytest.mark.parametrize("normalisation", ["batch", "layer"])
@pytest.mark.parametrize("N", [2, 63, 64, 65, 129, 200])  # chunks have 64 rows
def test_every_size_of_a_batch(normalisation, N):
    net, X, Y, t, oracle, given, rng = made(normalisation, True, 0.4, True, N=N)
    value, g = net.loss_and_gradient(X, Y, t)
    assert off(value, oracle.loss(net.theta, *given)) < 1e-12
    assert off(g, oracle.gradient(net.theta, *given)) < TOLERANCE
    V = rng.standard_normal((net.parameters, 2))
    h = 1e-6
    sides = []
    for sign in (1, -1):
        moved = net.copy()
        moved.theta[:] += sign * h * V[:, 0]
        sides.append(moved.gradient(X, Y, t))
    assert off(net.hvp(X, Y, V, t)[:, 0], (sides[0] - sides[1]) / (2 * h)) < 1e-6


@pytest.mark.parametrize("normalisation", ["batch", "layer"])
def test_float32_and_threads(normalisation):
    wide, X, Y, t, *_ = made(normalisation, True, 0.4, True, N=200, sizes=(3, 33, 33, 17, 2))
    narrow = ss.MLP(wide.sizes, normalisation=normalisation, normalise_after=True, residual=True,
                    dropout=0.4)  # fmt: skip
    narrow.theta = wide.theta
    assert off(narrow.gradient(X, Y, t), wide.gradient(X, Y, t)) < 1e-5
    before = _core.threads()
    try:
        found = []
        for threads in (1, 2):
            ss.set_threads(threads)
            found.append((wide.gradient(X, Y, t), wide.hvp(X, Y, wide.theta.copy(), t)))
    finally:
        ss.set_threads(before)
    np.testing.assert_array_equal(found[0], found[1])


def test_what_the_next_layer_gets_is_normal():
    net, X, Y, *_ = made("batch", False, 0.0, True, N=50, activation="sigmoid")
    for gamma, beta in net.scales():
        gamma[:], beta[:] = 1, 0
    net.loss_and_gradient(X, Y, Draw(), momentum=0.0)
    (W, b), (V, c) = net.layers()[:2]
    a = 1 / (1 + np.exp(-(X @ W.T + b)))
    np.testing.assert_allclose(net.running[:, :3], [a.mean(axis=0), a.var(axis=0)], rtol=1e-12)
    normal = (a - a.mean(axis=0)) / np.sqrt(a.var(axis=0) + 1e-5)
    second = 1 / (1 + np.exp(-(normal @ V.T + c)))
    np.testing.assert_allclose(net.running[0, 3:7], second.mean(axis=0), rtol=1e-12)


def test_it_is_trained_kept_and_named(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((120, 4))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    net = ss.MLP((4, 16, 16, 2), "relu", normalisation="batch", normalise_after=True, seed=1)
    assert "batch normalisation behind the activation" in repr(net)
    before = net.loss(X, y, True)
    path = tmp_path / "run.ckpt"
    run = ss.train(net, X, y, lr=0.01, batch_size=30, epochs=30, checkpoint=path)
    assert net.loss(X, y, True) < 0.3 * before
    np.testing.assert_array_equal(ss.resume(path, X, y).net.predict(X), net.predict(X))
    twin = ss.MLP.load(net.save(tmp_path / "net.safetensors"))
    assert twin.normalise_after
    np.testing.assert_array_equal(twin.predict(X), net.predict(X))
    np.testing.assert_array_equal(net.copy().predict(X), net.predict(X))
    assert run.net is net


def test_a_shift_of_a_bias_is_no_invariance_any_more():
    for after in (False, True):
        net = ss.MLP((3, 4, 2), normalisation="batch", normalise_after=after, dtype="float64")
        X = np.random.default_rng(0).standard_normal((20, 3))
        H = curvature.of(net, X, np.arange(20) % 2, training=True)
        said = any(reason.startswith("shifts") for reason, _ in H.invariances())
        assert said != after
        moved = net.copy()
        moved.layers()[0][1][:] += 1
        same = np.allclose(net.predict(X, True), moved.predict(X, True))
        assert same != after


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        ({"normalise_after": True}, ValueError, "normalise_after: True without normalisation, exp"),
        (
            {"normalise_after": 1, "normalisation": "batch"},
            TypeError,
            "normalise_after: int, expec",
        ),
    ],
)
def test_misuse_is_refused(given, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        ss.MLP((2, 2), **given)
