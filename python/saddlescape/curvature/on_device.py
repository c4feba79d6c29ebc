"""The Hessian of a framework's loss with vectors that stay on the device of its parameters."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["CurvatureOnDevice", "EngineOnDevice"]


class EngineOnDevice(Protocol):
    """What a framework has to compute where its own arrays are."""

    theta: NDArray[np.float64]
    label: str

    @property
    def device(self) -> str:
        """The device that holds all parameters, or an empty text."""

    @property
    def stream(self) -> Any:
        """The stream that the framework works in, or None where it has none to tell."""

    def undisturbed(self) -> Any:
        """Put random number generators back at the end."""

    def device_products(self, theta: NDArray[np.float64], V: Any) -> Any:
        """Return ``H V`` for V (P,) or (P, k), an array by DLPack, as an array beside it."""


class CurvatureOnDevice:
    """What `AutomaticCurvature.on_device` returns, for `saddlescape.eig`.

    Attributes
    ----------
    shape : tuple of int
        (P, P).
    device : str
        Where its vectors are: ``"cuda:0"``.
    dtype : numpy.dtype
        float64, or float32 where the framework has no wider type switched on.
    """

    def __init__(self, engine: EngineOnDevice, theta: NDArray[np.float64]) -> None:
        self._engine, self._theta = engine, theta
        self.shape = (theta.size, theta.size)
        self.device = engine.device
        self.dtype = np.dtype(getattr(engine, "device_dtype", np.float64))

    @property
    def stream(self) -> Any:
        """The stream that the framework works in now."""
        return self._engine.stream

    def __matmul__(self, V: Any) -> Any:
        with self._engine.undisturbed():
            return self._engine.device_products(self._theta, V)

    def __repr__(self) -> str:
        return f"CurvatureOnDevice({self._engine.label}, P = {self.shape[0]:,}, {self.device})"
