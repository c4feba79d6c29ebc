"""The device's training loop by itself: what it refuses, and its bursts."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from cuda_train_samples import network, samples
from device_samples import NEEDS_DEVICE, to_device
from saddlescape import optim


def loop(**changes):
    """The device's loop over arrays of its own."""
    cuda = importlib.import_module("saddlescape._cuda")
    net = network().to("cuda")
    X, Y = net.encode(*samples())
    optimizer = optim.SGD(net.theta, lr=0.1)
    given = {
        "network": net._network, "stepper": optimizer._core, "theta": net.theta,
        "X": to_device(X), "Y": to_device(Y), "size": 32, **changes,
    }  # fmt: skip
    return cuda.Loop(**given), net, optimizer


WRONG = {
    "theta": ("theta", lambda: to_device(np.zeros(3)), "stepper: made for other parameters"),
    "X here": ("X", lambda: samples()[0], "X: numpy.ndarray on device cpu, expected"),
    "X of another dtype": ("X", lambda: to_device(samples("float32")[0]), "X: dtype float32"),
    "a number": ("X", lambda: to_device(np.full((70, 5), np.nan)), "X: nan at (0, 0), expected"),
    "no samples": ("X", lambda: to_device(np.zeros((0, 5))), "X: shape (0, 5), expected at least"),
    "targets": ("Y", lambda: to_device(np.zeros((3, 3))), "y: shape (3, 3), expected (70, 3)"),
    "weights": ("weight", lambda: to_device(-np.ones(70)), "weight: -1.0 at (0,), expected finite"),
    "size": ("size", lambda: 0, "size: 0, expected at least 1"),
    "l1": ("l1", lambda: -1.0, "l1: -1.0, expected a finite number >= 0"),
}


@NEEDS_DEVICE
@pytest.mark.parametrize("what", WRONG)
def test_what_the_loop_refuses(what):
    name, make, text = WRONG[what]
    with pytest.raises((TypeError, ValueError)) as caught:
        loop(**{name: make()})
    assert str(caught.value).startswith(text)


@NEEDS_DEVICE
def test_bursts_that_the_loop_refuses():
    steps, net, optimizer = loop()
    before, one = net.on_host().tobytes(), np.array([0.1])
    order = np.arange(32)
    for arguments, text in (
        ((None, one, one), "order: None with batches of 32 of 70 samples"),
        ((order - 1, one, one), "order: -1 at 0, expected 0 to 69"),
        ((order, np.array([0.1, 0.1]), np.zeros(2)), "order: 32 numbers for 2 steps of 32"),
        ((order, one, np.zeros(2)), "weights: shape (2,), expected (1,)"),
        ((order, -one, one), "rates: -0.1 at (0,)"),
    ):
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            steps.run(*arguments)
        assert str(caught.value).startswith(text)
    with pytest.raises(ValueError, match="before: shape"):
        steps.remember(np.zeros(3), None, 0.0)
    assert steps.steps == optimizer.steps == 0
    assert net.on_host().tobytes() == before
    assert steps.run(order, one, np.zeros(1))
    assert steps.steps == optimizer.steps == 1
    assert steps.records.shape == (1, 5)
    old, gradient, norm = steps.memory
    assert old.tobytes() == before
    assert norm == pytest.approx(np.linalg.norm(gradient), rel=1e-14)
    np.testing.assert_allclose(net.on_host(), old - 0.1 * gradient, rtol=1e-14)
    other, twin, _ = loop()
    other.remember(old, gradient, norm)
    twin.theta = net.theta
    for each in (steps, other):
        assert each.run(order, one, np.zeros(1))
    assert other.records.tobytes() == steps.records.tobytes()
    assert twin.on_host().tobytes() == net.on_host().tobytes()
