"""A Hessian restricted to some of the parameters: a layer, a tensor, any choice of them.

With E the columns of the identity that belong to the chosen parameters, the block is ``E^T H E``:
the Hessian of the loss along them while all others stand still.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape.curvature import checks
from saddlescape.curvature.assembly import chunks_of_identity, symmetrise

__all__ = ["BlockCurvature", "Blocks", "Which", "direct_block", "named_slices"]

Vector = NDArray[np.float64]
Which = str | slice | Sequence[str] | Sequence[int] | NDArray[Any]


def named_slices(sizes: Mapping[str, int]) -> dict[str, slice]:
    """Return where each named parameter lies in theta, from the numbers of their elements.

    Examples
    --------
    >>> named_slices({"0.weight": 6, "0.bias": 2})
    {'0.weight': slice(0, 6, None), '0.bias': slice(6, 8, None)}
    """
    ends = np.cumsum([0, *sizes.values()]).tolist()
    return {name: slice(ends[i], ends[i + 1]) for i, name in enumerate(sizes)}


class Blocks:
    """What every operator knows of itself and its parts."""

    slices: Mapping[str, slice] = {}
    """Where each named parameter lies in theta; empty where parameters have no names."""

    @property
    def shape(self: Any) -> tuple[int, int]:
        """``(P, P)``."""
        return (self.theta.size, self.theta.size)

    @property
    def dtype(self) -> np.dtype[np.float64]:
        """float64: of what comes in and goes out, whatever is computed in."""
        return np.dtype(np.float64)

    @property
    def layers(self) -> dict[str, tuple[str, ...]]:
        """The names of each layer's parameters: those that agree up to their last dot."""
        found: dict[str, tuple[str, ...]] = {}
        for name in self.slices:
            layer = name.rpartition(".")[0] or name
            found[layer] = (*found.get(layer, ()), name)
        return found

    def block(self: Any, which: Which) -> BlockCurvature:
        """Return the operator of some of the parameters, the others held where they are.

        Parameters
        ----------
        which : str, sequence of str, slice, (k,) array of integers or (P,) array of bool
            A name in ``.slices``, or what it starts with before a dot (``"0"`` is a whole layer of
            ``"0.weight"`` and ``"0.bias"``); or places in theta, each once.

        Returns
        -------
        BlockCurvature
            An operator like this one, for k parameters.

        Raises
        ------
        TypeError, ValueError
            If there is no such name or place, or if one comes twice.
        """
        return BlockCurvature(self, _chosen(which, self.shape[0], self.slices))


def direct_block(operator: Any, indices: NDArray[np.intp]) -> Vector | None:
    """Return a block (k, k) where the operator can assemble it without the rest of H."""
    assemble = getattr(operator, "dense_block", None)
    block: Vector | None = None if assemble is None else assemble(indices)
    return block


class BlockCurvature(Blocks):
    """What ``.block(which)`` returns; see `saddlescape.curvature.Curvature` for its members.

    Attributes
    ----------
    indices : (k,) array
        Places in the whole operator's theta.

    Examples
    --------
    >>> import numpy as np, saddlescape as ss
    >>> from saddlescape import curvature
    >>> H = curvature.of(ss.MLP((2, 3, 2), dtype="float64"), np.eye(2), np.array([0, 1]))
    >>> H.layers
    {'0': ('0.weight', '0.bias'), '1': ('1.weight', '1.bias')}
    >>> last = H.block("1")
    >>> last.shape, bool(np.allclose(last.dense(), H.dense()[9:, 9:]))
    ((8, 8), True)
    """

    def __init__(self, whole: Any, indices: NDArray[np.intp]) -> None:
        self._whole = whole
        self.indices = indices
        self.indices.setflags(write=False)
        self.slices = _inside(indices, whole.slices)
        self._dense: Vector | None = None
        self._asymmetry = 0.0

    @property
    def shape(self) -> tuple[int, int]:
        """``(k, k)``."""
        return (self.indices.size, self.indices.size)

    @property
    def theta(self) -> Vector:
        """The chosen parameters, (k,)."""
        return np.asarray(self._whole.theta[self.indices], dtype=np.float64)

    @property
    def lower_bound(self) -> float | None:
        """That of the loss."""
        bound: float | None = self._whole.lower_bound
        return bound

    @property
    def silent(self) -> str | None:
        """What second derivatives of the loss can't see."""
        said: str | None = self._whole.silent
        return said

    def __matmul__(self, V: Vector) -> Vector:
        V = checks.operand(V, self.indices.size)
        wide = np.zeros((self._whole.shape[0], *V.shape[1:]))
        wide[self.indices] = V
        return np.ascontiguousarray((self._whole @ wide)[self.indices])

    def dense(self) -> Vector:
        """``E^T H E`` (k, k), symmetric; assembled once, without the rest of H."""
        if self._dense is None:
            block = direct_block(self._whole, self.indices)
            self._dense = self._by_products() if block is None else block
            self._dense.setflags(write=False)
        return self._dense

    def dense_block(self, indices: NDArray[np.intp]) -> Vector | None:
        """A part of the block, where it is known already or the whole can assemble it."""
        if self._dense is not None:
            return self._dense[np.ix_(indices, indices)]
        return direct_block(self._whole, self.indices[indices])

    def _by_products(self) -> Vector:
        k = self.indices.size
        A = np.empty((k, k))
        for start, rows in chunks_of_identity(k):
            A[start : start + len(rows)] = (self @ rows.T).T
        self._asymmetry = symmetrise(A)
        return A

    def gradient(self) -> Vector:
        """The gradient along the chosen parameters, (k,)."""
        return np.asarray(self._whole.gradient()[self.indices], dtype=np.float64)

    def loss(self, theta: Vector | None = None) -> float:
        """The loss, at the point or with other numbers for the chosen parameters."""
        value: float = self._whole.loss(None if theta is None else self._placed(theta))
        return value

    def loss_error(self, theta: Vector | None = None) -> float:
        """What rounding moves the loss by."""
        stated = getattr(self._whole, "loss_error", None)
        if stated is None:
            return float(np.finfo(np.float64).eps) * abs(self.loss(theta))
        return float(stated() if theta is None else stated(self._placed(theta)))

    def error(self) -> float:
        """That of the whole H, of which the block's is a part, and what assembly showed."""
        return float(np.hypot(self._whole.error(), self._asymmetry))

    def at(self, theta: Vector) -> BlockCurvature:
        """Return the block with other numbers for the chosen parameters (k,)."""
        at = getattr(self._whole, "at", None)
        if at is None:
            raise TypeError(
                f"at: a block of {type(self._whole).__name__}, expected one of an operator that "
                "can be taken at other points"
            )
        return BlockCurvature(at(self._placed(theta)), self.indices)

    def _placed(self, theta: Vector) -> Vector:
        part = checks.point(np.asarray(theta, dtype=np.float64))
        if part.size != self.indices.size:
            raise ValueError(f"theta: shape {part.shape}, expected ({self.indices.size},)")
        wide = np.array(self._whole.theta, dtype=np.float64)
        wide[self.indices] = part
        return wide

    def __repr__(self) -> str:
        return f"BlockCurvature({self.indices.size:,} of {self._whole!r})"


def _chosen(which: Any, n: int, slices: Mapping[str, slice]) -> NDArray[np.intp]:
    if isinstance(which, str):
        return _named(which, n, slices)
    if isinstance(which, slice):
        found = np.arange(n)[which]
    elif isinstance(which, list | tuple) and which and all(isinstance(w, str) for w in which):
        found = np.concatenate([_named(name, n, slices) for name in which])
    else:
        found = _places(which, n)
    if not found.size:
        raise ValueError("which: no parameters, expected at least one")
    if np.unique(found).size < found.size:
        raise ValueError("which: a parameter twice, expected each once")
    return found


def _places(which: Any, n: int) -> NDArray[np.intp]:
    array = np.asarray(which)
    if array.shape == (0,):
        return np.zeros(0, np.intp)
    if array.dtype.kind not in "iub" or array.ndim != 1:
        raise TypeError(
            f"which: {type(which).__name__}, expected a name, a list of names, a slice, an array "
            "of integers, or one of bool"
        )
    if array.dtype.kind == "b":
        if array.size != n:
            raise ValueError(f"which: {array.size} flags, expected {n}")
        return np.flatnonzero(array)
    wrong = array[(array < 0) | (array >= n)]
    if wrong.size:
        raise ValueError(f"which: {wrong[0]}, expected 0 to {n - 1}")
    return array.astype(np.intp)


def _named(name: str, n: int, slices: Mapping[str, slice]) -> NDArray[np.intp]:
    parts = [s for key, s in slices.items() if key == name or key.startswith(f"{name}.")]
    if not parts:
        known = ", ".join(list(slices)[:8]) + (", ..." if len(slices) > 8 else "")
        raise ValueError(f"which: {name!r}, expected " + (known or "places: nothing has a name"))
    return np.concatenate([np.arange(n)[part] for part in parts])


def _inside(indices: NDArray[np.intp], slices: Mapping[str, slice]) -> dict[str, slice]:
    """Where named parameters that were chosen as a whole lie in the choice."""
    found, start = {}, 0
    place = {int(i): k for k, i in enumerate(indices)}
    for name, part in slices.items():
        start, size = place.get(part.start, -1), part.stop - part.start
        if (
            size
            and start >= 0
            and np.array_equal(indices[start : start + size], np.arange(part.start, part.stop))
        ):
            found[name] = slice(start, start + size)
    return found
