"""The Hessian of a loss as an operator: `H @ v` without assembling it, and the rest of a point.

What goes in and comes out is float64, because signs are to be certified from it; our own networks
are computed in it too, whatever their dtype, and JAX's losses where it is switched on.
"""

from saddlescape.curvature.automatic import AutomaticCurvature
from saddlescape.curvature.checks import NotFiniteError
from saddlescape.curvature.frameworks import from_jax, from_torch
from saddlescape.curvature.functions import FunctionCurvature, from_functions
from saddlescape.curvature.gradient import GradientCurvature, from_gradient
from saddlescape.curvature.network import NetworkCurvature, of
from saddlescape.curvature.protocol import Curvature, MovableCurvature

__all__ = [
    "AutomaticCurvature",
    "Curvature",
    "FunctionCurvature",
    "GradientCurvature",
    "MovableCurvature",
    "NetworkCurvature",
    "NotFiniteError",
    "from_functions",
    "from_gradient",
    "from_jax",
    "from_torch",
    "of",
]
