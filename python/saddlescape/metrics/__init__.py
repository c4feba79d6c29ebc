"""Numbers read off a run or a network: quality, trend."""

from saddlescape.metrics.quality import accuracy, r_squared
from saddlescape.metrics.trend import Trend, TrendState, latest_trend, trend

__all__ = ["Trend", "TrendState", "accuracy", "latest_trend", "r_squared", "trend"]
