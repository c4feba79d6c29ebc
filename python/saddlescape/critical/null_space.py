"""Which of the eigenvalues without a sign are zero for a known reason.

Let Q (P, k) have orthonormal columns and ``|H Q|_2 <= tau``. Then at least k eigenvalues of H lie
within tau of zero (Courant and Fischer, for H^2). So a family of directions explains as many of the
undetermined eigenvalues as it has dimensions on which H is that small, and no claim rests on the
reason alone: each is measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape.curvature import Curvature
from saddlescape.eig import Inertia

__all__ = ["NullSpace", "check_directions", "explain"]

Vector = NDArray[np.float64]
_DEPENDENT = 1e-8  # of a unit vector's length, left after taking off what is there already


@dataclass(frozen=True)
class NullSpace:
    """The undetermined eigenvalues, by reason.

    Attributes
    ----------
    reasons : tuple of (str, int)
        A reason, and how many eigenvalues it explains beyond those above it.
    unexplained : int
        The rest: nothing that was looked for makes them zero.
    not_flat : tuple of (str, int)
        Of the caller's families of directions those that are not what they were given as, and in
        how many dimensions: there ``|H v| > tau`` for unit vectors v.
    """

    reasons: tuple[tuple[str, int], ...]
    unexplained: int
    not_flat: tuple[tuple[str, int], ...] = ()

    @property
    def explained(self) -> int:
        """How many of the undetermined eigenvalues are zero for a known reason."""
        return sum(count for _, count in self.reasons)

    def __str__(self) -> str:
        total = self.explained + self.unexplained
        parts = [f"{count} by {reason}" for reason, count in self.reasons]
        if self.unexplained:
            parts.append(f"{self.unexplained} unexplained")
        if self.not_flat:
            said = [f"{name} ({_dimensions(count)})" for name, count in self.not_flat]
            parts.append(f"not flat here: {', '.join(said)}")
        if not total:
            return "; ".join(["no eigenvalue is undetermined", *parts])
        noun = "eigenvalue" if total == 1 else "eigenvalues"
        return f"of {total} undetermined {noun}: " + "; ".join(parts)


def _dimensions(count: int) -> str:
    return "1 dimension" if count == 1 else f"{count} dimensions"


def check_directions(named: Any, n: int) -> list[tuple[str, Vector]]:
    """Return a caller's directions by name as (P, k) float64, or raise naming the wrong one."""
    if not isinstance(named, dict):
        raise TypeError(
            f"null_directions: {type(named).__name__}, expected a dict of names and (P, k) arrays"
        )
    found = []
    for name, value in named.items():
        where = f"null_directions[{name!r}]"
        if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
            came = f"dtype {value.dtype}" if isinstance(value, np.ndarray) else type(value).__name__
            raise TypeError(f"{where}: {came}, expected an array of real numbers")
        if value.ndim not in (1, 2) or value.shape[0] != n:
            raise ValueError(f"{where}: shape {value.shape}, expected ({n},) or ({n}, k)")
        if not np.isfinite(value).all():
            raise ValueError(f"{where}: not finite, expected finite numbers")
        found.append((str(name), value.astype(np.float64).reshape(n, -1)))
    return found


def explain(
    operator: Curvature,
    inertia: Inertia,
    families: Iterable[tuple[str, Vector]],
    named: Sequence[tuple[str, Vector]] = (),
) -> NullSpace:
    """Count how many undetermined eigenvalues each family explains.

    Parameters
    ----------
    operator : Curvature
        H.
    inertia : Inertia
        The counts and tau.
    families : iterable of (str, (P, k) array)
        Candidates, by reason; the first that explains an eigenvalue is named.
    named : sequence of (str, (P, k) array)
        The caller's own, which come first; those that are not flat are listed.
    """
    n, left = operator.shape[0], inertia.undetermined
    Q = np.zeros((n, 0))
    HQ = np.zeros((n, 0))
    reasons = []
    for name, V in chain(named, families):
        if not left:
            break
        new = _beyond(Q, V)
        if not new.shape[1]:
            continue
        # Of the span of all so far, what H takes to less than tau: as many eigenvalues.
        wide, images = np.hstack([Q, new]), np.hstack([HQ, np.asarray(operator @ new)])
        _, s, rows = np.linalg.svd(images, full_matrices=False)
        silent = rows[s <= inertia.tolerance].T
        count = min(silent.shape[1] - Q.shape[1], left)
        if count <= 0:
            continue
        Q, HQ = wide @ silent, images @ silent
        reasons.append((name, count))
        left -= count
    bent = [(name, _not_flat(operator, V, inertia.tolerance)) for name, V in named]
    return NullSpace(tuple(reasons), left, tuple((name, k) for name, k in bent if k))


def _not_flat(operator: Curvature, V: Vector, tolerance: float) -> int:
    """Of how many dimensions of V's span ``|H v|`` is above the tolerance."""
    own = _beyond(np.zeros((len(V), 0)), V)
    if not own.shape[1]:
        return 0
    return int((np.linalg.svd(np.asarray(operator @ own), compute_uv=False) > tolerance).sum())


def _beyond(Q: Vector, V: Vector) -> Vector:
    """An orthonormal basis of what the columns of V span beyond those of Q."""
    lengths = np.linalg.norm(V, axis=0)
    V = V[:, lengths > 0] / lengths[lengths > 0]
    for _ in range(2):
        V = V - Q @ (Q.T @ V)
    U, s, _ = np.linalg.svd(V, full_matrices=False)
    return np.ascontiguousarray(U[:, s > _DEPENDENT])
