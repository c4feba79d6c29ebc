"""Numbers read off a run or a network: quality, trend."""

from saddlescape.metrics.measure import names
from saddlescape.metrics.quality import (
    accuracy,
    balanced_accuracy,
    f1,
    mae,
    mse,
    precision,
    r_squared,
    recall,
    rmse,
)
from saddlescape.metrics.trend import Trend, TrendState, latest_trend, trend

__all__ = [
    "Trend",
    "TrendState",
    "accuracy",
    "balanced_accuracy",
    "f1",
    "latest_trend",
    "mae",
    "mse",
    "names",
    "precision",
    "r_squared",
    "recall",
    "rmse",
    "trend",
]
