"""Where contestants of bench/gpu keep their arrays, and the clock that is read there.

On a device both sides have PyTorch's tensors, and its events take the time between the first and
the last of what the device was asked for. The stand-in has device arrays for ours, the CPU's memory
for rivals, and the host's clock.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape import _backend

Call = Callable[[], Any]
Array = NDArray[Any]
SHOWN = 1 << 16  # numbers at either end that are compared


class NotThereError(Exception):
    """A contestant that can't be had here: the text says why."""


class Place:
    """What both places have in common."""

    hosted: bool
    clock: str
    stream: Any = None

    def wall(self, call: Call, repeat: int) -> float:
        """Time by the host's clock, from an idle device to an idle one."""
        self.wait()
        start = time.perf_counter()
        for _ in range(repeat):
            call()
        self.wait()
        return (time.perf_counter() - start) / repeat

    def wait(self) -> None:
        """Until the device has done all that it was asked for."""

    def release(self) -> None:
        """Give memory back that nobody holds."""
        gc.collect()


class Device(Place):
    """A CUDA device, through PyTorch."""

    hosted, clock = False, "events"

    def __init__(self) -> None:
        import torch

        if not torch.cuda.is_available():
            raise RuntimeError("PyTorch here sees no CUDA device, and its events are the clock")
        torch.backends.cuda.matmul.allow_tf32 = False
        self.torch, self.stream = torch, torch.cuda.current_stream()

    def normal(self, shape: tuple[int, ...], seed: int) -> Any:
        """Float32 numbers for ours."""
        own = self.torch.Generator("cuda").manual_seed(seed)
        return self.torch.randn(shape, generator=own, device="cuda")

    rivals_normal = normal

    def sent(self, array: Array) -> Any:
        """Put an array of the host there, for ours."""
        return self.torch.from_numpy(array).cuda()

    rivals = sent

    def ends(self, array: Any) -> Array:
        """Return the array's first and last numbers, or all of a short one, on the host."""
        if isinstance(array, np.ndarray):
            return array
        if isinstance(array, self.torch.Tensor):
            flat = array.detach().reshape(-1)
            both = self.torch.cat([flat[:SHOWN], flat[-SHOWN:]]) if flat.numel() > SHOWN else flat
            return both.cpu().numpy()
        return ends(array.numpy())

    def seconds(self, call: Call, repeat: int) -> float:
        """Time by the events, from the first call to the end of the last."""
        first, last = (self.torch.cuda.Event(enable_timing=True) for _ in range(2))
        first.record()
        for _ in range(repeat):
            call()
        last.record()
        last.synchronize()
        return first.elapsed_time(last) / 1e3 / repeat

    def copying(self, count: int) -> Call:
        """A copy of so many bytes within the device."""
        parts = [self.torch.ones(count, dtype=self.torch.uint8, device="cuda") for _ in range(2)]
        return lambda: parts[0].copy_(parts[1])

    def graph(self, launch: Call) -> Call:
        """Return the replay of a CUDA graph that holds a launch."""
        held = self.torch.cuda.CUDAGraph()
        with self.torch.cuda.graph(held):
            launch()
        return held.replay

    def inside(self) -> Any:
        """The stream that a graph is captured in."""
        return self.torch.cuda.current_stream()

    def wait(self) -> None:
        """Wait until the device has done all that it was asked for."""
        self.torch.cuda.synchronize()

    def free(self) -> int:
        """Return the bytes that nobody has."""
        return int(self.torch.cuda.mem_get_info()[0])

    def release(self) -> None:
        """Give memory back that nobody holds, PyTorch among them."""
        gc.collect()
        self.torch.cuda.empty_cache()


class Hosted(Place):
    """The CPU in a device's place."""

    hosted, clock = True, "host"

    def __init__(self) -> None:
        self.array = _backend.cuda("bench/gpu").DeviceArray

    def normal(self, shape: tuple[int, ...], seed: int) -> Any:
        """Float32 numbers for ours."""
        return self.sent(drawn(shape, seed))

    def rivals_normal(self, shape: tuple[int, ...], seed: int) -> Any:
        """The same numbers in a rival's memory."""
        return self.rivals(drawn(shape, seed))

    def sent(self, array: Array) -> Any:
        """Put an array of the host there, for ours."""
        return self.array.from_numpy(array)

    def rivals(self, array: Array) -> Any:
        """Put one in a rival's memory: PyTorch's on the CPU."""
        import torch

        return torch.from_numpy(array.copy())

    def ends(self, array: Any) -> Array:
        """As on a device."""
        if hasattr(array, "detach"):
            array = array.detach()
        return ends(array if isinstance(array, np.ndarray) else array.numpy())

    def seconds(self, call: Call, repeat: int) -> float:
        """Time by the host's clock."""
        return self.wall(call, repeat)

    def copying(self, count: int) -> Call:
        """A copy of so many bytes."""
        parts = [np.ones(count, np.uint8) for _ in range(2)]
        return lambda: np.copyto(*parts)

    def graph(self, launch: Call) -> Call:
        """No graph is here: what it would hold runs each time."""
        return launch

    def inside(self) -> Any:
        """No stream is here."""
        return None

    def free(self) -> int:
        """More bytes than these sizes need."""
        return 1 << 30


def drawn(shape: tuple[int, ...], seed: int) -> Array:
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def ends(array: Array) -> Array:
    flat = array.reshape(-1)
    return np.concatenate([flat[:SHOWN], flat[-SHOWN:]]) if flat.size > SHOWN else flat
