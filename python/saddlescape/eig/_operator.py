"""What counts as an operator, and how its products are asked for."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from saddlescape import _backend
from saddlescape._core import eig as _eig
from saddlescape.eig._device import (
    device_order,
    device_solvers,
    device_where,
    is_device_operator,
    on_device,
)
from saddlescape.eig._pieces import Pieces, arguments_of, in_pieces

__all__ = ["Operator", "order", "products", "solvers"]

# One vector of so many numbers takes 16 GiB, and a solver keeps dozens: a shape of that size is a
# mistake, as a product of shapes in the wrong place is.
_TOO_MANY = 2**31


@runtime_checkable
class Operator(Protocol):
    """A symmetric matrix that is known by its products.

    A square array, a SciPy sparse matrix or ``LinearOperator``, or anything of this form. If it
    has a ``dtype`` of float32, the vectors come in float32, else in float64. If it also has
    ``.piece`` and ``.reduce``, its vectors are spread over processes: `OperatorInPieces`.

    A matrix in a CUDA device's memory, and an operator whose ``device`` is ``"cuda"`` or
    ``"cuda:0"``, is multiplied with arrays on that device, ``DeviceArray``, which
    ``torch.from_dlpack``, ``cupy.from_dlpack`` and ``jax.dlpack.from_dlpack`` take without a copy;
    its products stay there, and so do the solver's vectors. Its ``stream``, if it has one, is the
    one that all of it runs on.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """Return (n, n)."""
        ...

    def __matmul__(self, V: Any, /) -> Any:
        """Return the product with a vector (n,) or, for blocks, with a matrix (n, k)."""
        ...


def order(op: object, pieces: bool = False) -> int:
    """Check `op` as far as it goes without a product, and return n.

    `pieces`: whether its vectors may be spread over processes.
    """
    if on_device(op):
        return device_order(op)
    if not isinstance(op, Operator):
        raise TypeError(
            f"op: {type(op).__name__}, expected a square array, a scipy LinearOperator, or an "
            "object with .shape and @"
        )
    if in_pieces(op) and not pieces:
        raise TypeError(
            f"op: {type(op).__name__}, whose vectors are in pieces (.piece, .reduce), expected "
            "whole vectors here: lanczos and density take pieces"
        )
    if isinstance(op, np.ma.MaskedArray):
        raise TypeError("op: MaskedArray, expected an array without masked elements")
    if isinstance(op, np.ndarray):
        _eig.check_symmetric(op, "op")
    shape = op.shape
    if not isinstance(shape, (tuple, list)) or not all(_is_integer(size) for size in shape):
        raise TypeError(f"op: shape {shape!r}, expected (n, n), two integers")
    if len(shape) != 2 or shape[0] != shape[1] or shape[0] < 1:
        raise ValueError(f"op: shape {tuple(shape)}, expected (n, n) with n of at least 1")
    if shape[0] >= _TOO_MANY:
        raise ValueError(f"op: shape {tuple(shape)}, expected (n, n) with n below 2**31")
    return int(shape[0])


def _is_integer(size: object) -> bool:
    return isinstance(size, Integral) and not isinstance(size, bool)


def products(op: Operator) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Return the function V (k, n), by rows -> A V (k, n), by rows, that the solver calls.

    Of vectors in pieces n is the length of this process' piece.
    """
    if isinstance(op, np.ndarray):
        # Once, not at every product; a plain array has no reason to be multiplied in float32.
        op = np.asarray(op, dtype=np.float64)
    single = getattr(op, "dtype", None) == np.float32

    def apply(rows: NDArray[np.float64]) -> NDArray[np.float64]:
        vectors: NDArray[Any] = rows[0] if len(rows) == 1 else np.ascontiguousarray(rows.T)
        expected = vectors.shape
        product = op @ (vectors.astype(np.float32) if single else vectors)
        if isinstance(product, np.ma.MaskedArray):
            raise TypeError("op @ V: MaskedArray, expected an array without masked elements")
        if on_device(product):
            raise TypeError(
                f"op @ V: {_backend.came(product)}, expected one in the host's memory, or an op "
                "with .device = 'cuda', whose V come on the device"
            )
        result = np.asarray(product)
        if result.dtype.kind not in "fiu":
            raise TypeError(f"op @ V: dtype {result.dtype}, expected real numbers")
        if result.shape != expected:
            raise ValueError(f"op @ V: shape {result.shape}, expected {expected}")
        if single and not np.isfinite(result).all():
            raise ValueError(
                "op @ V: NaN or an infinite number, expected finite ones (op is float32, whose "
                "numbers end at 3.4e38)"
            )
        by_rows = result.reshape(rows.shape[1], len(rows)).T
        return np.ascontiguousarray(by_rows, dtype=np.float64)

    return apply


def solvers(op: Any, what: str, pieces: Pieces | None = None) -> tuple[Any, Any, Any]:
    """Return the solvers for vectors where those of `op` lie, its product, and where that is."""
    if is_device_operator(op):
        return device_solvers(what), *device_where(op)
    return _eig, products(op), arguments_of(pieces)
