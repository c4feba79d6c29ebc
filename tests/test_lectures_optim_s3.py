"""What the SYSU lecture says of its seven rules: rows S3-27 to S3-42, in numbers.

The equations themselves (S3-28, S3-31 to S3-38) stand in test_optim_lectures.py, the claims about
sparse data and about which rule is better (S3-33, S3-43 to S3-45) in test_lectures_optim_which.py.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from oracle.surfaces import beale, saddle
from saddlescape import optim

KAPPA = 100.0
RAVINE = np.array([1.0, KAPPA])  # curvatures


@pytest.mark.parametrize("name", ["adagrad", "adam", "adamax", "lion", "rmsprop", "rprop"])
@pytest.mark.parametrize("power", [-40, -3, 20])
def test_s3_27_the_rate_adapts_to_the_size_of_the_gradient(name, power):
    # The loss times a power of two: the same path bit for bit, as every rounding scales with it.
    # SGD's steps grow by just that power.
    paths = []
    for scale in (1.0, 2.0**power):
        theta, path = np.array([1.0, -1.0]), []
        no_eps = {} if name in ("lion", "rprop") else {"eps": 0}
        opt = optim.create(name, theta, lr=0.01, **no_eps)
        for _ in range(100):
            opt.step(scale * RAVINE * theta)
            path.append(theta.copy())
        paths.append(path)
    assert np.array_equal(*paths)
    theta = np.zeros(1)
    optim.SGD(theta, lr=1.0).step(np.full(1, 2.0**power))
    assert theta[0] == -(2.0**power)


def test_s3_27_the_rate_adapts_to_the_speed_of_learning():
    # Rprop: 1.2 times as far while the gradient keeps its sign, half as far when it turns; it
    # stands still in the step after the turn, whose sign it forgets.
    theta, moves = np.zeros(1), []
    opt = optim.Rprop(theta, lr=0.01)
    for sign in (1, 1, 1, 1, -1, -1, -1):
        before = theta[0]
        opt.step(np.full(1, float(sign)))
        moves.append(before - theta[0])
    grown = 0.01 * 1.2**3
    expected = [0.01, 0.012, 0.0144, grown, 0.0, -grown / 2, -grown / 2 * 1.2]
    np.testing.assert_allclose(moves, expected, rtol=1e-13, atol=1e-17)


@pytest.mark.parametrize("name", ["lamb", "lars"])
def test_s3_27_the_rate_adapts_to_the_size_of_the_weights(name):
    # The step is lr times as long as the array, whatever its gradient: the update-to-weight ratio
    # is the same for weights of 1e-4 and of 1e4. SGD's step knows nothing of them.
    rng = np.random.default_rng(0)
    direction, g = rng.normal(size=(2, 40))
    for size in (1e-4, 1.0, 1e4):
        theta = [size * direction, size * direction]
        before = np.linalg.norm(theta[0])
        own = {"trust_coefficient": 1.0} if name == "lars" else {}
        opts = [
            optim.create(name, theta[0], lr=0.01, statistics=True, **own),
            optim.SGD(theta[1], lr=0.01, statistics=True),
        ]
        for opt in opts:
            opt.step(g)
        adaptive, plain = (opt.statistics for opt in opts)
        # float64 throughout: a norm is a sum of 40 squares, and the moved weights are rounded
        assert adaptive.update_norm[0] / before == pytest.approx(0.01, rel=1e-10)
        assert plain.update_norm[0] == pytest.approx(0.01 * np.linalg.norm(g), rel=1e-10)
        for stats, moved in zip((adaptive, plain), theta, strict=True):
            ratio = stats.update_norm[0] / np.linalg.norm(moved)
            assert stats.update_ratio[0] == pytest.approx(ratio, rel=1e-12)


def steps_down_the_ravine(**arguments):
    theta = np.ones(2)
    opt = optim.SGD(theta, **arguments)
    while np.linalg.norm(theta) > 1e-6:
        opt.step(RAVINE * theta)
        assert opt.steps < 2000
    return opt.steps


def test_s3_29_momentum_helps_in_ravines():
    # The best rate shrinks both coordinates by (kappa - 1) / (kappa + 1) a step, so sqrt(2) to
    # 1e-6 takes 709 steps. With momentum the best is (sqrt(kappa) - 1) / (sqrt(kappa) + 1), but
    # for a factor t: 70 steps, and 25 for the factor (Polyak 1964). The usual 0.9 does three times
    # better than none as well, at any rate between a quarter and all of the largest for SGD.
    without = steps_down_the_ravine(lr=2 / (1 + KAPPA))
    assert without == math.ceil(math.log(1e6 * math.sqrt(2)) / math.log((KAPPA + 1) / (KAPPA - 1)))
    assert without == 709
    root = math.sqrt(KAPPA)
    best = {"lr": 4 / (root + 1) ** 2, "momentum": ((root - 1) / (root + 1)) ** 2}
    assert 70 < steps_down_the_ravine(**best) <= 95
    for lr in (0.005, 0.01, 0.019):
        assert 230 < steps_down_the_ravine(lr=lr, momentum=0.9) < 280


@pytest.mark.parametrize("gamma", [0.5, 0.9, 0.99])
def test_s3_30_momentum_weighs_directions(gamma):
    # One coordinate's gradient keeps its sign, the other's turns in every step: the steps become
    # eta (1 + gamma + gamma^2 + ...) = eta / (1 - gamma) and eta / (1 + gamma), in size.
    theta, eta = np.zeros(2), 0.1
    opt = optim.SGD(theta, lr=eta, momentum=gamma)
    for t in range(5000):
        before = theta.copy()
        opt.step(np.array([1.0, (-1.0) ** t]))
    # told from positions of size eta 5000 / (1 - gamma)
    ratio = np.abs(theta - before) / eta
    np.testing.assert_allclose(ratio, [1 / (1 - gamma), 1 / (1 + gamma)], rtol=1e-10)


@pytest.mark.parametrize(
    ("gamma", "momentum", "nesterov"),
    [(0.8, 0.187, 0.117), (0.9, 0.478, 0.345), (0.95, 0.701, 0.513), (0.99, 0.932, 0.688)],
)
def test_s3_37_nesterov_corrects_the_jump(gamma, momentum, nesterov):
    # From 1 down J = theta^2 / 2 at the rate 0.05, how far beyond 0: the gradient after the big
    # jump sees the other slope one step earlier.
    beyond = []
    for corrected in (False, True):
        theta, lowest = np.ones(1), 0.0
        opt = optim.SGD(theta, lr=0.05, momentum=gamma, nesterov=corrected)
        for _ in range(100):
            opt.step(theta.copy())
            lowest = min(lowest, float(theta[0]))
        beyond.append(-lowest)
    assert beyond == [pytest.approx(momentum, abs=5e-4), pytest.approx(nesterov, abs=5e-4)]


@pytest.mark.parametrize("named", ["SGD", "Adam", "Adadelta", "Adagrad", "RMSProp"])
def test_s3_39_the_listed_implementations_are_here(named):
    # tf.keras.optimizers.RMSProp of the lecture is spelled RMSprop there, in PyTorch and here.
    assert named.lower() in optim.names()
    assert hasattr(optim, named.replace("Prop", "prop"))


@pytest.mark.parametrize(
    ("name", "arguments", "gradients"),
    [
        ("adamw", {"weight_decay": 0}, "any"),
        ("amsgrad", {}, "growing"),  # its maximum is the last v
        ("adamax", {}, "constant"),  # the root of the mean square is the maximum
        ("nadam", {"betas": (0.0, 0.999)}, "any"),  # no momentum to look ahead with
    ],
)
def test_s3_40_the_extensions_are_adam_where_they_have_nothing_to_add(name, arguments, gradients):
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(60, 9))
    if gradients == "growing":
        noise = np.sign(noise) * np.abs(noise[0]) * 1.1 ** np.arange(60)[:, None]
    elif gradients == "constant":
        noise = np.broadcast_to(noise[0], noise.shape).copy()
    pair = [np.ones(9), np.ones(9)]
    betas = {"betas": arguments["betas"]} if "betas" in arguments else {}
    opts = [
        optim.create(name, pair[0], lr=0.01, eps=0, **arguments),
        optim.Adam(pair[1], lr=0.01, eps=0, **betas),
    ]
    for g in noise:
        for opt in opts:
            opt.step(g)
        # both float64, a few roundings of numbers of size 1 in each of 60 steps
        np.testing.assert_allclose(pair[0], pair[1], rtol=0, atol=1e-13)
    if gradients == "any":
        return
    for _ in range(20):  # and differ where they have
        for opt in opts:
            opt.step(noise[0] * 1e-3 * rng.normal(size=9))
    assert np.abs(pair[0] - pair[1]).max() > 1e-4


def track(name, function, start, lr, steps, below=-math.inf, **arguments):
    """Where the rule was, from the start to the loss below a bound or the last step."""
    theta = np.array(start)
    opt, path = optim.create(name, theta, lr=lr, **arguments), [theta.copy()]
    for _ in range(steps):
        opt.step(np.array(function(*theta.tolist())[1]))
        path.append(theta.copy())
        if function(*theta.tolist())[0] < below:
            break
    return np.array(path)


def test_s3_41_the_race_on_beales_function():
    # The animation is not in the text. What it is known for: momentum runs past the bend and comes
    # back, Nesterov turns earlier, the adaptive rules head for the minimum. Length of the way to
    # the minimum over the straight line's.
    detour = {}
    for name, lr, arguments in [
        ("sgd", 0.01, {}),
        ("momentum", 0.01, {}),
        ("nesterov", 0.01, {}),
        ("adagrad", 0.5, {}),
        ("adadelta", 0.02, {"eps": 1e-2}),
        ("adam", 0.1, {}),
    ]:
        path = track(name, beale, (1.0, 1.0), lr, 2500, below=1e-8, **arguments)
        assert beale(*path[-1].tolist())[0] < 1e-8
        length = np.linalg.norm(np.diff(path, axis=0), axis=1).sum()
        detour[name] = length / np.linalg.norm(path[0] - [3, 0.5])
    assert detour["momentum"] == pytest.approx(3.58, abs=0.05)
    assert detour["nesterov"] == pytest.approx(2.13, abs=0.05)
    for name in ("sgd", "adagrad", "adadelta", "adam"):
        assert detour[name] < 1.7


def test_s3_42_the_race_at_the_saddle():
    # From 1 beside the saddle, 1e-6 off the ridge, at the same rate. SGD slides down to the saddle
    # and has multiplied the 1e-6 by 1.2^20 = 38 when the adaptive rules are gone; momentum needs
    # half of SGD's 76 steps. On the ridge itself the gradient across is 0, and nobody leaves it.
    off = {
        name: np.abs(track(name, saddle, (1.0, 1e-6), 0.1, 80)[:, 1])
        for name in ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam")
    }
    assert off["sgd"][20] == pytest.approx(1e-6 * 1.2**20, rel=1e-12)
    assert abs(track("sgd", saddle, (1.0, 1e-6), 0.1, 20)[-1, 0]) < 0.02
    gone = {name: int(np.argmax(way > 1)) for name, way in off.items()}
    assert gone == {
        "sgd": 76, "momentum": 36, "nesterov": 30, "adagrad": 17, "rmsprop": 2, "adam": 11
    }  # fmt: skip
    for name in off:
        assert not track(name, saddle, (1.0, 0.0), 0.1, 80)[:, 1].any()
