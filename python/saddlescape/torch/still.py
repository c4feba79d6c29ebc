"""Evaluating without a trace: generators, modes, autocast's memory, other threads."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

__all__ = ["draws", "still"]

# Parameters and generators belong to the process: one thread at a time moves them.
_ONE = threading.RLock()


@contextmanager
def still(params: Sequence[Any]) -> Iterator[None]:
    """Put the generators of PyTorch, NumPy and Python back at the end; record gradients.

    Autocast keeps low-precision copies of weights, for as long as its outermost block; of weights
    that move it must not: its memory is off inside, and empty before and after.
    """
    with _ONE:
        plain, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002 - the global one
        cached = torch.is_autocast_cache_enabled()
        with (
            torch.random.fork_rng(devices=_devices(params)),
            torch.inference_mode(False),
            torch.enable_grad(),
        ):
            try:
                torch.set_autocast_cache_enabled(False)
                torch.clear_autocast_cache()
                yield
            finally:
                torch.clear_autocast_cache()
                torch.set_autocast_cache_enabled(cached)
                random.setstate(plain)
                np.random.set_state(legacy)  # noqa: NPY002


def draws(params: Sequence[Any], evaluate: Callable[[], object]) -> tuple[bool, list[str]]:
    """Say whether `evaluate` draws random numbers, and whose without seeding them.

    From two seeds: a generator that was used ends in two states, unless it was seeded inside.
    """
    ends = []
    used: set[str] = set()
    for seed in (1, 2):
        _seed(params, seed)
        before = _states(params)
        evaluate()
        ends.append(_states(params))
        used |= {name for name, state in ends[-1].items() if state != before[name]}
    return bool(used), [name for name in sorted(used) if ends[0][name] != ends[1][name]]


def _devices(params: Sequence[Any]) -> list[int]:
    return sorted({p.device.index for p in params if p.is_cuda})


def _seed(params: Sequence[Any], seed: int) -> None:
    # Not torch.manual_seed: it would leave devices seeded that nobody puts back.
    torch.default_generator.manual_seed(seed)
    for index in _devices(params):
        torch.cuda.default_generators[index].manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002


def _states(params: Sequence[Any]) -> dict[str, bytes]:
    states = {
        "PyTorch": torch.default_generator.get_state().numpy().tobytes(),
        "Python": repr(random.getstate()).encode(),
        "NumPy": repr([np.asarray(part).tobytes() for part in np.random.get_state()]).encode(),  # noqa: NPY002
    }
    for index in _devices(params):
        states[f"cuda:{index}"] = torch.cuda.default_generators[index].get_state().numpy().tobytes()
    return states
