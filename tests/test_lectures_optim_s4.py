"""What the Toronto lecture says of momentum, RMSprop and Adam: rows S4-26 to S4-30, in numbers.

The equations (S4-25, S4-28) stand in test_optim_lectures.py; that Adam is RMSprop with momentum
(S4-30) is taken to its averages in test_lectures_optim_s2.py.
"""

from __future__ import annotations

import inspect
import math

import numpy as np
import pytest

import saddlescape as ss
from saddlescape import optim


def oscillation(momentum, steps=400):
    """|theta| along a descent of theta^2 / 2 at the rate 0.2."""
    theta, path = np.ones(1), []
    opt = optim.SGD(theta, lr=0.2, momentum=momentum)
    for _ in range(steps):
        opt.step(theta.copy())
        path.append(abs(float(theta[0])))
    return np.array(path)


def test_s4_26_which_trajectory_has_the_highest_momentum():
    # The quiz's figure is not in the text; its answer is: the one that swings longest. Where
    # theta swings, the two roots of z^2 - (1 + mu - alpha) z + mu have the size sqrt(mu), so the
    # peaks fall by sqrt(mu) in a step: mu can be read from a trajectory.
    read = {}
    for mu in (0.8, 0.9, 0.95, 0.99):
        width = round(-6 / math.log(mu))  # of a window: e^-3 in each
        path = oscillation(mu, 10 * width)
        peaks = path.reshape(10, width).max(axis=1)
        slope = np.polyfit(width * np.arange(10), np.log(peaks), 1)[0]
        read[mu] = math.exp(2 * slope)
    for mu, value in read.items():
        # a window begins anywhere in a swing: its peak is off by up to 1 in the 30 of its logarithm
        assert value == pytest.approx(mu, rel=0.007)
    swings = [int((np.diff(oscillation(mu)) > 0).any()) for mu in (0.0, 0.2, 0.8)]
    assert swings == [0, 0, 1]  # real roots up to mu = (1 - sqrt(alpha))^2 = 0.31: no swing


def test_s4_27_sgd_steps_far_where_it_is_steep():
    # The step along an axis is alpha lambda theta: in proportion to the curvature, where Newton's
    # is the same at any curvature. Adaptive rules' are nearly Newton's here.
    curvature = np.logspace(-3, 3, 13)
    for name, slope in [("sgd", 1.0), ("momentum", 1.0), ("adagrad", 0.0), ("rmsprop", 0.0)]:
        theta = np.ones(13)
        optim.create(name, theta, lr=1e-4).step(curvature * theta)
        measured = np.polyfit(np.log(curvature), np.log(1 - theta), 1)[0]
        # 1 - theta of a step of 1e-7 is told to 1e-9; rmsprop's eps is 1e-4 of the smallest root
        assert measured == pytest.approx(slope, abs=1e-4)


@pytest.mark.parametrize("gamma", [0.1, 0.01, 0.001])
def test_s4_29_rmsprop_makes_each_coordinates_norm_one(gamma):
    # Gradients of seven sizes from 1e-6 to 1e6. For normal g the mean of g^2 / s is 1 - gamma to
    # first order: -2 gamma as s holds g^2 itself, +gamma as s varies. The sample's own spread,
    # sqrt(2 / 20,000) / 2 = 0.005 of the norm, is mostly in s as well.
    rng = np.random.default_rng(0)
    sizes = np.logspace(-6, 6, 7)
    theta = np.zeros(7)
    opt = optim.RMSprop(theta, lr=1.0, alpha=1 - gamma, eps=0, convention="lecture")
    wait, count, total = round(10 / gamma), 20_000, np.zeros(7)
    for t in range(wait + count):
        before = theta.copy()
        opt.step(sizes * rng.normal(size=7))
        if t >= wait:
            total += (theta - before) ** 2
    norm = np.sqrt(total / count)
    np.testing.assert_allclose(norm, 1 - gamma / 2, rtol=0, atol=0.005 + gamma**2)


def distance_left(name, degrees, rates, kappa=1e4, steps=1000):
    """From the minimum of a quadratic with curvatures 1 and kappa, at the best of the rates."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    axes = np.array([[c, -s], [s, c]])
    H, left = axes @ np.diag([1.0, kappa]) @ axes.T, []
    for rate in rates:
        theta = axes @ np.ones(2)
        # RMSprop's steps do not shrink by themselves
        opt = optim.create(name, theta, lr=rate)
        if name == "rmsprop":
            opt.lr = lambda t, rate=rate: rate * 0.995**t
        for _ in range(steps):
            opt.step(H @ theta)
        left.append(float(np.linalg.norm(theta)))
    return min(left)


def test_s4_29_rmsprop_corrects_curvature_along_the_axes_only():
    # SGD does not care how the axes of the Hessian lie: at its best rate, 1 / kappa, the flat one
    # keeps (1 - 1e-4)^1000 = 0.905 of its 1. RMSprop is done when they are the parameters' own;
    # turned by one degree it has 1e-3 left, by five 0.5, by 45 as much as SGD.
    rates = (0.05, 0.1, 0.2, 0.5)
    left = {}
    for degrees in (0, 1, 5, 45):
        sgd = distance_left("sgd", degrees, (0.5e-4, 1e-4))
        assert sgd == pytest.approx((1 - 1e-4) ** 1000, rel=1e-6)
        left[degrees] = distance_left("rmsprop", degrees, rates)
    assert left[0] < 1e-12 < 3e-4 < left[1] < 3e-3
    assert 0.3 < left[5] < 0.7
    assert 0.95 * sgd < left[45] < sgd


def test_s4_30_adam_is_what_train_takes():
    # "The most commonly used" one is a claim about people; here it is what the trainer takes
    # unless told otherwise.
    assert inspect.signature(ss.train).parameters["optimizer"].default == "adam"
