"""Results of the literature and of lectures, reproduced on two cores in seconds: a function each.

Each returns its numbers and prints them as a table; ``saddlescape study NAME`` does the same, and
with ``--out DIR`` draws them.
"""

from collections.abc import Callable
from typing import Any

from saddlescape.studies.batch_cost import BatchCost, batch_cost
from saddlescape.studies.batch_norm import BatchNorm, batch_norm
from saddlescape.studies.batch_paths import BatchPaths, batch_paths
from saddlescape.studies.batch_size import BatchSize, batch_size
from saddlescape.studies.complete_picture import CompletePicture, complete_picture
from saddlescape.studies.early_stopping import EarlyStopping, early_stopping
from saddlescape.studies.edge_of_stability import EdgeOfStability, edge_of_stability
from saddlescape.studies.gradient_subspace import GradientSubspace, gradient_subspace
from saddlescape.studies.index_and_loss import IndexAndLoss, index_and_loss
from saddlescape.studies.learning_rate import LearningRate, learning_rate
from saddlescape.studies.look_back import LookBack, look_back
from saddlescape.studies.minimum_ratio import MinimumRatio, minimum_ratio
from saddlescape.studies.outliers import Outliers, outliers

__all__ = [
    "ALL",
    "BatchCost",
    "BatchNorm",
    "BatchPaths",
    "BatchSize",
    "CompletePicture",
    "EarlyStopping",
    "EdgeOfStability",
    "GradientSubspace",
    "IndexAndLoss",
    "LearningRate",
    "LookBack",
    "MinimumRatio",
    "Outliers",
    "batch_cost",
    "batch_norm",
    "batch_paths",
    "batch_size",
    "complete_picture",
    "early_stopping",
    "edge_of_stability",
    "gradient_subspace",
    "index_and_loss",
    "learning_rate",
    "look_back",
    "minimum_ratio",
    "outliers",
]

# By name, each with defaults for everything but `seed`.
ALL: dict[str, Callable[..., Any]] = {
    study.__name__: study
    for study in (
        batch_cost,
        batch_norm,
        batch_paths,
        batch_size,
        complete_picture,
        early_stopping,
        edge_of_stability,
        gradient_subspace,
        index_and_loss,
        learning_rate,
        look_back,
        minimum_ratio,
        outliers,
    )
}
