"""The Hessian of a loss as an operator: `H @ v` without assembling it, and the rest of a point.

What goes in and comes out is float64, because signs are to be certified from it; our own networks
are computed in it too, whatever their dtype, and JAX's losses where it is switched on.
"""

from saddlescape.curvature.automatic import AutomaticCurvature
from saddlescape.curvature.block import BlockCurvature
from saddlescape.curvature.checks import NotFiniteError
from saddlescape.curvature.diagonals import bartlett_diagonal, hutchinson_diagonal
from saddlescape.curvature.frameworks import from_jax, from_torch
from saddlescape.curvature.functions import FunctionCurvature, from_functions
from saddlescape.curvature.gradient import GradientCurvature, from_gradient
from saddlescape.curvature.matrix import MatrixCurvature, from_matrix
from saddlescape.curvature.network import NetworkCurvature, of
from saddlescape.curvature.penalty import PenaltyCurvature, penalty, trained_loss
from saddlescape.curvature.pieces import AutomaticCurvatureInPieces
from saddlescape.curvature.piecewise import PiecewiseLinearWarning
from saddlescape.curvature.products import OperatorCurvature, from_operator
from saddlescape.curvature.protocol import (
    AnyCurvature,
    Curvature,
    CurvatureInPieces,
    MovableCurvature,
)
from saddlescape.curvature.weighted import WeightedCurvature, mean_of, sum_of

__all__ = [
    "AnyCurvature",
    "AutomaticCurvature",
    "AutomaticCurvatureInPieces",
    "BlockCurvature",
    "Curvature",
    "CurvatureInPieces",
    "FunctionCurvature",
    "GradientCurvature",
    "MatrixCurvature",
    "MovableCurvature",
    "NetworkCurvature",
    "NotFiniteError",
    "OperatorCurvature",
    "PenaltyCurvature",
    "PiecewiseLinearWarning",
    "WeightedCurvature",
    "bartlett_diagonal",
    "from_functions",
    "from_gradient",
    "from_jax",
    "from_matrix",
    "from_operator",
    "from_torch",
    "hutchinson_diagonal",
    "mean_of",
    "of",
    "penalty",
    "sum_of",
    "trained_loss",
]
