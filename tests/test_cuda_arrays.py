"""DeviceArray: what it holds, how it lends its memory; nothing goes to the host unasked."""

from __future__ import annotations

import gc

import numpy as np
import pytest

from device_samples import NEEDS_DEVICE, NEEDS_STAND_IN, Interface, to_device
from saddlescape import _backend, eig, optim

pytestmark = NEEDS_DEVICE

DTYPES = ["float32", "float64", "int64", "float16", "uint16", "uint8"]
SHAPES = [(), (0,), (1,), (3, 0, 2), (1023,), (1025,), (2, 3, 5)]


@pytest.fixture
def cuda():
    return _backend.cuda("a test")


def numbers(shape, dtype="float32"):
    return np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_there_and_back(shape, dtype):
    array = numbers(shape, dtype)
    there = to_device(array)
    back = there.numpy()
    assert (there.shape, there.dtype, there.size) == (array.shape, array.dtype, array.size)
    assert (there.ndim, there.nbytes) == (array.ndim, array.nbytes)
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)
    if array.size:
        array.flat[0] = 7  # a copy is a copy
        np.testing.assert_array_equal(there.numpy(), back)


@pytest.mark.parametrize("dtype", DTYPES)
def test_zeros(cuda, dtype):
    there = cuda.DeviceArray.zeros((3, 5), dtype)
    assert not there.numpy().any()
    assert (there.shape, there.dtype) == ((3, 5), np.dtype(dtype))


def test_a_copy_is_another_array():
    there = to_device(numbers((3, 4)))
    copy = there.copy()
    a, b = (x.__cuda_array_interface__["data"][0] for x in (there, copy))
    assert a != b
    np.testing.assert_array_equal(copy.numpy(), there.numpy())


def test_interface():
    there = to_device(numbers((3, 4), "float64"))
    said = there.__cuda_array_interface__
    assert {**said, "data": None} == {
        "shape": (3, 4),
        "typestr": "<f8",
        "data": None,
        "strides": None,
        "version": 3,
        "stream": 1,
    }
    assert said["data"][1] is False


def test_dlpack_names_the_device(cuda):
    there = to_device(numbers(5))
    assert there.__dlpack_device__() == (2, 0)
    assert there.device == "cuda:0"
    assert cuda.is_on_device(there)
    assert not cuda.is_on_device(numbers(5))
    assert repr(there) == "DeviceArray(shape=(5,), dtype=float32, device='cuda:0')"


@pytest.mark.parametrize(
    ("version", "name"),
    [(None, "dltensor"), ((0, 8), "dltensor"), ((1, 0), "dltensor_versioned")],
)
def test_capsules(version, name):
    there = to_device(numbers(5))
    assert f'"{name}"' in repr(there.__dlpack__(max_version=version))
    assert f'"{name}"' in repr(there.__dlpack__(max_version=version, copy=True, stream=-1))


@NEEDS_STAND_IN
def test_an_unused_capsule_keeps_the_memory_and_lets_go(cuda):
    gc.collect()
    before = cuda.hosted.counts()["used"]
    there = to_device(numbers(1000))
    capsules = [there.__dlpack__(max_version=v) for v in (None, (1, 0))]
    del there
    assert cuda.hosted.counts()["used"] == before + 4000
    del capsules
    assert cuda.hosted.counts()["used"] == before


@NEEDS_STAND_IN
def test_a_reader_in_another_stream_follows(cuda):
    there = to_device(numbers(5))
    cuda.hosted.reset()
    there.__dlpack__(stream=-1)
    there.__dlpack__(stream=1)
    there.__dlpack__()
    assert cuda.hosted.counts()["follows"] == 0
    there.__dlpack__(stream=2)
    assert cuda.hosted.counts()["follows"] == 1


def test_streams_have_names():
    class Torch:
        cuda_stream = 2

    class CuPy:
        ptr = 2

    for stream, number in [(None, 1), (0, 1), (1, 1), (2, 2), (Torch(), 2), (CuPy(), 2)]:
        there = _backend.cuda("a test").DeviceArray.zeros((2,), stream=stream)
        assert there.__cuda_array_interface__["stream"] == number


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda c: c.zeros((2, -1)), ValueError, "shape: -1 among its lengths, expected"),
        (
            lambda c: c.zeros((2**40, 2**40)),
            ValueError,
            "shape: (1099511627776, 1099511627776), ex",
        ),
        (lambda c: c.zeros((2,), "int8"), TypeError, "dtype: 'int8', expected float32, float64, "),
        (
            lambda c: c.zeros((2,), stream=True),
            TypeError,
            "stream: builtins.bool, expected None,",
        ),
        (lambda c: c.zeros((2,), stream=-1), ValueError, "stream: -1, expected an address >= 0"),
        (lambda c: c.from_numpy([1.0]), TypeError, "array: builtins.list, expected a NumPy array"),
        (lambda c: c.from_numpy(np.ones((3, 3)).T[:2]), ValueError, "array: strides (8, 24), exp"),
        (lambda c: c.zeros((2,)).__dlpack__(stream=0), ValueError, "stream: 0, expected None, -1"),
        (lambda c: c.zeros((2,)).__dlpack__(dl_device=(1, 0)), BufferError, "dl_device: only the"),
        (lambda c: np.asarray(c.zeros((2,))), TypeError, "a DeviceArray is not copied to the host"),
    ],
)
def test_misuse_is_named(cuda, call, error, text):
    with pytest.raises(error) as caught:
        call(cuda.DeviceArray)
    assert text in str(caught.value)


@NEEDS_STAND_IN
def test_out_of_memory_says_what_was_wanted(cuda):
    used = cuda.hosted.counts()["used"]
    cuda.hosted.limit(used + 100)
    try:
        with pytest.raises(MemoryError, match=r"^out of memory: 400 bytes wanted for an array"):
            cuda.DeviceArray.zeros((100,))
    finally:
        cuda.hosted.limit(None)
    assert cuda.hosted.counts()["used"] == used


SAYS = "device_samples.Interface on a CUDA device says __cuda_array_interface__ = {"
UNREADABLE = "device_samples.Interface on a CUDA device can't be read in place ("


@pytest.mark.parametrize(
    ("said", "error", "text"),
    [
        ({"shape": (-1,)}, ValueError, "length -1 in its shape, expected lengths >= 0"),
        (
            {"shape": (2**62, 8)},
            ValueError,
            "shape (4611686018427387904, 8), expected one of fewer",
        ),
        ({"shape": (2**32, 2**32)}, ValueError, "shape (4294967296, 4294967296), expected one of"),
        ({"shape": (2**64,)}, TypeError, SAYS),
        ({"shape": (5.0,)}, TypeError, SAYS),
        ({"shape": None}, TypeError, UNREADABLE),
        ({"data": None}, TypeError, UNREADABLE),
        ({"data": ("0x1000", False)}, TypeError, SAYS),
        (
            {"data": (0, False)},
            ValueError,
            "device_samples.Interface on a CUDA device, expected one wi",
        ),
        ({"typestr": 4}, TypeError, SAYS),
        ({"typestr": "<V2"}, TypeError, "dtype <V2, expected float"),
        (
            {"strides": (8, 8)},
            ValueError,
            "strides (8, 8) with shape (5,), expected a C-contiguous",
        ),
    ],
)
def test_what_no_array_can_be_is_refused(said, error, text):
    there = to_device(np.arange(5.0))
    opt = optim.SGD(to_device(np.ones(5)), lr=0.1)
    for name, call in (
        ("params", lambda array: optim.SGD(array, lr=0.1)), ("grads", opt.step),
        ("A", eig.eigvalsh),
    ):  # fmt: skip
        with pytest.raises(error) as caught:
            call(Interface(there, **said))
        assert str(caught.value).startswith(f"{name}: {text}")
    assert opt.steps == 0
    empty = Interface(there, shape=(2**62, 8, 0), data=(0, False))
    assert optim.SGD(empty, lr=0.1).params is empty


def test_a_network_of_the_cpu_takes_none():
    """Where the CPU's own code is given one, it names the device."""
    with pytest.raises(ValueError, match=r"grads: .*DeviceArray on device cuda:0 \(DLPack's dev"):
        optim.SGD(np.ones(3), lr=0.1).step(to_device(np.ones(3)))
