"""One way down where the lowest eigenvalue has many eigenvectors: not the one rounding picks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["generic_lowest"]

Vector = NDArray[np.float64]
_AS_STEEP = 1e-3  # of the lowest eigenvalue: no mixture of such directions is less steep by more


def generic_lowest(values: Vector, vectors: Vector, error: float, seed: int) -> Vector:
    """Turn the eigenvectors of a multiple lowest eigenvalue so that the first is a generic one.

    In a network of equal units each negative eigenvalue comes once for every unit. Which vectors of
    that space a solver returns depends on its rounding, so on the BLAS kernel and the threads;
    they may move a single unit and leave all others equal for ever. The projection of a random
    vector r on the space, ``W W^T r``, is the same for every basis W, and moves them all apart.

    Parameters
    ----------
    values : (k,) array
        Eigenvalues, ascending.
    vectors : (P, k) array
        Orthonormal eigenvectors by columns; not modified.
    error : float
        How far an eigenvalue may be off: nearer ones are not told apart.
    seed : int
        Of r.

    Returns
    -------
    (P, k) array
        Orthonormal; only the columns of the lowest eigenvalue differ, and only if it is negative
        and multiple.

    Examples
    --------
    >>> import numpy as np
    >>> turned = generic_lowest(np.array([-1.0, -1.0, 2.0]), np.eye(3), 1e-15, seed=0)
    >>> bool((turned[:2, 0] != 0).all()), turned[:, 2].tolist()
    (True, [0.0, 0.0, 1.0])
    """
    if not len(values) or not values[0] < -error:
        return vectors
    width = min(2 * error, _AS_STEEP * -float(values[0]))
    many = int(np.searchsorted(values, values[0] + width, side="right"))
    if many == 1:
        return vectors
    W = vectors[:, :many]
    r = np.random.default_rng(seed).standard_normal(len(vectors))
    # Householder's reflection takes e_1 to -s c / |c|, so W e_1 to -s W c / |c|.
    c = W.T @ r
    c /= np.linalg.norm(c)
    u = c.copy()
    u[0] += 1.0 if c[0] >= 0 else -1.0
    turned = vectors.copy()
    turned[:, :many] -= np.outer(W @ u, u * (2 / (u @ u)))
    return turned
