"""Where a network's parameters stand, and who computes with them there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from saddlescape import _core
from saddlescape.net.device import OnDevice, tensor_floats
from saddlescape.net.device import device as place

if TYPE_CHECKING:
    from saddlescape.net.mlp import MLP

__all__ = ["Placed"]


class Placed(ABC):
    """A network's theta on the CPU or in a CUDA device's memory."""

    dtype: np.dtype[Any]
    _network: _core.net.Network
    _theta: NDArray[Any]  # on a device DeviceArray
    _there: OnDevice | None = None  # what computes where theta is an array of the device's

    @property
    def device(self) -> str:
        """Where theta stands: "cpu" or "cuda"."""
        return "cpu" if self._there is None else "cuda"

    @property
    def tf32(self) -> bool:
        """Whether its products of float32 are TF32's, on a device that was asked for them."""
        return self._there is not None and self._there.tf32

    def to(self, device: str, *, tf32: bool | None = None) -> MLP:
        """Return the network on a device: this one if it is there and computes so already.

        Else it is another one, with a copy of the parameters.

        Parameters
        ----------
        device : str
            ``"cpu"`` or ``"cuda"``.
        tf32 : bool, optional
            As `MLP` takes it. By default as it was on the same device, False on another one.

        Raises
        ------
        TypeError, ValueError, RuntimeError, MemoryError
            As the network's making does.

        Examples
        --------
        >>> import saddlescape as ss
        >>> net = ss.MLP((2, 3, 1), loss="mse")
        >>> net.to("cpu") is net
        True
        """
        kept = place(device) == self.device and self.tf32
        wanted = kept if tf32 is None else tensor_floats(tf32, device, self.dtype)
        if (device, wanted) == (self.device, self.tf32):
            return cast("MLP", self)
        return self._twin(device, wanted)

    def copy(self) -> MLP:
        """Return a network of its own with the same parameters, on the same device."""
        return self._twin(self.device, self.tf32)

    @abstractmethod
    def _twin(self, device: str, tf32: bool) -> MLP:
        """Return a network of its own with the same numbers, on a device."""

    def need_cpu(self, name: str) -> None:
        """Refuse a network on a device, for what there is on the CPU alone."""
        if self._there is not None:
            raise ValueError(
                f"{name}: the network is on device 'cuda', expected it on 'cpu' for this; "
                "net.to('cpu') brings it there"
            )

    def on_host(self) -> NDArray[Any]:
        """Return theta itself on the CPU, a copy of it from a device."""
        return self._theta if self._there is None else self._there.on_host(self._theta, "theta")

    @property
    def _engine(self) -> _core.net.Network:
        """What computes: the core's network, or the device's in its place."""
        return self._network if self._there is None else cast("_core.net.Network", self._there)

    def _put(self, values: Any) -> None:
        """Copy values of theta's shape and dtype into it."""
        if self._there is None:
            self._theta[:] = values
        else:
            self._there.assign(self._theta, values)

    def _theta_in(self, dtype: np.dtype[Any]) -> Any:
        if self._there is None:
            return self._theta.astype(dtype, copy=False)
        return self._there.in_dtype("theta", self._theta, dtype)

    def _stands_there(self, array: Any) -> bool:
        return self._there is not None and self._there.holds(array)
