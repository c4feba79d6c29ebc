"""Runs for the tests of training on a device: here, there, and with a network that stands there."""

from __future__ import annotations

import numpy as np

import saddlescape as ss
from device_samples import on_host

SIZES, SAMPLES = (5, 9, 7, 3), 70
# Some 50 steps, each in another order of sums and with another exponential.
TOLERANCE = {"float32": 1e-4, "float64": 1e-12}


def samples(dtype="float64", n=SAMPLES, loss="cross_entropy", seed=5):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, SIZES[0])).astype(dtype)
    if loss == "cross_entropy":
        return X, np.digitize(X[:, 0] + X[:, 1] ** 2, [0.2, 1.5])
    y = np.stack([np.tanh(X[:, 0]), X[:, 1] * X[:, 2], X[:, 3]], axis=1)
    return X, (y > 0).astype(dtype) if loss == "bce" else y.astype(dtype)


def network(
    dtype="float64",
    loss="cross_entropy",
    activation="tanh",
    standardised=False,
    sizes=SIZES,
    **more,
):
    net = ss.MLP(sizes, activation, loss, dtype=dtype, seed=2, **more)
    if standardised:
        net.standardise(3 * samples(dtype)[0] + 5)
    return net


def trained(where, rule=None, net=None, data=None, **arguments):
    """Train "here", "there" from a network on the CPU, or one that is "placed" on the device.

    rule : makes an optimizer of theta.
    """
    net = network() if net is None else net
    net = net.to("cuda") if where == "placed" else net
    X, y = samples(net.dtype.name, loss=net.loss_name) if data is None else data
    if rule is not None:
        arguments["optimizer"] = rule(net.theta)
    device = {"here": None, "there": "cuda", "placed": None}[where]
    arguments = {"batch_size": 32, "epochs": 17, **arguments}
    return ss.train(net, X, y, device=device, **arguments)


def numbers(run):
    """All that a run leaves, as arrays by name."""
    state = on_host(run.optimizer.state_dict())
    found = {"theta": run.net.on_host(), "step": np.array(state["step"]), "steps": state["steps"]}
    found["running"] = run.net.running
    found |= {name: arrays[0] for name, arrays in state["state"].items()}
    found |= {f"history {name}": column for name, column in run.history.items()}
    found |= {f"epochs {name}": column for name, column in run.history.epochs.items()}
    if run.optimizer.average is not None:
        found["average"] = on_host(run.optimizer.average)
    if run.optimizer.statistics is not None:
        found["gradient norm"] = np.array(run.optimizer.gradient_norm)
        found["clip"] = np.array(run.optimizer.clip)
        found["norms"] = np.stack(
            [run.optimizer.statistics.gradient_norm, run.optimizer.statistics.update_norm]
        )
    return found


def assert_same(one, other):
    """The same bits."""
    one, other = numbers(one), numbers(other)
    assert list(one) == list(other)
    for name in one:
        assert one[name].dtype == other[name].dtype, name
        assert one[name].tobytes() == other[name].tobytes(), name


def assert_near(there, here, dtype, factor=1.0):
    """The same up to rounding, against the largest of each array."""
    there, here = numbers(there), numbers(here)
    assert list(there) == list(here)
    for name, own in here.items():
        found = there[name]
        assert found.dtype == own.dtype, name
        assert found.shape == own.shape, name
        if own.dtype.kind in "iu":
            assert np.array_equal(found, own), name
            continue
        most = np.abs(own[np.isfinite(own)]).max(initial=0.0)
        atol = factor * TOLERANCE[dtype] * most
        np.testing.assert_allclose(found, own, rtol=0, atol=atol, err_msg=name, equal_nan=True)


def check(dtype="float64", factor=1.0, net=None, **arguments):
    """Compare a run here, one there twice, and one of a network that stands there."""

    def run(where):
        own = network(dtype, **(net or {}))
        return trained(where, net=own, **arguments)

    here, there, placed = run("here"), run("there"), run("placed")
    assert there.outcome is placed.outcome is here.outcome
    assert_near(there, here, dtype, factor)
    assert_same(there, run("there"))
    assert_same(there, placed)
    return here, there
