from typing import Any

from numpy.typing import NDArray

def activations() -> list[str]: ...
def losses() -> list[str]: ...
def normalisations() -> list[str]: ...

class Mode:
    def __init__(
        self,
        training: bool = False,
        seed: int = 0,
        draw: int = 0,
        running: NDArray[Any] | None = None,
    ) -> None: ...

class Network:
    def __init__(
        self,
        sizes: list[int],
        activation: str,
        loss: str,
        bias: bool,
        normalisation: str = "none",
        residual: bool = False,
        dropout: float = 0.0,
        huber_delta: float = 1.0,
        normalise_after: bool = False,
    ) -> None: ...
    @property
    def parameters(self) -> int: ...
    @property
    def plain(self) -> bool: ...
    def weight_offset(self, layer: int) -> int: ...
    def bias_offset(self, layer: int) -> int: ...
    def scale_offset(self, layer: int) -> int: ...
    def predict(self, theta: NDArray[Any], X: NDArray[Any], mode: Mode = ...) -> NDArray[Any]: ...
    def loss(
        self,
        theta: NDArray[Any],
        X: NDArray[Any],
        Y: NDArray[Any],
        mode: Mode = ...,
        weight: NDArray[Any] | None = None,
    ) -> float: ...
    def gradient(
        self,
        theta: NDArray[Any],
        X: NDArray[Any],
        Y: NDArray[Any],
        mode: Mode = ...,
        weight: NDArray[Any] | None = None,
    ) -> tuple[float, NDArray[Any]]: ...
    def gradient_and_moments(
        self,
        theta: NDArray[Any],
        X: NDArray[Any],
        Y: NDArray[Any],
        mode: Mode,
        weight: NDArray[Any] | None = None,
    ) -> tuple[float, NDArray[Any], NDArray[Any]]: ...
    def hvp(
        self,
        theta: NDArray[Any],
        X: NDArray[Any],
        Y: NDArray[Any],
        V: NDArray[Any],
        mode: Mode = ...,
        weight: NDArray[Any] | None = None,
    ) -> NDArray[Any]: ...
    def hvp_extended(
        self,
        theta: NDArray[Any],
        X: NDArray[Any],
        Y: NDArray[Any],
        v: NDArray[Any],
        mode: Mode = ...,
        weight: NDArray[Any] | None = None,
    ) -> NDArray[Any]: ...
    def hessian(
        self,
        theta: NDArray[Any],
        X: NDArray[Any],
        Y: NDArray[Any],
        part: str,
        first: int,
        last: int,
        mode: Mode = ...,
        weight: NDArray[Any] | None = None,
    ) -> NDArray[Any]: ...
    def hessian_diagonal(
        self,
        theta: NDArray[Any],
        X: NDArray[Any],
        Y: NDArray[Any],
        part: str,
        mode: Mode = ...,
        weight: NDArray[Any] | None = None,
    ) -> NDArray[Any]: ...
    def gauss_newton_gram(
        self,
        theta: NDArray[Any],
        X: NDArray[Any],
        Y: NDArray[Any],
        mode: Mode = ...,
        weight: NDArray[Any] | None = None,
    ) -> NDArray[Any]: ...

def activate(network: Network, z: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]: ...

class Products:
    def __init__(
        self,
        network: Network,
        theta: NDArray[Any],
        X: NDArray[Any],
        Y: NDArray[Any],
        most_bytes: int,
        mode: Mode = ...,
        weight: NDArray[Any] | None = None,
    ) -> None: ...
    @property
    def kept(self) -> bool: ...
    def product(self, V: NDArray[Any]) -> NDArray[Any]: ...
