"""Saddle-free Newton: the paper's step, saddles left in a few of them, and what is refused."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

import saddlescape as ss
from oracle import points
from saddlescape import curvature, optim
from test_curvature import network


def quadratic(values, theta, seed=0):
    """``theta^T A theta / 2`` with A's eigenvalues given, as an operator, and A."""
    Q = points.orthogonal(len(values), seed)
    A = Q @ np.diag(values) @ Q.T
    A = (A + A.T) / 2
    return curvature.from_functions(
        lambda t: float(t @ A @ t / 2), lambda t: A @ t, lambda _: A, theta
    ), A


@pytest.mark.parametrize("damping", [1e-3, 0.1, 10.0])
@pytest.mark.parametrize("lr", [1.0, 0.3])
@pytest.mark.parametrize("n", [1, 2, 7, 30])
def test_the_whole_space_gives_the_exact_step(n, lr, damping):
    """With as many vectors as parameters: theta - lr (|A| + damping)^-1 g, by eigenvectors."""
    values = np.linspace(-2, 3, n) if n > 1 else np.array([-2.0])
    theta = np.random.default_rng(n).normal(size=n)
    H, A = quadratic(values, theta)
    w, Q = np.linalg.eigh(A)
    expected = theta - lr * Q @ ((Q.T @ (A @ theta)) / (np.abs(w) + damping))
    done = optim.SaddleFreeNewton(theta, lr, vectors=n + 5, damping=damping).step(H)
    # (|A| + damping)^-1 magnifies rounding by its condition, 3e3 here
    assert np.allclose(theta, expected, rtol=0, atol=1e-11)
    assert done.damping == damping
    assert done.products <= n
    assert done.negative == (values < 0).sum()
    assert done.length == pytest.approx(np.linalg.norm(expected - H.theta))
    assert done.loss_after == pytest.approx(H.loss(theta))


@pytest.mark.parametrize("m", [1, 3, 6])
def test_fewer_vectors_give_the_step_of_the_krylov_space(m):
    theta = np.random.default_rng(0).normal(size=20)
    H, A = quadratic(np.linspace(-2, 3, 20), theta)
    g = A @ theta
    K, _ = np.linalg.qr(np.stack([np.linalg.matrix_power(A, j) @ g for j in range(m)], axis=1))
    w, S = np.linalg.eigh(K.T @ A @ K)
    expected = theta - K @ (S @ ((S.T @ (K.T @ g)) / (np.abs(w) + 0.1)))
    optim.SaddleFreeNewton(theta, vectors=m, damping=0.1).step(H)
    assert np.allclose(theta, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("distance", [1e-2, 1e-4, 1e-6])
@pytest.mark.parametrize("hidden", [1, 3])
def test_it_leaves_the_saddle_of_a_linear_network_in_three_steps(distance, hidden):
    """Two layers at the origin: from where descent moves by the distance alone, half way down."""
    rng = np.random.default_rng(0)
    net = ss.MLP((3, hidden, 2), "linear", "mse", bias=False, dtype="float64")
    net.theta[:] = distance * rng.normal(size=net.parameters)
    X = rng.normal(size=(50, 3))
    Y = X @ np.outer(rng.normal(size=3), rng.normal(size=2))  # of rank one: hidden = 1 is enough
    start, slow = net.loss(X, Y), net.copy()
    opt = optim.SaddleFreeNewton(net.theta)
    descent = optim.SGD(slow.theta, lr=0.05)
    for _ in range(3):
        done = opt.step(curvature.of(net, X, Y))
        descent.step(slow.gradient(X, Y))
        assert done.loss_after <= done.loss_before
    assert net.loss(X, Y) < 0.6 * start
    assert slow.loss(X, Y) > 0.99 * start
    for _ in range(12):
        opt.step(curvature.of(net, X, Y))
    assert net.loss(X, Y) < 1e-3 * start
    assert opt.steps == 15


def test_it_converges_as_newton_does():
    net, X, Y = network((3, 4, 2), "tanh", "mse")
    opt = optim.SaddleFreeNewton(net.theta, vectors=40)
    losses = [opt.step(curvature.of(net, X, Y)).loss_before for _ in range(40)]
    assert all(b <= a for a, b in pairwise(losses))
    H = curvature.of(net, X, Y)
    assert np.linalg.norm(H.gradient()) < 1e-3
    assert losses[-1] < 0.5 * losses[0]


def test_float32_parameters_of_several_arrays():
    a, b = np.array([[1.0, 2.0]], np.float32), np.array([3.0])
    A = np.diag([2.0, -1.0, 4.0])
    H = curvature.from_functions(
        lambda t: float(t @ A @ t / 2), lambda t: A @ t, lambda _: A, np.array([1.0, 2.0, 3.0])
    )
    optim.SaddleFreeNewton([a, b], damping=1.0).step(H)
    expected = np.array([1 - 2 / 3, 2 + 2 / 2, 3 - 12 / 5])
    assert np.allclose(np.r_[a.ravel(), b], expected, rtol=1e-6)
    assert (a.dtype, b.dtype) == (np.float32, np.float64)


def test_where_the_gradient_is_zero_nothing_moves():
    theta = np.zeros(2)
    H, _ = quadratic(np.array([-1.0, 1.0]), theta)
    done = optim.SaddleFreeNewton(theta).step(H)
    assert done.damping is None
    assert (done.length, done.products) == (0.0, 0)
    assert not theta.any()


@pytest.mark.parametrize("size", [1e-310, 1e-200, 1e-170, 1e-160, 1e150])
def test_gradients_whose_squares_leave_float64(size):
    """A quadratic's step is as long as the way to its saddle, however long that is."""
    theta = np.array([1.0, 2.0]) * size
    start, A = theta.copy(), np.diag([2.0, -1.0])
    H = curvature.from_functions(lambda _: 0.0, lambda t: A @ t, lambda _: A, start)
    done = optim.SaddleFreeNewton(theta, damping=1e-12).step(H)
    # p_i = -g_i / |a_i|: to the saddle along the first axis, as far again away along the second
    assert np.allclose(theta / size, [0.0, 4.0], rtol=0, atol=1e-9)
    assert done.length / size == pytest.approx(np.sqrt(5), rel=1e-9)
    assert (done.damping, done.negative) == (1e-12, 1)


def test_where_no_step_goes_down_nothing_moves():
    """A gradient that points uphill."""
    theta = np.ones(2)
    H = curvature.from_functions(lambda t: float(-t @ t), lambda t: t, lambda _: np.eye(2), theta)
    done = optim.SaddleFreeNewton(theta).step(H)
    assert done.damping is None
    assert (theta == 1).all()


@pytest.mark.parametrize("damping", [1e-39, None])
def test_a_step_out_of_the_parameters_type_changes_nothing(damping):
    """Asked for, it is refused; searched for, it is no step that lowers the loss."""
    theta = np.array([3e38, 1.0], np.float32)
    before = theta.tobytes()
    H = curvature.from_functions(
        lambda t: float(-1e38 * np.tanh(t[0] / 1e38)),
        lambda _: np.array([-1.0, 0.0]),
        lambda _: 1e-39 * np.eye(2),
        theta.astype(np.float64),
    )
    opt = optim.SaddleFreeNewton(theta, damping=damping)
    if damping is None:
        assert opt.step(H).damping is None
    else:
        with pytest.raises(ValueError, match="its step overflows the parameters' type"):
            opt.step(H)
        assert opt.steps == 0
    assert theta.tobytes() == before


def test_a_flat_loss_is_followed_without_dividing_by_zero():
    theta = np.zeros(2)
    H = curvature.from_functions(
        lambda t: float(t[0]), lambda _: np.array([1.0, 0.0]), lambda _: np.zeros((2, 2)), theta
    )
    done = optim.SaddleFreeNewton(theta).step(H)
    assert done.loss_after < 0
    assert np.isfinite(theta).all()


def test_continues_from_its_state():
    theta = np.ones(2)
    opt = optim.SaddleFreeNewton(theta, 0.5, vectors=2, damping=0.25)
    opt.step(quadratic(np.array([-1.0, 1.0]), theta)[0])
    other = optim.SaddleFreeNewton(theta)
    other.load_state_dict(opt.state_dict())
    assert other.state_dict() == opt.state_dict()
    assert repr(other) == "SaddleFreeNewton(lr=0.5, vectors=2, damping=0.25)"
    for wrong in ({}, {**opt.state_dict(), "rule": "adam"}, {**opt.state_dict(), "step": -1}):
        with pytest.raises(ValueError, match=r"state_dict|rule|step"):
            other.load_state_dict(wrong)
    assert other.state_dict() == opt.state_dict()


T = np.ones(2)
BOWL = curvature.from_functions(lambda t: float(t @ t), lambda t: 2 * t, lambda _: 2 * np.eye(2), T)
NO_SLOPE = curvature.from_matrix(np.eye(2))
NO_LOSS = curvature.from_gradient(lambda t: 2 * t, T)
MISUSE = [
    (lambda: optim.SaddleFreeNewton([]), ValueError, "params: empty, expected at least one array"),
    (lambda: optim.SaddleFreeNewton(3), TypeError, "params: int, expected a NumPy array of float"),
    (lambda: optim.SaddleFreeNewton([T, 3]), TypeError, "params[1]: int, expected a NumPy array"),
    (lambda: optim.SaddleFreeNewton(np.ones(2, int)), TypeError, "params: int64, expected a NumPy"),
    (lambda: optim.SaddleFreeNewton(np.ones(4)[::2]), ValueError, "params: "),
    (lambda: optim.SaddleFreeNewton(T, -1.0), ValueError, "lr: -1.0, expected a finite number >="),
    (lambda: optim.SaddleFreeNewton(T, vectors=0), ValueError, "vectors: 0, expected an integer"),
    (lambda: optim.SaddleFreeNewton(T, damping=0), ValueError, "damping: 0, expected a finite num"),
    (lambda: optim.SaddleFreeNewton(T).step(np.eye(2)), TypeError, "curvature: ndarray, exp"),
    (lambda: optim.SaddleFreeNewton(2 * T).step(BOWL), ValueError, "curvature: taken at"),
    (lambda: optim.SaddleFreeNewton(np.ones(3)).step(BOWL), ValueError, "curvature: taken at"),
    (lambda: optim.SaddleFreeNewton(T).step(NO_LOSS), ValueError, "curvature: loss nan, exp"),
    (lambda: optim.SaddleFreeNewton(0 * T).step(NO_SLOPE), ValueError, "curvature: MatrixCurvature "
     "without a gradient, expected one to follow: pass curvature.of(net, X, y), or "),
    (lambda: optim.SaddleFreeNewton(0 * T, damping=1).step(NO_SLOPE), ValueError, "curvature: Mat"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "text"), MISUSE)
def test_misuse_is_refused(call, error, text):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value).startswith(text)
    assert (T == 1).all()
