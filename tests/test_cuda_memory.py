"""Optimizers over device arrays: whose memory, in what order, where there is too little of it."""

from __future__ import annotations

import gc
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import saddlescape as ss
from device_samples import (
    AROUND,
    NEEDS_DEVICE,
    NEEDS_STAND_IN,
    SPLITS,
    THERE,
    Interface,
    OldPack,
    Pack,
    everything,
    pair,
    to_device,
)
from saddlescape import _backend, optim
from storage_samples import cast

pytestmark = NEEDS_DEVICE

OURS = "device_samples."


@pytest.mark.parametrize("wrap", [lambda a: a, Interface, Pack])
def test_arrays_of_other_libraries_are_updated_in_place(wrap):
    own, grad = np.arange(5.0), np.ones(5)
    there = to_device(own)
    opt = optim.SGD(wrap(there), lr=0.5)
    opt.step(wrap(to_device(grad)))
    np.testing.assert_array_equal(there.numpy(), own - 0.5)
    assert opt.params is not None


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda a: Interface(a, strides=(16,)), ValueError, "params: strides (16,), expected a C-"),
        (lambda a: Interface(a, strides=(3,)), ValueError, "params: strides (3,) with shape (5,)"),
        (lambda a: Interface(a, typestr=">f8"), TypeError, "params: dtype >f8, expected float32, "),
        (lambda a: Interface(a, typestr="<i8"), TypeError, "params: dtype int64, expected float32"),
        (lambda a: Interface(a, typestr="<c16"), TypeError, "params: dtype complex128, expected f"),
        (lambda a: Interface(a, mask=a), ValueError, f"params: {OURS}Interface on a CUDA device "),
        (
            lambda a: Interface(a, data=(a.__cuda_array_interface__["data"][0], True)),
            ValueError,
            "params: read-only, expected a writable array (it is updated in place)",
        ),
        (
            lambda a: Interface(a, data=(a.__cuda_array_interface__["data"][0] + 1, False)),
            ValueError,
            "params: its elements are not aligned in memory, expected an aligned array; copy it",
        ),
        (OldPack, TypeError, f"params: {OURS}OldPack does not say whether it may be written to (D"),
    ],
)
def test_what_can_not_be_stepped_in_place_is_named(make, error, text):
    with pytest.raises(error) as caught:
        optim.SGD(make(to_device(np.ones(5))), lr=0.1)
    assert str(caught.value).startswith(text)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (
            lambda: np.ones(5),
            TypeError,
            "grads: numpy.ndarray",
        ),
        (lambda: to_device(np.ones(4)), ValueError, "grads: shape (4,), expected (5,)"),
        (lambda: to_device(np.ones(5, np.float32)), TypeError, "grads: dtype float32, expected fl"),
        (
            lambda: optim.Rows(np.array([0]), np.ones((1,))),
            TypeError,
            "grads: rows for parameters on a CUDA device, expected a whole gradient there",
        ),
    ],
)
def test_gradients_are_checked(make, error, text):
    there = to_device(np.arange(5.0))
    opt = optim.SGD(there, lr=0.1)
    with pytest.raises(error) as caught:
        opt.step(make())
    assert str(caught.value).startswith(text)
    np.testing.assert_array_equal(there.numpy(), np.arange(5.0))


def test_memory_is_shared_with_nobody():
    there = to_device(np.ones(5))
    with pytest.raises(ValueError, match=r"^params\[1\]: shares memory with params\[0\]"):
        optim.SGD([there, Interface(there)], lr=0.1)
    opt = optim.SGD(there, lr=0.1)
    with pytest.raises(ValueError, match=r"^grads: shares memory with params"):
        opt.step(there)


def test_what_is_kept_stays_there():
    there = optim.Adam(
        [to_device(cast(np.ones(5), "bfloat16")), to_device(np.ones(3))], average=optim.EMA(0.5)
    )
    for kept in there.average:
        assert type(kept).__name__ == "DeviceArray"
    for arrays_of in there.state_dict()["state"].values():
        assert all(type(kept).__name__ == "DeviceArray" for kept in arrays_of)


# ---- Streams, traffic, faults: with the stand-in that counts -----------------------------------


@pytest.fixture
def device():
    gc.collect()  # else what other tests left may go meanwhile, and make room
    hosted = _backend.cuda("a test").hosted
    hosted.reset()
    yield hosted
    hosted.use(0)
    hosted.limit(None)


@NEEDS_STAND_IN
def test_a_step_is_one_launch_for_all(device):
    _, there, gradients = pair("float32")
    for seed in (1, 2):
        _, theirs = gradients(seed)
        device.reset()
        there.step(theirs, check_finite=False)
    counts = device.counts()
    assert (counts["launches"], counts["uploads"], counts["downloads"]) == (1, 1, 0)
    assert counts["waits"] == 0


@NEEDS_STAND_IN
def test_a_library_that_names_no_stream_is_waited_for(device):
    params, grad = to_device(np.ones(5)), to_device(np.ones(5))
    opt = optim.SGD(params, lr=0.1)
    for wrap, waits in [(lambda a: a, 0), (lambda a: Interface(a, stream=None), 1), (Pack, 1)]:
        device.reset()
        opt.step(wrap(grad), check_finite=False)
        opt.step(wrap(grad), check_finite=False)
        first, waited = device.counts()["waits"], 2 * waits
        assert first in (waited, waited + 1)  # a plan that is new waits for the last one


@NEEDS_STAND_IN
def test_streams_come_after_each_other(device):
    params, grad = to_device(np.ones(5)), to_device(np.ones(5))
    opt = optim.SGD(Interface(params, stream=2), lr=0.1)
    opt.step(Interface(grad, stream=2), check_finite=False)
    device.reset()
    opt.step(Interface(grad, stream=2), check_finite=False)
    assert device.counts()["follows"] == 0
    # The gradient's stream comes before the step, and goes on after it.
    opt.step(Interface(grad, stream=1 << 20), check_finite=False)
    assert device.counts()["follows"] == 2
    pack = Pack(grad)
    opt.step(pack, check_finite=False)
    assert pack.streams == [2]


@NEEDS_STAND_IN
def test_a_threads_own_stream_is_waited_for(device):
    # Another thread's has the same number.
    params, grad = to_device(np.ones(5)), to_device(np.ones(5))
    for number, waits in ((2, 1), (1 << 20, 0)):
        opt = optim.SGD(Interface(params, stream=number), lr=0.1)
        opt.step(Interface(grad, stream=number), check_finite=False)
        device.reset()
        opt.step(Interface(grad, stream=number), check_finite=False)
        assert device.counts()["waits"] == waits
    net = ss.MLP((5, 2), device="cuda")
    X = to_device(np.ones((3, 5), "float32"))
    net.predict(X)
    for number, waits in ((2, 1), (1 << 20, 0)):
        net.predict(Interface(X, stream=number))
        device.reset()
        net.predict(Interface(X, stream=number))
        assert (device.counts()["waits"] > 1) == waits  # one is for the look at X


@NEEDS_STAND_IN
@pytest.mark.parametrize(("wrap", "stream"), [(lambda a: a, 5), (Pack, None)])
def test_streams_are_put_in_order_on_the_device_of_the_arrays(device, wrap, stream):
    # An event of one device can't be recorded on another, and each has a default stream of its own.
    device.use(1)
    params, grad = to_device(np.ones(5)), to_device(np.ones(5))
    device.use(0)
    opt = optim.SGD(params, lr=0.1)
    opt.step(grad, check_finite=False)
    device.reset()
    opt.step(wrap(grad), check_finite=False, stream=stream)
    assert device.counts()["ordered"] == 1


@NEEDS_STAND_IN
def test_older_pytorch_is_asked_for_its_stream(device, monkeypatch):
    class Tensor(Interface):
        is_cuda = True
        device = SimpleNamespace(type="cuda")

        def detach(self):
            return self

    stream = SimpleNamespace(cuda_stream=5)
    fake = SimpleNamespace(cuda=SimpleNamespace(current_stream=lambda _device: stream))
    monkeypatch.setitem(sys.modules, "torch", fake)
    params, grad = to_device(np.ones(5)), to_device(np.ones(5))
    opt = optim.SGD(params, lr=0.1)
    opt.step(grad, check_finite=False)
    device.reset()
    opt.step(Tensor(grad), check_finite=False)
    assert device.counts()["follows"] == 2  # the step comes after it, and it after the step
    opt.step(Interface(grad, stream=2), check_finite=False, stream=1 << 21)
    assert device.counts()["follows"] >= 4


@NEEDS_STAND_IN
def test_an_interface_without_a_word_for_streams_is_asked_by_dlpack():
    class Second(Pack):
        @property
        def __cuda_array_interface__(self):
            said = self.array.__cuda_array_interface__
            return {**{key: said[key] for key in ("shape", "typestr", "data")}, "version": 2}

    params, grad = to_device(np.ones(5)), Second(to_device(np.ones(5)))
    opt = optim.SGD(Interface(params, stream=1 << 20), lr=0.5)
    opt.step(grad)
    assert grad.streams == [1 << 20]
    own = Second(params)
    optim.SGD(own, lr=0.5).step(grad)  # what is stepped has to say that it may be
    assert own.streams == []
    np.testing.assert_array_equal(params.numpy(), np.zeros(5))


def test_a_stream_belongs_to_a_device():
    opt = optim.SGD(np.ones(3), lr=0.1)
    with pytest.raises(TypeError, match=r"^stream: builtins.int, expected None: no parameter is"):
        opt.step(np.ones(3), stream=1)


@NEEDS_STAND_IN
@pytest.mark.parametrize("where", [THERE, SPLITS[0]])
def test_out_of_memory_changes_nothing(device, where):
    _, there, gradients = pair("float32", "adam", where, **AROUND["all"])
    _, theirs = gradients(1)
    before = everything(there)
    device.limit(device.counts()["used"] + 16)
    with pytest.raises(MemoryError, match=r"^out of memory: \d+ bytes wanted for the .*, \d+ of"):
        there.step(theirs)
    device.limit(None)
    assert everything(there) == before
    there.step(theirs)
    assert there.steps == 1


@NEEDS_STAND_IN
def test_out_of_memory_for_states_is_named(device):
    params = to_device(np.ones(1000))
    device.limit(device.counts()["used"] + 9000)
    with pytest.raises(MemoryError, match=r"8000 bytes wanted for an optimizer's state, \d+ of"):
        optim.Adam(params)
