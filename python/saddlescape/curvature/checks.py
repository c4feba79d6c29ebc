"""What callers hand over as a point, a gradient, a Hessian or a loss, looked at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape import _backend

__all__ = [
    "NotFiniteError",
    "another",
    "finite",
    "in_host_memory",
    "loss_at",
    "lower_bound",
    "number",
    "operand",
    "place",
    "point",
    "symmetric",
    "vector",
]

Vector = NDArray[np.float64]
_ASYMMETRY = 100  # times n eps max|A|, as `saddlescape.eig` allows


class NotFiniteError(ValueError):
    """A number that is NaN or infinite where a finite one is needed."""


def point(theta: Any) -> Vector:
    """Return theta (P,) as a float64 copy that can't be written to, or raise naming it."""
    if not isinstance(theta, np.ndarray) or theta.dtype not in (np.float32, np.float64):
        came = f"dtype {theta.dtype}" if isinstance(theta, np.ndarray) else _backend.came(theta)
        raise TypeError(f"theta: {came}, expected a NumPy array of float32 or float64")
    if theta.ndim != 1 or theta.size == 0:
        raise ValueError(f"theta: shape {theta.shape}, expected (P,) with P at least 1")
    finite("theta", theta)
    held = np.array(theta, dtype=np.float64)
    held.setflags(write=False)
    return held


def place(theta: Any, n: int) -> Vector:
    """Return where a loss is to be evaluated, (P,) in float64; any numbers, a copy or not."""
    at = np.ascontiguousarray(_real("theta", theta), dtype=np.float64)
    if at.shape != (n,):
        raise ValueError(f"theta: shape {at.shape}, expected ({n},)")
    return at


def another(theta: Any, n: int) -> Vector:
    """Return another point (P,) for an operator of n parameters, as `point` does."""
    moved = point(theta)
    if moved.size != n:
        raise ValueError(f"theta: shape {moved.shape}, expected ({n},)")
    return moved


def vector(name: str, value: Any, n: int) -> Vector:
    """Return a gradient (P,) as a float64 copy, or raise naming it."""
    g = _real(name, value)
    if g.shape != (n,):
        raise ValueError(f"{name}: shape {g.shape}, expected ({n},)")
    finite(name, g)
    return np.array(g, dtype=np.float64)


def symmetric(name: str, value: Any, n: int | None = None) -> Vector:
    """Return ``(A + A^T) / 2`` in float64, or raise naming it.

    Rounding in its own dtype may part A from its transpose, more is a mistake of the caller's.
    """
    A = _real(name, value)
    wanted = "(P, P) with P at least 1" if n is None else f"({n}, {n})"
    square = A.ndim == 2 and A.shape[0] == A.shape[1] and A.size > 0
    if not square or (n is not None and A.shape != (n, n)):
        raise ValueError(f"{name}: shape {A.shape}, expected {wanted}")
    finite(name, A)
    wide = np.asarray(A, dtype=np.float64)
    gap = float(np.abs(wide - wide.T).max())
    eps = float(np.finfo(A.dtype).eps) if A.dtype == np.float32 else float(np.finfo(float).eps)
    allowed = _ASYMMETRY * len(A) * eps * float(np.abs(wide).max())
    if gap > allowed:
        raise ValueError(
            f"{name}: differs from its transpose by up to {gap:.3g}, expected a symmetric matrix "
            f"(at most {allowed:.2g}); if the symmetric part is meant, pass ({name} + {name}.T) / 2"
        )
    # Halves first, so that entries near the largest float don't overflow.
    return np.ascontiguousarray(0.5 * wide + 0.5 * wide.T)


def number(name: str, value: Any) -> float:
    """Return a loss as a float; NaN and infinity pass, they are what a loss far away may be."""
    array = np.asarray(value)
    if array.size != 1 or array.dtype.kind not in "fiu":
        came = f"shape {array.shape}" if array.dtype.kind in "fiu" else type(value).__name__
        raise TypeError(f"{name}: {came}, expected a real number")
    return float(array.reshape(()))


def loss_at(
    function: Callable[[Vector], float] | None, point: Vector, theta: Vector | None
) -> float:
    """Return the caller's loss at theta (P,), or at the point itself; NaN where there is none."""
    if function is None:
        return float("nan")
    at = point if theta is None else place(theta, point.size)
    return number("loss", function(at.copy()))


def lower_bound(value: float | None, loss: float) -> float | None:
    """Return the bound, checked against the loss at the point."""
    if value is None:
        return None
    bound = number("lower_bound", value)
    if not np.isfinite(bound):
        raise ValueError(f"lower_bound: {bound}, expected a finite number or None")
    # A loss at its bound may have been rounded below it.
    slack = 1e-9 * max(abs(bound), abs(loss)) if np.isfinite(loss) else 0.0
    if loss < bound - slack:
        raise ValueError(f"lower_bound: {bound:g}, expected at most the loss, {loss:g}")
    return bound


def operand(V: Any, n: int) -> Vector:
    """Return V (P,) or (P, k) in float64, or raise naming it."""
    array = _real("V", V).astype(np.float64, copy=False)
    if array.ndim not in (1, 2) or array.shape[0] != n:
        raise ValueError(f"V: shape {array.shape}, expected ({n},) or ({n}, k)")
    finite("V", array)
    return array


def in_host_memory(name: str, value: Any) -> NDArray[Any]:
    """Return what the host holds as a NumPy array."""
    if _backend.on_device(value):
        came = _backend.came(value)
        raise TypeError(f"{name}: {came}, expected an array in the host's memory, where it is used")
    return np.asarray(value)


def _real(name: str, value: Any) -> NDArray[Any]:
    array = in_host_memory(name, value)
    if array.dtype.kind not in "fiu":
        came = f"dtype {array.dtype}" if isinstance(value, np.ndarray) else type(value).__name__
        raise TypeError(f"{name}: {came}, expected an array of real numbers")
    return array


def finite(name: str, array: NDArray[Any]) -> None:
    """Raise naming the first element that is NaN or infinite."""
    wrong = ~np.isfinite(array)
    if wrong.any():
        where = tuple(int(i) for i in np.argwhere(wrong)[0])
        at = where[0] if len(where) == 1 else where
        raise NotFiniteError(f"{name}: {array[where]:g} at {at}, expected finite numbers")
