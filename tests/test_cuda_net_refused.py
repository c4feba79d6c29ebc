"""What a network on the device refuses, in which words, and that nothing has changed then."""

from __future__ import annotations

import importlib
import re

import numpy as np
import pytest

import saddlescape as ss
from cuda_net_samples import samples, twins
from device_samples import NEEDS_DEVICE, NEEDS_STAND_IN, to_device
from saddlescape import curvature

REFUSED = [
    (lambda X, y: (X[:, :3].copy(), y), ValueError, "X: shape (41, 3), expected (any, 4)"),
    (lambda X, y: (X.astype("int64"), y), TypeError, "X: dtype int64"),
    (lambda X, y: (X[:0], y[:0]), ValueError, "X: shape (0, 4), expected at least one sample"),
    (lambda X, y: (X, y[:-1]), ValueError, "y: shape (40,), expected (41,) or (41, 3)"),
    (lambda X, y: (X, np.where(np.arange(41) == 5, 3, y)), ValueError,
     "y: 3 at (5,), expected classes 0 to 2"),
    (lambda X, y: (X, np.where(np.arange(41) == 5, -1, y)), ValueError, "y: -1 at (5,)"),
    (lambda X, y: (X, y.astype("float32")), TypeError, "y: float32 of shape (41,), expected"),
    (lambda X, _: (X, np.full((41, 3), 1.5, "float32")), ValueError,
     "y: 1.5 at (0, 0), expected probabilities from 0 to 1"),
    (lambda X, y: (np.where(np.arange(4) == 2, np.inf, X).astype("float32"), y), ValueError,
     "X: inf at (0, 2), expected finite numbers"),
    (lambda X, y: (np.where(np.arange(4) == 3, np.nan, X).astype("float32"), y), ValueError,
     "X: nan at (0, 3)"),
]  # fmt: skip


@NEEDS_DEVICE
@pytest.mark.parametrize(("change", "error", "text"), REFUSED)
def test_refused_on_the_device(change, error, text):
    _, there = twins()
    X, y = change(*samples())
    with pytest.raises(error, match=re.escape(text)):
        there.gradient(to_device(X), to_device(y))


@NEEDS_DEVICE
def test_vectors_are_checked():
    here, there = twins()
    X, y = map(to_device, samples())
    for shape in ((here.parameters - 1,), (here.parameters, 1, 1), (3, here.parameters)):
        with pytest.raises(ValueError, match="V: shape"):
            there.hvp(X, y, to_device(np.zeros(shape, "float32")))
    with pytest.raises(TypeError, match="V: dtype float64, expected float32"):
        there.hvp(X, y, to_device(np.zeros(here.parameters)))
    with pytest.raises(ValueError, match=r"V: nan at \(0,\)"):
        there.hvp(X, y, to_device(np.full(here.parameters, np.nan, "float32")))
    none = there.hvp(X, y, to_device(np.zeros((here.parameters, 0), "float32")))
    assert none.shape == (here.parameters, 0)


@NEEDS_DEVICE
def test_what_is_on_the_cpu_alone_says_so():
    _, there = twins()
    X, y = samples()
    for call in (
        there.layers, there.scales, lambda: there.network,
        lambda: curvature.of(there, X, y), lambda: there.hessian_diagonal(X, y),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"net\.to\('cpu'\) brings it there"):
            call()


def test_device_is_checked():
    for wrong in ("gpu", "cuda:0", ""):
        with pytest.raises(ValueError, match=r"device: .*expected one of cpu, cuda"):
            ss.MLP((2, 1), loss="mse", device=wrong)
    with pytest.raises(TypeError, match="device: NoneType"):
        ss.MLP((2, 1), loss="mse", device=None)


def test_without_a_device_the_line_says_why():
    if ss.info()["cuda"]["usable"]:
        pytest.skip("there is a device")
    with pytest.raises(RuntimeError, match="device='cuda': "):
        ss.MLP((2, 1), loss="mse", device="cuda")
    net = ss.MLP((2, 1), loss="mse")
    with pytest.raises(RuntimeError, match="device='cuda': "):
        net.to("cuda")


def test_tf32_is_checked():
    net = ss.MLP((2, 1), loss="mse")
    for make in (
        lambda: ss.MLP((2, 1), loss="mse", tf32=True),
        lambda: ss.MLP((2, 1), loss="mse", dtype="float64", device="cuda", tf32=True),
        lambda: net.to("cpu", tf32=True),
        lambda: ss.MLP((2, 1), loss="mse", dtype="float64").to("cuda", tf32=True),
    ):
        with pytest.raises(ValueError, match=r"tf32: True on device .* device 'cuda' and dtype"):
            make()
    for wrong in (1, "yes", np.True_):
        with pytest.raises(TypeError, match=r"tf32: .*, expected True or False"):
            ss.MLP((2, 1), loss="mse", tf32=wrong)
        with pytest.raises(TypeError, match=r"tf32: .*, expected True or False"):
            net.to("cuda", tf32=wrong)
    assert net.to("cpu", tf32=False) is net


@NEEDS_STAND_IN
@pytest.mark.parametrize(
    ("room", "text"),
    [
        (100, "bytes wanted for the outputs"),
        (700, "bytes wanted for the gradient"),
        (500, "bytes wanted for the vectors"),
        (10_000, r"wanted for the Hessian, .*; the Hessian of \d+ parameters would fit"),
        (9000, r"500 samples at a time need \d+ bytes each, \d+ would fit"),
    ],
)
def test_memory_that_is_not_there_changes_nothing(room, text):
    here, there = twins()
    X, y = map(to_device, samples())
    V, many = to_device(np.ones((here.parameters, 3), "float32")), to_device(samples(N=500)[0])
    there.predict(X)  # what a network keeps is there
    before = there.theta.numpy()
    call = {
        "outputs": lambda: there.predict(X),
        "gradient": lambda: there.gradient(X, y),
        "vectors": lambda: there.hvp(X, y, V),
        "Hessian": lambda: there.hessian(X, y),
        "samples": lambda: there.predict(many),
    }[re.search("outputs|gradient|vectors|Hessian|samples", text).group()]
    hosted = importlib.import_module("saddlescape._cuda").hosted
    hosted.limit(hosted.counts()["used"] + room)
    try:
        with pytest.raises(MemoryError, match=text):
            call()
    finally:
        hosted.limit(None)
    call()
    np.testing.assert_array_equal(there.theta.numpy(), before)
