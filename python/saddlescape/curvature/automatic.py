"""The Hessian of a loss that a framework differentiates: PyTorch, JAX."""

from __future__ import annotations

import copy
from typing import cast

import numpy as np
from numpy.typing import NDArray

from saddlescape.curvature import checks, differences
from saddlescape.curvature.assembly import chunks_of_identity, symmetrise
from saddlescape.curvature.block import Blocks, named_slices
from saddlescape.curvature.engine import Engine
from saddlescape.curvature.examined import examine
from saddlescape.curvature.on_device import CurvatureOnDevice, EngineOnDevice
from saddlescape.curvature.pieces import AutomaticCurvatureInPieces, EngineInPieces
from saddlescape.curvature.shaken import loss_rounding, typical

__all__ = ["AutomaticCurvature"]

Vector = NDArray[np.float64]
_PROBES = 3
_SAFETY = 4.0  # three probes of |E v|^2, whose mean is |E|_F^2, all miss by this with p < 1e-3
_SCALE = 1.375  # no power of two: rounding differs
_LAST_PLACES = 64  # that a product is off by at least, relative to its size
_NOT_A_GRADIENT = 0.1
_LEAST = {float(np.finfo(np.float16).eps): float(np.finfo(np.float16).tiny)}


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
        self._dense: Vector | None = None
        self._error: float | None = None
        self._assembly = 0.0  # errors of the differences that H was assembled from, and asymmetry
        with engine.undisturbed():
            self._loss, self._gradient = engine.gradient(self.theta)
            self._check_values()
            found = examine(engine, self._loss, self._gradient)
        self.differences, self._doubt = found.differences, found.doubt
        self._noise, self._flat = found.noise, found.flat
        self.lower_bound = checks.lower_bound(lower_bound, self._loss)

    def at(self, theta: Vector) -> AutomaticCurvature:
        """Return the operator of the same loss at another point, rounded to the parameters' type.

        That the loss is deterministic was looked at once, at the first point.
        """
        moved = copy.copy(self)
        moved._dense, moved._error, moved._assembly = None, None, 0.0
        wanted = checks.another(theta, self.theta.size)
        with self._engine.undisturbed():
            moved.theta = self._engine.rounded(wanted)
            moved.theta.setflags(write=False)
            moved._loss, moved._gradient = self._engine.gradient(moved.theta)
            moved._check_values()
        return moved

    def in_pieces(self) -> AutomaticCurvatureInPieces:
        """Return the same operator with vectors in pieces, where parameters are spread.

        Each process then holds its own rows of a Krylov basis, not all: for
        `saddlescape.eig.lanczos` and ``critical.classify(..., method="lanczos")``.

        Raises
        ------
        TypeError
            If this is no operator of ``from_torch(..., group=..., sharded=True)``.
        """
        if getattr(self._engine, "piece", None) is None:
            raise TypeError(
                f"in_pieces: {self!r} has all parameters in each process, expected an operator of "
                "from_torch(..., group=..., sharded=True)"
            )
        return AutomaticCurvatureInPieces(self, cast(EngineInPieces, self._engine))

    def on_device(self) -> CurvatureOnDevice:
        """Return the same operator with vectors on the CUDA device that holds the parameters.

        `saddlescape.eig.lanczos`, ``density`` and ``trace`` then leave everything there, from the
        product to the Ritz vector; it takes and gives arrays of the device by DLPack.

        Raises
        ------
        TypeError
            If the parameters are not all on one CUDA device, or if products are differences.
        """
        device = getattr(self._engine, "device", "")
        if not device.startswith("cuda"):
            raise TypeError(
                f"on_device: {self!r} has parameters on {device or 'more than one device'}, "
                "expected all of them on one CUDA device"
            )
        if self.differences is not None:
            raise TypeError(
                f"on_device: {self!r} computes products by differences, in the host's memory, "
                "expected exact ones"
            )
        return CurvatureOnDevice(cast(EngineOnDevice, self._engine), self.theta)

    @property
    def kinks(self) -> tuple[str, ...]:
        """The functions in the loss whose slope jumps."""
        return self._engine.kinks

    @property
    def silent(self) -> str | None:
        """Kinks, of which second derivatives see nothing, as far as the loss shows them."""
        said = [
            f"{name} is piecewise linear: curvature at its kinks is not in H" for name in self.kinks
        ]
        if self._flat:
            said.append(
                "H v is exactly zero for a random v while the gradient is not: the loss is linear, "
                "or piecewise linear, in the parameters"
            )
        if self._doubt:
            said.append(self._doubt)
        if self.differences is not None and self._engine.kinks:
            said.append("products are differences of gradients, with the kinks within their steps")
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
            A.setflags(write=False)
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
        at = checks.place(theta, self.theta.size)
        with self._engine.undisturbed():
            return self._engine.loss(at)

    def loss_error(self, theta: Vector | None = None) -> float:
        """How far rounding moves the loss, at the point or at another one.

        8 last places of it in the type that it is computed in, or twice what it is seen to jump by
        where theta moves by a few of its last places: sums inside may be larger than the loss.
        """
        at = self.theta if theta is None else checks.place(theta, self.theta.size)
        with self._engine.undisturbed():
            return loss_rounding(self._engine, at, self._gradient if theta is None else None)

    def error(self) -> float:
        """Estimate ``|H_computed - H|_F`` from rounding in the framework's own type.

        For random v with unit variances the mean of ``|E v|^2`` is ``|E|_F^2``. ``H v`` is computed
        once more with every parameter moved by its last place, to both sides, and v at another
        scale, which differs by rounding alone; the largest of three probes is taken four-fold, and
        64 last places of ``H v`` at least, or what float16 loses below its smallest number. Finite
        differences bring their own estimate. What assembly showed (asymmetry) and two evaluations
        showed (noise) is added.
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
        here = engine.products(self.theta, rows) if self._dense is None else rows @ self._dense
        generator = np.random.default_rng(1)
        # A parameter that is zero may lie on a kink, where H jumps: there it stays.
        floor = 0.0 if engine.kinks else typical(self.theta)
        aside = engine.eps * np.maximum(np.abs(self.theta), floor)
        apart = 0.0
        for _ in range(2):
            signs = generator.choice((-1.0, 1.0), self.theta.size)
            there = engine.products(engine.rounded(self.theta + aside * signs), _SCALE * rows)
            apart = max(apart, float(np.linalg.norm(there / _SCALE - here, axis=1).max()))
        least = _LAST_PLACES * engine.eps * float(np.linalg.norm(here, axis=1).max())
        return max(_SAFETY * apart, least, self.theta.size * _LEAST.get(engine.eps, 0.0))

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
            raise checks.NotFiniteError(f"loss_fn: {self._loss} at params, expected a finite loss")
        checks.finite("loss_fn's gradient", self._gradient)
        self._gradient.setflags(write=False)

    def __repr__(self) -> str:
        how = "exact" if self.differences is None else f"finite differences: {self.differences}"
        said = f"; {self.silent}" if self.silent else ""
        return f"AutomaticCurvature({self._engine.label}, P = {self.shape[0]:,}, {how}{said})"
