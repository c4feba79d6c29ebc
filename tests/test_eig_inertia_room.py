"""The memory of an inertia: what it takes, and what it leaves where it may overwrite."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest

import saddlescape as ss
from oracle import spectra
from saddlescape import eig


def symmetric(n: int) -> np.ndarray:
    A = np.random.default_rng(n).standard_normal((n, n))
    return (A + A.T) / 2


def same(a: eig.Inertia, b: eig.Inertia) -> bool:
    return a == b


@pytest.mark.parametrize("n", [0, 1, 2, 23, 24, 25, 63, 64, 65, 95, 96, 97, 129, 200, 301])
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_in_place_finds_the_same_and_restores(n: int, threads: int) -> None:
    A = symmetric(n)
    before = A.copy()
    count = ss.info()["threads"]
    try:
        ss.set_threads(threads)
        beside, inside = eig.inertia(A), eig.inertia(A, overwrite=True)
    finally:
        ss.set_threads(count)
    assert same(beside, inside)
    assert np.array_equal(A.view(np.int64), before.view(np.int64))


@pytest.mark.parametrize("scale", [1e-310, 1e-150, 1.0, 1e150, 1e307])
def test_in_place_restores_at_any_scale(scale: float) -> None:
    A = spectra.planted([-3, -1e-3, 0, 0, 1e-9, 1, 7], seed=3).A * scale
    A[0, 1] = A[1, 0] = 1e-300 * scale if scale > 1 else 0.0
    before = A.copy()
    assert same(eig.inertia(before), eig.inertia(A, overwrite=True))
    assert np.array_equal(A, before)


def test_in_place_leaves_the_symmetric_part() -> None:
    A = symmetric(70)
    A[3, 60] += 1e-14
    part = 0.5 * A + 0.5 * A.T
    counts = eig.inertia(A.copy())
    assert same(counts, eig.inertia(A, overwrite=True))
    assert np.array_equal(A, part)


def read_only() -> np.ndarray:
    A = np.eye(3)
    A.flags.writeable = False
    return A


def skew() -> np.ndarray:
    A = np.eye(3)
    A[0, 2] = 1
    return A


def broken() -> np.ndarray:
    A = np.eye(3)
    A[1, 2] = A[2, 1] = np.nan
    return A


REFUSED = [
    (np.eye(3, dtype=np.float32), TypeError, "A: dtype float32, expected float64"),
    (read_only(), ValueError, "A: read-only"),
    (np.ones((3, 3)).T[::2], ValueError, "A: "),
    (np.asfortranarray(symmetric(3) + np.tri(3)), ValueError, "A: "),
    (skew(), ValueError, "A: not symmetric"),
    (broken(), ValueError, "A"),
    (np.zeros((2, 3)), ValueError, "A: shape (2, 3), expected (n, n)"),
    ([[1.0]], TypeError, "A: "),
]


@pytest.mark.parametrize(("A", "error", "message"), REFUSED, ids=lambda x: str(x)[:20])
def test_refused_and_left_alone(A: np.ndarray, error: type[Exception], message: str) -> None:
    before = np.array(A, copy=True)
    with pytest.raises(error, match=re.escape(message)):
        eig.inertia(A, overwrite=True)
    assert np.array_equal(np.array(A), before, equal_nan=True)


def test_neither_skew_nor_broken_is_counted() -> None:
    for A in (skew(), broken(), np.full((2, 2), np.inf)):
        with pytest.raises(ValueError, match="A"):
            eig.inertia(A)


PEAK = """
import sys
import numpy as np
import saddlescape as ss
from saddlescape import eig

def peak():
    with open("/proc/self/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmHWM")) * 1024

n, overwrite, threads = map(int, sys.argv[1:])
ss.set_threads(threads)
eig.inertia(np.eye(200), overwrite=bool(overwrite))
i = np.arange(n) + 0.0
A = np.add.outer(i, i)
np.remainder(A, 7, out=A)  # no temporary, which would be in the peak already
before = peak()
eig.inertia(A, overwrite=bool(overwrite))
print((peak() - before) / (8 * n * n))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
# In matrices of n^2 numbers beside A; a few hundred rows of them are the panels'.
@pytest.mark.parametrize(("overwrite", "threads", "most"), [(0, 2, 1.3), (0, 4, 0.7), (1, 2, 0.2)])
def test_peak_memory(overwrite: int, threads: int, most: float) -> None:
    arguments = [sys.executable, "-c", PEAK, "3000", str(overwrite), str(threads)]
    done = subprocess.run(  # noqa: S603 - our own script
        arguments, capture_output=True, text=True, check=True
    )
    assert 0 <= float(done.stdout) <= most
