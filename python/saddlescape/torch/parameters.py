"""Parameters as they come: named, looked at, and as one float64 vector."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

__all__ = ["check_unchanged", "checked", "flat", "flat_tensor", "named"]

Vector = NDArray[np.float64]


def flat(params: Sequence[Any], parts: Sequence[Any]) -> Vector:
    """Values of each parameter's shape, None for zeros, as one float64 vector."""
    vector: Vector = flat_tensor(params, parts, torch.device("cpu")).numpy()
    return vector


def flat_tensor(params: Sequence[Any], parts: Sequence[Any], device: torch.device) -> Any:
    """Return the same as a tensor on a device."""
    total = sum(p.numel() for p in params)
    theta, start = torch.zeros(total, dtype=torch.float64, device=device), 0
    for p, part in zip(params, parts, strict=True):
        if part is not None:
            dense = part.detach() if part.layout is torch.strided else part.detach().to_dense()
            theta[start : start + p.numel()].copy_(dense.reshape(-1))
        start += p.numel()
    return theta


def named(params: Any) -> tuple[list[str], list[Any]]:
    """Split names from tensors; what came without a name has its number for one."""
    given = [params] if isinstance(params, torch.Tensor) else params
    if isinstance(given, Mapping):
        given = given.items()
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise TypeError(
            f"params: {type(params).__name__}, expected a list of tensors, or of pairs of a name "
            "and a tensor"
        )
    items = list(given)
    pairs = [isinstance(item, tuple) and len(item) == 2 for item in items]
    if not items or not all(pairs):
        return [str(i) for i in range(len(items))], items
    names = [str(name) for name, _ in items]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"params: the name {name!r} twice, expected each once")
    return names, [tensor for _, tensor in items]


def checked(found: list[Any]) -> list[Any]:
    """Return the tensors, or raise naming the one that can't be differentiated by."""
    for i, p in enumerate(found):
        if not isinstance(p, torch.Tensor):
            raise TypeError(f"params[{i}]: {type(p).__name__}, expected a tensor")
        if not p.is_floating_point() or p.layout is not torch.strided:
            raise TypeError(f"params[{i}]: {p.dtype}, {p.layout}, expected dense real numbers")
        if p.is_inference():
            raise ValueError(
                f"params[{i}]: made under inference_mode, expected a tensor made outside of it "
                "(p.clone() gives one)"
            )
        if not p.is_leaf or not p.requires_grad:
            came = "does not require grad" if p.is_leaf else "is the result of other tensors"
            raise ValueError(
                f"params[{i}]: {came}, expected a leaf tensor that requires grad; where some are "
                "frozen, [p for p in model.parameters() if p.requires_grad]"
            )
        if any(p is other for other in found[:i]):
            raise ValueError(f"params[{i}]: given twice, expected each tensor once")
    if not sum(p.numel() for p in found):
        raise ValueError("params: no elements, expected at least one parameter")
    _check_apart(found)
    return found


def _check_apart(params: list[Any]) -> None:
    """Two tensors that have an element in common are the same parameter twice."""
    ranges = []
    for i, p in enumerate(params):
        if any(s == 0 and n > 1 for s, n in zip(p.stride(), p.shape, strict=True)):
            raise ValueError(
                f"params[{i}]: expanded (stride 0), expected elements with a place of their own"
            )
        if p.numel() and p.device.type != "meta":
            last = sum((n - 1) * s for n, s in zip(p.shape, p.stride(), strict=True))
            ranges.append((p.data_ptr(), p.data_ptr() + (last + 1) * p.element_size(), i))
    ranges.sort()
    for k, (_, end, i) in enumerate(ranges):
        for start, _, j in ranges[k + 1 :]:
            if start >= end:
                break
            if np.intersect1d(_places(params[i]), _places(params[j])).size:
                raise ValueError(f"params[{max(i, j)}]: shares memory with params[{min(i, j)}]")


def _places(p: Any) -> NDArray[np.int64]:
    """The address of each element."""
    places = np.zeros(1, dtype=np.int64)
    for n, stride in zip(p.shape, p.stride(), strict=True):
        places = np.add.outer(places, np.arange(n) * stride).ravel()
    return places * int(p.element_size()) + int(p.data_ptr())


def check_unchanged(names: Sequence[str], params: Sequence[Any], point: Sequence[Any]) -> None:
    """Raise if a parameter is no longer what it was when the operator was made."""
    for name, p, before in zip(names, params, point, strict=True):
        now, then = (
            (p.dtype, tuple(p.shape), p.device, p.requires_grad),
            (before.dtype, tuple(before.shape), before.device, True),
        )
        if now != then:
            pairs = zip(("dtype", "shape", "device", "requires_grad"), now, then, strict=True)
            said = "; ".join(f"{what} {a}, was {b}" for what, a, b in pairs if a != b)
            raise ValueError(
                f"params: {name!r} has changed ({said}) since this operator was made, expected the "
                "model as it was; make a new operator"
            )
