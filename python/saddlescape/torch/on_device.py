"""The numbers of a vector where it lies: a NumPy array in the host's memory, or a tensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from saddlescape.torch.parameters import flat, flat_tensor

__all__ = ["copied", "flat_like", "largest_of", "scaled", "zeros_like"]


def copied(numbers: Any) -> Any:
    """Return a tensor with numbers of its own, where `numbers` are."""
    if isinstance(numbers, torch.Tensor):
        return numbers.clone()
    return torch.from_numpy(numbers.copy())


def largest_of(rows: Any) -> NDArray[np.float64]:
    """Return the largest magnitude of each row, in the host's memory."""
    if isinstance(rows, torch.Tensor):
        sizes: NDArray[np.float64] = rows.abs().amax(dim=1).cpu().numpy()
        return sizes
    return np.asarray(np.abs(rows).max(axis=1, initial=0.0))


def scaled(row: Any, exponent: Any) -> Any:
    """Return ``row * 2**exponent``, in two steps that a float64 holds."""
    if not isinstance(row, torch.Tensor):
        return np.ldexp(row, exponent)
    half = int(exponent) // 2
    return row * 2.0**half * 2.0 ** (int(exponent) - half)


def zeros_like(rows: Any) -> Any:
    """Return zeros of the same shape, where `rows` are."""
    return torch.zeros_like(rows) if isinstance(rows, torch.Tensor) else np.zeros(rows.shape)


def flat_like(row: Any, params: Sequence[Any], parts: Sequence[Any]) -> Any:
    """Return values of each parameter's shape as one vector, where `row` is."""
    if isinstance(row, torch.Tensor):
        return flat_tensor(params, parts, row.device)
    return flat(params, parts)
