"""The student's notes on adaptive rates: rows S2-32 to S2-37 of the acceptance table, in numbers.

S2-31 stands in test_optim_lectures.py, the schedules (from S2-38 on) in test_schedule_lectures.py.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from saddlescape import optim


def test_s2_32_rmsprop_starts_at_the_first_gradient():
    # sigma_0 = sqrt(g_0^2), sigma_t = sqrt(alpha sigma_{t-1}^2 + (1 - alpha) g_t^2); X2: without
    # epsilon, X5: not from zero. So the first step has the size eta, as Adam's has.
    eta, alpha = 0.05, 0.9
    grads = np.random.default_rng(0).normal(size=(50, 7))
    theta = ours = np.ones(7)
    sigma = np.sqrt(grads[0] ** 2)
    opt = optim.RMSprop(ours.copy(), lr=eta, alpha=alpha, eps=0, convention="lecture")
    for t, g in enumerate(grads):
        if t > 0:
            sigma = np.sqrt(alpha * sigma**2 + (1 - alpha) * g**2)
        theta = theta - eta / sigma * g
        opt.step(g)
        # both float64, a few roundings of numbers of size 1 in each of 50 steps
        np.testing.assert_allclose(opt.params, theta, rtol=0, atol=1e-13)
        if t == 0:
            np.testing.assert_allclose(np.abs(theta - 1), eta, rtol=1e-14)


@pytest.mark.parametrize(("alpha", "half_time"), [(0.6, 2), (0.9, 7), (0.99, 69), (0.999, 693)])
def test_s2_33_a_larger_alpha_values_the_history(alpha, half_time):
    # After the gradient has jumped from 1 to 100, sigma^2 = 100^2 - (100^2 - 1) alpha^t: half-way
    # there at t = ln 2 / -ln alpha.
    theta, lr = np.zeros(1), 1.0
    opt = optim.RMSprop(theta, lr=lr, alpha=alpha, eps=0, convention="lecture")
    for _ in range(10):
        opt.step(np.ones(1))
    sigma2 = []
    for _ in range(2 * half_time + 1):
        before = theta[0]
        opt.step(np.full(1, 100.0))
        sigma2.append((lr * 100.0 / (theta[0] - before)) ** 2)
    t = np.arange(1, len(sigma2) + 1)
    # the step is told from two positions of size 1e3 at most: 1e-13 of 1
    np.testing.assert_allclose(sigma2, 1e4 - (1e4 - 1) * alpha**t, rtol=1e-11)
    assert 1 + int(np.argmax(np.array(sigma2) > (1e4 + 1) / 2)) == half_time


def test_s2_34_and_s4_30_adam_is_rmsprop_with_momentum():
    # m is momentum's average (dampening beta1), v RMSprop's, and the step is made of the two: the
    # rest of Adam is the correction of both for their start at zero. Both averages agree with the
    # other rules' own to the last bit or two.
    eta, beta1, beta2 = 0.01, 0.9, 0.99
    grads = np.random.default_rng(1).normal(size=(100, 5))
    adam = optim.Adam(np.zeros(5), lr=eta, betas=(beta1, beta2), eps=0)
    # SGD's first buffer is the gradient itself (as PyTorch's); that of a zero is zero.
    momentum = optim.SGD(np.zeros(5), momentum=beta1, dampening=beta1)
    momentum.step(np.zeros(5))
    rmsprop = optim.RMSprop(np.zeros(5), alpha=beta2)
    for t, g in enumerate(grads, start=1):
        before = adam.params.copy()
        for opt in (adam, momentum, rmsprop):
            opt.step(g)
        m, v = (adam.state_dict()["state"][name][0] for name in ("exp_avg", "exp_avg_sq"))
        b = momentum.state_dict()["state"]["momentum_buffer"][0]
        s = rmsprop.state_dict()["state"]["square_avg"][0]
        np.testing.assert_allclose(m, b, rtol=0, atol=1e-15)
        np.testing.assert_allclose(v, s, rtol=1e-15, atol=0)
        step = -eta * math.sqrt(1 - beta2**t) / (1 - beta1**t) * b / np.sqrt(s)
        np.testing.assert_allclose(adam.params - before, step, rtol=0, atol=1e-15)


def test_s2_34_adam_without_momentum_is_rmsprop():
    # beta1 = 0 leaves m = g: RMSprop whose rate makes up for its start at zero.
    eta, beta2 = 0.01, 0.99
    grads = np.random.default_rng(2).normal(size=(100, 5))
    adam = optim.Adam(np.zeros(5), lr=eta, betas=(0.0, beta2), eps=0)
    rmsprop = optim.RMSprop(
        np.zeros(5), lr=lambda t: eta * math.sqrt(1 - beta2 ** (t + 1)), alpha=beta2, eps=0
    )
    for g in grads:
        adam.step(g)
        rmsprop.step(g)
        np.testing.assert_allclose(adam.params, rmsprop.params, rtol=0, atol=1e-14)


def toy(w):
    """The lectures' smallest network, L = (1 - w1 w2)^2: its gradient and its Hessian."""
    r = 1 - w[0] * w[1]
    off = 4 * w[0] * w[1] - 2
    return -2 * r * w[::-1], np.array([[2 * w[1] ** 2, off], [off, 2 * w[0] ** 2]])


@pytest.mark.parametrize("seed", range(10))
def test_s2_35_gradient_descent_hardly_reaches_a_critical_point(seed):
    # The valley w1 w2 = 1 has the curvature 2 (w1^2 + w2^2) >= 4 across: at the rate 0.6 > 2 / 4
    # descent jumps from slope to slope for ever (S2-29, S2-30), and the saddle throws it out. To
    # reach a critical point, minimise |g|^2 / 2, whose gradient is H g, instead.
    start = np.random.default_rng(seed).uniform(-1, 1, size=2)
    w, norms, losses = start.copy(), [], []
    opt = optim.SGD(w, lr=0.6)
    for _ in range(2000):
        g, _ = toy(w)
        opt.step(g)
        norms.append(np.linalg.norm(toy(w)[0]))
        losses.append((1 - w[0] * w[1]) ** 2)
    assert np.median(norms[1000:]) > 0.5
    assert np.mean(losses[1500:]) > 0.9 * np.mean(losses[1000:1500]) > 0.05  # stuck
    w = start.copy()
    opt = optim.SGD(w, lr=0.02)
    for _ in range(2000):
        g, H = toy(w)
        opt.step(H @ g)
    assert np.linalg.norm(toy(w)[0]) < 1e-10


FLAT, STEEP = 0.01, 100.0  # curvatures of J = sum(curvature theta^2) / 2
CURVATURE = np.array([FLAT, STEEP])


def descend(opt, steps):
    for _ in range(steps):
        opt.step(CURVATURE * opt.params)
    return np.abs(opt.params)


def test_s2_36_one_rate_does_not_fit_all():
    # One rate: above 2 / 100 the steep coordinate diverges, below it the flat one hardly moves:
    # (1 - 0.02 * 0.01)^1000 = 0.82 is left of it after 1000 steps.
    assert descend(optim.SGD(np.ones(2), lr=2.02 / STEEP), 1000)[1] > 1e8
    flat, steep = descend(optim.SGD(np.ones(2), lr=1.98 / STEEP), 1000)
    assert flat == pytest.approx((1 - 1.98 * FLAT / STEEP) ** 1000, rel=1e-12)
    assert flat > 0.8
    assert steep < 1e-8
    # A rate each, large where it is flat and small where it is steep: there in one step.
    theta = np.ones(2)
    for part, curvature in zip((theta[:1], theta[1:]), CURVATURE, strict=True):
        optim.SGD(part, lr=1 / curvature).step(curvature * part)
    assert np.abs(theta).max() < 1e-15


@pytest.mark.parametrize("name", ["adagrad", "rmsprop", "adam"])
def test_s2_36_adaptive_rules_give_each_parameter_its_own(name):
    # The rate that a coordinate gets, its step over its gradient, stands in the inverse ratio of
    # the curvatures: 1e4. So both go the same way, up to rounding (eps = 0).
    theta = np.ones(2)
    opt = optim.create(name, theta, eps=0, lr=0.1)
    for step in range(50):
        g, before = CURVATURE * theta, theta.copy()
        opt.step(g)
        rate = (before - theta) / g
        if step == 0:
            assert rate[0] / rate[1] == pytest.approx(STEEP / FLAT, rel=1e-12)
    assert theta[0] == pytest.approx(theta[1], rel=1e-9)


def test_s2_37_adagrad_saves_up_and_bursts():
    # On the floor g is all but 0, so sigma = sqrt(sum g^2 / (t + 1)) shrinks and eta / sigma grows
    # until it passes 2 / curvature. From exactly that step on theta is thrown further and further
    # out, though it was at 1e-8 and less, until the large gradients have mended sigma.
    eta, theta, total, path, rates = 0.5, np.ones(1), 0.0, [], []
    opt = optim.Adagrad(theta, lr=eta, eps=0, convention="lecture")
    for t in range(300):
        g = STEEP * theta
        total += float(g[0]) ** 2
        rates.append(eta / math.sqrt(total / (t + 1)))
        path.append(abs(float(theta[0])))
        opt.step(g)
    path, limit = np.array(path), 2 / STEEP
    quiet = int(np.argmin(path[:200]))
    assert path[quiet] < 1e-8
    assert rates[quiet] > limit > rates[quiet - 1]
    burst = quiet + int(np.argmax(path[quiet:]))
    assert path[burst] > 0.1
    assert (np.diff(path[quiet : quiet + 10]) > 0).all()
    assert rates[burst + 5] < limit
