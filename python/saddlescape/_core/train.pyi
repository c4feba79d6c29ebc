from typing import Any

from numpy.typing import NDArray

from saddlescape._core.net import Network
from saddlescape._core.optim import Stepper

columns: list[str]
momentum: float  # of the averages that batch normalisation takes at test time

class Loop:
    def __init__(
        self,
        network: Network,
        stepper: Stepper,
        theta: NDArray[Any],
        X: NDArray[Any],
        Y: NDArray[Any],
        size: int,
        l1: float = 0.0,
        l2: float = 0.0,
        weight: NDArray[Any] | None = None,
        seed: int = 0,
        step: int = 0,
        running: NDArray[Any] | None = None,
    ) -> None: ...
    # order: sample numbers, batch after batch, or None for all samples as they stand; rates and
    # weights: for each step; True if the last step was finite
    def run(
        self,
        order: NDArray[Any] | None,
        rates: NDArray[Any],
        weights: NDArray[Any],
        seconds: float = 0.05,
    ) -> bool: ...
    # theta before the last step, its gradient (None before the first) and that gradient's norm
    @property
    def memory(self) -> tuple[NDArray[Any], NDArray[Any] | None, float]: ...
    def remember(
        self, before: NDArray[Any], gradient: NDArray[Any] | None, norm: float
    ) -> None: ...
    @property
    def records(self) -> NDArray[Any]: ...  # of the last run's steps, by columns
    @property
    def steps(self) -> int: ...  # of all runs
    @property
    def bytes(self) -> int: ...

def measure(
    gradient: NDArray[Any], last: NDArray[Any] | None, last_norm: float
) -> tuple[float, float]: ...
def distance(theta: NDArray[Any], before: NDArray[Any]) -> float: ...
def penalise(
    network: Network, theta: NDArray[Any], l1: float, l2: float, gradient: NDArray[Any]
) -> float: ...
