"""XTrace and XDiag as they are defined: a new factorisation for each vector that is left out.

O(n k^4) in float64, with the test vectors given from outside, without the algebra of the library.
"""

from __future__ import annotations

import numpy as np


def orthonormal(Y: np.ndarray) -> np.ndarray:
    """Return a basis of the range of Y, by its singular vectors."""
    U, singular, _ = np.linalg.svd(Y, full_matrices=False)
    return U[:, singular > 1e-12 * max(singular.max(initial=0), 1e-300)]


def projectors(A: np.ndarray, Omega: np.ndarray) -> list[np.ndarray]:
    """Return P_i, the projector on the range of A Omega without column i."""
    k = Omega.shape[1]
    found = []
    for i in range(k):
        Q = orthonormal(np.delete(A @ Omega, i, axis=1))
        found.append(Q @ Q.T)
    return found


def xtrace(A: np.ndarray, Omega: np.ndarray) -> np.ndarray:
    """Return the k estimates t_i of the trace."""
    n = len(A)
    estimates = []
    for P, omega in zip(projectors(A, Omega), Omega.T, strict=True):
        left = omega - P @ omega
        scale = (n - round(np.trace(P))) / (left @ left)
        estimates.append(np.trace(P @ A @ P) + scale * left @ A @ left)
    return np.array(estimates)


def xdiag(A: np.ndarray, Omega: np.ndarray) -> np.ndarray:
    """Return the k estimates d_i of the diagonal, by rows."""
    estimates = []
    for P, omega in zip(projectors(A, Omega), Omega.T, strict=True):
        rest = np.eye(len(A)) - P
        inside = np.diag(A - rest @ A @ rest)
        estimates.append(inside + omega * (rest @ A @ rest @ omega))
    return np.array(estimates)
