"""Optimizers over narrow arrays, and what is in them: for the tests of storage types."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oracle import storage
from saddlescape import optim

__all__ = [
    "ALLOWED",
    "DTYPES",
    "EXACT",
    "NATURES",
    "SHAPED",
    "SIZES",
    "bits",
    "cast",
    "narrow_run",
    "numbers",
]

# How a rule's states are rounded in 8 bits, by name: to nearest, dithered, or as a square.
NATURES = {
    "exp_avg": "nearest",
    "exp_avg_diff": "nearest",
    "exp_avg_fast": "nearest",
    "exp_avg_slow": "dithered",
    "exp_avg_sq": "square",
    "max_exp_avg_sq": "square",
    "exp_inf": "square",
    "sum": "square",
    "square_avg": "square",
    "acc_delta": "square",
    "momentum_buffer": "nearest",
    "prev": "nearest",
}
EXACT = {"adafactor", "asgd", "rmsprop_centered", "rmsprop_centered_momentum", "rprop"}
EXACT |= {"schedule_free_adamw"}
# Rules that look at an array's shape: test_optim_products.
SHAPED = {"adafactor", "muon"}
ALLOWED = [name for name in optim.names() if name not in EXACT | SHAPED]
SIZES = (0, 1, 63, 64, 65, 2047, 2048, 2049)


@dataclass(frozen=True)
class Narrow:
    """A type of 16 bits: its grid and how NumPy keeps it."""

    name: str
    grid: storage.Grid


DTYPES = {
    "bfloat16": Narrow("bfloat16", storage.BFLOAT16),
    "float16": Narrow("float16", storage.FLOAT16),
}


def cast(x, dtype):
    """`x` in a type by its name; NumPy's bfloat16 is that of ml_dtypes."""
    if dtype == "bfloat16":
        import ml_dtypes

        return np.asarray(x).astype(ml_dtypes.bfloat16)
    return np.asarray(x).astype(dtype)


def numbers(n, seed, scale=1.0):
    """Normal numbers of several decades with zeros."""
    rng = np.random.default_rng(seed)
    x = scale * rng.normal(size=n) * np.exp(1.5 * rng.normal(size=n))
    x[::11] = 0
    return x.astype(np.float32)


def bits(value):
    """All arrays in a list or dictionary as bytes."""
    if isinstance(value, dict):
        return {key: bits(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [bits(each) for each in value]
    return value.tobytes() if isinstance(value, np.ndarray) else value


def narrow_run(name, starts, gradients, **arguments):
    """Step over copies of `starts`; return the parameters and the optimizer."""
    params = [start.copy() for start in starts]
    opt = optim.create(name, params, **arguments)
    for grads in gradients:
        opt.step(grads)
    return params, opt
