"""Train a network and keep the numbers of every step."""

from saddlescape.train.history import History
from saddlescape.train.loop import Run, RunOutcome, train

__all__ = ["History", "Run", "RunOutcome", "train"]
