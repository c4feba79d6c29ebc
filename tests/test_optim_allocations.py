"""What a step allocates: nothing, however many tensors it takes and however large they are.

A library of a few lines stands in front of the C library's allocator and counts the calls of all
threads; what a loop without a step allocates is taken off. Python's small objects have an allocator
of their own, which asks the C library for its arenas only; switched off, they are counted too.
"""

from __future__ import annotations

import itertools
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import saddlescape as ss
from saddlescape import _core, optim

COUNTER = """
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>

extern void* __libc_malloc(size_t);
extern void* __libc_calloc(size_t, size_t);
extern void* __libc_realloc(void*, size_t);
extern void* __libc_memalign(size_t, size_t);

static atomic_long calls, bytes;

static void* counted(void* block, size_t size) {
  atomic_fetch_add(&calls, 1);
  atomic_fetch_add(&bytes, (long)size);
  return block;
}

void* malloc(size_t n) { return counted(__libc_malloc(n), n); }
void* calloc(size_t n, size_t size) { return counted(__libc_calloc(n, size), n * size); }
void* realloc(void* p, size_t n) { return counted(__libc_realloc(p, n), n); }
void* memalign(size_t a, size_t n) { return counted(__libc_memalign(a, n), n); }
void* aligned_alloc(size_t a, size_t n) { return memalign(a, n); }
int posix_memalign(void** p, size_t a, size_t n) { return (*p = memalign(a, n)) ? 0 : ENOMEM; }

long allocations(void) { return atomic_load(&calls); }
long allocated_bytes(void) { return atomic_load(&bytes); }
"""

# Prints for each case the calls and bytes of a step.
SCRIPT = """
import ctypes, json, sys
import numpy as np
import saddlescape as ss
from saddlescape import optim

counter = ctypes.CDLL(None)
STEPS = 20

def nothing(grads, *, check_finite=True):
    pass

def copy(grads, *, check_finite=True):
    for g in grads:
        g.copy()

def count(step, grads, check_finite):
    for _ in range(3):  # the first steps start threads and fill caches
        step(grads, check_finite=check_finite)
    calls, size = counter.allocations(), counter.allocated_bytes()
    for _ in range(STEPS):
        step(grads, check_finite=check_finite)
    return counter.allocations() - calls, counter.allocated_bytes() - size

ss.set_threads(2)
for name, number, size, check_finite in json.loads(sys.argv[1]):
    arrays = [[np.ones((1, size), np.float32) for _ in range(max(1, number))] for _ in range(2)]
    params, grads = arrays if number else (arrays[0][0], arrays[1][0])
    step = copy if name == "copy" else optim.create(name, params).step
    count(nothing, grads, check_finite)
    # The interpreter allocates on its own now and then; what a step takes, it takes every time.
    some = min(count(step, grads, check_finite) for _ in range(5))
    none = min(count(nothing, grads, check_finite) for _ in range(5))
    print(json.dumps([(a - b) / STEPS for a, b in zip(some, none)]))
"""
ALONE = 0  # for a number of tensors: an array that is no list's
SMALL, LARGE = 10, 300_007  # elements: one thread, two threads


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        pytest.skip("no C compiler for the counter of allocations")
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("the counter of allocations stands on glibc's own names")
    folder = tmp_path_factory.mktemp("allocations")
    (folder / "counter.c").write_text(COUNTER)
    command = [compiler, "-O1", "-shared", "-fPIC", "-fno-builtin", "-o", folder / "counter.so"]
    subprocess.run([*command, folder / "counter.c"], check=True)  # noqa: S603 - our own text
    return folder / "counter.so"


def allocations(counter, cases, objects=False):
    """Calls and bytes of a step, for each case; with `objects` those of Python's small ones too."""
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", SCRIPT, json.dumps(cases)],
        env={
            **os.environ,
            "LD_PRELOAD": str(counter),
            "PYTHONMALLOC": "malloc" if objects else "pymalloc",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]


def test_the_counter_sees_what_is_allocated(counter):
    # A copy is an array object, its shape and its data.
    (one, one_bytes), (two, two_bytes) = allocations(
        counter, [["copy", 1, LARGE, True], ["copy", 2, LARGE, True]], objects=True
    )
    assert one >= 2
    assert two >= one + 2
    assert one_bytes >= 4 * LARGE
    assert two_bytes >= one_bytes + 4 * LARGE


@pytest.mark.parametrize("objects", [False, True], ids=["heap", "Python objects"])
def test_a_large_tensor_allocates_no_more_than_a_small_one(counter, objects):
    """So the kernels and the threads allocate nothing: there is no scratch memory that grows."""
    rows = list(itertools.product(optim.names(), [ALONE, 2], [True, False]))
    cases = [[name, number, size, check] for name, number, check in rows for size in (SMALL, LARGE)]
    counts = allocations(counter, cases, objects)
    for i, row in enumerate(rows):
        assert counts[2 * i] == counts[2 * i + 1], row


NUMBERS = [ALONE, 1, 2, 37, 600]


@pytest.mark.parametrize("check_finite", [True, False])
@pytest.mark.parametrize("size", [SMALL, 3_001])
def test_a_step_takes_nothing_from_the_heap(counter, size, check_finite):
    cases = [["adam", number, size, check_finite] for number in NUMBERS]
    assert allocations(counter, cases) == [(0.0, 0.0)] * len(NUMBERS)


def test_more_tensors_make_no_more_python_objects(counter):
    counts = allocations(counter, [["adam", n, SMALL, True] for n in NUMBERS[1:]], objects=True)
    assert len(set(counts)) == 1


@pytest.mark.parametrize(
    ("arguments", "regions"),
    [
        ({}, 1),
        ({"state_dtype": "8bit", "clip_value": 1.0, "statistics": True}, 1),
        ({"average": optim.EMA()}, 1),
        ({"clip_norm": 1.0}, 2),  # the norm of all gradients comes before the step
    ],
)
@pytest.mark.parametrize("check_finite", [True, False])
def test_a_step_is_one_parallel_region(arguments, regions, check_finite):
    threads = ss.info()["threads"]
    ss.set_threads(2)
    try:
        sizes = [300_000, 7, 40_000]
        opt = optim.Adam([np.ones(n, np.float32) for n in sizes], **arguments)
        before = _core.parallel_regions()
        opt.step([np.ones(n, np.float32) for n in sizes], check_finite=check_finite)
        assert _core.parallel_regions() == before + regions
    finally:
        ss.set_threads(threads)
