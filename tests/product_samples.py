"""Arrays for the tests of rules that look at whole arrays, and what is compared of an optimizer."""

from __future__ import annotations

import numpy as np

DTYPES = [np.float32, np.float64]


def same_bits(a, b):
    return a.tobytes() == b.tobytes()


def normal(shape, dtype, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def everything(opt):
    state = opt.state_dict()
    arrays = [*opt.params, *(array for arrays in state["state"].values() for array in arrays)]
    carried = state["carried"].tolist() if "carried" in state else []
    return [a.tobytes() for a in arrays], state["steps"].tolist(), state["step"], carried, repr(opt)


def states_of(opt):
    return [a.tobytes() for arrays in opt.state_dict()["state"].values() for a in arrays]
