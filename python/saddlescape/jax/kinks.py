"""Which functions in a traced loss have a slope that jumps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

__all__ = ["kinks"]

# Names of `jax.nn` and `jax.numpy` functions as they stand in a trace, and of primitives.
_KINKED = {
    "abs": "abs",
    "clip": "clip",
    "hard_sigmoid": "hard_sigmoid",
    "hard_silu": "hard_silu",
    "hard_swish": "hard_silu",
    "hard_tanh": "hard_tanh",
    "leaky_relu": "leaky_relu",
    "max": "maximum",
    "maximum": "maximum",
    "min": "minimum",
    "minimum": "minimum",
    "reduce_window_max": "max_pool",
    "relu": "relu",
    "relu6": "relu6",
}
# Smooth as a whole, though max and abs stand inside.
_SMOOTH = {"celu", "elu", "log_softmax", "logaddexp", "logaddexp2", "logsumexp", "selu", "softmax",
           "softplus", "squareplus"}  # fmt: skip


def kinks(jaxpr: Any) -> list[str]:
    """Return the kinked functions of a jaxpr, as they come, each once.

    A kink written with ``where`` is not found: it stands there as any other choice.

    Examples
    --------
    >>> import jax
    >>> kinks(jax.make_jaxpr(lambda x: jax.nn.relu(x) + abs(x) + jax.nn.softplus(x))(1.0).jaxpr)
    ['relu', 'abs']
    """
    return list(dict.fromkeys(_walk(jaxpr)))


def _walk(jaxpr: Any) -> Iterator[str]:
    found = list(_counting(jaxpr))
    logarithms = {id(e.invars[0]) for e in found if e.primitive.name == "log"}
    for equation in found:
        name = _name(equation)
        # logsumexp's own: the empty maximum, and log |x|, which is smooth where there is one
        if name == "max" and any(_is_lowest(v) for v in equation.invars):
            continue
        if name == "abs" and id(equation.outvars[0]) in logarithms:
            continue
        if name in _KINKED:
            yield _KINKED[name]
        elif name not in _SMOOTH:
            for inner in _inner(equation):
                yield from _walk(inner)


def _inner(equation: Any) -> Iterator[Any]:
    for value in equation.params.values():
        for part in value if isinstance(value, (list, tuple)) else (value,):
            jaxpr = getattr(part, "jaxpr", part)
            if hasattr(jaxpr, "eqns"):
                yield jaxpr


def _counting(jaxpr: Any) -> list[Any]:
    """The equations that a derivative of the result goes through, in order."""
    needed = {id(v) for v in jaxpr.outvars}
    found = []
    for equation in reversed(jaxpr.eqns):
        if any(id(v) in needed for v in equation.outvars):
            if equation.primitive.name == "stop_gradient":
                continue
            needed |= {id(v) for v in equation.invars}
            found.append(equation)
    return found[::-1]


def _is_lowest(variable: Any) -> bool:
    value = getattr(variable, "val", None)
    return value is not None and bool(np.all(np.asarray(value) == -np.inf))


def _name(equation: Any) -> str:
    """The function's name where it was traced as one, else the primitive's."""
    return str(equation.params.get("name") or equation.primitive.name)
