"""Networks at points whose curvature can be worked out another way."""

from __future__ import annotations

import numpy as np
import pytest

import saddlescape as ss
from saddlescape import critical, curvature, data
from saddlescape.critical import EscapeOutcome, Kind
from saddlescape.lectures import two_weights

pytestmark = pytest.mark.filterwarnings("ignore::saddlescape.curvature.PiecewiseLinearWarning")


def toy(w1: float, w2: float) -> curvature.NetworkCurvature:
    net, X, y = two_weights()
    net.theta = np.array([w1, w2])
    return curvature.of(net, X, y)


class TestLectures:
    """The rows S0-10 to S0-14 and S1-13 to S1-19 of the lectures' claims."""

    @pytest.mark.parametrize("w1", [-1.5, 0.0, 0.3, 1.0])
    @pytest.mark.parametrize("w2", [-1.0, 0.0, 2.0])
    def test_formulas(self, w1: float, w2: float) -> None:
        H = toy(w1, w2)
        slack = 1 - w1 * w2
        assert H.loss() == pytest.approx(slack**2, abs=1e-15)  # S0-10
        assert np.allclose(H.gradient(), [-2 * slack * w2, -2 * slack * w1], atol=1e-14)  # S0-11
        off = -2 + 4 * w1 * w2
        assert np.allclose(H.dense(), [[2 * w2**2, off], [off, 2 * w1**2]], atol=1e-14)  # S0-12

    def test_the_origin_is_a_saddle(self) -> None:
        H = toy(0.0, 0.0)
        point = critical.classify(H)
        assert point.gradient_norm == 0.0  # S0-11
        assert np.array_equal(H.dense(), [[0.0, -2.0], [-2.0, 0.0]])  # S1-16
        assert np.allclose(point.spectrum, [-2.0, 2.0], atol=1e-14)  # S0-12
        assert point.kind is Kind.SADDLE  # S1-14
        direction = point.eigenvectors[:, 0]
        # S1-17 and S1-18: down along (1, 1), up along (1, -1)
        assert np.abs(direction @ [1, 1]) == pytest.approx(np.sqrt(2), rel=1e-14)
        assert np.abs(point.eigenvectors[:, 1] @ [1, -1]) == pytest.approx(np.sqrt(2), rel=1e-14)
        for sign in (1.0, -1.0):
            assert H.loss(H.theta + 0.1 * sign * direction) < 1.0  # S0-13
            assert H.loss(H.theta + 0.1 * sign * point.eigenvectors[:, 1]) > 1.0

    def test_the_escape_reaches_the_valley(self) -> None:
        net, X, y = two_weights()
        out = critical.escape(net, X, y)
        assert out.outcome is EscapeOutcome.ESCAPED
        assert out.loss_before == 1.0
        assert out.loss_after < 1e-12  # S0-14
        assert not net.theta.any()
        # L(t u) = (1 - t^2 / 2)^2 along the unit vector: zero at t = sqrt 2, that is u = (1, 1)
        assert out.step == pytest.approx(np.sqrt(2), rel=1e-6)
        assert out.curvature == pytest.approx(-2.0, rel=1e-14)
        net.theta = out.theta
        end = critical.classify(curvature.of(net, X, y))
        assert end.kind is Kind.DEGENERATE_MINIMUM  # S1-15
        assert np.allclose(end.spectrum, [0.0, 4.0], atol=1e-5)
        assert critical.escape(net, X, y).outcome is EscapeOutcome.NO_WAY_DOWN

    def test_too_long_a_step_raises_the_loss(self) -> None:  # S1-19
        H = toy(0.0, 0.0)
        u = np.array([1.0, 1.0])
        for t, lower in [(0.5, True), (1.0, True), (1.41, True), (1.42, False), (2.0, False)]:
            assert (H.loss(t * u) < 1.0) == lower
            assert H.loss(t * u) == pytest.approx((1 - t * t) ** 2, rel=1e-12, abs=1e-15)

    @pytest.mark.parametrize("t", [-3.0, -1.0, 0.5, 1.0, 2.0])
    def test_the_whole_valley_is_a_degenerate_minimum(self, t: float) -> None:  # S1-13, S1-15
        point = critical.classify(toy(t, 1 / t))
        assert point.kind is Kind.DEGENERATE_MINIMUM
        assert point.highest == pytest.approx(2 * (t**2 + t**-2), rel=1e-12)
        assert abs(point.lowest) <= point.inertia.tolerance
        assert point.probe.directions == 2  # the one flat direction, both ways

    def test_near_the_origin_it_is_the_same_saddle(self) -> None:
        # |g| = 2e-3 is above the threshold, but only 1e-6 of the loss is left to gain below it
        point = critical.classify(toy(1e-3, 0.0))
        assert point.kind is Kind.SADDLE
        assert point.gradient.norm > point.gradient.threshold
        assert point.gradient.gap == pytest.approx(1e-6, rel=1e-3)

    def test_nothing_else_is_critical(self) -> None:  # S1-13
        for w1, w2 in [(0.5, 0.5), (0.0, 1.0), (-1.0, 1.0), (0.3, 0.0), (3.0, 3.0)]:
            assert critical.classify(toy(w1, w2)).kind is Kind.NOT_CRITICAL


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    train = data.prepare(data.load("digits"), seed=0, keep_constant=True).train
    return np.ascontiguousarray(train.X), train.y


@pytest.fixture(scope="module")
def stuck(digits) -> tuple[ss.MLP, np.ndarray, np.ndarray, critical.CriticalPoint]:
    X, y = digits
    net = ss.MLP((64, 16, 10), init="zeros")  # float32, to be judged in float64
    ss.train(net, X, y, optimizer="sgd", lr=1.0, batch_size="full", epochs=400)
    return net, X, y, critical.classify(curvature.of(net, X, y))


class TestDigitsAtZero:
    def test_counts_are_those_of_a_singular_value_decomposition(self, stuck) -> None:
        net, X, y, point = stuck
        assert point.kind is Kind.SADDLE
        # Only the output biases have moved. With the outputs p and delta = p - y, H has 10 x 64
        # blocks delta^T X / N between W2 and W1 (tanh' = 1 at zero), once for each hidden unit.
        bias = net.theta[-10:].astype(np.float64)
        p = np.exp(bias) / np.exp(bias).sum()
        delta = p - np.eye(10)[y]
        values = np.linalg.svd(delta.T @ X / len(X), compute_uv=False)
        rank = int((values > 1e-6 * values[0]).sum())
        assert rank == 9
        counts = point.inertia
        assert (counts.positive, counts.negative) == (9 + 16 * rank, 16 * rank) == (153, 144)
        assert counts.n == net.parameters == 1210
        # the biases' softmax block has 9 positive eigenvalues, and one zero along (1, ..., 1)
        block = np.linalg.eigvalsh(np.diag(p) - np.outer(p, p))
        expected = np.sort(
            np.r_[
                np.repeat(values[:rank], 16),
                -np.repeat(values[:rank], 16),
                block[1:],
                np.zeros(1210 - 297),
            ]
        )
        # hidden biases and W2 against b1: delta sums to the gradient, which is only nearly zero
        assert np.allclose(point.spectrum, expected, atol=2 * point.inertia.tolerance)
        assert point.lowest == pytest.approx(-values[0], rel=1e-6)

    def test_the_way_out_leads_down(self, stuck) -> None:
        net, X, y, point = stuck
        before = net.theta.copy()
        out = critical.escape(net, X, y, point=point)
        assert out.outcome is EscapeOutcome.ESCAPED
        assert out.loss_before - out.loss_after == out.measured_drop > 0.1
        assert np.array_equal(net.theta, before)
        assert out.model_reach is not None
        assert out.model_reach[2] == pytest.approx(out.model_reach[1], rel=0.1)
        assert np.linalg.norm(out.direction) == pytest.approx(1.0, rel=1e-12)

    def test_lanczos_sees_the_same_saddle(self, stuck) -> None:
        net, X, y, full = stuck
        point = critical.classify(curvature.of(net, X, y), method="lanczos")
        assert point.kind is Kind.SADDLE
        dense = full.spectrum
        # sixteen-fold eigenvalues: the three lowest are copies
        assert np.allclose(point.eigenvalues, np.r_[dense[:3], dense[-3:]], atol=1e-6)
        assert point.products < 1210


@pytest.mark.parametrize("activation", ["tanh", "linear", "gelu", "silu", "elu"])
@pytest.mark.parametrize("hidden", [(5, 4), (3, 3, 3)])
def test_two_hidden_layers_at_zero_hide_the_saddle(activation, hidden, digits) -> None:
    """Every weight block of the Hessian vanishes: second order can't tell, the probe can."""
    X, y = digits[0][:100], digits[1][:100]
    net = ss.MLP((64, *hidden, 10), activation, init="zeros", dtype="float64")
    ss.train(net, X, y, optimizer="sgd", lr=1.0, batch_size="full", epochs=600)
    H = curvature.of(net, X, y)
    rest = H.dense().copy()
    rest[-10:, -10:] = 0.0  # the output biases
    # between the last weights and biases, the hidden activations are zero; delta sums to ~0
    assert np.abs(rest).max() < 1e-12
    point = critical.classify(H)
    assert point.kind.value.startswith("degenerate")
    assert (point.inertia.positive, point.inertia.negative) == (9, 0)
    if activation != "elu" or len(hidden) == 2:
        assert point.kind is Kind.DEGENERATE_SADDLE
        assert critical.escape(net, X, y).outcome is EscapeOutcome.ESCAPED


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_random_networks_are_not_at_a_critical_point(seed, activation, digits) -> None:
    X, y = digits[0][:100], digits[1][:100]
    net = ss.MLP((64, 4, 10), activation, init="he", seed=seed)
    point = critical.classify(curvature.of(net, X, y))
    assert point.kind is Kind.NOT_CRITICAL
    kinked = any("piecewise linear" in text for text in point.not_checked)
    assert kinked == (activation == "relu")
    assert critical.escape(net, X, y).outcome is EscapeOutcome.NOT_NEEDED


def fitted(sizes: tuple[int, int, int], X: np.ndarray, Y: np.ndarray, seed: int) -> np.ndarray:
    """Levenberg-Marquardt on a one-hidden-layer tanh network, its Jacobian written out."""
    d, h, c = sizes
    rng = np.random.default_rng(seed)
    theta = np.concatenate([rng.standard_normal(h * d + h), 0.5 * rng.standard_normal(c * h + c)])

    def residual(t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        W, b = t[: h * d].reshape(h, d), t[h * d : h * d + h]
        V, e = t[h * d + h : h * d + h + c * h].reshape(c, h), t[-c:]
        A = np.tanh(X @ W.T + b)
        slope = 1 - A * A
        N = len(X)
        J = np.zeros((N, c, len(t)))
        for k in range(c):
            back = slope * V[k]
            J[:, k, : h * d] = (back[:, :, None] * X[:, None, :]).reshape(N, -1)
            J[:, k, h * d : h * d + h] = back
            start = h * d + h + k * h
            J[:, k, start : start + h] = A
            J[:, k, h * d + h + c * h + k] = 1
        return (A @ V.T + e - Y).ravel(), J.reshape(N * c, -1)

    damping = 1e-2
    r, J = residual(theta)
    for _ in range(200):
        step = J.T @ np.linalg.solve(J @ J.T + damping * np.eye(len(r)), r)
        new, JN = residual(theta - step)
        if new @ new < r @ r:
            theta, r, J, damping = theta - step, new, JN, damping / 5
        else:
            damping *= 4
        if r @ r < 1e-26:
            break
    return theta


@pytest.mark.parametrize("seed", range(6))
def test_an_interpolating_minimum_has_as_many_stiff_directions_as_equations(seed: int) -> None:
    rng = np.random.default_rng(seed)
    X, Y = rng.standard_normal((8, 3)), rng.standard_normal((8, 2))
    net = ss.MLP((3, 12, 2), "tanh", "mse", dtype="float64")
    net.theta = fitted((3, 12, 2), X, Y, seed)
    assert net.loss(X, Y) < 1e-24
    assert net.parameters == 74
    point = critical.classify(curvature.of(net, X, Y))
    assert point.kind is Kind.DEGENERATE_MINIMUM
    assert (point.inertia.positive, point.inertia.negative) == (16, 0)
    assert critical.escape(net, X, Y).outcome is EscapeOutcome.NO_WAY_DOWN
    # and a little off it, where the loss is about 1e-12
    net.theta = net.theta + 1e-7 * rng.standard_normal(74)
    assert 1e-15 < net.loss(X, Y) < 1e-11
    near = critical.classify(curvature.of(net, X, Y))
    assert near.kind is Kind.DEGENERATE_MINIMUM
    assert near.inertia.negative == 0


def test_softmax_regression_at_its_minimum(digits) -> None:
    """Shifting all logits together changes nothing: a flat direction for each input, and one."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((60, 3)), rng.integers(0, 4, 60)  # not separable: a finite minimum
    net = ss.MLP((3, 4), init="zeros", dtype="float64")
    H = curvature.of(net, X, y)
    theta = H.theta
    for _ in range(20):  # Newton's method
        net.theta = theta
        H = curvature.of(net, X, y)
        theta = H.theta - np.linalg.pinv(H.dense(), rcond=1e-10) @ H.gradient()
    point = critical.classify(H)
    assert point.gradient_norm < 1e-14
    assert point.kind is Kind.DEGENERATE_MINIMUM
    assert (point.inertia.positive, point.inertia.negative) == (12, 0)
    assert point.inertia.undetermined == 4
    # gradient descent that is stopped a little earlier is judged the same way
    net.theta = net.theta + 1e-8 * rng.standard_normal(16)
    assert critical.classify(curvature.of(net, X, y)).kind is Kind.DEGENERATE_MINIMUM


def test_float32_and_float64_are_judged_alike(digits) -> None:
    X, y = digits[0][:100], digits[1][:100]
    single = ss.MLP((64, 3, 10), "tanh", dtype="float32", seed=1)
    double = ss.MLP((64, 3, 10), "tanh", dtype="float64", seed=1)
    double.theta = single.theta.astype(np.float64)
    first = critical.classify(curvature.of(single, X, y))
    second = critical.classify(curvature.of(double, X, y))
    assert np.array_equal(first.spectrum, second.spectrum)
    assert first.inertia == second.inertia


def test_the_way_out_of_zero_weights_moves_every_unit_and_is_no_solvers_choice() -> None:
    """The lowest eigenvalue is 16-fold: any basis of its space is right, one of three units not."""
    split = data.prepare(data.load("digits"), keep_constant=True)
    net = ss.MLP((64, 16, 10), init="zeros", dtype="float64")
    ss.train(
        net, split.train.X, split.train.y, optimizer="sgd", lr=1.0, batch_size="full", epochs=400
    )
    H = curvature.of(net, split.train.X, split.train.y)
    point = critical.classify(H)
    u = point.eigenvectors[:, 0]
    values, V = np.linalg.eigh(H.dense())
    space = V[:, np.abs(values - values[0]) < 1e-9]
    assert space.shape[1] == 16
    generic = space @ (space.T @ np.random.default_rng(0).standard_normal(len(u)))
    generic /= np.linalg.norm(generic)
    assert abs(abs(u @ generic) - 1) < 1e-12
    W_in = u[: 16 * 64].reshape(16, 64)
    assert (np.linalg.norm(W_in, axis=1) > 1e-3).all()
    assert np.abs(point.eigenvectors.T @ point.eigenvectors - np.eye(6)).max() < 1e-12
    net.theta = critical.escape(H, point=point).theta
    assert len(np.unique(net.layers()[0][0], axis=0)) == 16
