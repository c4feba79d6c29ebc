"""The second derivatives of a PyTorch loss, by differentiating its gradient once more."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.attention import SDPBackend, sdpa_kernel

from saddlescape.curvature import checks
from saddlescape.curvature.engine import NoSecondDerivativeError
from saddlescape.torch.forward import forward_product
from saddlescape.torch.on_device import copied, flat_like, largest_of, scaled, zeros_like
from saddlescape.torch.parameters import check_unchanged, checked, flat, named
from saddlescape.torch.still import draws, still
from saddlescape.torch.watch import Watch, written_by_hand

__all__ = ["TorchEngine"]

Vector = NDArray[np.float64]
# What PyTorch and its kernels say where a backward pass has no derivative of its own.
_NO_DERIVATIVE = re.compile(
    r"not implemented|double backward|differentiate twice|once_differentiable|call numpy\(\)",
    re.IGNORECASE,
)
_ATTENTION = "scaled_dot_product"
_EVALUATION = "dropout, random augmentation and shuffled batches"


class TorchEngine:
    """A closure over parameters, for `saddlescape.curvature.automatic`.

    ``H v = d/dtheta (g(theta)^T v)`` (Pearlmutter 1994), by ``torch.autograd.grad`` on a gradient
    whose graph was kept; the graph of one call serves all its vectors and is freed at its end.
    Where an operation refuses that, forward mode through the gradient is tried.
    No ``.grad`` is written, and no version counter moves: graphs of the caller's stay valid.
    """

    advice = (
        f"{_EVALUATION} must not change in between; call model.eval(), fix the batch, or seed the "
        "generator inside loss_fn"
    )
    detours = (
        "hooks on parameters, straight-through or scaled gradients, reentrant checkpointing "
        "(use_reentrant=False)"
    )

    def __init__(self, loss_fn: Callable[[], Any], params: Iterable[Any]) -> None:
        if not callable(loss_fn):
            raise TypeError(f"loss_fn: {type(loss_fn).__name__}, expected a function loss_fn()")
        self._loss_fn = loss_fn
        self._names, found = named(params)
        self._params = checked(found)
        self.sizes: dict[str, int] = {
            name: p.numel() for name, p in zip(self._names, self._params, strict=True)
        }
        with torch.inference_mode(False):
            self._point = [p.detach().clone() for p in self._params]
        self.theta = flat(self._params, self._point)
        checks.finite("params", self.theta)
        types = dict.fromkeys(p.dtype for p in self._params)
        types_of = ", ".join(str(t).removeprefix("torch.") for t in types)
        self.eps = max(float(torch.finfo(t).eps) for t in types)
        self.kinks: tuple[str, ...] = ()
        self.by_hand: tuple[str, ...] = ()
        self.draws = False
        self.retries = True  # whether attention may be computed another way
        self._plain = False  # whether it is
        self._forward = False  # where a second backward pass was refused, and forward mode was not
        with self.undisturbed():
            self._inspect()
        self.label = f"torch, {types_of}"

    def undisturbed(self) -> AbstractContextManager[None]:
        """Put random generators and autocast's memory back at the end; one thread at a time."""
        return still(self._params)

    def rounded(self, theta: Vector) -> Vector:
        """Return the nearest point that the parameters can hold."""
        return flat(self._params, self._tensors(theta))

    def loss(self, theta: Vector) -> float:
        """Return the loss at theta."""
        with self._placed(theta):
            return float(self._evaluate().detach())

    def gradient(self, theta: Vector) -> tuple[float, Vector]:
        """Return the loss and the gradient at theta."""
        with self._placed(theta):
            loss = self._evaluate()
            grads = torch.autograd.grad(loss, self._params, allow_unused=True)
            return float(loss.detach()), flat(self._params, grads)

    def products(self, theta: Vector, rows: Any, largest: Vector | None = None) -> Any:
        """Return ``V H`` for V (k, P); `largest`: of each row's magnitudes, where it is known.

        V is an array, or a tensor on the parameters' device, where the products then are too.
        """
        if largest is None:
            largest = largest_of(rows)
        if self._forward:
            return self._forward_products(theta, rows, largest)
        try:
            return self._backward_products(theta, rows, largest)
        except NoSecondDerivativeError as error:
            if self.retries and not self._plain and _ATTENTION in str(error):
                # Fused attention has no second derivative; written out it has one.
                self._plain = True
                return self.products(theta, rows, largest)
            result = self.otherwise(theta, rows, largest)
            if result is None:
                raise
            return result

    @property
    def device(self) -> str:
        """The device that holds all parameters, or an empty text where they are spread."""
        devices = {str(p.device) for p in self._params}
        return devices.pop() if len(devices) == 1 else ""

    @property
    def stream(self) -> Any:
        """The stream that PyTorch works in now on that device."""
        return torch.cuda.current_stream(self.device) if self.device.startswith("cuda") else None

    def device_products(self, theta: Vector, V: Any) -> Any:
        """Return ``H V`` for V (P,) or (P, k), by DLPack; all of it stays on the device."""
        columns = torch.from_dlpack(V)
        rows = columns.reshape(len(columns), -1).T.contiguous()
        return self.products(theta, rows).T.contiguous().reshape(columns.shape)

    def otherwise(self, theta: Vector, rows: Any, largest: Vector | None = None) -> Any:
        """Return ``V H`` by forward mode and keep to it; None where it can't be."""
        if largest is None:
            largest = largest_of(rows)
        try:
            result = self._forward_products(theta, rows, largest)
        except RuntimeError:  # PyTorch's, whatever is missing
            return None
        if not self._forward:
            self._forward = True
            self.label += ", forward mode through the gradient"
        return result

    def _forward_products(self, theta: Vector, rows: Any, largest: Vector) -> Any:
        result = zeros_like(rows)
        with self._placed(theta):
            for row, size, out in zip(rows, largest, result, strict=True):
                _, exponent = np.frexp(size)
                tangents = self._tensors(scaled(row, -exponent))
                parts = forward_product(self._evaluate, self._params, tangents)
                out[:] = scaled(flat_like(row, self._params, parts), exponent)
        return result

    def _backward_products(self, theta: Vector, rows: Any, largest: Vector) -> Any:
        with self._placed(theta):
            loss = self._evaluate()
            with _explained():
                grads = torch.autograd.grad(
                    loss, self._params, create_graph=True, allow_unused=True
                )
            # A gradient that depends on no parameter has a zero row: a linear term, or none.
            which = [i for i, g in enumerate(grads) if g is not None and g.requires_grad]
            result = zeros_like(rows)
            for row, size, out in zip(rows, largest, result, strict=True):
                if which:
                    self._product([grads[i] for i in which], which, row, size, out)
            return result

    def _product(self, grads: list[Any], which: list[int], row: Any, size: float, out: Any) -> None:
        # To numbers near 1 by a power of two, exactly: in float16 a unit vector underflows.
        _, exponent = np.frexp(size)
        tensors = self._tensors(scaled(row, -exponent))
        with _explained():
            parts = torch.autograd.grad(
                grads,
                self._params,
                grad_outputs=[tensors[i].to(g.dtype) for i, g in zip(which, grads, strict=True)],
                retain_graph=True,
                allow_unused=True,
            )
        out[:] = scaled(flat_like(row, self._params, parts), exponent)

    def _evaluate(self) -> Any:
        with sdpa_kernel([SDPBackend.MATH]) if self._plain else nullcontext():
            loss = self._loss_fn()
        if not isinstance(loss, torch.Tensor):
            raise TypeError(f"loss_fn(): {type(loss).__name__}, expected a tensor with one element")
        if loss.numel() != 1 or not loss.is_floating_point():
            raise TypeError(
                f"loss_fn(): shape {tuple(loss.shape)} of {loss.dtype}, expected a real tensor "
                "with one element"
            )
        if not loss.requires_grad:
            raise ValueError(
                "loss_fn(): its result depends on none of params, expected a loss computed from "
                "them (not from copies, .detach(), .data or under no_grad)"
            )
        return loss.reshape(())

    def _inspect(self) -> None:
        """Evaluate once under watch; refuse a closure that changes anything outside itself."""
        watch = Watch(self._params)
        try:
            with watch:
                loss = self._evaluate()
                by_hand = written_by_hand(loss)
                if not watch.gradients.changed():
                    grads = torch.autograd.grad(loss, self._params, allow_unused=True)
        finally:
            calls_backward = watch.gradients.undo()
            changed = watch.undo()
        if calls_backward:
            raise ValueError(
                "loss_fn: it changes .grad (put back), expected a function that returns the loss "
                "and leaves backward() to the caller"
            )
        if changed:
            raise ValueError(
                f"loss_fn: it changes tensors outside itself ({'; '.join(changed[:4])}; put back), "
                "expected none: batch normalisation in train mode records its running statistics, "
                "spectral normalisation its vectors; call model.eval()"
            )
        if all(g is None for g in grads):
            raise ValueError("loss_fn(): its result depends on none of params, expected some")
        self.kinks, self.eps = tuple(watch.kinks), max(self.eps, watch.eps)
        self.by_hand = by_hand
        self.draws, unseeded = draws(self._params, self._evaluate)
        if unseeded:
            raise ValueError(
                f"loss_fn: it draws random numbers ({', '.join(unseeded)}) that differ between two "
                f"calls, expected none, or a seed inside: {self.advice}"
            )

    def _tensors(self, theta: Any) -> list[Any]:
        tensors, start = [], 0
        for p in self._params:
            part = copied(theta[start : start + p.numel()])
            tensors.append(part.reshape(p.shape).to(p.device, p.dtype))
            start += p.numel()
        return tensors

    @contextmanager
    def _placed(self, theta: Vector) -> Iterator[None]:
        """Hold theta in the parameters, whatever they hold, and put that back bit for bit."""
        check_unchanged(self._names, self._params, self._point)
        wanted = self._point if theta is self.theta else self._tensors(theta)
        with torch.no_grad():
            pairs = zip(self._params, wanted, strict=True)
            moved = [(p, p.detach().clone(), t) for p, t in pairs if not torch.equal(p, t)]
        try:
            for p, _, t in moved:
                p.data.copy_(t)  # through .data: p's version counter stays, and graphs valid
            torch.clear_autocast_cache()  # loss_fn may switch it on inside another's block
            yield
        finally:
            for p, before, _ in moved:
                p.data.copy_(before)
            torch.clear_autocast_cache()


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        if not _NO_DERIVATIVE.search(str(error)):
            raise
        reason = str(error).strip().partition("\n")[0].partition(". ")[0]
        raise NoSecondDerivativeError(reason) from error
