"""The time to beat: a plain loop that moves a step's bytes and computes next to nothing.

One pass is, for each element, s = r_1 + r_2 + ... and w_k = w_k / 2 + s for each k. `reads` arrays
are read, `updates` arrays are read and written, so a pass moves 4 (reads + 2 updates) bytes an
element: Adam's with 1 and 3, that of gradient descent with 1 and 1. Written for this machine by its
own compiler when it is asked for. Its threads start and end with the pass: some 16 us, 0.1 % of a
pass of 16 ms.
"""

from __future__ import annotations

import ctypes
import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

import blocks

# Ranges are dealt out as they come: a core that somebody else holds up must not hold up the pass.
SOURCE = """
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

static void range(float* const* x, std::int64_t begin, std::int64_t end) {{
{pointers}
  for (std::int64_t i = begin; i < end; ++i) {{
    const float s = {sum};
{updates}
  }}
}}

extern "C" void same_bytes(float* const* x, std::int64_t n, int threads) {{
  const std::int64_t size = std::max<std::int64_t>(4096, n / (16 * threads) / 16 * 16);
  std::atomic<std::int64_t> next{{0}};
  const auto work = [&] {{
    for (std::int64_t i; (i = size * next.fetch_add(1)) < n;) range(x, i, std::min(n, i + size));
  }};
  std::vector<std::thread> helpers;
  for (int i = 1; i < threads; ++i) helpers.emplace_back(work);
  work();
  for (std::thread& helper : helpers) helper.join();
}}
"""
FLAGS = ("-O3", "-march=native", "-std=c++17", "-shared", "-fPIC", "-pthread")


def compiler() -> str | None:
    """The system's C++ compiler, None if there is none."""
    names = (os.environ.get("CXX", ""), "c++", "g++", "clang++")
    return next((path for name in names if name and (path := shutil.which(name))), None)


def source(reads: int, updates: int) -> str:
    names = [f"r{k}" for k in range(reads)], [f"w{k}" for k in range(updates)]
    pointers = [f"  const float* __restrict {name} = x[{k}];" for k, name in enumerate(names[0])]
    pointers += [f"  float* __restrict {name} = x[{reads + k}];" for k, name in enumerate(names[1])]
    return SOURCE.format(
        pointers="\n".join(pointers),
        sum=" + ".join(f"{name}[i]" for name in names[0]) or "0.0f",
        updates="\n".join(f"    {name}[i] = 0.5f * {name}[i] + s;" for name in names[1]),
    )


@functools.cache
def compiled(reads: int, updates: int) -> Callable[..., None]:
    path = compiler()
    if path is None:
        raise RuntimeError("no C++ compiler for the same-bytes loop: install one, or set CXX")
    with tempfile.TemporaryDirectory() as folder:
        text, library = Path(folder) / "loop.cpp", Path(folder) / "loop.so"
        text.write_text(source(reads, updates))
        subprocess.run([path, *FLAGS, "-o", library, text], check=True)  # noqa: S603 - the one found
        loop = ctypes.CDLL(str(library)).same_bytes
    loop.argtypes = [ctypes.c_void_p, ctypes.c_int64, ctypes.c_int]
    loop.restype = None
    return loop


@functools.cache
def memory(k: int, n: int) -> np.ndarray:
    """Array k of n numbers, the same one for every loop: they are as large as the step's own."""
    return np.full(n, k, np.float32)


def same_bytes(reads: int, updates: int, n: int, threads: int) -> Callable[[], None]:
    """Return a pass over `reads + updates` float32 arrays of n elements, checked once."""
    loop = compiled(reads, updates)
    arrays = [memory(k, n) for k in range(reads + updates)]
    # Halves of whole numbers below 2^8 are exact in float32, and so is every sum of them here.
    starts = [np.floor(32 * blocks.random_block(k)) for k in range(reads + updates)]
    for array, start in zip(arrays, starts, strict=True):
        blocks.fill([array], start)
    pointers = (ctypes.c_void_p * len(arrays))(*(array.ctypes.data for array in arrays))

    def run() -> None:
        loop(pointers, n, threads)

    run()
    total = sum(starts[:reads], np.zeros(blocks.PERIOD))
    ends = starts[:reads] + [start / 2 + total for start in starts[reads:]]
    for array, end in zip(arrays, ends, strict=True):
        assert blocks.errors([array], end) == (0.0, 0.0)
    return run
