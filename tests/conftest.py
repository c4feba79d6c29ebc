"""What several test files need."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

import saddlescape as ss
from saddlescape import _core


@pytest.fixture
def set_threads() -> Iterator[Callable[[int], None]]:
    """`ss.set_threads`, undone at the end of the test."""
    before = ss.info()["threads"]
    yield ss.set_threads
    ss.set_threads(before)


@pytest.fixture
def machine() -> Iterator[None]:
    """Put the instruction set and the threads back after a test that changes them."""
    isa, threads = _core.isa(), ss.info()["threads"]
    yield
    _core.force_isa(isa)
    ss.set_threads(threads)


@pytest.fixture
def in_double() -> Iterator[None]:
    """Let torch keep its counts, mu_product, eta and mu in double, as ours are."""
    torch = pytest.importorskip("torch")
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)
