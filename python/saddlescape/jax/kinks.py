"""Which functions in a traced loss have a slope that jumps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

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
    for equation in jaxpr.eqns:
        name = _name(equation)
        if name in _KINKED:
            yield _KINKED[name]
        elif name not in _SMOOTH:
            for value in equation.params.values():
                for inner in value if isinstance(value, (list, tuple)) else (value,):
                    inner = getattr(inner, "jaxpr", inner)
                    if hasattr(inner, "eqns"):
                        yield from _walk(inner)


def _name(equation: Any) -> str:
    """The function's name where it was traced as one, else the primitive's."""
    primitive = str(equation.primitive.name)
    own = equation.params.get("name")
    if own is None and primitive.startswith("custom_jvp"):
        called = equation.params.get("call_jaxpr")
        info = getattr(getattr(called, "jaxpr", called), "debug_info", None)
        own = getattr(info, "func_name", None)
    return str(own or primitive)
