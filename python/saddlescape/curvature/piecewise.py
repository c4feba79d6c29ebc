"""A word to whoever takes second derivatives of something with kinks."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from saddlescape.curvature.invariances import Architecture

__all__ = ["KINKS", "PiecewiseLinearWarning", "hidden_by", "near_kinks", "warn_of_kinks"]

# Activations whose slope jumps -> where
KINKS = {
    "hard_sigmoid": (-3.0, 3.0),
    "hard_swish": (-3.0, 3.0),
    "hard_tanh": (-1.0, 1.0),
    "leaky_relu": (0.0,),
    "relu": (0.0,),
}
_QUADRATIC = ("hard_silu", "hard_swish", "hardswish")  # between their kinks

_NEAR = 1e-3  # of the largest pre-activation of a unit
_CHEAP = 1e8  # multiplications that counting may take, less than a product does
_SMOOTHER = {
    "hard_sigmoid": "sigmoid",
    "hard_silu": "silu",
    "hard_swish": "silu",
    "hard_tanh": "tanh",
    "hardsigmoid": "sigmoid",
    "hardswish": "silu",
    "hardtanh": "tanh",
    "leaky_relu": "softplus",
    "mae": "mse",
    "max_pool": "average pooling",
    "prelu": "softplus",
    "relu": "gelu",
}


class PiecewiseLinearWarning(UserWarning):
    """Second derivatives were asked of something with kinks: what happens there is not in H.

    Where a slope jumps (ReLU and its kin, the absolute error, maxima) the second derivative counts
    as zero, and the eigenvalues are those of the linear region, or regions, that the samples lie
    in. Issued by `of`, `from_torch` and `from_jax`, and by `saddlescape.critical.find` and `escape`
    of a network, once for each operator that is made, at the line that asks for it. Operators made
    from others (``.at``, ``.block``, `mean_of`) say no more of it; ``H.silent`` keeps saying it,
    and so does ``not_checked`` of every verdict.

    Examples
    --------
    >>> import warnings
    >>> import numpy as np, saddlescape as ss
    >>> from saddlescape import curvature
    >>> net = ss.MLP((2, 3, 2), activation="relu")
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", curvature.PiecewiseLinearWarning)
    ...     H = curvature.of(net, np.eye(2), np.array([0, 1]))
    >>> H.silent
    'relu is piecewise linear: curvature at its kinks is not in H'
    """


def hidden_by(name: str) -> str:
    """What a function with kinks hides from second derivatives, in a sentence."""
    kind = "quadratic" if name in _QUADRATIC else "linear"
    what = "curvature at zero error" if name == "mae" else "curvature at its kinks"
    return f"{name} is piecewise {kind}: {what} is not in H"


def warn_of_kinks(
    kinks: Sequence[str], net: Architecture | None = None, stacklevel: int = 3
) -> None:
    """Issue the warning, if there are kinks.

    Parameters
    ----------
    kinks : sequence of str
        Names of the functions whose slope jumps.
    net : Architecture, optional
        Where pre-activations near a kink can be counted.
    stacklevel : int
        As of ``warnings.warn``: 2 is the line that calls this function, 3 the one that called that.
    """
    if not kinks:
        return
    names = ", ".join(kinks)
    region = "smooth" if any(name in _QUADRATIC for name in kinks) else "linear"
    near = near_kinks(net) if net is not None and net.activation in kinks else None
    count = "" if near is None else (
        f", and {near[0]:,} of {near[1]:,} pre-activations lie within {_NEAR:.1%} of their unit's "
        "largest from a kink"
    )  # fmt: skip
    instead = ", ".join(f"{_SMOOTHER[name]} for {name}" for name in kinks if name in _SMOOTHER)
    warnings.warn(
        f"At the kinks of {names}, where the slope jumps, second derivatives count as zero: the "
        f"eigenvalues of this Hessian hold within one {region} region of {names}{count}. Put "
        f"something smooth there{f' ({instead})' if instead else ''}, or trust no more than the "
        "signs within this region; warnings.filterwarnings('ignore', "
        "category=saddlescape.curvature.PiecewiseLinearWarning) silences this.",
        PiecewiseLinearWarning,
        stacklevel=stacklevel,
    )


def near_kinks(net: Architecture) -> tuple[int, int] | None:
    """Count the hidden pre-activations near a kink, and all; None where that takes long.

    None too where something stands between the weights and the activation.

    Near a kink k: ``|s_ij - k| <= 1e-3 max_i |s_ij|`` over the samples i, for each unit j.
    """
    hidden = range(net.depth - 1)
    if not net.plain or len(net.X) * sum(net.ends[layer] for layer in hidden) > _CHEAP:
        return None
    near = total = 0
    for layer in hidden:
        s = net.inputs_of(layer)
        away = np.min([np.abs(s - kink) for kink in KINKS[net.activation]], axis=0)
        near += int((away <= _NEAR * np.abs(s).max(axis=0)).sum())
        total += s.size
    return near, total
