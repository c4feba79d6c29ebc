"""Where a rule's formula has a corner: no gradient, a constant one, a huge one, the first step."""

from __future__ import annotations

import numpy as np
import pytest

import saddlescape as ss
from saddlescape import optim
from storage_samples import SHAPED

DTYPES = [np.float32, np.float64]


@pytest.mark.parametrize("dtype", DTYPES)
def test_finite_gradients_whose_square_overflows_make_no_nan(dtype):
    huge = np.finfo(dtype).max / 4
    for name in optim.names():
        theta = np.ones((1, 20), dtype)
        opt = optim.create(name, theta, lr=1e-40 if dtype == np.float32 else 1e-310)
        for sign in (1, -1, 1):
            gradient = np.zeros((1, 20), dtype)
            gradient[0, ::3] = sign * huge
            opt.step(gradient)
        assert np.isfinite(theta).all(), name


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["rmsprop_centered", "rmsprop_centered_momentum"])
def test_the_variance_of_a_constant_gradient_is_not_nan(name, dtype):
    # alpha = 0 leaves v - a^2 = g^2 - g^2; with others rounding decides its sign.
    rng = np.random.default_rng(0)
    for alpha in (0.0, 0.5, 0.9):
        theta, gradient = np.zeros(1000, dtype), rng.normal(size=1000).astype(dtype)
        opt = optim.create(name, theta, alpha=alpha)
        for _ in range(200):
            opt.step(gradient)
        assert np.isfinite(theta).all()


def test_lion_leaves_alone_what_has_no_gradient_and_moves_all_else_by_lr():
    theta = np.zeros(37)
    gradient = np.tile([0.0, -0.0, 1e-300, -5.0], 10)[:37]
    optim.Lion(theta, lr=0.25).step(gradient)
    assert np.array_equal(theta, -0.25 * np.sign(gradient))


def test_rprop_takes_its_first_size_from_the_tensors_own_first_step():
    a, b = np.zeros(3), np.zeros(3)
    opt = optim.Rprop([a, b], lr=lambda step: 0.5 / (step + 1))
    opt.step([np.ones(3), None])
    opt.step([np.ones(3), np.ones(3)])
    assert a == pytest.approx(-0.5 - 1.2 * 0.5)
    assert b == pytest.approx(-0.25)
    assert opt.state_dict()["state"]["step_size"][1] == pytest.approx(0.25)


def test_asgd_averages_from_t0_on():
    rng = np.random.default_rng(0)
    theta, path = rng.normal(size=5), []
    opt = optim.ASGD(theta, lr=0.1, t0=4)
    for _ in range(40):
        opt.step(rng.normal(size=5))
        path.append(theta.copy())
        # mu = 1 up to step 6 = t0 + 2: a is theta there, and later the mean from that step on.
        average = opt.state_dict()["state"]["ax"][0]
        np.testing.assert_allclose(average, np.mean(path[min(len(path) - 1, 5) :], 0), rtol=1e-12)


def test_adamw_decays_past_the_gradients_averages():
    theta = np.full(9, 2.0)
    opt = optim.AdamW(theta, lr=0.1, weight_decay=0.5)
    opt.step(np.zeros(9))
    assert theta == pytest.approx(2.0 * (1 - 0.05))
    assert all(
        (array == 0).all() for arrays in opt.state_dict()["state"].values() for array in arrays
    )


def test_decoupled_decay_in_float32_has_no_bias():
    # The factor 1 - 1e-5 is 1 - 1.00136e-5 in float32: multiplying by it would take 1.36e-8 theta
    # too much everywhere. Rounding theta alone is half an ulp (6e-8) either way, and its mean over
    # 10^6 elements less than 1e-9.
    theta = np.random.default_rng(0).uniform(1, 2, 1_000_000).astype(np.float32)
    start = theta.astype(np.float64)
    optim.AdamW(theta, lr=1e-3, weight_decay=1e-2).step(np.zeros_like(theta))
    assert abs(np.mean(theta / start - (1 - 1e-5))) < 1e-9


def test_amsgrads_denominator_never_shrinks():
    theta = np.zeros(7)
    opt = optim.Adam(theta, betas=(0.0, 0.5), amsgrad=True)
    before = np.zeros(7)
    for size in (1.0, 100.0, 1e-3, 1e-3, 5.0):
        opt.step(np.full(7, size))
        now = opt.state_dict()["state"]["max_exp_avg_sq"][0]
        assert (now >= before).all()
        before = now
    assert (before == 0.5 * 100.0**2 + 0.25).all()


@pytest.mark.parametrize("surrounded", [False, True])
@pytest.mark.parametrize("name", sorted({*optim.names()} - SHAPED - {"lamb", "lars"}))
def test_a_range_that_asks_ahead_does_what_its_pieces_do(name, surrounded):
    """From 2^19 elements on a loop goes by blocks; cut into pieces of 100,000 it does not."""
    n = 2**19 + 100_003
    rng = np.random.default_rng(0)
    start, grads = rng.normal(size=n).astype(np.float32), rng.normal(size=(3, n)).astype(np.float32)
    cuts = range(100_000, n, 100_000)
    common = {"clip_value": 1.0, "average": optim.EMA(0.9)} if surrounded else {}
    threads = ss.info()["threads"]
    try:
        ss.set_threads(1)
        whole, pieces = start.copy(), [p.copy() for p in np.split(start, cuts)]
        one = optim.create(name, whole, **common)
        many = optim.create(name, pieces, **common)
        for g in grads:
            one.step(g)
            many.step(np.split(g, cuts))
    finally:
        ss.set_threads(threads)
    assert np.array_equal(whole, np.concatenate(pieces))
    for key, arrays in one.state_dict()["state"].items():
        assert np.array_equal(arrays[0], np.concatenate(many.state_dict()["state"][key])), key
