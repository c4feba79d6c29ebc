"""The notes' claims about learning-rate schedules, rows S2-38 to S2-42 of the acceptance table."""

from __future__ import annotations

import math

import numpy as np
import pytest

from saddlescape import optim, schedule

STEEPNESS = np.array([0.01, 100.0])  # of J = sum(STEEPNESS theta^2) / 2: a ravine


def test_s2_38_eta_depends_on_t():
    # theta = theta - eta^t / sigma^t g, here with sigma by RMSprop, whose epsilon is set to 0.
    lr = schedule.warmup_stable_decay(0.05, 50, warmup=10, decay=20)
    theta, sigma2, ours = np.array([1.0, -1.0]), np.zeros(2), np.array([1.0, -1.0])
    opt = optim.RMSprop(ours, lr=lr, alpha=0.9, eps=0)
    for t in range(60):
        g = STEEPNESS * theta
        sigma2 = 0.9 * sigma2 + 0.1 * g**2
        eta = 0.05 * (t + 1) / 11 if t < 10 else 0.05 * min(1, max(50 - t, 0) / 20)
        theta = theta - eta / np.sqrt(sigma2) * g
        opt.step(STEEPNESS * ours)
        # both float64, a few roundings of numbers of size 1 in each step
        np.testing.assert_allclose(ours, theta, rtol=0, atol=1e-13)


def along(lr, steps=2000):
    """Where Adagrad by the root mean square goes: along the ravine's floor, and off it."""
    # X4: the notes' sigma is ours over sqrt(t + 1), a factor on the rate.
    theta = np.array([-5.0, 1.0])
    opt = optim.Adagrad(theta, lr=schedule.scale(lr, lambda t: math.sqrt(t + 1)))
    path = []
    for _ in range(steps):
        opt.step(STEEPNESS * theta)
        path.append(theta.copy())
    return np.abs(path).T


def test_s2_39_decay_cures_the_bursts():
    # S2-37: on the floor g is small, so sigma shrinks as 1 / sqrt(t) and eta / sigma grows until
    # theta is thrown out; the large gradient there mends sigma, and all begins again.
    _, off = along(schedule.constant(0.5))
    assert off[:50].min() < 1e-8  # was on the floor
    outside = np.array([high for high in off[50:] if high > 0.1 or high < 1e-3]) > 0.1
    bursts = int((outside[1:] & ~outside[:-1]).sum())
    assert bursts >= 3
    assert off[1000:].max() > 0.5
    floor, off = along(schedule.exponential(0.5, 0.97))
    assert off[20:].max() < 1e-20
    assert floor[-1] < 2e-3  # and it went along the floor, from 5


@pytest.mark.parametrize(
    ("lr", "top", "end"),
    [
        (schedule.cosine(0.1, 300, warmup=50), 50, 300),
        (schedule.one_cycle(0.1, 300, pct_start=0.2), 59, 299),
        (schedule.transformer(64, warmup=51), 50, 1000),
        (schedule.warmup(schedule.exponential(0.1, 0.99), 50), 50, 1000),
        (schedule.warmup_stable_decay(0.1, 300, warmup=50, decay=250), 50, 300),
    ],
)
def test_s2_40_warm_up_goes_up_and_then_down(lr, top, end):
    rates = np.array([lr(t) for t in range(end + 1)])
    assert rates[0] > 0
    assert rates.argmax() == top
    assert (np.diff(rates[: top + 1]) > 0).all()
    assert (np.diff(rates[top:]) < 0).all()


def test_s2_41_resnet():
    # 0.01 until the training error is below 80 %, which takes about 400 iterations, then 0.1, with
    # a tenth from 32k and a hundredth from 48k on, counted from the start.
    lr = schedule.warmup_until(
        0.01, then=schedule.step(0.1, milestones=(32_000, 48_000)), below=0.8
    )
    theta = np.zeros(1)
    opt, rates = optim.SGD(theta, lr=lr, momentum=0.9, weight_decay=1e-4), []
    for t in range(50_000):
        error = 0.9 - 0.1 * t / 400 if t < 450 else 0.85  # below 0.8 from t = 401 on
        rates.append(opt.lr)
        opt.step(np.zeros(1), check_finite=False)
        lr.observe(error)
    changes = {t: rates[t] for t in range(1, 50_000) if rates[t] != rates[t - 1]}
    assert rates[0] == 0.01
    assert changes == {
        402: 0.1,
        32_000: pytest.approx(0.01, rel=1e-15),
        48_000: pytest.approx(0.001, rel=1e-15),
    }


def test_s2_42_transformer():
    lr = schedule.transformer(512, warmup=4000)
    n = np.arange(1, 20_001)  # the paper's step_num; ours is one less
    paper = 512**-0.5 * np.minimum(n**-0.5, n * 4000**-1.5)
    np.testing.assert_allclose([lr(int(t)) for t in n - 1], paper, rtol=1e-15 * 4)
    assert paper.argmax() == 3999
    assert lr(3999) == pytest.approx(1 / math.sqrt(512 * 4000), rel=1e-15)
