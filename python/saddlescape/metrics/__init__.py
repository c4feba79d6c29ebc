"""Numbers read off a run or a network: quality, trend."""

from saddlescape.metrics.quality import accuracy, r_squared
from saddlescape.metrics.trend import Trend, TrendState, trend

__all__ = ["Trend", "TrendState", "accuracy", "r_squared", "trend"]
