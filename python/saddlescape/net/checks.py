"""What a network takes: sizes, dtype, numbers of a shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape import _backend, _check

__all__ = [
    "columns",
    "dtype",
    "finite",
    "huber_delta",
    "label_smoothing",
    "layer_range",
    "mean_one",
    "normalisation",
    "normalise_after",
    "part",
    "sample_weight",
    "samples",
    "sizes",
    "weights",
]


def sizes(given: Any) -> tuple[int, ...]:
    """Return the layer sizes as a tuple of ints, at least two of them."""
    if isinstance(given, (str, bytes)) or not isinstance(given, (Sequence, np.ndarray)):
        raise TypeError(f"sizes: {type(given).__name__}, expected a sequence of layer sizes")
    if isinstance(given, np.ndarray) and given.ndim != 1:
        raise ValueError(f"sizes: shape {given.shape}, expected (layers + 1,)")
    if len(given) < 2:
        raise ValueError(f"sizes: {len(given)} given, expected at least 2, inputs and outputs")
    checked = tuple(_check.integer(f"sizes[{i}]", n, low=1) for i, n in enumerate(given))
    for i, n in enumerate(checked):
        if n >= 2**31:
            raise ValueError(f"sizes[{i}]: {n}, expected below 2^31 (BLAS counts in 32 bits)")
    return checked


def dtype(given: Any) -> np.dtype[Any]:
    """Return float32 or float64."""
    try:
        name = "" if given is None else str(np.dtype(given))  # NumPy takes None for float64
    except (TypeError, ValueError):
        name = ""
    if name not in ("float32", "float64"):
        raise ValueError(f"dtype: {given!r}, expected float32 or float64")
    return np.dtype(name)


def normalisation(given: Any) -> str | None:
    """Return None, "batch" or "layer"."""
    if given is None:
        return None
    if not isinstance(given, str) or given not in ("batch", "layer"):
        raise ValueError(f"normalisation: {given!r}, expected None, 'batch' or 'layer'")
    return given


def normalise_after(given: Any, normalisation: str | None) -> bool:
    """Return whether normalisation stands behind the activation; there must be one."""
    after = _check.flag("normalise_after", given)
    if after and normalisation is None:
        raise ValueError(
            "normalise_after: True without normalisation, expected normalisation 'batch' or 'layer'"
        )
    return after


def finite(X: NDArray[Any], cast: NDArray[Any], expected: str) -> None:
    """Refuse samples X of which a number is not finite in `cast`, the same in another dtype."""
    good = np.isfinite(cast)
    if not good.all():
        i, j = (int(k) for k in np.argwhere(~good)[0])
        raise ValueError(f"X: {X[i, j]:g} at ({i}, {j}), expected {expected}")


def huber_delta(given: Any, loss: str, dtype: np.dtype[Any]) -> float:
    """Return the threshold of loss "huber", a positive number in `dtype`."""
    delta = _check.positive("huber_delta", given)
    if not float(np.finfo(dtype).tiny) <= delta <= float(np.finfo(dtype).max):
        raise ValueError(f"huber_delta: {delta:g}, expected a number in the range of {dtype}")
    if loss != "huber" and delta != 1.0:
        raise ValueError(f"huber_delta: {delta:g} with loss {loss!r}, expected loss 'huber'")
    return delta


def label_smoothing(given: Any, loss: str) -> float:
    """Return the share in [0, 1) of a target that all classes get alike."""
    smoothing = _check.fraction("label_smoothing", given)
    if loss != "cross_entropy" and smoothing != 0:
        raise ValueError(
            f"label_smoothing: {smoothing:g} with loss {loss!r}, expected loss 'cross_entropy'"
        )
    return smoothing


def samples(X: Any, inputs: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return X (N, inputs) in `dtype`; X itself if it has it already."""
    if not isinstance(X, np.ndarray):
        raise TypeError(f"X: {_backend.came(X)}, expected a NumPy array of float32 or float64")
    if X.dtype not in (np.float32, np.float64):
        raise TypeError(f"X: dtype {X.dtype}, expected float32 or float64")
    if X.ndim != 2 or X.shape[1] != inputs:
        raise ValueError(f"X: shape {X.shape}, expected (any, {inputs})")
    if not X.flags.c_contiguous:
        raise ValueError(
            f"X: strides {X.strides}, expected a C-contiguous array; "
            "copy it with np.ascontiguousarray"
        )
    with np.errstate(over="ignore"):  # what float32 can't hold is refused by the core, as inf
        return X.astype(dtype, copy=False)


def sample_weight(given: Any, X: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any] | None:
    """Return weights of the samples X (N, d) divided by their mean, in `dtype`; None for none."""
    return None if given is None else mean_one(weights(given, X.shape[0])).astype(dtype)


def weights(given: Any, samples: int) -> NDArray[np.float64]:
    """Return weights of samples (N,) as float64: finite, none below 0, not all 0."""
    weight = columns("sample_weight", given, (samples,), np.dtype(np.float64))
    if (weight < 0).any():
        i = int(np.flatnonzero(weight < 0)[0])
        raise ValueError(f"sample_weight: {weight[i]:g} at ({i},), expected numbers >= 0")
    if not weight.any():
        raise ValueError("sample_weight: all 0, expected at least one above 0")
    return weight


def mean_one(weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return weights, not all 0, divided by their mean."""
    scaled = weight / weight.max()  # so that their sum is in range, and equal ones become 1
    result: NDArray[np.float64] = scaled / scaled.mean()
    return result


def layer_range(layer: int | None, layers: int) -> tuple[int, int]:
    """Return the first and the last layer (from 1) of a block: `layer`, or all of them."""
    if layer is None:
        return 1, layers
    one = _check.integer("layer", layer, low=1)
    if one > layers:
        raise ValueError(f"layer: {one}, expected 1 to {layers}")
    return one, one


def part(given: str) -> str:
    """Return the name of a part of the Hessian."""
    return _check.choice("part", given, ("all", "functional", "gauss_newton"))


def columns(
    name: str, values: Any, shape: tuple[int | str, ...], dtype: np.dtype[Any]
) -> NDArray[Any]:
    """Return `values` in `dtype`, or raise if they are no finite numbers or not of `shape`."""
    if not isinstance(values, np.ndarray):
        raise TypeError(
            f"{name}: {_backend.came(values)}, expected a NumPy array of shape {_text(shape)}"
        )
    if values.dtype.kind not in "iuf":
        raise TypeError(f"{name}: dtype {values.dtype}, expected floats")
    if values.ndim != len(shape) or values.shape[0] != shape[0]:
        raise ValueError(f"{name}: shape {values.shape}, expected {_text(shape)}")
    with np.errstate(over="ignore"):  # what float32 can't hold is refused as inf
        result: NDArray[Any] = values.astype(dtype, copy=False)
    if not np.isfinite(result).all():
        i = tuple(int(k) for k in np.argwhere(~np.isfinite(result))[0])
        raise ValueError(f"{name}: {result[i]:g} at {_text(i)}, expected finite numbers in {dtype}")
    return result


def _text(shape: tuple[int | str, ...]) -> str:
    return f"({', '.join(str(n) for n in shape)}{',' if len(shape) == 1 else ''})"
