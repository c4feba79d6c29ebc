"""Spectra and operators for the tests of traces and diagonals."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from oracle import spectra
from oracle.operators import Diagonal
from saddlescape import eig

N = 120
METHODS = [
    (eig.trace, "xtrace"),
    (eig.trace, "hutchinson"),
    (eig.diagonal, "xdiag"),
    (eig.diagonal, "hutchinson"),
]
METHOD_NAMES = ["trace-x", "trace-hutchinson", "diagonal-x", "diagonal-hutchinson"]
each_method = pytest.mark.parametrize(("estimate", "method"), METHODS, ids=METHOD_NAMES)


SPECTRA = {
    "flat": np.linspace(-1, 1, N),
    "fast": 0.8 ** np.arange(N),
    "poly": np.arange(1, N + 1) ** -2.0,
    "outliers": spectra.outliers(N),
    "step": np.r_[np.full(20, 5.0), np.random.default_rng(0).standard_normal(N - 20)],
}


def planted(name: str) -> np.ndarray:
    return spectra.planted(SPECTRA[name]).A


def exact(estimate: Callable, A: np.ndarray) -> np.ndarray:
    return np.trace(A) if estimate is eig.trace else np.diag(A)


class Recorder(Diagonal):
    """A matrix that keeps the vectors it was multiplied with."""

    def __init__(self, A: np.ndarray) -> None:
        super().__init__(np.diag(A))
        self.A, self.seen = A, []

    def __matmul__(self, V: np.ndarray) -> np.ndarray:
        self.products += 1
        self.seen.append(V.copy())
        return self.A @ V
