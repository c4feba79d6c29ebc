"""H = G + F, blocks of layers, the diagonal and the Gauss-Newton spectrum, by their definitions."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import saddlescape as ss
from oracle.network import ACTIVATIONS, LOSSES
from saddlescape import curvature
from test_net_oracle import FLOAT64, SIZES, case, off

pytestmark = pytest.mark.filterwarnings("ignore::saddlescape.curvature.PiecewiseLinearWarning")

TABLE = pytest.mark.parametrize(
    ("activation", "loss", "depth", "bias"),
    list(product(("linear", "relu", "tanh"), LOSSES, SIZES, (True, False))),
)
PARTS = ("all", "functional", "gauss_newton")


@TABLE
def test_gauss_newton_is_its_definition(activation, loss, depth, bias):
    net, oracle, X, Y = case(activation, loss, depth, bias)
    G = net.hessian(X, Y, part="gauss_newton")
    assert off(G, oracle.gauss_newton(net.theta, X, Y)) < FLOAT64
    assert np.array_equal(G, G.T)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("loss", LOSSES)
def test_the_parts_add_up(activation, loss):
    net, _, X, Y = case(activation, loss, 4, True)
    H, F, G = (net.hessian(X, Y, part) for part in PARTS)
    assert np.abs(F + G - H).max() <= 1e-14 * np.abs(H).max()


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("depth", SIZES)
def test_blocks_and_diagonals_are_those_of_the_whole(depth, bias, part):
    net, _, X, Y = case("tanh", "cross_entropy", depth, bias)
    H = net.hessian(X, Y, part)
    assert np.abs(net.hessian_diagonal(X, Y, part) - np.diag(H)).max() <= 1e-15 * np.abs(H).max()
    start = 0
    for layer, (weights, biases) in enumerate(net.layers(), 1):
        end = start + weights.size + (0 if biases is None else biases.size)
        block = net.hessian(X, Y, part, layer=layer)
        assert np.abs(block - H[start:end, start:end]).max() <= 1e-15 * np.abs(H).max()
        start = end


def test_samples_in_chunks_and_tiles_at_their_edges():
    # 2,100 samples are two chunks; 33 units and inputs make tiles of unequal parts.
    rng = np.random.default_rng(0)
    net = ss.MLP((33, 33, 2), dtype="float64")
    X, y = rng.normal(size=(2100, 33)), rng.integers(2, size=2100)
    V = rng.normal(size=(net.parameters, 3))
    H = net.hessian(X, y)
    assert np.array_equal(H, H.T)
    assert off(H @ V, net.hvp(X, y, V)) < 1e-13


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_same_bits_for_every_number_of_threads(threads):
    before = ss.info()["threads"]
    net, _, X, Y = case("tanh", "cross_entropy", 3, True, N=150)
    H = net.hessian(X, Y)
    try:
        ss.set_threads(threads)
        assert np.array_equal(net.hessian(X, Y), H)
    finally:
        ss.set_threads(before)


@TABLE
def test_gauss_newton_spectrum_by_samples_is_that_by_parameters(activation, loss, depth, bias):
    for N in (2, 40):
        net, _, X, Y = case(activation, loss, depth, bias, N=N)
        H = curvature.of(net, X, Y)
        K, G = H.gauss_newton_gram(), H.gauss_newton()
        assert np.array_equal(K, K.T)
        assert K.shape == (Y.size, Y.size)
        count = min(len(K), len(G))
        by_samples, by_parameters = np.linalg.eigvalsh(K), np.linalg.eigvalsh(G)
        small = 1e-13 * by_parameters[-1]
        assert np.abs(by_samples[-count:] - by_parameters[-count:]).max() <= small
        assert np.abs(by_samples[:-count]).max(initial=0) <= small
        assert np.abs(by_parameters[:-count]).max(initial=0) <= small


def test_a_sure_network_keeps_its_small_curvature():
    """p (1 - p) of a class that is sure: formed from the others, it keeps its digits."""
    net = ss.MLP((1, 2), loss="cross_entropy", bias=False, dtype="float64", init="zeros")
    net.theta = np.array([40.0, 0.0])
    K = curvature.of(net, np.ones((1, 1)), np.array([0])).gauss_newton_gram()
    p = 1 / (1 + np.exp(40))
    assert np.trace(K) == pytest.approx(2 * p * (1 - p), rel=1e-13)


def test_a_wide_network_needs_no_matrix_of_its_parameters():
    rng = np.random.default_rng(0)
    net = ss.MLP((2000, 1000, 3), dtype="float64")  # two million parameters
    X, y = rng.normal(size=(5, 2000)), rng.integers(3, size=5)
    K = curvature.of(net, X, y).gauss_newton_gram()
    # v^T G v from the Jacobian's product with one direction, by differences of the outputs.
    v = rng.normal(size=net.parameters)
    theta, h = net.theta.copy(), 1e-6
    net.theta = theta + h * v
    above = net.predict(X)
    net.theta = theta - h * v
    Jv = (above - net.predict(X)) / (2 * h)
    net.theta = theta
    p = np.exp(net.predict(X) - net.predict(X).max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    quadratic = ((p * Jv**2).sum() - ((p * Jv).sum(axis=1) ** 2).sum()) / 5
    assert 0 < quadratic <= np.linalg.eigvalsh(K)[-1] * (v @ v)
    assert np.trace(K) == pytest.approx(net.hessian_diagonal(X, y, "gauss_newton").sum(), rel=1e-11)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"part": "half"}, ValueError, "part: 'half', expected one of all, functional, gauss_new"),
        ({"layer": 0}, ValueError, "layer: 0, expected"),
        ({"layer": 4}, ValueError, "layer: 4, expected 1 to 3"),
        ({"layer": 1.5}, TypeError, "layer: float, expected"),
    ],
)
def test_misuse_is_named(arguments, error, text):
    net, _, X, Y = case("tanh", "mse", 3, True)
    with pytest.raises(error, match=text):
        net.hessian(X, Y, **arguments)
