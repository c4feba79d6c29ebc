"""One operator for a loss that comes in pieces: batches of a data set, terms of a sum."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape import _check
from saddlescape.curvature import checks
from saddlescape.curvature.block import Blocks, direct_block
from saddlescape.curvature.protocol import Curvature

__all__ = ["WeightedCurvature", "mean_of", "sum_of"]

Vector = NDArray[np.float64]


def mean_of(parts: Sequence[Curvature], sizes: Sequence[float]) -> WeightedCurvature:
    """Return the operator of a mean over all samples from those of uneven batches.

    ``L = sum_i n_i L_i / sum_i n_i`` for batches of n_i samples, each with its own mean loss: a
    plain mean over the batches would count the samples of a short last batch too often. A product
    goes through one batch after the other, so that memory is that of one.

    Parameters
    ----------
    parts : sequence of operators
        All at the same point.
    sizes : sequence of numbers
        The samples n_i > 0 of each batch.

    Returns
    -------
    WeightedCurvature
        ``.shape``, ``H @ v``, ``H @ V``, ``.dense()``, ``.gradient()``, ``.loss()``, ``.error()``.

    Raises
    ------
    TypeError, ValueError
        If a part is no operator or at another point, or a size is not positive.

    Examples
    --------
    >>> import numpy as np, saddlescape as ss
    >>> from saddlescape import curvature
    >>> net = ss.MLP((1, 1), "linear", "mse", bias=False, init="zeros", dtype="float64")
    >>> X, y = np.array([[1.0], [1.0], [4.0]]), np.ones((3, 1))
    >>> parts = [curvature.of(net, X[:2], y[:2]), curvature.of(net, X[2:], y[2:])]
    >>> curvature.mean_of(parts, [2, 1]).dense(), curvature.of(net, X, y).dense()
    (array([[12.]]), array([[12.]]))
    """
    weights = [_check.positive(f"sizes[{i}]", size) for i, size in enumerate(sizes)]
    if isinstance(parts, Sequence) and len(weights) != len(parts):
        raise ValueError(f"sizes: {len(weights)} numbers, expected {len(parts)}, one for each part")
    total = float(np.sum(weights))
    return WeightedCurvature(parts, [weight / total for weight in weights])


def sum_of(parts: Sequence[Curvature]) -> WeightedCurvature:
    """Return the operator of ``L = sum_i L_i``: batches with summed losses, terms of a loss.

    Parameters
    ----------
    parts : sequence of operators
        All at the same point: a loss and its penalty, batches with ``reduction="sum"``.

    Returns
    -------
    WeightedCurvature
        As `mean_of`.

    Raises
    ------
    TypeError, ValueError
        If a part is no operator or at another point.

    Examples
    --------
    >>> import numpy as np
    >>> from saddlescape import curvature
    >>> saddle, penalty = np.diag([1.0, -1.0]), 0.5 * np.eye(2)
    >>> H = curvature.sum_of([curvature.from_matrix(saddle), curvature.from_matrix(penalty)])
    >>> H @ np.array([1.0, 1.0])
    array([ 1.5, -0.5])
    """
    return WeightedCurvature(parts, None)


class WeightedCurvature(Blocks):
    """What `mean_of` and `sum_of` return: see `saddlescape.curvature.Curvature` for its members."""

    def __init__(self, parts: Sequence[Any], weights: Sequence[float] | None) -> None:
        if not isinstance(parts, Sequence):
            raise TypeError(f"parts: {type(parts).__name__}, expected a list of operators")
        if not parts:
            raise ValueError("parts: empty, expected at least one operator")
        self._parts = list(parts)
        self._weights = [1.0] * len(parts) if weights is None else list(weights)
        for i, part in enumerate(parts):
            if not isinstance(part, Curvature):
                raise TypeError(
                    f"parts[{i}]: {type(part).__name__}, expected an operator of "
                    "saddlescape.curvature"
                )
            if part.shape != parts[0].shape:
                raise ValueError(
                    f"parts[{i}]: {part.shape[0]} parameters, expected {parts[0].shape[0]} as in "
                    "parts[0]"
                )
            if not np.array_equal(part.theta, parts[0].theta):
                raise ValueError(f"parts[{i}]: at another point than parts[0], expected the same")
        self.slices = getattr(parts[0], "slices", {})
        self._dense: Vector | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """``(P, P)``."""
        shape: tuple[int, int] = self._parts[0].shape
        return shape

    @property
    def theta(self) -> Vector:
        """The point, (P,)."""
        theta: Vector = self._parts[0].theta
        return theta

    @property
    def lower_bound(self) -> float | None:
        """The weighted sum of the parts' own, None if one has none."""
        bounds = [part.lower_bound for part in self._parts]
        if any(bound is None for bound in bounds):
            return None
        return float(sum(w * b for w, b in zip(self._weights, bounds, strict=True)))

    @property
    def silent(self) -> str | None:
        """What second derivatives of a part can't see."""
        return "; ".join(dict.fromkeys(p.silent for p in self._parts if p.silent)) or None

    def __matmul__(self, V: Vector) -> Vector:
        V = checks.operand(V, self.shape[0])
        return self._sum(part @ V for part in self._parts)

    def dense(self) -> Vector:
        """``H`` (P, P), assembled once; the parts may keep theirs."""
        if self._dense is None:
            self._dense = self._sum(part.dense() for part in self._parts)
            self._dense.setflags(write=False)
        return self._dense

    def dense_block(self, indices: NDArray[np.intp]) -> Vector | None:
        """A block (k, k), if every part can assemble it."""
        if self._dense is not None:
            return self._dense[np.ix_(indices, indices)]
        found = []
        for part in self._parts:
            block = direct_block(part, indices)
            if block is None:
                return None
            found.append(block)
        return self._sum(found)

    def gradient(self) -> Vector:
        """The gradient (P,)."""
        return self._sum(part.gradient() for part in self._parts)

    def loss(self, theta: Vector | None = None) -> float:
        """The loss, at the point or at another one."""
        losses = [part.loss(theta) for part in self._parts]
        return float(sum(w * loss for w, loss in zip(self._weights, losses, strict=True)))

    def loss_error(self, theta: Vector | None = None) -> float:
        """The weighted sum of what rounding moves the parts' losses by."""
        return float(sum(w * _loss_error(p, theta) for w, p in self._pairs()))

    def error(self) -> float:
        """At most the weighted sum of the parts' own."""
        return float(sum(w * p.error() for w, p in self._pairs()))

    def invariances(self) -> Iterator[tuple[str, Vector]]:
        """Yield families of directions that may have no curvature, by name.

        Those of the first part that knows any: of batches of one network it knows all that the
        others share. Candidates: along some of them another part may bend.
        """
        known = (getattr(part, "invariances", None) for part in self._parts)
        if (first := next((each for each in known if each is not None), None)) is not None:
            yield from first()

    def at(self, theta: Vector) -> WeightedCurvature:
        """Return the operator of the same parts at another point (P,)."""
        for i, part in enumerate(self._parts):
            if not hasattr(part, "at"):
                raise TypeError(
                    f"parts[{i}]: {type(part).__name__}, expected operators that can be taken at "
                    "other points"
                )
        return WeightedCurvature([part.at(theta) for part in self._parts], self._weights)

    def _pairs(self) -> list[tuple[float, Any]]:
        return list(zip(self._weights, self._parts, strict=True))

    def _sum(self, terms: Any) -> Vector:
        total: Vector | None = None
        for weight, term in zip(self._weights, terms, strict=True):
            total = weight * term if total is None else total + weight * term
        return np.asarray(total)

    def __repr__(self) -> str:
        return f"WeightedCurvature({len(self._parts)} x {self._parts[0]!r})"


def _loss_error(part: Any, theta: Vector | None) -> float:
    stated = getattr(part, "loss_error", None)
    if stated is None:
        return float(np.finfo(np.float64).eps) * abs(float(part.loss(theta)))
    return float(stated() if theta is None else stated(theta))
