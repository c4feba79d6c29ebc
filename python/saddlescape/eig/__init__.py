"""Eigenvalues of symmetric matrices and operators, with what is known of their errors.

It knows no network: a Hessian is one symmetric operator among others.
"""

from saddlescape._sums import OperatorInPieces
from saddlescape.eig._certificate import Certificate, certificate
from saddlescape.eig._certified_values import certified_eigvalsh
from saddlescape.eig._check_certificate import Factors, check_certificate
from saddlescape.eig._dense import eigh, eigvalsh
from saddlescape.eig._density import Density, Mass
from saddlescape.eig._estimate import Estimate
from saddlescape.eig._inertia import Eigenpairs, Inertia, Spectrum, certified_eigh, inertia
from saddlescape.eig._lanczos import EigResult, Outcome, lanczos
from saddlescape.eig._slq import density
from saddlescape.eig._trace import diagonal, trace
from saddlescape.eig._tridiagonal import count_below

__all__ = [
    "Certificate",
    "Density",
    "EigResult",
    "Eigenpairs",
    "Estimate",
    "Factors",
    "Inertia",
    "Mass",
    "OperatorInPieces",
    "Outcome",
    "Spectrum",
    "certificate",
    "certified_eigh",
    "certified_eigvalsh",
    "check_certificate",
    "count_below",
    "density",
    "diagonal",
    "eigh",
    "eigvalsh",
    "inertia",
    "lanczos",
    "trace",
]
