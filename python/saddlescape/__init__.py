"""Why has training stalled? Certified curvature at the point where it did, and the way out."""

from saddlescape import critical, curvature, data, eig, metrics, optim, schedule
from saddlescape._core import __version__
from saddlescape._info import info, set_threads
from saddlescape.diagnosis import Diagnosis, diagnose
from saddlescape.net import MLP
from saddlescape.train import (
    EarlyStopping,
    History,
    Run,
    RunOutcome,
    RunState,
    resume,
    train,
)

__all__ = [
    "MLP",
    "Diagnosis",
    "EarlyStopping",
    "History",
    "Run",
    "RunOutcome",
    "RunState",
    "__version__",
    "critical",
    "curvature",
    "data",
    "diagnose",
    "eig",
    "info",
    "metrics",
    "optim",
    "resume",
    "schedule",
    "set_threads",
    "train",
]
