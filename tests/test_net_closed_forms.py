"""Networks whose loss, gradient or spectrum is known on paper."""

from __future__ import annotations

import numpy as np
import pytest

import saddlescape as ss
from saddlescape import _core


def toy(w1: float, w2: float) -> ss.MLP:
    """The lectures' y = w2 w1 x with one datum x = 1, target 1: L = (1 - w1 w2)^2."""
    net = ss.MLP((1, 1, 1), "linear", "mse", bias=False, dtype="float64")
    net.theta = np.array([w1, w2])
    return net


ONE = np.ones((1, 1))


@pytest.mark.parametrize(
    ("w1", "w2"), [(0.0, 0.0), (1.0, 1.0), (-1.0, -1.0), (2.0, 0.5), (3.0, -2.0), (0.0, 4.0)]
)
def test_toy_exactly(w1: float, w2: float) -> None:
    net, r = toy(w1, w2), 1 - w1 * w2
    assert net.loss(ONE, ONE) == r * r
    np.testing.assert_array_equal(net.gradient(ONE, ONE), [-2 * r * w2, -2 * r * w1])
    mixed = -2 + 4 * w1 * w2
    H = [[2 * w2 * w2, mixed], [mixed, 2 * w1 * w1]]
    np.testing.assert_array_equal(net.hessian(ONE, ONE), H)


def test_toy_saddle_and_the_way_out() -> None:
    net = toy(0, 0)
    H = net.hessian(ONE, ONE)
    values, vectors = np.linalg.eigh(H)
    assert np.linalg.norm(net.gradient(ONE, ONE)) == 0
    np.testing.assert_allclose(values, [-2, 2], rtol=1e-15)
    u = vectors[:, 0] / vectors[0, 0]
    np.testing.assert_allclose(u, [1, 1], rtol=1e-15)
    assert u @ H @ u == pytest.approx(-2 * (u @ u))
    # L(t u) = (1 - t^2)^2: from 1 to 0
    for t in (0.0, 0.25, 0.5, 1.0):
        net.theta = t * np.ones(2)
        assert net.loss(ONE, ONE) == (1 - t * t) ** 2


def test_toy_minimum_is_degenerate() -> None:
    np.testing.assert_allclose(np.linalg.eigvalsh(toy(1, 1).hessian(ONE, ONE)), [0, 4], atol=1e-15)


def test_lecture_one_predicts_views() -> None:
    """L(b, w) at b = 0.5k, w = 1 (mean absolute error): 4.8k, 4.9k -> 5.3k, 5.4k for 4.9k, 7.5k."""
    net = ss.MLP((1, 1), loss="mae", dtype="float64")
    net.theta = np.array([1.0, 0.5])
    X, y = np.array([[4.8], [4.9]]), np.array([4.9, 7.5])
    np.testing.assert_allclose(net.predict(X)[:, 0], [5.3, 5.4], rtol=1e-15)
    for i, e in enumerate((0.4, 2.1)):
        assert net.loss(X[i : i + 1], y[i : i + 1]) == pytest.approx(e, rel=1e-14)
    assert net.loss(X, y) == pytest.approx((0.4 + 2.1) / 2, rel=1e-14)


@pytest.mark.parametrize(("d", "h", "C", "N"), [(3, 4, 2, 12), (5, 2, 5, 20), (2, 3, 4, 1)])
def test_two_layer_linear_network_at_the_origin(d: int, h: int, C: int, N: int) -> None:
    """mse is a mean over N C squares, so H = -2 / C [0, Sigma; Sigma^T, 0] by hidden unit, with
    Sigma = X^T Y / N: eigenvalues +- 2 sigma_i / C, each h times, the rest zero."""
    rng = np.random.default_rng([d, h, C])
    X, Y = rng.standard_normal((N, d)), rng.standard_normal((N, C))
    net = ss.MLP((d, h, C), "linear", "mse", init="zeros", bias=False, dtype="float64")
    sigma = np.linalg.svd(X.T @ Y / N, compute_uv=False) * 2 / C
    sigma = sigma[sigma > 1e-12]
    rest = np.zeros(net.parameters - 2 * h * len(sigma))
    expected = np.sort(np.concatenate([np.repeat(sigma, h), rest, -np.repeat(sigma, h)]))
    values = np.linalg.eigvalsh(net.hessian(X, Y))
    np.testing.assert_allclose(values, expected, atol=1e-14 * max(1, sigma[0]) * len(values))
    np.testing.assert_array_equal(net.gradient(X, Y), np.zeros(net.parameters))


@pytest.mark.parametrize(("d", "C"), [(1, 2), (3, 4), (6, 3), (8, 10)])
def test_softmax_regression_inertia(d: int, C: int) -> None:
    """Inputs of full rank d + 1 with the bias: (C - 1)(d + 1) positive, d + 1 zero, none below."""
    rng = np.random.default_rng(d)
    net = ss.MLP((d, C), dtype="float64", seed=1)
    X, y = rng.standard_normal((40, d)), rng.integers(0, C, 40)
    values = np.linalg.eigvalsh(net.hessian(X, y))
    tolerance = 1e-13 * values[-1]
    assert np.sum(values > tolerance) == (C - 1) * (d + 1)
    assert np.sum(np.abs(values) <= tolerance) == d + 1
    assert values[tolerance < np.abs(values)].min() > 1e-4 * values[-1]


def test_softmax_regression_hessian() -> None:
    """Mean over the samples of (diag(p) - p p^T) kron x x^T."""
    rng = np.random.default_rng(0)
    net = ss.MLP((3, 4), bias=False, dtype="float64")
    X, y = rng.standard_normal((9, 3)), rng.integers(0, 4, 9)
    p = np.exp(net.predict(X))
    p /= p.sum(axis=1, keepdims=True)
    H = sum(np.kron(np.diag(q) - np.outer(q, q), np.outer(x, x)) for q, x in zip(p, X, strict=True))
    np.testing.assert_allclose(net.hessian(X, y), H / 9, atol=1e-15)


@pytest.mark.parametrize("bias", [True, False])
def test_linear_regression_hessian_is_constant(bias: bool) -> None:
    """2 X^T X / (N C) for every output, whatever theta and y are."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((11, 3))
    net = ss.MLP((3, 2), loss="mse", bias=False, dtype="float64")
    expected = np.kron(np.eye(2), 2 * X.T @ X / 22)
    for seed in range(3):
        net.theta = np.random.default_rng(seed).standard_normal(6)
        np.testing.assert_allclose(net.hessian(X, rng.random((11, 2))), expected, atol=1e-15)


def copying(C: int) -> ss.MLP:
    net = ss.MLP((C, C), bias=False, dtype="float64")
    net.theta = np.eye(C).ravel()
    return net


def test_softmax_of_two_is_the_sigmoid() -> None:
    """Cross-entropy of logits (a, b) is binary cross-entropy of a - b: loss and curvature."""
    logits = np.array([[0.3, -1.2], [4.0, 2.0], [-1.0, 3.0]])
    y = np.array([0, 1, 1])
    binary = ss.MLP((1, 1), loss="bce", bias=False, dtype="float64")
    binary.theta = np.ones(1)
    difference = (logits[:, :1] - logits[:, 1:]).copy()
    loss = copying(2).loss(logits, y)
    assert loss == pytest.approx(binary.loss(difference, (y == 0).astype(float)), rel=1e-14)


def test_softmax_does_not_see_a_shift() -> None:
    logits, y = np.array([[0.25, -1.5, 3.0]]), np.array([1])
    net = copying(3)
    shifted = logits + 1024.0  # exact in binary
    assert net.loss(shifted, y) == net.loss(logits, y)


def test_softmax_widens_the_gap() -> None:
    """S(3), S(1), S(-3) are 0.88, 0.12, 0.00: the lecture's example, through loss = -log p."""
    X, net = np.array([[3.0, 1.0, -3.0]]), copying(3)
    p = [np.exp(-net.loss(X, np.array([c]))) for c in range(3)]
    assert [round(q, 2) for q in p] == [0.88, 0.12, 0.00]
    assert sum(p) == pytest.approx(1, rel=1e-15)
    assert p[0] / p[1] == pytest.approx(np.exp(2))  # 7.4, where the logits' own ratio is 3


def test_cross_entropy_is_negative_log_likelihood() -> None:
    rng = np.random.default_rng(0)
    net = ss.MLP((3, 5, 4), dtype="float64")
    X, y = rng.standard_normal((6, 3)), rng.integers(0, 4, 6)
    p = np.exp(net.predict(X))
    likelihood = np.prod((p / p.sum(axis=1, keepdims=True))[np.arange(6), y])
    assert net.loss(X, y) == pytest.approx(-np.log(likelihood) / 6, rel=1e-13)


@pytest.mark.parametrize("loss", ["cross_entropy", "mse", "mae", "bce"])
@pytest.mark.parametrize("activation", ["tanh", "relu", "gelu", "linear"])
def test_zero_weights_stop_the_first_layer(activation: str, loss: str) -> None:
    """dL/dW1 = (dL/dz) x^T with dL/dz = W2^T (..) * phi' = 0: a saddle by symmetry."""
    net = ss.MLP((3, 5, 2), activation, loss, init="zeros", dtype="float64")
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((7, 3)), np.array([0, 0, 1, 0, 1, 0, 0])
    g = net.gradient(X, y)
    np.testing.assert_array_equal(g[: 3 * 5 + 5], 0)
    assert g[-1] != 0  # the output's bias still learns


def test_equal_hidden_units_stay_equal() -> None:
    net = ss.MLP((3, 4, 2), dtype="float64", init="zeros")
    (W1, b1), (W2, _) = net.layers()
    W1[...], W2[...] = [0.3, -0.2, 0.5], [[0.7], [-0.4]]
    assert b1 is not None
    g = net.gradient(np.eye(3), np.array([0, 1, 1]))
    rows = g[:12].reshape(4, 3)
    np.testing.assert_allclose(rows, np.broadcast_to(rows[0], (4, 3)), rtol=1e-15)


def test_relu_scale_symmetry_has_null_vectors() -> None:
    """(c w_in, c b_in, w_out / c) is the same function: where g = 0, H (w_in, b_in, -w_out) = 0."""
    rng = np.random.default_rng(1)
    net = ss.MLP((2, 5, 1), "relu", "mse", dtype="float64", seed=3)
    X = rng.standard_normal((30, 2))
    (W1, b1), (W2, _) = net.layers()
    assert b1 is not None
    b1[...] = 0.1
    H = net.hessian(X, net.predict(X))
    for j in range(5):
        v = np.zeros(net.parameters)
        v[2 * j : 2 * j + 2], v[10 + j], v[15 + j] = W1[j], b1[j], -W2[0, j]
        assert np.abs(H @ v).max() <= 1e-14 * np.abs(H).max()
    assert np.linalg.eigvalsh(H)[0] > -1e-13 * np.abs(H).max()


@pytest.mark.parametrize(
    ("init", "deviation"),
    [
        ("he", np.sqrt(2 / 300)),
        ("lecun", np.sqrt(1 / 300)),
        ("normal", 0.01),
        ("xavier", np.sqrt(2 / 500)),
        ("zeros", 0.0),
    ],
)
def test_initial_weights(init: str, deviation: float) -> None:
    """60,000 draws: their deviation is known to 1 / sqrt(120,000) = 0.3 %; four times that."""
    net = ss.MLP((300, 200), "tanh", init=init, seed=4)
    ((W, b),) = net.layers()
    assert W.std() == pytest.approx(deviation, rel=0.012, abs=1e-300)
    assert b is not None
    assert not b.any()
    again = ss.MLP((300, 200), "tanh", init=init, seed=4, dtype="float64")
    np.testing.assert_array_equal(again.theta.astype(np.float32), net.theta)
    if init != "zeros":
        assert (ss.MLP((300, 200), "tanh", init=init, seed=5).theta != net.theta).any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", _core.net.activations())
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_far_out_no_derivative_is_nan(activation: str, sign: float, dtype: str) -> None:
    """Where phi'' falls faster than z grows, 0 times infinity must not come of it."""
    net = ss.MLP((1, 1, 1), activation, "mse", bias=False, dtype=dtype)
    net.theta[:] = [sign * 1e20, 1e-30] if dtype == "float32" else [sign * 1e160, 1e-170]
    X = np.ones((1, 1), dtype)
    assert np.isfinite(net.gradient(X, X)).all()
    assert not np.isnan(net.hvp(X, X, np.eye(2, dtype=dtype))).any()  # phi^2 may overflow
