"""Targets as the core takes them: a dense (N, C) array of the network's dtype."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape import _backend

__all__ = ["encode_targets", "smoothed"]


def encode_targets(
    y: Any, loss: str, samples: int, outputs: int, dtype: np.dtype[Any]
) -> NDArray[Any]:
    """Turn `y` into (N, C) targets of `dtype`.

    Integers (N,) are classes, one-hot for more than one output; floats (N,) are the targets of a
    single output; (N, C) are targets, for ``cross_entropy`` and ``bce`` probabilities.
    """
    if not isinstance(y, np.ndarray):
        raise TypeError(f"y: {_backend.came(y)}, expected a NumPy array")
    if y.dtype.kind not in "iubf":
        raise TypeError(f"y: dtype {y.dtype}, expected integer classes or float targets")
    shapes = f"({samples},) or ({samples}, {outputs})"
    if y.ndim not in (1, 2) or y.shape[0] != samples or (y.ndim == 2 and y.shape[1] != outputs):
        raise ValueError(f"y: shape {y.shape}, expected {shapes}")
    if y.ndim == 1 and outputs > 1:
        return _one_hot(y, outputs, dtype)
    with np.errstate(over="ignore"):  # what float32 can't hold is refused below, as inf
        targets = np.ascontiguousarray(y.reshape(samples, outputs), dtype=dtype)
    _check_range(targets, loss)
    return targets


def smoothed(targets: NDArray[Any], smoothing: float) -> NDArray[Any]:
    """Return ``y (1 - e) + e / C`` of targets (N, C), as PyTorch's ``label_smoothing`` e makes it.

    C. Szegedy et al. (2016), "Rethinking the inception architecture", section 7. It stands apart
    from `encode_targets`, whose targets can be encoded again and still show their classes.
    """
    if smoothing == 0:
        return targets
    result: NDArray[Any] = targets * (1 - smoothing) + smoothing / targets.shape[1]
    return result


def _one_hot(y: NDArray[Any], outputs: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    if y.dtype.kind == "f":
        raise TypeError(
            f"y: {y.dtype} of shape {y.shape}, expected integer classes 0 to {outputs - 1}, "
            f"or targets of shape ({y.shape[0]}, {outputs})"
        )
    classes = y.astype(np.int64, copy=False)
    if classes.size and (classes.min() < 0 or classes.max() >= outputs):
        i = int(np.flatnonzero((classes < 0) | (classes >= outputs))[0])
        raise ValueError(f"y[{i}]: class {y[i]}, expected 0 to {outputs - 1}")
    targets = np.zeros((y.shape[0], outputs), dtype=dtype)
    targets.reshape(-1)[np.arange(0, targets.size, outputs) + classes] = 1
    return targets


def _check_range(targets: NDArray[Any], loss: str) -> None:
    bad = ~np.isfinite(targets)
    expected = "finite targets"
    if loss in ("cross_entropy", "bce"):
        bad |= (targets < 0) | (targets > 1)
        expected = f"probabilities from 0 to 1 (loss {loss})"
    if bad.any():
        i, c = (int(k) for k in np.argwhere(bad)[0])
        raise ValueError(f"y: {targets[i, c]:g} at ({i}, {c}), expected {expected}")
