"""What a closure does while it is evaluated: what it writes to, draws, and is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

__all__ = ["KINKS", "Gradients", "Watch"]

# Operations with a slope that jumps -> the name that a reader knows. Where only the second
# derivative jumps (elu, smooth_l1_loss) H is still defined but for a set of measure zero.
_KINKED = {
    "_prelu_kernel": "prelu",
    "abs": "abs",
    "clamp": "clamp",
    "clamp_max": "clamp",
    "clamp_min": "clamp",
    "hardshrink": "hardshrink",
    "hardsigmoid": "hardsigmoid",
    "hardswish": "hardswish",
    "hardtanh": "hardtanh",
    "leaky_relu": "leaky_relu",
    "max_pool2d_with_indices": "max_pool",
    "max_pool3d_with_indices": "max_pool",
    "maximum": "maximum",
    "minimum": "minimum",
    "relu": "relu",
    "rrelu_with_noise": "rrelu",
    "softshrink": "softshrink",
    "threshold": "threshold",
}
KINKS = tuple(sorted({*_KINKED.values()}))
# Their schemas don't say that they write to running_mean and running_var, arguments 3 and 4.
_BATCH_NORMS = ("cudnn_batch_norm", "miopen_batch_norm", "native_batch_norm")
_TRAINING = 5


class Watch(TorchDispatchMode):  # type: ignore[misc,unused-ignore]
    """Sees every operation of PyTorch below automatic differentiation, the backward pass included.

    Attributes
    ----------
    kinks : list of str
        Operations on the way from the parameters whose slope jumps, as they came.
    eps : float
        Of the coarsest type on the way from the parameters, autocast's too.
    """

    def __init__(self) -> None:
        super().__init__()
        self.kinks: list[str] = []
        self.eps = 0.0
        self._made: set[int] = set()  # storages that came into being inside
        self._before: list[tuple[Any, Any]] = []  # a tensor from outside, and its former values

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Note the operation, then let it happen."""
        kwargs = kwargs or {}
        name = func._schema.name.partition("::")[2]
        for tensor in _written(func, name, args, kwargs):
            self._keep(tensor)
        taken = _tensors([*args, *kwargs.values()])
        result = func(*args, **kwargs)
        # torch.tensor(...) makes its storage unseen, and lifts it.
        seen = set() if name == "lift_fresh" else {_storage(t) for t in taken}
        given = _tensors([result])
        self._made |= {_storage(t) for t in given} - seen
        if any(t.requires_grad for t in taken):
            plain = name.removesuffix("_") if not name.startswith("_") else name
            if plain in _KINKED and _KINKED[plain] not in self.kinks:
                self.kinks.append(_KINKED[plain])
            types_of = {t.dtype for t in given if t.is_floating_point()}
            self.eps = max([self.eps, *(float(torch.finfo(d).eps) for d in types_of)])
        return result

    def _keep(self, tensor: Any) -> None:
        key = _storage(tensor)
        if key not in self._made:
            self._before.append((tensor, tensor.detach().clone()))

    def undo(self) -> list[str]:
        """Put back what was changed outside, and say what: shapes and types."""
        changed = []
        for tensor, before in reversed(self._before):
            if not _same_bits(tensor, before):
                text = f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"
                changed.append(text)
                tensor.data.copy_(before)
        return list(dict.fromkeys(reversed(changed)))


class Gradients:
    """The ``.grad`` of parameters, to be left as they are."""

    def __init__(self, params: Sequence[Any]) -> None:
        self._params = params
        self._before = [(p.grad, None if p.grad is None else p.grad.clone()) for p in params]

    def undo(self) -> bool:
        """Put back what was changed, and say whether anything was."""
        changed = False
        for p, (grad, values) in zip(self._params, self._before, strict=True):
            if p.grad is not grad:
                p.grad, changed = grad, True
            if grad is not None and not _same_bits(grad, values):
                grad.data.copy_(values)
                changed = True
        return changed


def _same_bits(a: Any, b: Any) -> bool:
    return bool(torch.equal(_bytes(a), _bytes(b)))


def _bytes(tensor: Any) -> Any:
    dense = tensor.detach() if tensor.layout is torch.strided else tensor.detach().to_dense()
    return dense.contiguous().reshape(-1).view(torch.uint8)


def _written(func: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
    if name in _BATCH_NORMS and len(args) > _TRAINING and args[_TRAINING]:
        return _tensors(args[3:5])
    found = []
    for i, argument in enumerate(func._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            value = args[i] if i < len(args) else kwargs.get(argument.name)
            found += _tensors([value])
    return found


def _tensors(values: Any) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if isinstance(value, torch.Tensor):
            found.append(value)
        elif isinstance(value, (list, tuple)):
            found += _tensors(value)
    return found


def _storage(tensor: Any) -> int:
    if tensor.layout is not torch.strided:
        return id(tensor)
    return int(tensor.untyped_storage()._cdata)
