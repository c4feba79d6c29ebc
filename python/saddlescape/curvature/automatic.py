"""The Hessian of a loss that a framework differentiates: PyTorch, JAX."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from saddlescape.curvature import checks, differences
from saddlescape.curvature.assembly import chunks_of_identity, symmetrise
from saddlescape.curvature.block import Blocks, named_slices
from saddlescape.curvature.engine import Engine, NoSecondDerivativeError

__all__ = ["AutomaticCurvature"]

Vector = NDArray[np.float64]
_PROBES = 3
_SAFETY = 4.0  # three probes of |E v|^2, whose mean is |E|_F^2, all miss by this with p < 1e-3
_SCALE = 1.375  # no power of two: rounding differs
_LAST_PLACES = 8  # that a product is off by at least, relative to its size
_SAME = 100.0  # last places by which two evaluations may differ for the order of their sums
_NOT_SAME = 0.01  # whatever the type
_REPEATS = 4  # where random numbers are drawn: two alike may be chance
_DISAGREE = 0.05  # share of H v by which differences may part from it, beyond their error
_TRUST = 20.0  # times the estimated error of differences
_NOT_A_GRADIENT = 0.1


class AutomaticCurvature(Blocks):
    """What `from_torch` and `from_jax` return; see `saddlescape.curvature.Curvature`.

    Attributes
    ----------
    differences : str or None
        Why products are finite differences of gradients; None where they are exact derivatives.
    """

    def __init__(self, engine: Engine, lower_bound: float | None = None) -> None:
        self._engine = engine
        self.theta = engine.theta
        self.slices = named_slices(engine.sizes)
        self.theta.setflags(write=False)
        self.differences: str | None = None
        self._dense: Vector | None = None
        self._error: float | None = None
        self._assembly = 0.0  # errors of the differences that H was assembled from, and asymmetry
        with engine.undisturbed():
            self._loss, self._gradient = engine.gradient(self.theta)
            self._check_values()
            self._noise, self._flat = self._check()
        self.lower_bound = checks.lower_bound(lower_bound, self._loss)

    @property
    def shape(self) -> tuple[int, int]:
        """``(P, P)``."""
        return (self.theta.size, self.theta.size)

    @property
    def dtype(self) -> np.dtype[np.float64]:
        """float64: of what comes in and goes out, whatever the framework computes in."""
        return np.dtype(np.float64)

    @property
    def silent(self) -> str | None:
        """Kinks, of which second derivatives see nothing, as far as the loss shows them."""
        said = [
            f"{name} is piecewise linear: curvature at its kinks is not in H"
            for name in self._engine.kinks
        ]
        if self._flat:
            said.append(
                "H v is exactly zero for a random v while the gradient is not: the loss is linear, "
                "or piecewise linear, in the parameters"
            )
        return "; ".join(said) or None

    def __matmul__(self, V: Vector) -> Vector:
        V = checks.operand(V, self.theta.size)
        rows = np.ascontiguousarray(V.reshape(self.theta.size, -1).T)
        with self._engine.undisturbed():
            result, _ = self._rows(self.theta, rows)
        return np.ascontiguousarray(result.T).reshape(V.shape)

    def dense(self) -> Vector:
        """``H`` (P, P): products with the unit vectors, some at a time, then symmetrised; once.

        Beside the matrix some 64 MB are held, and what the framework needs for so many products.
        """
        if self._dense is None:
            n = self.theta.size
            A, squares = np.empty((n, n)), 0.0
            with self._engine.undisturbed():
                for start, rows in chunks_of_identity(n):
                    part = A[start : start + len(rows)]
                    part[:], errors = self._rows(self.theta, rows)
                    squares += float(errors @ errors)
            # |E - E^T|_F / 2 <= |E|_F: what symmetry shows of the error, whatever its cause
            asymmetry, estimate = symmetrise(A), float(np.sqrt(squares))
            size = float(np.linalg.norm(A))
            if asymmetry > _NOT_A_GRADIENT * size and asymmetry > 100 * estimate:
                raise ValueError(
                    f"loss_fn: the derivative of its gradient is not symmetric (the antisymmetric "
                    f"part has {asymmetry / size:.0%} of its size), expected the true gradient of "
                    "a function: no straight-through or reversed gradients, no gradient hooks"
                )
            self._dense, self._assembly = A, float(np.hypot(estimate, asymmetry))
            self._error = None
        return self._dense

    def gradient(self) -> Vector:
        """The gradient (P,)."""
        return self._gradient

    def loss(self, theta: Vector | None = None) -> float:
        """The loss, at the point or at another one, rounded to the parameters' type."""
        if theta is None:
            return self._loss
        at = np.ascontiguousarray(theta, dtype=np.float64)
        if at.shape != self.theta.shape:
            raise ValueError(f"theta: shape {at.shape}, expected {self.theta.shape}")
        with self._engine.undisturbed():
            return self._engine.loss(at)

    def loss_error(self) -> float:
        """A few last places of the loss in the type that it is computed in."""
        return _LAST_PLACES * self._engine.eps * abs(self._loss)

    def error(self) -> float:
        """Estimate ``|H_computed - H|_F`` from rounding in the framework's own type.

        For random v with unit variances the mean of ``|E v|^2`` is ``|E|_F^2``. ``H v`` is computed
        once more with every parameter moved by its last place and v at another scale, which differs
        by rounding alone; the largest of three probes is taken four-fold, and 8 last places of
        ``H v`` at least. Finite differences bring their own estimate. What assembly showed
        (asymmetry) and two evaluations showed (noise) is added.
        """
        if self._error is None:
            n = self.theta.size
            rows = np.random.default_rng(0).standard_normal((_PROBES, n))
            with self._engine.undisturbed():
                if self.differences is None:
                    rounding = self._rounding(rows)
                elif self._dense is None:
                    rounding = float(self._rows(self.theta, rows)[1].max())
                else:
                    rounding = 0.0
            self._error = float(np.hypot(rounding + np.sqrt(n) * self._noise, self._assembly))
        return self._error

    def _rounding(self, rows: Vector) -> float:
        engine = self._engine
        signs = np.random.default_rng(1).choice((-1.0, 1.0), self.theta.size)
        moved = engine.rounded(self.theta * (1 + engine.eps * signs))
        there = engine.products(moved, _SCALE * rows) / _SCALE
        here = engine.products(self.theta, rows) if self._dense is None else rows @ self._dense
        apart = np.linalg.norm(there - here, axis=1).max()
        least = _LAST_PLACES * engine.eps * np.linalg.norm(here, axis=1).max()
        return float(max(_SAFETY * apart, least))

    def _rows(self, theta: Vector, rows: Vector) -> tuple[Vector, Vector]:
        """``V H`` by rows, and the error of each row that differences estimate."""
        if not len(rows) or self.differences is None:
            return self._engine.products(theta, rows), np.zeros(len(rows))
        pairs = [self._difference(row) for row in rows]
        result = np.stack([row for row, _ in pairs])
        checks.finite("loss_fn's gradient near params", result)
        return result, np.array([error for _, error in pairs])

    def _difference(self, v: Vector) -> tuple[Vector, float]:
        engine = self._engine
        return differences.product(
            lambda theta: engine.gradient(theta)[1], self.theta, v, engine.eps, engine.rounded
        )

    def _check_values(self) -> None:
        if not np.isfinite(self._loss):
            raise ValueError(f"loss_fn: {self._loss} at params, expected a finite loss")
        checks.finite("loss_fn's gradient", self._gradient)

    def _check(self) -> tuple[float, bool]:
        """Evaluate again; return the noise of a product, and whether it is exactly zero."""
        engine, n = self._engine, self.theta.size
        v = np.random.default_rng(2).standard_normal((1, n))
        v /= np.linalg.norm(v)
        gradients = []
        for _ in range(_REPEATS if engine.draws else 1):
            loss, gradient = engine.gradient(self.theta)
            self._same("the loss", np.array([self._loss]), np.array([loss]), 0.0)
            gradients.append(gradient)
        try:
            product = engine.products(self.theta, v)
        except NoSecondDerivativeError as error:
            self.differences = str(error)
            product, _ = self._rows(self.theta, v)
        size = float(np.linalg.norm(product))
        if not np.isfinite(size):
            raise ValueError(
                f"loss_fn: H v is {size} for a random v, expected a loss with second derivatives "
                "at params (a root or a norm at zero has none)"
            )
        # g is a sum of terms like H theta: at a critical point its rounding is that of those.
        scale = size * float(np.linalg.norm(self.theta))
        for gradient in gradients:
            self._same("the gradient", self._gradient, gradient, scale)
        noise = 0.0
        if self.differences is None:
            repeated = engine.products(self.theta, v)
            noise = self._same("H v", product, repeated, 0.0)
            size = float(np.linalg.norm(self._compared(v, product)))
        flat = self.differences is None and size == 0 and bool(self._gradient.any())
        return noise, flat

    def _same(self, what: str, first: Vector, second: Vector, scale: float) -> float:
        gap = float(np.linalg.norm(first - second))
        if gap == 0:
            return 0.0
        size = float(np.linalg.norm(first)) + scale
        if not gap <= min(_SAME * self._engine.eps, _NOT_SAME) * size:
            raise ValueError(
                f"loss_fn: {what} differs by {gap:.3g} between two calls at the same params "
                f"(size {size:.3g}), expected the same result: {self._engine.advice}"
            )
        warnings.warn(
            f"loss_fn: {what} differs by {gap:.2g} between two calls, as sums in another order do; "
            "error() takes it into account",
            RuntimeWarning,
            stacklevel=5,
        )
        return gap

    def _compared(self, v: Vector, product: Vector) -> Vector:
        """Notice a gradient whose derivative the framework computes, but wrongly.

        A backward pass written by hand, on detached values, counts as constant: H v comes out as
        zero, or as a part of itself, without an error. Differences of gradients see the rest. Where
        the framework's other mode agrees with them, it is right and is kept to.
        """
        if self._engine.kinks:  # differences across them are another matter
            return product
        expected, error = self._difference(v[0])
        share = _parted(product, expected, error)
        if share == 0:
            return product
        other = self._engine.otherwise(self.theta, v)
        if other is not None and _parted(other, expected, error) == 0:
            return other
        self.differences = (
            f"exact products part from them by {share:.0%}: a backward pass that can't be "
            "differentiated, or kinks"
        )
        return expected

    def __repr__(self) -> str:
        how = "exact" if self.differences is None else f"finite differences: {self.differences}"
        said = f"; {self.silent}" if self.silent else ""
        return f"AutomaticCurvature({self._engine.label}, P = {self.shape[0]:,}, {how}{said})"


def _parted(product: Vector, expected: Vector, error: float) -> float:
    """By which share of its size a product parts from differences; 0 if no more than it may."""
    gap = float(np.linalg.norm(expected - product))
    size = max(float(np.linalg.norm(expected)), float(np.linalg.norm(product)))
    return gap / size if gap > _TRUST * error + _DISAGREE * size else 0.0
