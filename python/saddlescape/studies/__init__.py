"""Results of the literature, reproduced on two cores in seconds: one function each.

Each returns its numbers and prints them as a table; ``saddlescape study NAME`` does the same.
"""

from collections.abc import Callable
from typing import Any

from saddlescape.studies.edge_of_stability import EdgeOfStability, edge_of_stability
from saddlescape.studies.gradient_subspace import GradientSubspace, gradient_subspace
from saddlescape.studies.index_and_loss import IndexAndLoss, index_and_loss
from saddlescape.studies.minimum_ratio import MinimumRatio, minimum_ratio
from saddlescape.studies.outliers import Outliers, outliers

__all__ = [
    "ALL",
    "EdgeOfStability",
    "GradientSubspace",
    "IndexAndLoss",
    "MinimumRatio",
    "Outliers",
    "edge_of_stability",
    "gradient_subspace",
    "index_and_loss",
    "minimum_ratio",
    "outliers",
]

# By name, each with defaults for everything but `seed`.
ALL: dict[str, Callable[..., Any]] = {
    study.__name__: study
    for study in (edge_of_stability, gradient_subspace, index_and_loss, minimum_ratio, outliers)
}
