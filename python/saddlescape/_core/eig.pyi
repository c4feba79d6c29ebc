from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

_Vector = NDArray[np.float64]
_Real = NDArray[np.float32] | NDArray[np.float64]

def check_symmetric(A: _Real, name: str) -> None: ...
def eigvalsh(A: _Real) -> _Vector: ...
def eigh(A: _Real) -> tuple[_Vector, _Vector]: ...
def certified_eigh(A: _Real) -> tuple[_Vector, _Vector, float]: ...
def certified_signs(A: _Real, tolerance: float) -> tuple[int, int, float, float] | None: ...
def lanczos(
    n: int,
    apply: Callable[[_Vector], _Vector],
    low: int,
    high: int,
    tol: float,
    max_products: int,
    block: int,
    seed: int,
    callback: Callable[[int, _Vector, _Vector], bool | None] | None,
) -> tuple[_Vector, _Vector, _Vector, NDArray[np.bool_], int, str]: ...
def basis_size(pairs: int, block: int) -> int: ...
