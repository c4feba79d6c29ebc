"""The parameters that a closure is differentiated by: names, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

import torch

__all__ = ["checked", "named"]


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
    """Return the tensors if each is a dense real leaf of its own that requires grad."""
    for i, p in enumerate(found):
        if not isinstance(p, torch.Tensor):
            raise TypeError(f"params[{i}]: {type(p).__name__}, expected a tensor")
        if not p.is_floating_point() or p.layout is not torch.strided:
            raise TypeError(f"params[{i}]: {p.dtype}, {p.layout}, expected dense real numbers")
        if not p.is_leaf or not p.requires_grad:
            came = "does not require grad" if p.is_leaf else "is the result of other tensors"
            raise ValueError(f"params[{i}]: {came}, expected a leaf tensor that requires grad")
        if any(p is other for other in found[:i]):
            raise ValueError(f"params[{i}]: given twice, expected each tensor once")
    if not sum(p.numel() for p in found):
        raise ValueError("params: no elements, expected at least one parameter")
    _check_apart(found)
    return found


def _check_apart(params: list[Any]) -> None:
    """Two contiguous tensors whose ranges of memory meet are the same parameters twice."""
    ranges = sorted(
        (p.data_ptr(), p.data_ptr() + p.numel() * p.element_size(), i)
        for i, p in enumerate(params)
        if p.is_contiguous() and p.numel()
    )
    for (_, end, i), (start, _, j) in pairwise(ranges):
        if start < end:
            raise ValueError(f"params[{max(i, j)}]: shares memory with params[{min(i, j)}]")
