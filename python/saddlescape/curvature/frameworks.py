"""Curvature of losses written in PyTorch and in JAX."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from saddlescape.curvature.automatic import AutomaticCurvature
from saddlescape.curvature.engine import Engine
from saddlescape.curvature.piecewise import warn_of_kinks

__all__ = ["from_jax", "from_torch"]


def from_torch(
    loss_fn: Callable[[], Any],
    params: Iterable[Any],
    *,
    lower_bound: float | None = None,
    group: Any = None,
    weight: float | None = None,
    sharded: bool = False,
) -> AutomaticCurvature:
    """Return the Hessian of a PyTorch loss as an operator, at the parameters of this moment.

    ``H v = d/dtheta (g(theta)^T v)``: the gradient's own graph is differentiated once more, exactly
    but for rounding. In and out is float64; inside, the type of the loss. Where an operation has
    no backward pass of its backward pass, fused attention is written out, and else the gradient is
    differentiated in forward mode, as exactly; ``repr`` says so. Where that is not there either,
    products are central differences of gradients, with their error in ``.error()`` and the reason
    in ``repr``; likewise where differences show that a backward pass written by hand was taken for
    a constant.

    Every call leaves parameters, random generators and autocast's memory bit for bit as they were,
    and so are buffers and ``.grad``, as far as tensors are written in place: a `loss_fn` that binds
    new ones to a module, or counts its calls, does so each time. One thread at a time evaluates. A
    later change of the parameters' numbers does not change the operator: it goes back to its own
    for each evaluation. It does see a change of the data that `loss_fn` reads.

    Parameters
    ----------
    loss_fn : callable
        ``loss_fn()`` returns a real tensor with one element, computed from `params`, the same at
        each call: it is evaluated some ten times before the first product, and compared.
    params : iterable of tensors
        Leaf tensors that require grad: ``model.parameters()``, or some of them; with names, for
        ``.block``: ``model.named_parameters()`` or a mapping. P is the number of their elements,
        one after the other, each in row-major order. Rows and columns of parameters that the loss
        does not reach are zero.
    lower_bound : float, optional
        A value below which the loss can't be.
    group : torch.distributed process group, optional
        ``torch.distributed.group.WORLD``, or another: the loss is then the mean of what `loss_fn`
        returns in its processes. All of them call this function and then the operator's methods in
        the same order (`saddlescape.eig` and `saddlescape.critical` do), and all get the same bits.
        If one raises, all do. Each holds whole vectors (P,), and all those of a Lanczos basis;
        of sharded parameters ``.in_pieces()`` gives an operator of which each holds its own rows.
    weight : float, optional
        With `group`: by how much this process counts in the mean, such as the samples of its shard;
        1 if left out.
    sharded : bool
        With `group`: whether each process has parameters of its own, theta being all of them in
        the order of ranks; else all have copies, and shards of the data. `loss_fn` then brings them
        together by collectives that PyTorch can differentiate twice, those of
        ``torch.distributed.nn.functional``. (FSDP's and DDP's wrappers work through ``.backward()``
        and are not seen; give the module inside of DDP, and `group`.)

    Returns
    -------
    AutomaticCurvature
        ``.shape``, ``H @ v``, ``H @ V``, ``.dense()``, ``.gradient()``, ``.loss()``, ``.error()``.

    Raises
    ------
    ImportError
        If PyTorch is not installed.
    TypeError, ValueError
        If an argument or the loss is of a wrong kind or not finite, if two evaluations differ
        (another batch), if random numbers are drawn that `loss_fn` does not seed (dropout in train
        mode), if the gradient is not the loss's own (hooks, straight-through), if the loss writes
        to tensors outside itself (batch normalisation in train mode) or to ``.grad``, or, from
        ``.dense()``, if H is not symmetric.
    RuntimeWarning, PiecewiseLinearWarning
        Are issued where two evaluations differ by rounding, and where the loss has kinks (relu).

    Examples
    --------
    >>> import torch
    >>> from saddlescape import critical, curvature
    >>> w = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    >>> H = curvature.from_torch(lambda: (1 - w[0] * w[1]) ** 2, [w])
    >>> H
    AutomaticCurvature(torch, float64, P = 2, exact)
    >>> H.dense()
    array([[ 0., -2.],
           [-2.,  0.]])
    >>> print(critical.classify(H).kind)
    saddle

    References
    ----------
    .. [1] B. Pearlmutter (1994), Fast exact multiplication by the Hessian, Neural Computation 6(1).
    """
    from saddlescape.torch.curvature import TorchEngine  # only who calls this has PyTorch

    if group is not None:
        from saddlescape.torch.spread import SpreadEngine

        one = 1.0 if weight is None else weight
        engine: Engine = SpreadEngine(loss_fn, params, group, one, sharded)
    elif weight is not None or sharded:
        raise ValueError(
            f"{'sharded' if sharded else 'weight'}: given without group, expected a group of "
            "processes with it"
        )
    else:
        engine = TorchEngine(loss_fn, params)
    H = AutomaticCurvature(engine, lower_bound)
    warn_of_kinks(H.kinks)
    return H


def from_jax(
    loss_fn: Callable[[Any], Any], params: Any, *, lower_bound: float | None = None
) -> AutomaticCurvature:
    """Return the Hessian of a JAX loss as an operator, at `params`.

    ``H v = d/dr g(theta + r v)`` at r = 0, by ``jax.jvp`` of ``jax.grad``, compiled; many vectors
    by ``jax.vmap``, as many at once as 256 MB allow. With ``jax_enable_x64`` everything is computed
    in float64, whatever the type of `params`; without it in float32, which ``repr`` says and
    ``.error()`` measures. Losses that fix a type inside keep it.

    Parameters
    ----------
    loss_fn : callable
        ``loss_fn(params)`` returns a real scalar of shape (); pure, as for ``jax.jit``.
    params : pytree of real arrays
        P is the number of their elements, in the order of ``jax.tree.leaves``, row-major. The
        names for ``.block`` are the paths, ``"layers.0.w"``.
    lower_bound : float, optional
        A value below which the loss can't be.

    Returns
    -------
    AutomaticCurvature
        ``.shape``, ``H @ v``, ``H @ V``, ``.dense()``, ``.gradient()``, ``.loss()``, ``.error()``.

    Raises
    ------
    ImportError
        If JAX is not installed.
    TypeError, ValueError
        If an argument or the loss is of a wrong kind or not finite, if two evaluations differ, or,
        from ``.dense()``, if H is not symmetric. What `loss_fn` raises passes through.
    PiecewiseLinearWarning
        Is issued where the loss has kinks (relu).

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from saddlescape import curvature
    >>> H = curvature.from_jax(lambda p: (1 - p["a"] * p["b"]) ** 2, {"a": 0.0, "b": 0.0})
    >>> H.dense()
    array([[ 0., -2.],
           [-2.,  0.]])

    References
    ----------
    .. [1] B. Pearlmutter (1994), Fast exact multiplication by the Hessian, Neural Computation 6(1).
    """
    from saddlescape.jax.curvature import JaxEngine  # only who calls this has JAX

    H = AutomaticCurvature(JaxEngine(loss_fn, params), lower_bound)
    warn_of_kinks(H.kinks)
    return H
