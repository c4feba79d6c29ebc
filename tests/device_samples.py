"""Arrays on a device, for tests: on a real one, or on the CPU that stands in for it."""

from __future__ import annotations

import importlib

import pytest

from saddlescape import _backend

TOLD = _backend.described()
NEEDS_DEVICE = pytest.mark.skipif(not TOLD["usable"], reason=str(TOLD["why"]))
HOSTED = TOLD["usable"] and hasattr(importlib.import_module("saddlescape._cuda"), "hosted")
NEEDS_STAND_IN = pytest.mark.skipif(not HOSTED, reason="built without the CPU in a device's place")


def to_device(array):
    """A DeviceArray with the numbers of a NumPy array."""
    return importlib.import_module("saddlescape._cuda").DeviceArray.from_numpy(array)


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
