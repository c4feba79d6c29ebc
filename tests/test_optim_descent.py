"""Each rule goes down: Rosenbrock's and Beale's valleys, a turned ravine, and off a saddle.

A row says how long a rule takes, to a tenth. A formula whose steps are too short comes too late;
one whose steps are too long comes too early, or never, since the rates lie near the largest that
still converge. What the bounds ask for is far below what a wrong formula reaches by chance: a loss
of 1e-8 from one of 14 to 100 leaves both coordinates right to about four digits.
"""

from __future__ import annotations

import numpy as np
import pytest

from oracle.surfaces import beale, ravine, rosenbrock, saddle
from saddlescape import optim, schedule

# function, start, and the loss to fall below: on the saddle that is |y| > 1
FUNCTIONS = [
    (rosenbrock, (-1.2, 1.0), 1e-8),
    (beale, (1.0, 1.0), 1e-8),
    (ravine, (-3.0, 1.0), 1e-8),
    (saddle, (1.0, 1e-6), -1.0),
]


def falling(lr, factor=0.998):
    """For rules whose steps do not shrink with the gradient."""
    return schedule.exponential(lr, factor)


# lr and steps for each of FUNCTIONS; a new rule adds its name and a line here.
ROWS = {
    "adadelta": [(0.002, 11500), (0.02, 1150), (0.02, 980), (0.1, 84)],
    "adafactor": [(falling(0.05, 0.9995), 8945), (falling(0.1, 0.99), 355),
                  (falling(0.5, 0.999), 3162), (0.02, 69)],
    "adagrad": [(0.5, 11000), (0.5, 500), (5.0, 600), (0.1, 19)],
    "adam": [(0.1, 1400), (0.1, 265), (2.0, 195), (0.02, 46)],
    "adamax": [(0.5, 2300), (0.2, 560), (5.0, 310), (0.02, 71)],
    "adamw": [(0.1, 1400), (0.1, 265), (2.0, 195), (0.02, 46)],
    "adan": [(0.01, 980), (0.05, 420), (1.0, 197), (0.02, 57)],
    "ademamix": [(0.02, 735), (0.2, 245), (0.5, 300), (0.02, 38)],
    "amsgrad": [(0.2, 1200), (0.1, 280), (1.0, 190), (0.02, 46)],
    "amsgradw": [(0.2, 1200), (0.1, 280), (1.0, 190), (0.02, 46)],
    "asgd": [(0.002, 10500), (0.02, 1250), (0.01, 980), (0.1, 78)],
    "lamb": [(falling(0.2, 0.99), 910), (falling(0.1, 0.99), 630), (0.1, 230), (0.02, 77)],
    "lars": [(falling(0.1, 0.99), 675), (falling(0.01, 0.99), 270), (0.1, 215), (0.2, 37)],
    "lion": [(falling(0.05, 0.995), 1450), (falling(0.1, 0.995), 1400),
             (falling(0.1, 0.995), 1500), (0.02, 51)],
    "momentum": [(0.002, 1050), (0.01, 200), (0.005, 190), (0.1, 37)],
    "muon": [(falling(0.2, 0.98), 484), (falling(0.05, 0.99), 285), (falling(0.5, 0.98), 467),
             (0.02, 191)],
    "nadam": [(0.002, 9600), (0.1, 280), (0.5, 260), (0.02, 41)],
    "nesterov": [(0.001, 2000), (0.01, 220), (0.005, 120), (0.1, 31)],
    "radam": [(0.005, 9800), (0.02, 1800), (0.01, 4800), (0.1, 68)],
    "rmsprop": [(falling(0.2), 5800), (0.01, 730), (0.05, 660), (0.01, 20)],
    "rmsprop_centered": [(falling(0.2), 6200), (0.01, 710), (0.1, 400), (0.01, 19)],
    "rmsprop_centered_momentum": [(0.001, 1200), (0.01, 230), (0.1, 190), (0.01, 5)],
    "rmsprop_momentum": [(0.001, 1250), (0.01, 230), (0.2, 210), (0.01, 5)],
    "rprop": [(0.005, 4600), (0.2, 100), (0.2, 330), (0.01, 27)],
    "schedule_free_adamw": [(2.0, 504), (0.5, 116), (2.0, 238), (0.02, 59)],
    "sgd": [(0.002, 10500), (0.02, 1250), (0.01, 980), (0.1, 78)],
}  # fmt: skip

# Other arguments than lr. Decay is off, as it moves the minimum. LARS has two factors on its rate,
# of which one is enough. Adadelta's eps is the square of its first steps, AdEMAMix's slow average
# is far slower than these few steps, and Rprop's rates starve in Rosenbrock's bend, where every
# second step turns, unless they grow more cautiously.
ARGUMENTS = {
    "adadelta": {"eps": 1e-2},
    "adamw": {"weight_decay": 0},
    "ademamix": {"betas": (0.9, 0.99, 0.99), "alpha": 2.0},
    "amsgradw": {"weight_decay": 0},
    "asgd": {"lambd": 0},
    "lars": {"trust_coefficient": 1.0},
    "muon": {"weight_decay": 0},
    "rprop": {"etas": (0.5, 1.1)},
}


def steps_until(below, function, start, opt_name, lr, limit):
    """Steps until the loss is below a bound; `limit` + 1 if that does not come in time."""
    theta = np.array([start])  # a matrix, as some rules take nothing else
    opt = optim.create(opt_name, theta, lr=lr, **ARGUMENTS.get(opt_name, {}))
    g = np.empty_like(theta)
    for step in range(1, limit + 1):
        g[0] = function(*theta[0].tolist())[1]
        opt.step(g)
        if function(*theta[0].tolist())[0] < below:
            return step
    return limit + 1


def test_every_rule_has_a_row():
    assert sorted(ROWS) == optim.names()
    assert all(len(row) == len(FUNCTIONS) for row in ROWS.values())


@pytest.mark.parametrize("which", range(len(FUNCTIONS)), ids=[f[0].__name__ for f in FUNCTIONS])
@pytest.mark.parametrize("name", ROWS)
def test_goes_down_in_its_time(name, which):
    function, start, below = FUNCTIONS[which]
    lr, steps = ROWS[name][which]
    taken = steps_until(below, function, start, name, lr, steps)
    assert 0.9 * steps <= taken <= steps


@pytest.mark.parametrize("function", [row[0] for row in FUNCTIONS])
def test_the_gradients_are_right(function):
    # central differences of these polynomials in float64: h^2 f''' / 6 + 1e-16 f / h
    rng, h = np.random.default_rng(0), 1e-5
    for x, y in rng.uniform(-2, 2, size=(20, 2)):
        expected = (
            (function(x + h, y)[0] - function(x - h, y)[0]) / (2 * h),
            (function(x, y + h)[0] - function(x, y - h)[0]) / (2 * h),
        )
        np.testing.assert_allclose(function(x, y)[1], expected, rtol=0, atol=1e-6)
