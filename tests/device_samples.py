"""Arrays on a device, for tests: on a real one, or on the CPU that stands in for it."""

from __future__ import annotations

import importlib
import zlib

import numpy as np
import pytest

from saddlescape import _backend, optim
from storage_samples import bits, cast, numbers

TOLD = _backend.described()
NEEDS_DEVICE = pytest.mark.skipif(not TOLD["usable"], reason=str(TOLD["why"]))
HOSTED = TOLD["usable"] and hasattr(importlib.import_module("saddlescape._cuda"), "hosted")
NEEDS_STAND_IN = pytest.mark.skipif(not HOSTED, reason="built without the CPU in a device's place")


def to_device(array):
    """A DeviceArray with the numbers of a NumPy array."""
    return importlib.import_module("saddlescape._cuda").DeviceArray.from_numpy(array)


SIZES = (2049, 1, 0, 65, 10_007)
THERE, HERE = (True,) * 5, (False,) * 5
SPLITS = [(True, False, True, False, True), (False, True, False, False, False)]
# Storage types by name: parameters, gradients, arguments.
KINDS = {
    "float64": ("float64", "float64", {}),
    "float32": ("float32", "float32", {}),
    "float32, bfloat16 gradients": ("float32", "bfloat16", {}),
    "8bit": ("float32", "float16", {"state_dtype": "8bit"}),
    "bfloat16": ("bfloat16", "bfloat16", {"state_dtype": "bfloat16", "stochastic_rounding": True}),
    "float16": ("float16", "float16", {}),
    "master": ("bfloat16", "float16", {"master_weights": True, "state_dtype": "bfloat16"}),
}
AROUND = {
    "plain": {},
    "statistics": {"statistics": True},
    "clip": {"clip_norm": 0.5, "clip_value": 1.0},
    "all": {"clip_norm": 0.5, "statistics": True, "average": optim.EMA(0.9)},
}


def arrays(dtype, seed):
    return [cast(numbers(n, seed + 10 * i), dtype) for i, n in enumerate(SIZES)]


def pair(kind, name="adamw", where=THERE, **common):
    """An optimizer on the CPU and one on the device, and gradients for both by seed."""
    dtype, gradient, own = KINDS[kind]
    put = [to_device if there else np.copy for there in where]

    def placed(many):
        return [place(each) for place, each in zip(put, many, strict=True)]

    starts = arrays(dtype, 0)
    here = optim.create(name, [start.copy() for start in starts], **own, **common)
    there = optim.create(name, placed(starts), **own, **common)
    return here, there, lambda seed: (arrays(gradient, seed), placed(arrays(gradient, seed)))


def on_host(value):
    """The same with NumPy arrays in the place of device arrays, in lists and dictionaries."""
    if isinstance(value, dict):
        return {key: on_host(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [on_host(each) for each in value]
    return value.numpy() if hasattr(value, "__cuda_array_interface__") else value


def everything(opt):
    """All that a refused or skipped step has to leave alone: digests of the bits, by name."""
    norms = opt.statistics
    found = {
        "params": opt.params,
        "average": opt.average,
        **opt.state_dict(),
        "norms": norms and [norms.gradient_norm, norms.update_norm, norms.parameter_norm],
    }
    return digests(bits(on_host(found)))


def digests(value):
    if isinstance(value, dict):
        return {key: digests(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [digests(each) for each in value]
    return zlib.crc32(value) if isinstance(value, bytes) else value


class Interface:
    """Speaks `__cuda_array_interface__` and nothing else, as Numba does; with changes."""

    def __init__(self, array, **changes):
        self.array, self.changes = array, changes

    @property
    def __cuda_array_interface__(self):
        return {**self.array.__cuda_array_interface__, **self.changes}


class Pack:
    """Speaks DLPack 1.0; remembers the stream it was asked for."""

    def __init__(self, array):
        self.array, self.streams = array, []

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()

    def __dlpack__(self, *, stream=None, max_version=None, copy=None):
        self.streams.append(stream)
        return self.array.__dlpack__(stream=stream, max_version=max_version, copy=copy)


class OldPack(Pack):
    """DLPack as it was before 1.0: no word of reading or writing."""

    def __dlpack__(self, *, stream=None):
        self.streams.append(stream)
        return self.array.__dlpack__(stream=stream)
