"""Samples, targets and weights that stand on the device already, of a run or a call."""

from __future__ import annotations

import numpy as np
import pytest

import saddlescape as ss
from cuda_train_samples import assert_same, network, samples, trained
from device_samples import NEEDS_DEVICE, Interface, OldPack, Pack, to_device

pytestmark = NEEDS_DEVICE

ARRAYS = {
    "DeviceArray": to_device,
    "interface": lambda x: Interface(to_device(x)),
    "dlpack": lambda x: Pack(to_device(x)),
    "old dlpack": lambda x: OldPack(to_device(x)),
}
X, Y = samples("float32")
WEIGHT = np.linspace(0.5, 2, len(X))


def runs(placed, where="there", loss="cross_entropy", **more):
    """The same run with NumPy's arrays and with the device's."""
    X, y = samples("float32", loss=loss)
    y = y if loss != "cross_entropy" else y.astype("int32")
    held = samples("float32", n=23, loss=loss, seed=8)
    found = []
    for put in (np.copy, placed):
        given = {"validation": tuple(map(put, held)), "sample_weight": put(WEIGHT), **more}
        net = network("float32", loss)
        found.append(trained(where, net=net, data=(put(X), put(y)), epochs=4, **given))
    return found


@pytest.mark.parametrize("where", ["there", "placed"])
@pytest.mark.parametrize("loss", ["cross_entropy", "bce", "mse"])
@pytest.mark.parametrize("kind", ARRAYS)
def test_the_bits_of_numpys(kind, loss, where):
    here, there = runs(ARRAYS[kind], where, loss)
    assert_same(here, there)
    for own, other in zip((here.X, here.y), (there.X, there.y), strict=True):
        assert type(other) is np.ndarray
        np.testing.assert_array_equal(own, other)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_samples_of_another_dtype(dtype):
    given = X.astype(dtype)
    there = [trained("there", net=network("float32"), data=(put(given), Y), epochs=2)
             for put in (np.copy, to_device)]  # fmt: skip
    assert_same(*there)


def test_a_fraction_is_held_out():
    assert_same(*runs(to_device, validation=0.3, class_weight="balanced"))


def test_a_checkpoint_goes_on_with_either(tmp_path):
    ends = []
    for put in (np.copy, to_device):
        path = tmp_path / put.__name__
        trained("there", net=network("float32"), data=(put(X), put(Y)), epochs=3, checkpoint=path)
        for again in (np.copy, to_device):
            more = {"epochs": 5, "device": "cuda", "checkpoint": tmp_path / "more"}
            ends.append(ss.resume(path, again(X), again(Y), **more))
    for end in ends[1:]:
        assert_same(ends[0], end)


@pytest.mark.parametrize("what", ["X", "y", "sample_weight", "validation"])
def test_steps_on_the_cpu_take_numpys_alone(what):
    given = {"X": X, "y": Y, "sample_weight": WEIGHT}
    given[what] = (X, to_device(Y)) if what == "validation" else to_device(given[what])
    net = network("float32")
    before = net.theta.copy()
    text = f"^{what}: DeviceArray on a CUDA device, and the steps on the CPU; expected a NumPy"
    with pytest.raises(TypeError, match=text):
        ss.train(net, **given)
    np.testing.assert_array_equal(net.theta, before)


REFUSED = {
    "strides": (
        lambda: Interface(to_device(X), strides=(4, 4 * len(X))),
        ValueError,
        r"^X: strides \(4, 280\), expected a C-contiguous array",
    ),
    "complex": (
        lambda: Interface(to_device(X.astype("float64")), typestr="<c8"),
        TypeError,
        "^X: dtype complex64, expected float32",
    ),
    "NaN": (
        lambda: to_device(np.where(np.arange(5) == 2, np.nan, X)),
        ValueError,
        r"^X: nan at \(0, 2\), expected finite numbers",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused_of_the_devices(what):
    make, error, text = REFUSED[what]
    net = network("float32")
    before = net.theta.copy()
    with pytest.raises(error, match=text):
        ss.train(net, make(), Y, device="cuda")
    np.testing.assert_array_equal(net.theta, before)


WRONG = {
    "below 0": (-WEIGHT, r"-0.5 at \(0,\), expected numbers >= 0"),
    "too few": (WEIGHT[1:], r"shape \(69,\), expected \(70,\)"),
    "none": (0 * WEIGHT, "all 0"),
}


@pytest.mark.parametrize("given", ARRAYS)
def test_weights_of_a_networks_calls(given):
    there = network("float32").to("cuda")
    V = np.ones(there.parameters, "float32")
    own, placed = {"sample_weight": WEIGHT}, {"sample_weight": ARRAYS[given](WEIGHT)}
    assert there.loss(X, Y, **placed) == there.loss(X, Y, **own) != there.loss(X, Y)
    for call in (there.gradient, lambda X, y, **w: there.hvp(X, y, V, **w), there.hessian):
        np.testing.assert_array_equal(call(X, Y, **placed), call(X, Y, **own))
    for weight, text in WRONG.values():
        with pytest.raises(ValueError, match=f"^sample_weight: {text}"):
            there.loss(X, Y, sample_weight=to_device(weight.copy()))
