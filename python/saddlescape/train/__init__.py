"""Train a network and keep the numbers of every step."""

from saddlescape.train.early import EarlyStopping
from saddlescape.train.history import Epochs, History
from saddlescape.train.resume import resume
from saddlescape.train.run import Run, RunOutcome
from saddlescape.train.state import RunState
from saddlescape.train.trainer import train

__all__ = ["EarlyStopping", "Epochs", "History", "Run", "RunOutcome", "RunState", "resume", "train"]
