"""A network's computations on a CUDA device, in the place of the core's."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape import _backend, _check, _core

__all__ = ["DEVICES", "OnDevice", "device", "tensor_floats", "there_if_wanted"]

DEVICES = ("cpu", "cuda")


def device(given: Any) -> str:
    """Return "cpu" or "cuda"."""
    return _check.choice("device", given, DEVICES)


def tensor_floats(given: Any, where: str, dtype: np.dtype[Any]) -> bool:
    """Return `tf32` if a network of that dtype can take it where it stands."""
    wanted = _check.flag("tf32", given)
    if wanted and (where != "cuda" or dtype != np.float32):
        raise ValueError(
            f"tf32: True on device {where!r} in {dtype}, expected False, or device 'cuda' and "
            "dtype float32, whose products it is for"
        )
    return wanted


class OnDevice:
    """What the core's network does, with parameters in device memory.

    Arrays of NumPy are brought there, and the result of a call comes back as NumPy's if the samples
    (for products the vectors) were; what is on the device already stays there.

    Parameters
    ----------
    core : _core.net.Network
        The same network, for where its parameters stand.
    arguments : tuple
        Those that `core` was made from.
    tf32 : bool
        Whether products of float32 are TF32's.

    Raises
    ------
    RuntimeError
        Without a device, or without the backend: the line says why.
    """

    def __init__(
        self, core: _core.net.Network, arguments: tuple[Any, ...], tf32: bool = False
    ) -> None:
        self.cuda = _backend.cuda("device='cuda'")
        self.core = core
        self.tf32 = tf32
        self._network = self.cuda.Network(*arguments, tf32)

    def holds(self, array: Any) -> bool:
        """Whether an array stands in a CUDA device's memory."""
        return not isinstance(array, np.ndarray) and bool(self.cuda.is_on_device(array))

    def sent(self, array: Any) -> Any:
        """Return the array on the device: itself, or a copy of NumPy's; None for None."""
        if array is None or not isinstance(array, np.ndarray):
            return array
        return self.cuda.DeviceArray.from_numpy(np.ascontiguousarray(array))

    def on_host(self, array: Any, name: str) -> NDArray[Any]:
        """Return a copy of an array on the device, whichever library's; an error names it."""
        copy: NDArray[Any] = self.cuda.copied_to_host(array, name)
        return copy

    def assign(self, theta: Any, values: Any) -> None:
        """Put values of its shape and dtype, from the host or the device, into theta."""
        self.cuda.assign(theta, values, "theta")

    def in_dtype(self, name: str, array: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return an array of the device's in `dtype`; itself if it has it already."""
        own = isinstance(array, self.cuda.DeviceArray) and array.dtype == dtype
        taken: NDArray[Any] = array if own else self.cuda.converted(array, name, dtype.name)
        return taken

    def targets(self, y: Any, loss: str, shape: tuple[int, int], dtype: np.dtype[Any]) -> Any:
        """Return the (N, C) targets of classes or targets that are on the device, checked there."""
        probable = loss in ("cross_entropy", "bce")
        low, high = (0.0, 1.0) if probable else (-np.inf, np.inf)
        return self.cuda.targets(y, *shape, dtype.name, low, high)

    def smoothed(self, targets: Any, smoothing: float) -> NDArray[Any]:
        """Return ``y (1 - e) + e / C`` of targets (N, C) on the device."""
        made: NDArray[Any] = targets if smoothing == 0 else self.cuda.smoothed(targets, smoothing)
        return made

    def samples(self, X: Any, standardised: bool, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return samples on the device in `dtype`, for a network that takes them as they are."""
        if standardised:
            raise ValueError(
                "X: on the device, for a network that standardises its inputs, expected a NumPy "
                "array, or the network after_standardisation()"
            )
        return self.in_dtype("X", X, dtype)

    def predict(self, theta: Any, X: Any, mode: _core.net.Mode) -> Any:
        """Return the outputs (N, C)."""
        return _like(X, self._network.predict(theta, self.sent(X), mode))

    def loss(self, theta: Any, X: Any, Y: Any, mode: _core.net.Mode, weight: Any = None) -> float:
        """Return the mean loss."""
        X, Y, weight = map(self.sent, (X, Y, weight))
        return float(self._network.loss(theta, X, Y, mode, weight))

    def gradient(
        self, theta: Any, X: Any, Y: Any, mode: _core.net.Mode, weight: Any = None
    ) -> tuple[float, Any]:
        """Return the mean loss and its gradient (P,)."""
        there, Y, weight = map(self.sent, (X, Y, weight))
        loss, gradient = self._network.gradient(theta, there, Y, mode, weight)
        return loss, _like(X, gradient)

    def gradient_and_moments(
        self, theta: Any, X: Any, Y: Any, mode: _core.net.Mode, weight: Any = None
    ) -> tuple[float, Any, NDArray[np.float64]]:
        """Return also each hidden unit's mean and variance over the batch (2, units), NumPy's."""
        there, Y, weight = map(self.sent, (X, Y, weight))
        loss, gradient, moments = self._network.gradient_and_moments(theta, there, Y, mode, weight)
        return loss, _like(X, gradient), moments

    def hvp(
        self, theta: Any, X: Any, Y: Any, V: Any, mode: _core.net.Mode, weight: Any = None
    ) -> Any:
        """Return the Hessian products of V (P,) or (P, k)."""
        X, Y, weight, sent = map(self.sent, (X, Y, weight, V))
        return _like(V, self._network.hvp(theta, X, Y, sent, mode, weight))

    def hessian(
        self,
        theta: Any,
        X: Any,
        Y: Any,
        part: str,
        first: int,
        last: int,
        mode: _core.net.Mode,
        weight: Any = None,
    ) -> Any:
        """Return the Hessian of the layers first ... last, in float64."""
        there, Y, weight = map(self.sent, (X, Y, weight))
        H = self._network.hessian(theta, there, Y, part, first, last, mode, weight)
        return _like(X, H)


def there_if_wanted(
    where: Any, tf32: Any, dtype: np.dtype[Any], core: _core.net.Network, arguments: tuple[Any, ...]
) -> OnDevice | None:
    """Return what computes on the device, None for the CPU."""
    wanted = tensor_floats(tf32, device(where), dtype)
    return OnDevice(core, arguments, wanted) if where == "cuda" else None


def _like(given: Any, result: Any) -> Any:
    """Return a result on the device as NumPy's if what it was made from was."""
    if not isinstance(given, np.ndarray):
        return result
    return result.numpy()
