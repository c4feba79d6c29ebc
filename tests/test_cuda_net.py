"""MLP(device="cuda"): the CPU's numbers, NumPy for NumPy and device arrays for device arrays."""

from __future__ import annotations

import copy
import importlib
import re

import numpy as np
import pytest

import saddlescape as ss
from device_samples import HOSTED, NEEDS_DEVICE, NEEDS_STAND_IN, Interface, Pack, to_device
from saddlescape import curvature, optim

LOSSES = ["bce", "cross_entropy", "huber", "mae", "mse"]
# Sums of some hundred numbers in another order, on a device with another exponential.
TOLERANCE = {"float32": 1e-5, "float64": 1e-12}
ARRAYS = {"DeviceArray": to_device, "interface": lambda x: Interface(to_device(x)),
          "dlpack": lambda x: Pack(to_device(x))}  # fmt: skip


def twins(loss="cross_entropy", dtype="float32", sizes=(4, 6, 5, 3), **options):
    """The same network here and there."""
    here = ss.MLP(sizes, "silu", loss, dtype=dtype, seed=3, **options)
    return here, here.to("cuda")


def samples(dtype="float32", N=41, classes=True, inputs=4, outputs=3):
    rng = np.random.default_rng(5)
    X = rng.standard_normal((N, inputs)).astype(dtype)
    y = rng.integers(0, outputs, N) if classes else rng.random((N, outputs)).astype(dtype)
    return X, y


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


REFUSED = [
    (lambda X, y: (X[:, :3].copy(), y), ValueError, "X: shape (41, 3), expected (any, 4)"),
    (lambda X, y: (X.astype("int64"), y), TypeError, "X: dtype int64"),
    (lambda X, y: (X[:0], y[:0]), ValueError, "X: shape (0, 4), expected at least one sample"),
    (lambda X, y: (X, y[:-1]), ValueError, "y: shape (40,), expected (41,) or (41, 3)"),
    (lambda X, y: (X, np.where(np.arange(41) == 5, 3, y)), ValueError,
     "y: 3 at (5,), expected classes 0 to 2"),
    (lambda X, y: (X, np.where(np.arange(41) == 5, -1, y)), ValueError, "y: -1 at (5,)"),
    (lambda X, y: (X, y.astype("float32")), TypeError, "y: floats of shape (41,)"),
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
@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"normalisation": "batch"}, "batch normalisation"),
        ({"normalisation": "layer"}, "layer normalisation"),
        ({"residual": True}, "residual connections"),
        ({"dropout": 0.5}, "dropout"),
    ],
)
def test_what_the_device_can_not_do_is_named(options, what):
    with pytest.raises(ValueError, match=f"net: {what} can't run on the device"):
        ss.MLP((2, 3, 3, 1), loss="mse", device="cuda", **options)


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
    net.loss(packs[0], Interface(to_device(X), stream=1234), packs[1], packs[2])
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
