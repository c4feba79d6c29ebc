"""The second derivatives of a JAX loss: forward through its gradient, compiled, many at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
import jax.extend
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from saddlescape.curvature import checks
from saddlescape.curvature.engine import NoSecondDerivativeError
from saddlescape.jax.kinks import look

__all__ = ["JaxEngine"]

Vector = NDArray[np.float64]
_BYTES = 256 * 2**20  # that the vectors of one call may need in between
_MOST = 256
# What JAX raises where a way of differentiating has no rule: TypeError for a custom_vjp forwards,
# ValueError for a callback or, backwards, a while loop, NotImplementedError for other primitives.
_NO_RULE = (TypeError, ValueError, NotImplementedError)


class JaxEngine:
    """A function of a pytree, for `saddlescape.curvature.automatic`.

    ``H v = d/dr g(theta + r v)`` at r = 0 (Pearlmutter 1994): ``jax.jvp`` of ``jax.grad``, compiled
    for each power of two of vectors, up to what 256 MB allow. The loss is traced once: what it
    reads beside its argument is what it was then. Where a backward pass can't be differentiated
    forward, ``jax.grad`` of ``g^T v`` is taken.
    """

    advice = "callbacks and kernels must give the same result for the same params"
    detours = "straight-through gradients (stop_gradient), or a custom_vjp that returns others"
    draws = False  # a function of params alone: its keys are constants

    def __init__(self, loss_fn: Callable[[Any], Any], params: Any) -> None:
        if not callable(loss_fn):
            raise TypeError(
                f"loss_fn: {type(loss_fn).__name__}, expected a function loss_fn(params)"
            )
        self._loss_fn = loss_fn
        self._x64 = bool(jax.config.jax_enable_x64)
        names, leaves, self._tree = _checked(params)
        self._point, result = self._widened(leaves)
        self.theta = _flat(self._point)
        sizes = (int(leaf.size) for leaf in self._point)
        self.sizes = dict(zip(names, sizes, strict=True))
        checks.finite("params", self.theta)
        types = dict.fromkeys(leaf.dtype for leaf in self._point)
        self.label = f"jax, {', '.join(map(str, types))}"
        traced = self._trace()
        found = look(traced.jaxpr)
        if not found.depends:
            raise ValueError("loss_fn(params): its result depends on none of params, expected some")
        self.eps = max(found.eps, *(float(jnp.finfo(t).eps) for t in (*types, result)))
        self.kinks, self.by_hand = tuple(found.kinks), tuple(found.by_hand)
        function = jax.extend.core.jaxpr_as_fun(traced)
        self._of_leaves: Callable[[list[Any]], Any] = lambda leaves: function(*leaves)[0]
        self._value = jax.jit(self._of_leaves)
        self._gradient = jax.jit(jax.value_and_grad(self._of_leaves))
        self._many = self._vectors(self._forward)
        self._compiled: dict[int, Any] = {}

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Compute in the width of the day when the point was taken; JAX has nothing else."""
        # without disable_jit: what is compiled can't be taken apart
        with jax.enable_x64(self._x64), jax.disable_jit(False):
            yield

    def rounded(self, theta: Vector) -> Vector:
        """Return the nearest point that the parameters can hold."""
        return _flat(self._leaves(theta))

    def loss(self, theta: Vector) -> float:
        """Return the loss at theta."""
        return float(self._value(self._leaves(theta)))

    def gradient(self, theta: Vector) -> tuple[float, Vector]:
        """Return the loss and the gradient at theta."""
        loss, leaves = self._gradient(self._leaves(theta))
        return float(loss), _flat(leaves)

    def products(self, theta: Vector, rows: Vector) -> Vector:
        """Return ``V H`` for V (k, P)."""
        at, result = self._leaves(theta), np.empty(rows.shape)
        self._settle()
        # To numbers near 1 by a power of two, exactly: in float32 small vectors underflow.
        _, exponents = np.frexp(np.abs(rows).max(axis=1, initial=0.0, keepdims=True))
        scaled, most = np.ldexp(rows, -exponents), self._most() if len(rows) > 1 else 1
        for start in range(0, len(rows), most):
            part = scaled[start : start + most]
            k = min(most, 1 << (len(part) - 1).bit_length())
            padded = np.zeros((k, rows.shape[1]))
            padded[: len(part)] = part
            leaves = self._for(k)(at, self._leaves(padded))
            result[start : start + most] = _flat(leaves, (k,))[: len(part)]
        return np.ldexp(result, exponents)

    @property
    def device(self) -> str:
        """The device that holds the parameters; of a GPU as CUDA names it."""
        devices = {device for leaf in self._point for device in leaf.devices()}
        if len(devices) != 1:
            return ""
        (only,) = devices
        return f"cuda:{only.local_hardware_id}" if only.platform == "gpu" else str(only.platform)

    stream = None  # JAX has streams of its own and waits for others'

    @property
    def device_dtype(self) -> Any:
        """The widest type that JAX has switched on."""
        return np.float64 if self._x64 else np.float32

    def device_products(self, theta: Vector, V: Any) -> Any:
        """Return ``H V`` for V (P,) or (P, k), by DLPack; all of it stays on the device."""
        columns = jnp.from_dlpack(V)
        rows = columns.reshape(len(columns), -1).T
        self._settle()
        at, most = self._leaves(theta), self._most() if len(rows) > 1 else 1
        # To numbers near 1 by a power of two, exactly: in float32 small vectors underflow.
        _, exponents = jnp.frexp(jnp.abs(rows).max(axis=1, keepdims=True))
        scaled, done = jnp.ldexp(rows, -exponents), []
        for start in range(0, len(rows), most):
            part = scaled[start : start + most]
            k = min(most, 1 << (len(part) - 1).bit_length())
            leaves = self._leaves(jnp.pad(part, ((0, k - len(part)), (0, 0))))
            found = self._for(k)(at, leaves)
            flat = [leaf.astype(columns.dtype).reshape((k, -1)) for leaf in found]
            done.append(jnp.concatenate(flat, axis=-1)[: len(part)])
        result = jnp.ldexp(jnp.concatenate(done), exponents)
        return jax.block_until_ready(result.T.reshape(columns.shape))

    def otherwise(self, theta: Vector, rows: Vector) -> Vector | None:  # noqa: ARG002
        """None: `products` has tried both modes."""
        return None

    def _trace(self) -> Any:
        """The loss as a jaxpr of the leaves, with constants of its own."""
        traced = jax.make_jaxpr(self._given)(self._point)
        consts = [jnp.array(c) if isinstance(c, np.ndarray) else c for c in traced.consts]
        return jax.extend.core.ClosedJaxpr(traced.jaxpr, consts)

    def _given(self, leaves: list[Any]) -> Any:
        return self._loss_fn(jax.tree_util.tree_unflatten(self._tree, leaves))

    def _forward(self, at: list[Any], v: list[Any]) -> Any:
        return jax.jvp(jax.grad(self._of_leaves), (at,), (v,))[1]

    def _backward(self, at: list[Any], v: list[Any]) -> Any:
        def slope(at: list[Any]) -> Any:
            pairs = zip(jax.grad(self._of_leaves)(at), v, strict=True)
            return sum((g * w).sum() for g, w in pairs)

        return jax.grad(slope)(at)

    def _vectors(self, product: Callable[[list[Any], list[Any]], Any]) -> Any:
        return jax.jit(jax.vmap(product, in_axes=(None, 0)))

    def _settle(self) -> None:
        """Find a way to differentiate the gradient, if it has not been found."""
        if self._compiled:
            return
        try:
            self._for(1)
        except _NO_RULE:
            # A custom_vjp has no forward derivative where its rules call it again.
            self._many = self._vectors(self._backward)
            try:
                self._for(1)
            except _NO_RULE as error:
                reason = str(error).strip().partition("\n")[0].partition(". ")[0]
                raise NoSecondDerivativeError(reason) from error

    def _for(self, k: int) -> Any:
        if k not in self._compiled:
            at, v = self._point, self._leaves(np.zeros((k, self.theta.size)))
            self._compiled[k] = self._many.lower(at, v).compile()
        return self._compiled[k]

    def _most(self) -> int:
        """How many vectors at once, a power of two, by what the compiler says that one needs."""
        memory = self._for(1).memory_analysis()
        each = max(int(getattr(memory, "temp_size_in_bytes", 0)), 16 * self.theta.size)
        return int(1 << (max(1, min(_MOST, _BYTES // each)).bit_length() - 1))

    def _widened(self, leaves: list[Any]) -> tuple[list[Any], Any]:
        """The parameters in float64, in float32 without jax_enable_x64; and the loss's type.

        Signs are to be certified, so the widest type is taken, whatever the parameters came in.
        """
        wide = jnp.float64 if self._x64 else jnp.float32
        # Copies: the caller's arrays may be written to, or given away to a compiled step.
        point = [jnp.array(leaf, dtype=wide, copy=True) for leaf in leaves]
        try:
            result = jax.eval_shape(self._given, point)
        except TypeError:
            # Data of a fixed type may not take a wider one (convolutions don't): as it came, then.
            point = [jnp.array(leaf, copy=True) for leaf in leaves]
            result = jax.eval_shape(self._given, point)
        shape, dtype = getattr(result, "shape", None), getattr(result, "dtype", None)
        if shape != () or not jnp.issubdtype(dtype, jnp.floating):
            came = type(result).__name__ if shape is None else f"shape {shape} of {dtype}"
            raise TypeError(f"loss_fn(params): {came}, expected a real scalar, shape ()")
        return point, dtype

    def _leaves(self, theta: Any) -> list[Any]:
        """Cut (..., P) into arrays of the parameters' shapes and types."""
        if theta is self.theta:
            return self._point
        leaves, start = [], 0
        for like in self._point:
            part = theta[..., start : start + like.size]
            array = part.reshape((*theta.shape[:-1], *like.shape)).astype(like.dtype)
            leaves.append(jnp.asarray(array))
            start += like.size
        return leaves


def _flat(leaves: list[Any], front: tuple[int, ...] = ()) -> Vector:
    parts = [np.asarray(leaf).astype(np.float64).reshape((*front, -1)) for leaf in leaves]
    return np.concatenate(parts, axis=-1)


def _checked(params: Any) -> tuple[list[str], list[Any], Any]:
    found, tree = jax.tree_util.tree_flatten_with_path(params)
    names = []
    for path, leaf in found:
        name = f"params{jax.tree_util.keystr(path)}"
        names.append(jax.tree_util.keystr(path, simple=True, separator=".") or "params")
        dtype = getattr(leaf, "dtype", None)
        if not isinstance(leaf, (float, np.ndarray, np.generic, jax.Array)):
            raise TypeError(f"{name}: {type(leaf).__name__}, expected an array of real numbers")
        if dtype is not None and not jnp.issubdtype(dtype, jnp.floating):
            raise TypeError(
                f"{name}: dtype {dtype}, expected real floating point (give the rest to loss_fn "
                "by a closure)"
            )
    if not sum(np.size(leaf) for _, leaf in found):
        raise ValueError("params: no elements, expected at least one parameter")
    return names, [leaf for _, leaf in found], tree
