"""Arrays and operators of a CUDA device, as the solvers see them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape import _backend
from saddlescape._backend import on_device

__all__ = [
    "checked_start",
    "device_order",
    "device_solvers",
    "device_where",
    "is_device_operator",
    "on_device",
]


def is_device_operator(op: object) -> bool:
    """Say whether the vectors of `op` are a device's: it is such an array, or names its device."""
    return on_device(op) or str(getattr(op, "device", "")).startswith("cuda")


def device_solvers(what: str) -> Any:
    """Return the eigen-solvers of the CUDA backend; raise RuntimeError where it is not usable."""
    return _backend.cuda(what).eig


def device_order(op: Any) -> int:
    """Check a dense matrix on a device, and return n."""
    device_solvers("op").check_symmetric(op, "op")
    n = int(op.shape[0])
    if n < 1:
        raise ValueError(f"op: shape {tuple(op.shape)}, expected (n, n) with n of at least 1")
    return n


def device_where(op: Any) -> tuple[Callable[[Any], Any], tuple[Any, bool, Any, int | None]]:
    """Return the product and what the backend wants to know of it."""

    def product(vectors: Any) -> Any:
        return op @ vectors

    if on_device(op):  # whatever its library calls a stream, the array says it by protocol
        return product, (None, False, op, None)
    single = str(getattr(op, "dtype", "")).endswith("float32")
    _, _, number = str(getattr(op, "device", "")).partition(":")
    named = int(number) if number.isdecimal() else None
    return product, (getattr(op, "stream", None), single, None, named)


def checked_start(start: Any, by_rows: Callable[[Any], NDArray[np.float64]]) -> Any:
    """Return start vectors on the device; what NumPy holds is brought there, by columns."""
    if start is None or on_device(start):
        return start
    columns = np.ascontiguousarray(by_rows(start).T)
    return _backend.cuda("start").DeviceArray.from_numpy(columns)
