"""Hessian products without a second backward pass: forward mode through the gradient.

``H v = d/dr g(theta + r v)`` at r = 0: the parameters carry v as their tangent through the loss and
through its backward pass, whose operations then need forward derivatives instead of backward ones
(Pearlmutter 1994).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

import torch
from torch.autograd import forward_ad
from torch.autograd.grad_mode import _unsafe_preserve_version_counter

__all__ = ["forward_product"]


def forward_product(
    evaluate: Callable[[], Any], params: Sequence[Any], tangents: Sequence[Any]
) -> list[Any]:
    """Return the tangents of the gradient, None for zeros, in the form of `params`.

    The parameters keep their values and version counters; their tangents end with the call. Where
    an operation has no forward derivative, PyTorch raises a RuntimeError.
    """
    with ExitStack() as stack:
        for p in params:
            stack.enter_context(_unsafe_preserve_version_counter(p))
        # Its first use of forward mode compiles something with what it calls deprecated itself.
        stack.enter_context(warnings.catch_warnings())
        warnings.filterwarnings("ignore", r"`torch\.jit\.", DeprecationWarning)
        stack.enter_context(forward_ad.dual_level())
        with torch.no_grad():
            for p, tangent in zip(params, tangents, strict=True):
                # A leaf can't be replaced in the closure: the tangent is written to it.
                p.copy_(forward_ad.make_dual(p.detach().clone(), tangent))
        loss = evaluate()
        grads = torch.autograd.grad(loss, params, allow_unused=True)
        return [None if g is None else forward_ad.unpack_dual(g).tangent for g in grads]
