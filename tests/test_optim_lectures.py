"""The lectures' update equations, followed literally, against ours.

Row numbers are those of the acceptance table (S0: the slides, S2: the student's notes, S3: the
SYSU lecture, S4: the Toronto lecture). Where the lectures disagree (X1 to X6) our convention is
PyTorch's, and each test says what it takes to get from one to the other.
"""

from __future__ import annotations

import numpy as np
import pytest

from saddlescape import optim

A = np.array([[3.0, 0.5, 0.0], [0.5, 1.0, -0.3], [0.0, -0.3, 0.2]])
START = np.array([1.0, -2.0, 0.5])
STEPS = 50
# Both sides are float64; each step rounds a few numbers of size 1 differently.
CLOSE = {"rtol": 0, "atol": 1e-13}


def gradient(theta):
    """Of J = theta' A theta / 2."""
    return A @ theta


def follow(opt):
    """Step down J, and return where it was after each step."""
    path = [opt.params.copy()]
    for _ in range(STEPS):
        opt.step(gradient(opt.params))
        path.append(opt.params.copy())
    return np.stack(path)


def test_s0_45_and_s4_25_momentum_moves_by_m():
    # X6: m = lambda m - eta g, theta = theta + m. The lectures hold eta inside m; PyTorch outside:
    # the same path as long as eta stays.
    eta, lam = 0.05, 0.9
    theta, m, path = START, np.zeros(3), [START]
    for _ in range(STEPS):
        m = lam * m - eta * gradient(theta)
        theta = theta + m
        path.append(theta)
    ours = follow(optim.SGD(START.copy(), lr=eta, momentum=lam))
    np.testing.assert_allclose(ours, path, **CLOSE)


def test_s0_46_m_is_the_weighted_sum_of_all_gradients():
    eta, lam = 0.1, 0.7
    theta, grads = START.copy(), np.random.default_rng(0).normal(size=(4, 3))
    opt = optim.SGD(theta, lr=eta, momentum=lam)
    for t, g in enumerate(grads):
        before = theta.copy()
        opt.step(g)
        m = -eta * sum(lam ** (t - s) * grads[s] for s in range(t + 1))
        np.testing.assert_allclose(theta - before, m, **CLOSE)


def test_s3_28_momentum_moves_by_minus_v():
    # X6: v = gamma v + eta g, theta = theta - v: S0-45 with the sign of v turned.
    eta, gamma = 0.05, 0.9
    theta, v, path = START, np.zeros(3), [START]
    for _ in range(STEPS):
        v = gamma * v + eta * gradient(theta)
        theta = theta - v
        path.append(theta)
    ours = follow(optim.SGD(START.copy(), lr=eta, momentum=gamma))
    np.testing.assert_allclose(ours, path, **CLOSE)


def test_x6_the_forms_part_when_eta_changes():
    theta, g = np.zeros(1), np.ones(1)
    opt = optim.SGD(theta, lr=1.0, momentum=0.5)
    opt.step(g)  # theta = -1, buffer 1
    opt.lr = 0.1
    opt.step(g)  # ours: -1 - 0.1 (0.5 + 1); the lectures': -1 - (0.5 1 + 0.1)
    assert theta[0] == pytest.approx(-1.15, abs=1e-15)


def test_s3_31_nesterov_is_ours_seen_from_the_look_ahead_point():
    # The lecture keeps theta and takes the gradient at theta - gamma v. PyTorch, and we, keep the
    # look-ahead point itself, where the caller computes the gradient.
    eta, gamma = 0.05, 0.9
    theta, v, look_ahead = START, np.zeros(3), [START]
    for _ in range(STEPS):
        v = gamma * v + eta * gradient(theta - gamma * v)
        theta = theta - v
        look_ahead.append(theta - gamma * v)
    ours = follow(optim.SGD(START.copy(), lr=eta, momentum=gamma, nesterov=True))
    np.testing.assert_allclose(ours, look_ahead, **CLOSE)


def test_s3_32_adagrad_divides_by_the_root_of_the_sum():
    # X1, X4: epsilon inside the root in the lecture, outside in ours: equal at epsilon = 0, and
    # no other constant makes them equal.
    eta = 0.3
    theta, total, path = START, np.zeros(3), [START]
    for _ in range(STEPS):
        g = gradient(theta)
        total = total + g**2
        theta = theta - eta / np.sqrt(total) * g
        path.append(theta)
    ours = follow(optim.Adagrad(START.copy(), lr=eta, eps=0))
    np.testing.assert_allclose(ours, path, **CLOSE)


def test_s2_31_adagrad_by_the_root_mean_square_is_a_schedule():
    # X4: the notes divide by sqrt(mean g^2) = sqrt(sum g^2 / (t + 1)): a factor sqrt(t + 1) on eta.
    eta = 0.05
    theta, squares, path = START, [], [START]
    for _ in range(STEPS):
        g = gradient(theta)
        squares.append(g**2)
        theta = theta - eta / np.sqrt(np.mean(squares, axis=0)) * g
        path.append(theta)
    ours = follow(optim.Adagrad(START.copy(), lr=lambda t: eta * (t + 1) ** 0.5, eps=0))
    np.testing.assert_allclose(ours, path, **CLOSE)


def test_s3_34_adadelta_in_five_steps():
    gamma, eps = 0.9, 1e-6
    theta, mean_g2, mean_d2, path = START, np.zeros(3), np.zeros(3), [START]
    for _ in range(STEPS):
        g = gradient(theta)
        mean_g2 = gamma * mean_g2 + (1 - gamma) * g**2
        delta = -np.sqrt(mean_d2 + eps) / np.sqrt(mean_g2 + eps) * g
        mean_d2 = gamma * mean_d2 + (1 - gamma) * delta**2
        theta = theta + delta
        path.append(theta)
    np.testing.assert_allclose(follow(optim.Adadelta(START.copy())), path, **CLOSE)


def test_s4_28_rmsprop_with_the_weights_named_the_other_way():
    # X3: Toronto's gamma weights the new gradient, alpha = 1 - gamma. X2: its epsilon stands
    # inside the root, ours outside, or inside as in Keras: equal at 0. X5: the start is zero.
    step, gamma = 0.01, 0.1
    theta, s, path = START, np.zeros(3), [START]
    for _ in range(STEPS):
        g = gradient(theta)
        s = (1 - gamma) * s + gamma * g**2
        theta = theta - step / np.sqrt(s) * g
        path.append(theta)
    for arguments in ({}, {"convention": "keras"}):
        ours = follow(optim.RMSprop(START.copy(), lr=step, alpha=1 - gamma, eps=0, **arguments))
        np.testing.assert_allclose(ours, path, **CLOSE)


def test_s3_36_adam_with_epsilon_outside():
    # X1: the lecture's text has eta / (sqrt(v) + eps), its table eta / sqrt(v + eps). The text is
    # the paper's algorithm 1, PyTorch's and ours.
    eta, beta1, beta2, eps = 0.05, 0.9, 0.999, 1e-3
    theta, m, v, path = START, np.zeros(3), np.zeros(3), [START]
    for t in range(1, STEPS + 1):
        g = gradient(theta)
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
        theta = theta - eta / (np.sqrt(v_hat) + eps) * m_hat
        path.append(theta)
    np.testing.assert_allclose(follow(optim.Adam(START.copy(), lr=eta, eps=eps)), path, **CLOSE)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-6), (np.float64, 1e-14)])
def test_s3_36_the_first_step_of_adam_has_the_size_of_eta(dtype, tolerance):
    # |m_hat| / sqrt(v_hat) = |g| / |g| = 1 whatever the gradient: only epsilon and rounding differ.
    eta = 0.01
    g = np.array([1e-3, -5.0, 1e4, -1e10], dtype)
    theta = np.zeros(4, dtype)
    optim.Adam(theta, lr=eta, eps=0).step(g)
    np.testing.assert_allclose(theta, -eta * np.sign(g), rtol=tolerance)


ETA, GAMMA, EPS = 0.05, 0.9, 1e-3


def table_sgd(g, memory, t):
    return -ETA * g


def table_momentum(g, memory, t):
    before = memory.get("v", 0.0)
    memory["v"] = GAMMA * before + ETA * g
    return -GAMMA * before - ETA * g


def table_adagrad(g, memory, t):
    memory["G"] = memory.get("G", 0.0) + g**2
    return -ETA / np.sqrt(memory["G"] + EPS) * g


def table_adadelta(g, memory, t):
    memory["g2"] = GAMMA * memory.get("g2", 0.0) + (1 - GAMMA) * g**2
    before = memory.get("d2", 0.0)
    delta = -np.sqrt(before + EPS) / np.sqrt(memory["g2"] + EPS) * g
    memory["d2"] = GAMMA * before + (1 - GAMMA) * delta**2
    return delta


def table_rmsprop(g, memory, t):
    memory["g2"] = GAMMA * memory.get("g2", 0.0) + (1 - GAMMA) * g**2
    return -ETA / np.sqrt(memory["g2"] + EPS) * g


def table_adam(g, memory, t):
    memory["m"] = 0.9 * memory.get("m", 0.0) + 0.1 * g
    memory["v"] = 0.999 * memory.get("v", 0.0) + 0.001 * g**2
    return -ETA / np.sqrt(memory["v"] / (1 - 0.999**t) + EPS) * memory["m"] / (1 - 0.9**t)


# NAG, the seventh, is Momentum's line with the gradient at theta - gamma v.
TABLE = [
    (table_sgd, "SGD", {"lr": ETA}),
    (table_momentum, "SGD", {"lr": ETA, "momentum": GAMMA}),
    (table_momentum, "SGD", {"lr": ETA, "momentum": GAMMA, "nesterov": True}),
    (table_adagrad, "Adagrad", {"lr": ETA, "eps": EPS, "convention": "keras"}),
    (table_adadelta, "Adadelta", {"rho": GAMMA, "eps": EPS}),
    (table_rmsprop, "RMSprop", {"lr": ETA, "alpha": GAMMA, "eps": EPS, "convention": "keras"}),
    (table_adam, "Adam", {"lr": ETA, "eps": EPS, "convention": "lecture"}),
]


@pytest.mark.parametrize(("equation", "name", "arguments"), TABLE)
def test_s3_38_the_table_of_update_equations(equation, name, arguments):
    # S3-35 is its RMSprop. X1, X2: every epsilon of the table stands inside the root. X10: it says
    # theta_t = theta_t + Delta theta_t, and means theta_{t+1} on the left.
    ahead = GAMMA if arguments.get("nesterov") else 0.0
    theta, memory, path = START, {}, [START]
    for t in range(1, STEPS + 1):
        g = gradient(theta - ahead * memory.get("v", 0.0))
        theta = theta + equation(g, memory, t)
        path.append(theta - ahead * memory.get("v", 0.0))  # ours is the point looked ahead to
    ours = follow(getattr(optim, name)(START.copy(), **arguments))
    np.testing.assert_allclose(ours, path, **CLOSE)
