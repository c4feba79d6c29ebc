"""MLP(device="cuda"): the CPU's numbers, NumPy for NumPy and device arrays for device arrays."""

from __future__ import annotations

import copy
import importlib

import numpy as np
import pytest

import saddlescape as ss
from cuda_net_samples import samples, twins
from device_samples import HOSTED, NEEDS_DEVICE, NEEDS_STAND_IN, Interface, Pack, to_device
from saddlescape import _core, optim

LOSSES = ["bce", "cross_entropy", "huber", "mae", "mse"]
# Sums of some hundred numbers in another order, on a device with another exponential.
TOLERANCE = {"float32": 1e-5, "float64": 1e-12}
ARRAYS = {"DeviceArray": to_device, "interface": lambda x: Interface(to_device(x)),
          "dlpack": lambda x: Pack(to_device(x))}  # fmt: skip


def near(there, here, dtype):
    there = there if isinstance(there, np.ndarray) else there.numpy()
    assert there.dtype == here.dtype
    assert there.shape == here.shape
    np.testing.assert_allclose(there, here, rtol=0, atol=TOLERANCE[dtype] * np.abs(here).max())


@NEEDS_DEVICE
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loss", LOSSES)
def test_numbers(loss, dtype):
    here, there = twins(loss, dtype)
    X, y = samples(dtype, classes=loss == "cross_entropy")
    weight = np.arange(len(X)) % 3 + 0.5
    rng = np.random.default_rng(7)
    V = rng.standard_normal((here.parameters, 3)).astype(dtype)
    near(there.predict(X), here.predict(X), dtype)
    for options in ({}, {"sample_weight": weight}):
        assert there.loss(X, y, **options) == pytest.approx(
            here.loss(X, y, **options), rel=TOLERANCE[dtype]
        )
        near(there.gradient(X, y, **options), here.gradient(X, y, **options), dtype)
        near(there.hvp(X, y, V, **options), here.hvp(X, y, V, **options), dtype)
        near(there.hvp(X, y, V[:, 0], **options), here.hvp(X, y, V[:, 0], **options), dtype)
        for part in ("all", "gauss_newton", "functional"):
            for layer in (None, 2):
                own = here.hessian(X, y, part, layer, **options)
                near(there.hessian(X, y, part, layer, **options), own, "float64")


@NEEDS_DEVICE
@pytest.mark.parametrize("given", ARRAYS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loss", LOSSES)
def test_arrays_on_the_device_stay_there(loss, dtype, given):
    here, there = twins(loss, dtype)
    X, y = samples(dtype, classes=loss == "cross_entropy")
    V = np.random.default_rng(7).standard_normal((here.parameters, 3)).astype(dtype)
    array = type(there.theta)
    dX, dy, dV = map(ARRAYS[given], (X, y, V))
    results = {
        "predict": (there.predict(dX), here.predict(X)),
        "gradient": (there.gradient(dX, dy), here.gradient(X, y)),
        "targets on the host": (there.gradient(dX, y), here.gradient(X, y)),
        "products": (there.hvp(dX, dy, dV), here.hvp(X, y, V)),
        "one product": (there.hvp(X, y, to_device(V[:, 0].copy())), here.hvp(X, y, V[:, 0])),
    }
    for name, (result, own) in results.items():
        assert isinstance(result, array), name
        near(result, own, dtype)
    H = there.hessian(dX, dy)
    assert isinstance(H, array)
    near(H, here.hessian(X, y), "float64")
    assert there.loss(dX, dy) == pytest.approx(here.loss(X, y), rel=TOLERANCE[dtype])
    assert isinstance(there.hvp(dX, dy, V), np.ndarray)


@NEEDS_DEVICE
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_samples_of_another_precision(dtype):
    here, there = twins(dtype=dtype)
    X, y = samples("float64" if dtype == "float32" else "float32")
    near(there.gradient(to_device(X), to_device(y)), here.gradient(X, y), dtype)
    near(there.predict(X), here.predict(X), dtype)


@NEEDS_DEVICE
def test_targets_as_the_host_makes_them():
    X, y = samples()
    here, there = twins(label_smoothing=0.2)
    shares = np.eye(3, dtype="float32")[y]
    for own, other in ((y, to_device(y)), (shares, to_device(shares))):
        assert there.loss(to_device(X), other) == pytest.approx(here.loss(X, own), rel=1e-5)
    here, there = twins("bce", sizes=(4, 1))
    for labels in (y % 2, (y % 2).astype("float32"), (y % 2).astype("float64")[:, None]):
        if labels.dtype.kind == "f":
            assert there.loss(to_device(X), to_device(labels)) == pytest.approx(
                here.loss(X, labels), rel=1e-5
            )
        assert there.loss(X, labels) == pytest.approx(here.loss(X, labels), rel=1e-5)


WHOLE = {
    "classes": ("cross_entropy", (41,), 3),
    "one logit": ("bce", (41,), 1),
    "one column": ("bce", (41, 1), 1),
    "columns": ("bce", (41, 3), 3),
    "counts": ("mse", (41, 3), 3),
}


@NEEDS_DEVICE
@pytest.mark.parametrize("dtype", ["int32", "int64"])
@pytest.mark.parametrize("what", WHOLE)
def test_targets_that_are_integers(what, dtype):
    loss, shape, outputs = WHOLE[what]
    here, there = twins(loss, sizes=(4, 6, outputs))
    X = samples()[0]
    y = (np.arange(np.prod(shape)) % (3 if loss != "bce" else 2)).reshape(shape).astype(dtype)
    near(there.gradient(to_device(X), to_device(y)), here.gradient(X, y), "float32")
    if loss != "mse":
        y[-1] = 3
        with pytest.raises(ValueError, match=r"^y: 3 at \(40,(| 0)\), expected "):
            there.loss(to_device(X), to_device(y))


@NEEDS_DEVICE
def test_there_and_back(tmp_path):
    here, there = twins()
    X, _ = samples()
    assert (here.device, there.device) == ("cpu", "cuda")
    assert here.to("cpu") is here
    assert there.to("cuda") is there
    np.testing.assert_array_equal(there.theta.numpy(), here.theta)
    back = there.to("cpu")
    np.testing.assert_array_equal(back.theta, here.theta)
    np.testing.assert_array_equal(back.predict(X), here.predict(X))
    assert repr(there) == repr(here)[:-1] + ", on cuda)"
    made = ss.MLP((4, 6, 5, 3), "silu", seed=3, device="cuda")
    np.testing.assert_array_equal(made.theta.numpy(), here.theta)
    for path, net in ((tmp_path / "there", there), (tmp_path / "here", here)):
        net.save(path)
    assert (tmp_path / "there").read_bytes() == (tmp_path / "here").read_bytes()
    loaded = ss.MLP.load(tmp_path / "there")
    assert loaded.device == "cpu"
    np.testing.assert_array_equal(loaded.theta, here.theta)


@NEEDS_DEVICE
def test_theta_is_assigned_and_copied():
    here, there = twins()
    theta, values = there.theta, np.arange(here.parameters) / 100
    twin = there.copy()
    assert twin.device == "cuda"
    there.theta = values
    assert there.theta is theta
    np.testing.assert_array_equal(theta.numpy(), values.astype("float32"))
    np.testing.assert_array_equal(twin.theta.numpy(), here.theta)
    twin.theta = theta
    np.testing.assert_array_equal(twin.theta.numpy(), theta.numpy())
    bad = values.copy()
    bad[3] = np.nan
    for wrong in (bad, values[:-1], to_device(bad.astype("float32")), to_device(values)):
        with pytest.raises((TypeError, ValueError), match="theta"):
            there.theta = wrong
    np.testing.assert_array_equal(theta.numpy(), values.astype("float32"))


@NEEDS_DEVICE
def test_standardised_inputs():
    here, _ = twins()
    X, y = samples()
    here.standardise(100 * X + 7)
    there = here.to("cuda")
    X = 100 * X + 7
    near(there.predict(X), here.predict(X), "float32")
    with pytest.raises(ValueError, match="standardises its inputs, expected a NumPy array"):
        there.predict(to_device(X))
    plain = there.after_standardisation()
    near(plain.predict(to_device(X)), here.after_standardisation().predict(X), "float32")
    assert there.loss(X, y) == pytest.approx(here.loss(X, y), rel=1e-5)


@NEEDS_DEVICE
def test_tf32_on_request():
    here, there = twins(sizes=(4, 32, 32, 3))
    rough = there.to("cuda", tf32=True)
    X, y = samples(N=200)
    V = np.random.default_rng(7).standard_normal(here.parameters).astype("float32")
    for call in (
        lambda net: net.predict(X), lambda net: net.gradient(X, y), lambda net: net.hvp(X, y, V),
    ):  # fmt: skip
        own, other = call(here), call(rough)
        apart = np.abs(other - own).max() / np.abs(own).max()
        assert 1e-5 < apart < 5e-3  # an eps of 2^-11 in each factor, summed over some 32
        near(call(there), own, "float32")
    assert 1e-7 < abs(rough.loss(X, y) / here.loss(X, y) - 1) < 5e-3
    # Hessians are float64
    np.testing.assert_array_equal(rough.hessian(X, y), there.hessian(X, y))


@NEEDS_DEVICE
def test_tf32_is_kept_or_dropped(tmp_path):
    here, there = twins()
    rough = ss.MLP((4, 6, 5, 3), "silu", seed=3, device="cuda", tf32=True)
    assert (here.tf32, there.tf32, rough.tf32) == (False, False, True)
    assert rough.to("cuda") is rough.to("cuda", tf32=True) is rough
    assert there.to("cuda", tf32=False) is there.to("cuda") is there
    assert rough.copy().tf32
    assert copy.copy(rough).tf32
    rough.standardise(samples()[0])
    assert rough.after_standardisation().tf32
    assert not rough.to("cuda", tf32=False).tf32
    back = rough.to("cpu")
    assert not back.tf32
    assert not back.to("cuda").tf32
    np.testing.assert_array_equal(rough.theta.numpy(), here.theta)
    assert repr(rough).endswith("on cuda, tf32)")
    assert not ss.MLP.load(rough.save(tmp_path / "net")).tf32


@NEEDS_STAND_IN
def test_nothing_goes_to_the_host_unasked():
    _, there = twins()
    dX = to_device(samples()[0])
    hosted = importlib.import_module("saddlescape._cuda").hosted
    there.predict(dX)
    hosted.reset()
    there.predict(dX)
    told = hosted.counts()
    assert (told["uploads"], told["downloads"]) == (0, 1)  # whether X is finite


@NEEDS_STAND_IN
def test_streams():
    _, there = twins()
    X = to_device(samples()[0])
    hosted = importlib.import_module("saddlescape._cuda").hosted

    def told(given):
        there.predict(given)
        hosted.reset()
        there.predict(given)
        return hosted.counts()

    quiet = told(X)
    assert quiet["follows"] == 0
    # The call's stream comes after theta's, and theta's goes on after it.
    elsewhere = told(Interface(X, stream=1234))
    assert elsewhere["follows"] > quiet["follows"]
    # Memory of a library that names no stream may be given away at once.
    nameless = told(Pack(X))
    assert nameless["waits"] > quiet["waits"]


@NEEDS_STAND_IN
def test_every_array_is_asked_for_in_the_stream_of_the_samples():
    cuda = importlib.import_module("saddlescape._cuda")
    X, y = samples("float64", classes=False)
    names = ("sizes", "activation", "loss", "bias", "normalisation", "residual", "dropout",
             "huber_delta", "normalise_after")  # fmt: skip
    plain = ([4, 3], "tanh", "mse", True, "none", False, 0.0, 1.0, False)
    net = cuda.Network(**dict(zip(names, plain, strict=True)))
    packs = [Pack(to_device(a)) for a in (np.zeros(15), y, np.ones(len(X)))]
    mode = _core.net.Mode()
    net.loss(packs[0], Interface(to_device(X), stream=1234), packs[1], mode, packs[2])
    assert [pack.streams for pack in packs] == [[1234]] * 3


@NEEDS_DEVICE
def test_a_network_goes_down():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 4)).astype("float32")
    y = (X[:, 0] * X[:, 1] > 0).astype(np.int64)
    there = ss.MLP((4, 16, 2), device="cuda", seed=1)
    dX, dy, first = to_device(X), to_device(y), there.loss(X, y)
    opt = optim.Adam(there.theta, lr=0.05)
    for _ in range(60):
        opt.step(there.gradient(dX, dy))
    assert there.loss(dX, dy) < 0.2 * first


def test_nothing_is_asked_of_the_backend_for_a_network_on_the_cpu():
    net = ss.MLP((4, 3), seed=1)
    assert net.device == "cpu"
    assert net.copy().device == "cpu"
    assert copy.copy(net).device == "cpu"
    if HOSTED:
        with pytest.raises(TypeError, match="X: "):
            net.predict(to_device(samples()[0]))
    assert optim.SGD(net.theta, lr=0.1).params is net.theta
