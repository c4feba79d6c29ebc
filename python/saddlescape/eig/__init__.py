"""Eigenvalues of symmetric matrices and operators, with what is known of their errors.

It knows no network: a Hessian is one symmetric operator among others.
"""

from saddlescape.eig._dense import eigh, eigvalsh
from saddlescape.eig._inertia import Inertia, Spectrum, certified_eigh, inertia
from saddlescape.eig._lanczos import EigResult, Outcome, lanczos

__all__ = [
    "EigResult",
    "Inertia",
    "Outcome",
    "Spectrum",
    "certified_eigh",
    "eigh",
    "eigvalsh",
    "inertia",
    "lanczos",
]
