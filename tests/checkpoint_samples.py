"""Runs for the tests of checkpoints: trained in one go, or stopped and resumed."""

from __future__ import annotations

import numpy as np

import saddlescape as ss
from saddlescape import optim

SIZES, SAMPLES, SIZE, EPOCHS = (5, 19, 3), 37, 8, 4
STEPS = EPOCHS * -(-SAMPLES // SIZE)

LAYERED = {
    "batch normalisation": {"normalisation": "batch"},
    "layer normalisation": {"normalisation": "layer", "residual": True},
    "dropout": {"dropout": 0.4},
    "standardised": {"standardised": True},
    "all": {"normalisation": "batch", "dropout": 0.2, "residual": True, "standardised": True},
}


def data(dtype="float32", n=SAMPLES, seed=3):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, SIZES[0])).astype(dtype), rng.integers(0, SIZES[-1], n)


def network(sizes=SIZES, standardised=False, **arguments):
    net = ss.MLP(sizes, seed=2, **arguments)
    if standardised:
        net.standardise(3 * data()[0] + 5)
    return net


class Case:
    """A training run that can be begun anywhere: the same network and data each time."""

    def __init__(self, net=None, rule=None, dtype="float32", **arguments):
        self.net = {"dtype": dtype, **(net or {})}
        self.rule = rule  # makes an optimizer
        self.X, self.y = data(dtype)
        self.arguments = {"batch_size": SIZE, "epochs": EPOCHS, **arguments}

    def train(self, path, **more):
        net = network(**self.net)
        rule = {} if self.rule is None else {"optimizer": self.rule(net.theta)}
        return ss.train(net, self.X, self.y, checkpoint=path, **rule, **{**self.arguments, **more})

    def resume(self, path, **more):
        given = ("validation", "sample_weight", "callback", "epoch_callback")
        again = {name: self.arguments[name] for name in given if name in self.arguments}
        return ss.resume(path, self.X, self.y, **{**again, **more})

    def stopped(self, path, step, **more):
        """Train until a step, as if somebody had ended the process after it."""
        inner = self.arguments.get("callback")

        def callback(state):
            asked = inner(state) if inner else False
            return asked or state.step == step

        return self.train(path, **{**more, "callback": callback})


def mappings_equal(one, other):
    return list(one) == list(other) and all(
        np.array_equal(one[name], other[name], equal_nan=True) for name in one
    )


# What no step reads: the rate at the beginning, and what the core was last told by a schedule.
NOTHING = {"_constant", "_options"}


def attributes(thing, seen=()):
    """Return all that an object of ours is, down to the bits, in what `==` compares."""
    if id(thing) in seen:
        return "itself"
    if isinstance(thing, np.ndarray):
        return thing.dtype.str, thing.shape, thing.tobytes()
    if isinstance(thing, float):
        return thing.hex()
    if isinstance(thing, list | tuple):
        return [attributes(each, (*seen, id(thing))) for each in thing]
    if isinstance(thing, dict):
        return {
            name: attributes(each, (*seen, id(thing)))
            for name, each in thing.items()
            if name not in NOTHING
        }
    if type(thing).__module__.startswith("saddlescape._core"):
        return _core_attributes(thing)
    if hasattr(thing, "__dict__") and type(thing).__module__.startswith("saddlescape"):
        own = {} if not isinstance(thing, optim.Optimizer) else {"state": thing.state_dict()}
        return type(thing).__name__, attributes({**vars(thing), **own}, (*seen, id(thing)))
    return repr(thing)


def _core_attributes(thing):
    """Return the numbers that an object of the core shows."""
    found = {}
    for name in dir(type(thing)):
        if name.startswith("_") or not isinstance(getattr(type(thing), name), property):
            continue
        value = getattr(thing, name)
        if isinstance(value, int | float | str | np.ndarray | list | tuple):
            found[name] = attributes(value)
    return type(thing).__name__, found


def same(a, b):
    if isinstance(a, dict):
        return type(b) is dict and list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, np.ndarray):
        return (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
    return type(a) is type(b) and (a == b or (a != a and b != b))
