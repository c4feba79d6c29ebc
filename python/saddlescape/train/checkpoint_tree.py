"""Dictionaries, lists, numbers and arrays as JSON beside named arrays, and back, bit for bit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape import _backend

__all__ = ["flatten", "unflatten"]

Arrays = dict[str, NDArray[Any]]

# What JSON has no word for is an object with this one key.
_ARRAY, _FLOAT, _ITEMS, _TUPLE = "$array", "$float", "$items", "$tuple"
_OTHER_FLOATS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def flatten(tree: Any, arrays: Arrays, name: str = "") -> Any:
    """Return what JSON can hold of a tree; its arrays go into `arrays`, named after their place.

    Python's floats are read back as they were: JSON has the shortest decimals that give them.
    NumPy's numbers become Python's.

    Raises
    ------
    TypeError
        If something else stands in the tree.

    Examples
    --------
    >>> arrays = {}
    >>> flatten({"betas": (0.9, float("inf")), "m": [np.zeros(2)]}, arrays)
    {'betas': {'$tuple': [0.9, {'$float': 'inf'}]}, 'm': [{'$array': 'm/0'}]}
    >>> arrays
    {'m/0': array([0., 0.])}
    >>> unflatten(flatten((1, None), {}), {})
    (1, None)
    """
    if tree is None or isinstance(tree, bool | str):
        return tree
    if isinstance(tree, np.bool_):
        return bool(tree)
    if isinstance(tree, np.ndarray):
        arrays[name] = tree
        return {_ARRAY: name}
    if isinstance(tree, Integral):
        return int(tree)
    if isinstance(tree, Real):
        number = float(tree)
        return number if math.isfinite(number) else {_FLOAT: str(number)}
    if isinstance(tree, list | tuple):
        nodes = [flatten(item, arrays, f"{name}/{i}") for i, item in enumerate(tree)]
        return {_TUPLE: nodes} if isinstance(tree, tuple) else nodes
    if isinstance(tree, Mapping):
        return _mapping(tree, arrays, name)
    if _backend.on_device(tree):
        return flatten(tree.numpy(), arrays, name)
    raise TypeError(f"{name}: {type(tree).__name__}, expected what a file can hold")


def _mapping(tree: Mapping[Any, Any], arrays: Arrays, name: str) -> Any:
    inside = f"{name}/" if name else ""
    if all(isinstance(key, str) and not key.startswith("$") for key in tree):
        return {key: flatten(item, arrays, f"{inside}{key}") for key, item in tree.items()}
    pairs = [[key, item] for key, item in tree.items()]  # JSON's keys are text
    return {_ITEMS: flatten(pairs, arrays, name)}


def unflatten(node: Any, arrays: Mapping[str, NDArray[Any]]) -> Any:
    """Return the tree that `flatten` took apart."""
    if isinstance(node, list):
        return [unflatten(item, arrays) for item in node]
    if not isinstance(node, dict):
        return node
    if len(node) == 1:
        ((key, item),) = node.items()
        if key == _ARRAY:
            return arrays[item]
        if key == _FLOAT:
            return _OTHER_FLOATS[item]
        if key == _TUPLE:
            return tuple(unflatten(item, arrays))
        if key == _ITEMS:
            return {unflatten(k, arrays): unflatten(v, arrays) for k, v in item}
    return {key: unflatten(item, arrays) for key, item in node.items()}
