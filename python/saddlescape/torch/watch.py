"""What a closure does while it is evaluated: what it writes to, draws, and is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

__all__ = ["KINKS", "Gradients", "Watch", "written_by_hand"]

# Operations with a slope that jumps -> the name that a reader knows. Where only the second
# derivative jumps (elu, smooth_l1_loss) H is still defined but for a set of measure zero.
_KINKED = {
    "_prelu_kernel": "prelu",
    "abs": "abs",
    "adaptive_max_pool2d": "max_pool",
    "adaptive_max_pool3d": "max_pool",
    "amax": "max",
    "amin": "min",
    "aminmax": "max",
    "clamp": "clamp",
    "clamp_max": "clamp",
    "clamp_min": "clamp",
    "cummax": "max",
    "cummin": "min",
    "hardshrink": "hardshrink",
    "hardsigmoid": "hardsigmoid",
    "hardswish": "hardswish",
    "hardtanh": "hardtanh",
    "kthvalue": "sort",
    "leaky_relu": "leaky_relu",
    "max": "max",
    "max_pool2d_with_indices": "max_pool",
    "max_pool3d_with_indices": "max_pool",
    "maximum": "maximum",
    "median": "sort",
    "min": "min",
    "minimum": "minimum",
    "relu": "relu",
    "rrelu_with_noise": "rrelu",
    "softshrink": "softshrink",
    "sort": "sort",
    "threshold": "threshold",
    "topk": "sort",
}
_ORDERS = ("norm", "linalg_vector_norm")  # of an order that is argument 1
_KINKED_ORDERS = (0.0, 1.0, float("inf"), float("-inf"))
_BAGS, _BAG_MODE, _BAG_MAX = ("_embedding_bag", "_embedding_bag_forward_only"), 4, 2
_CHOICES = ("ge", "gt", "le", "lt")  # of which elements, by their values
KINKS = tuple(sorted({*_KINKED.values(), "norm", "where"}))
# Fused kernels whose derivative is an operation of its own, with a second one that may be wrong.
_FUSED = ("WeightNormInterfaceBackward0",)
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

    def __init__(self, params: Sequence[Any]) -> None:
        super().__init__()
        self.gradients = Gradients(params)
        self.kinks: list[str] = []
        self._chosen: set[int] = set()  # masks that came out of comparing what depends on params
        self._held: list[Any] = []  # so that no number in the sets above is given out again
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
        for tensor in taken:
            if tensor.is_leaf and tensor.requires_grad and _storage(tensor) not in self._made:
                self.gradients.note(tensor)
        if any(t.requires_grad for t in taken):
            types_of = {t.dtype for t in given if t.is_floating_point()}
            self.eps = max([self.eps, *(float(torch.finfo(d).eps) for d in types_of)])
            kink = self._kink(name, args, kwargs, taken, given)
            if kink and kink not in self.kinks:
                self.kinks.append(kink)
        elif any(id(t) in self._chosen for t in taken):
            self._choose(given)  # a mask in another type, or two of them
        return result

    def _choose(self, masks: list[Any]) -> None:
        self._chosen |= {id(t) for t in masks}
        self._held += masks

    def _kink(
        self, name: str, args: Any, kwargs: Any, taken: list[Any], given: list[Any]
    ) -> str | None:
        plain = name.removesuffix("_") if not name.startswith("_") else name
        if plain in _CHOICES:
            self._choose(given)
        elif plain in _ORDERS:
            order = args[1] if len(args) > 1 else kwargs.get("ord", kwargs.get("p", 2))
            return "norm" if order is not None and float(order) in _KINKED_ORDERS else None
        elif plain in _BAGS:
            mode = args[_BAG_MODE] if len(args) > _BAG_MODE else kwargs.get("mode", 0)
            return "max" if mode == _BAG_MAX else None
        elif any(id(t) in self._chosen for t in taken):
            return "where"  # or a product with the mask
        return _KINKED.get(plain)

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
    """The ``.grad`` of parameters and of other leaf tensors that are seen, to be left as is."""

    def __init__(self, params: Sequence[Any]) -> None:
        self._before: dict[int, tuple[Any, Any, Any]] = {}
        for p in params:
            self.note(p)

    def note(self, tensor: Any) -> None:
        """Remember it, if it is new."""
        if id(tensor) not in self._before:
            grad = tensor.grad
            self._before[id(tensor)] = (tensor, grad, None if grad is None else grad.clone())

    def changed(self) -> bool:
        """Whether one is not what it was."""
        return any(not _same_grad(*entry) for entry in self._before.values())

    def undo(self) -> bool:
        """Put back what was changed, and say whether anything was."""
        changed = self.changed()
        for tensor, grad, values in self._before.values():
            if tensor.grad is not grad:
                tensor.grad = grad
            if grad is not None and not _same_bits(grad, values):
                grad.data.copy_(values)
        return changed


def written_by_hand(loss: Any) -> tuple[str, ...]:
    """Names of the functions behind a loss whose backward pass somebody wrote."""
    found, stack, seen = [], [loss.grad_fn], set()
    while stack:
        node = stack.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if isinstance(node, torch.autograd.function.BackwardCFunction) or node.name() in _FUSED:
            found.append(node.name().removesuffix("Backward"))
        stack += [following for following, _ in node.next_functions]
    return tuple(dict.fromkeys(found))


def _same_grad(tensor: Any, grad: Any, values: Any) -> bool:
    return tensor.grad is grad and (grad is None or _same_bits(grad, values))


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
