"""What a traced loss is made of: where its slope jumps, its types, derivatives written by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp
import numpy as np

__all__ = ["Found", "look"]

# Primitives with a slope that jumps -> the name that a reader knows.
_KINKED = {
    "abs": "abs",
    "argmax": "max",
    "argmin": "min",
    "clamp": "clip",
    "cummax": "max",
    "cummin": "min",
    "max": "maximum",
    "min": "minimum",
    "reduce_max": "max",
    "reduce_min": "min",
    "reduce_window_max": "max_pool",
    "sort": "sort",
    "top_k": "sort",
}
# Functions of `jax.nn` and `jax.numpy`, as they stand in a trace, whose kinks have a better name.
_NAMED = {
    "clip": "clip",
    "hard_sigmoid": "hard_sigmoid",
    "hard_silu": "hard_silu",
    "hard_swish": "hard_silu",
    "hard_tanh": "hard_tanh",
    "leaky_relu": "leaky_relu",
    "relu": "relu",
    "relu6": "relu6",
}
# Smooth as a whole, though max and abs stand inside, beside one of the functions below.
_SMOOTH = {"celu", "elu", "log_softmax", "logaddexp", "logaddexp2", "logsumexp", "selu", "softmax",
           "softplus", "squareplus"}  # fmt: skip
_CURVED = {"exp", "exp2", "expm1", "log1p", "sqrt"}
_ORDERS = {"ge", "gt", "le", "lt"}
_LOGICAL = {"and", "or", "not", "broadcast_in_dim", "convert_element_type", "reshape", "squeeze"}


@dataclass
class Found:
    """What `look` found.

    Attributes
    ----------
    kinks : list of str
        Functions whose slope jumps, as they come, each once.
    by_hand : list of str
        Functions with a ``custom_vjp``.
    eps : float
        Of the coarsest type of anything that depends on the parameters.
    depends : bool
        Whether the result does, in a way that can be differentiated.
    """

    kinks: list[str] = field(default_factory=list)
    by_hand: list[str] = field(default_factory=list)
    eps: float = 0.0
    depends: bool = False


def look(jaxpr: Any) -> Found:
    """Walk through the jaxpr of a loss whose inputs are the parameters.

    Examples
    --------
    >>> import jax
    >>> traced = jax.make_jaxpr(lambda x: jax.nn.relu(x) + abs(x) + jax.nn.softplus(x))(1.0)
    >>> look(traced.jaxpr).kinks
    ['relu', 'abs']
    """
    found = Found()
    out = _walk(jaxpr, [True] * len(jaxpr.invars), [False] * len(jaxpr.invars), found)
    found.kinks = list(dict.fromkeys(found.kinks))
    found.by_hand = list(dict.fromkeys(found.by_hand))
    found.depends = any(out)
    return found


def _walk(jaxpr: Any, inputs: list[bool], masks: list[bool], found: Found) -> list[bool]:
    """Note what is met; return which results depend on the inputs that do."""
    depends = {id(v) for v, yes in zip(jaxpr.invars, inputs, strict=True) if yes}
    chosen = {id(v) for v, yes in zip(jaxpr.invars, masks, strict=True) if yes}
    needed = {id(e) for e in _needed(jaxpr)}
    logarithms = {id(e.invars[0]) for e in jaxpr.eqns if e.primitive.name == "log"}
    for e in jaxpr.eqns:
        name = e.primitive.name
        if name == "stop_gradient" or not any(id(v) in depends for v in e.invars):
            continue
        outputs = e.outvars
        if name in _ORDERS or (name in _LOGICAL and any(id(v) in chosen for v in e.invars)):
            chosen |= {id(v) for v in outputs}
        inner = list(_inner(e))
        if id(e) in needed:
            _note(e, name, chosen, logarithms, found, quiet=bool(inner))
        results = _inside(e, inner, depends, chosen, found if id(e) in needed else Found())
        depends |= {id(v) for v, yes in zip(outputs, results, strict=True) if yes}
    return [id(v) in depends for v in jaxpr.outvars]


def _inside(
    e: Any, inner: list[Any], depends: set[int], chosen: set[int], found: Found
) -> list[bool]:
    """Walk through what an equation calls; return which of its results depend."""
    results = [not inner] * len(e.outvars)
    name = str(e.params.get("name", ""))
    before = list(found.kinks)
    for jaxpr in inner:
        outer = (
            e.invars[len(e.invars) - len(jaxpr.invars) :]
            if e.primitive.name == "cond"
            else e.invars
        )
        if len(outer) == len(jaxpr.invars):
            marks = [[id(v) in group for v in outer] for group in (depends, chosen)]
            out = _walk(jaxpr, marks[0], marks[1], found)
        else:  # a loop's condition: whatever goes in may depend
            out = _walk(jaxpr, [True] * len(jaxpr.invars), [False] * len(jaxpr.invars), found)
        if len(out) == len(results) and e.primitive.name not in ("scan", "while"):
            results = [a or b for a, b in zip(results, out, strict=True)]
        else:
            results = [True] * len(results)
    if inner and len(found.kinks) > len(before):
        if name in _SMOOTH and _curved(e):
            found.kinks[:] = before
        elif name in _NAMED:
            found.kinks[:] = [*before, _NAMED[name]]
    return results


def _note(
    e: Any, name: str, chosen: set[int], logarithms: set[int], found: Found, quiet: bool
) -> None:
    for v in e.outvars:
        dtype = getattr(v.aval, "dtype", None)
        if dtype is not None and jnp.issubdtype(dtype, jnp.floating):
            found.eps = max(found.eps, float(jnp.finfo(dtype).eps))
    if name.startswith("custom_vjp_call"):
        found.by_hand.append(str(e.params.get("name", "custom_vjp")))
    if quiet:
        return
    # logsumexp's own: the empty maximum, and log |x|, which is smooth where there is one
    if name == "max" and any(_is_lowest(v) for v in e.invars):
        return
    if name == "abs" and id(e.outvars[0]) in logarithms:
        return
    if name == "select_n" and id(e.invars[0]) in chosen:
        found.kinks.append("where")
    if name in _KINKED:
        found.kinks.append(_KINKED[name])


def _inner(e: Any) -> Iterator[Any]:
    for value in e.params.values():
        for part in value if isinstance(value, (list, tuple)) else (value,):
            jaxpr = getattr(part, "jaxpr", part)
            if hasattr(jaxpr, "eqns"):
                yield jaxpr


def _curved(e: Any) -> bool:
    """Whether something smooth and curved stands inside, as in the functions that are known."""
    return any(
        inner.primitive.name in _CURVED or _curved(inner)
        for jaxpr in _inner(e)
        for inner in jaxpr.eqns
    )


def _needed(jaxpr: Any) -> Iterator[Any]:
    """The equations that a derivative of the result goes through."""
    needed = {id(v) for v in jaxpr.outvars}
    for equation in reversed(jaxpr.eqns):
        if equation.primitive.name != "stop_gradient" and any(
            id(v) in needed for v in equation.outvars
        ):
            needed |= {id(v) for v in equation.invars}
            yield equation


def _is_lowest(variable: Any) -> bool:
    value = getattr(variable, "val", None)
    return value is not None and bool(np.all(np.asarray(value) == -np.inf))
