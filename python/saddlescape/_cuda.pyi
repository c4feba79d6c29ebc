from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape._core.net import Mode

__version__: str
eig: Any  # as _core.eig, on arrays of the device

def device() -> dict[str, Any]: ...
def library(name: str) -> tuple[str, str]: ...  # its file and version
def need_device(what: str) -> None: ...
def is_on_device(source: object) -> bool: ...
def copied_to_host(source: object, name: str) -> NDArray[Any]: ...

class DeviceArray:
    @staticmethod
    def from_numpy(array: NDArray[Any], *, stream: object = None) -> DeviceArray: ...
    @staticmethod
    def zeros(
        shape: Sequence[int], dtype: str = "float32", *, stream: object = None
    ) -> DeviceArray: ...
    def numpy(self) -> NDArray[Any]: ...
    def copy(self) -> DeviceArray: ...
    def __dlpack__(
        self,
        *,
        stream: int | None = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> Any: ...
    def __dlpack_device__(self) -> tuple[int, int]: ...
    @property
    def __cuda_array_interface__(self) -> dict[str, Any]: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def ndim(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def nbytes(self) -> int: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    @property
    def device(self) -> str: ...

class Network:  # arrays are on the device
    def __init__(
        self,
        sizes: list[int],
        activation: str,
        loss: str,
        bias: bool,
        normalisation: str,
        residual: bool,
        dropout: float,
        huber_delta: float,
        normalise_after: bool,
        tf32: bool = False,
    ) -> None: ...
    def predict(self, theta: Any, X: Any, mode: Mode) -> DeviceArray: ...
    def loss(self, theta: Any, X: Any, Y: Any, mode: Mode, weight: Any = None) -> float: ...
    def gradient(
        self, theta: Any, X: Any, Y: Any, mode: Mode, weight: Any = None
    ) -> tuple[float, DeviceArray]: ...
    def gradient_and_moments(
        self, theta: Any, X: Any, Y: Any, mode: Mode, weight: Any = None
    ) -> tuple[float, DeviceArray, NDArray[Any]]: ...
    def hvp(
        self, theta: Any, X: Any, Y: Any, V: Any, mode: Mode, weight: Any = None
    ) -> DeviceArray: ...
    def hessian(
        self,
        theta: Any,
        X: Any,
        Y: Any,
        part: str,
        first: int,
        last: int,
        mode: Mode,
        weight: Any = None,
    ) -> DeviceArray: ...

class Loop:  # as _core.train.Loop; memory is the host's, and so are a burst's arrays
    def __init__(
        self,
        network: object,
        stepper: object,
        theta: Any,
        X: Any,
        Y: Any,
        size: int,
        l1: float = 0.0,
        l2: float = 0.0,
        weight: Any = None,
        tf32: bool = False,
        seed: int = 0,
        step: int = 0,
        running: NDArray[Any] | None = None,
    ) -> None: ...
    def run(
        self,
        order: NDArray[Any] | None,
        rates: NDArray[Any],
        weights: NDArray[Any],
        seconds: float = 0.05,
    ) -> bool: ...
    @property
    def memory(self) -> tuple[NDArray[Any], NDArray[Any] | None, float]: ...
    def remember(
        self, before: NDArray[Any], gradient: NDArray[Any] | None, norm: float
    ) -> None: ...
    @property
    def records(self) -> NDArray[Any]: ...
    @property
    def steps(self) -> int: ...

def targets(
    y: Any, samples: int, outputs: int, dtype: str, low: float, high: float
) -> DeviceArray: ...
def smoothed(Y: Any, smoothing: float) -> DeviceArray: ...
def converted(source: Any, name: str, dtype: str) -> DeviceArray: ...
def assign(to: DeviceArray, source: Any, name: str) -> None: ...
