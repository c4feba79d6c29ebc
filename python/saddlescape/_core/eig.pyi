from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

_Vector = NDArray[np.float64]
_Pieces = tuple[Callable[[_Vector], _Vector], int, int]  # reduce, first, count
_Real = NDArray[np.float32] | NDArray[np.float64]

def check_symmetric(A: _Real, name: str) -> None: ...
def eigvalsh(A: _Real, overwrite: bool) -> _Vector: ...
def count_below(
    diagonal: _Vector, off_diagonal: _Vector, shifts: _Vector
) -> tuple[NDArray[np.int64], float]: ...
def eigh(A: _Real) -> tuple[_Vector, _Vector]: ...
def end_pairs(A: _Real, low: int, high: int) -> tuple[_Vector, _Vector]: ...
def certified_eigh(A: _Real) -> tuple[_Vector, _Vector, float]: ...
def certified_eigvalsh(A: _Real) -> tuple[_Vector, float]: ...
def certified_signs(
    A: _Real, tolerance: float, overwrite: bool = False
) -> tuple[int, int, float, float] | None: ...
def shifted_factors(
    A: _Real, exponent: int, shift: float
) -> tuple[NDArray[np.int64], _Vector, _Vector, _Vector]: ...
def lanczos(
    n: int,
    apply: Callable[[_Vector], _Vector],
    low: int,
    high: int,
    tol: float,
    max_products: int,
    block: int,
    seed: int,
    basis: int,
    missing: float,
    start: _Vector | None,
    callback: Callable[[int, _Vector, _Vector], bool | None] | None,
    where: _Pieces | None,
) -> tuple[
    _Vector,
    _Vector,
    _Vector,
    _Vector,
    _Vector,
    NDArray[np.int64],
    NDArray[np.bool_],
    float,
    int,
    str,
]: ...
def basis_size(n: int, pairs: int, block: int) -> int: ...
def quadrature(
    n: int,
    apply: Callable[[_Vector], _Vector],
    steps: int,
    probes: int,
    seed: int,
    where: _Pieces | None,
) -> tuple[_Vector, _Vector, NDArray[np.int64], _Vector, _Vector, _Vector, int, float, float]: ...
def exact_diagonal(
    n: int, apply: Callable[[_Vector], _Vector], block: int, where: None = None
) -> tuple[_Vector, int]: ...

class Sketch:
    def __init__(
        self,
        n: int,
        apply: Callable[[_Vector], _Vector],
        where: None,
        block: int,
        signs: bool,
        seed: int,
    ) -> None: ...
    def grow(self, count: int) -> None: ...
    @property
    def products(self) -> int: ...
    @property
    def vectors(self) -> int: ...
    @property
    def unit(self) -> float: ...
    def small_matrices(self) -> tuple[_Vector, _Vector, _Vector, _Vector, _Vector]: ...
    def diagonal(
        self, S: _Vector, HS: _Vector, A: _Vector, B: _Vector
    ) -> tuple[_Vector, _Vector]: ...

class Hutchinson:
    def __init__(
        self,
        n: int,
        apply: Callable[[_Vector], _Vector],
        where: None,
        block: int,
        elements: bool,
        seed: int,
    ) -> None: ...
    def sample(self, count: int) -> None: ...
    @property
    def products(self) -> int: ...
    @property
    def unit(self) -> float: ...
    def diagonal(self) -> tuple[_Vector, _Vector]: ...
    def trace(self) -> tuple[float, float]: ...
