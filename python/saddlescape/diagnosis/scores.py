"""What the network can do in the end, on the data it was trained on and on data held back."""

from __future__ import annotations

from collections.abc import Callable

from saddlescape.data import Dataset, Split
from saddlescape.diagnosis.records import Evidence
from saddlescape.metrics import accuracy, r_squared
from saddlescape.net import MLP

__all__ = ["scores"]


def scores(split: Split) -> Callable[[MLP], tuple[Evidence, ...]]:
    """Return the function that `investigate` calls at the end: accuracy, or explained variance."""

    def measure(net: MLP) -> tuple[Evidence, ...]:
        return (_score(net, split.train, "training"), _score(net, split.test, "test"))

    return measure


def _score(net: MLP, part: Dataset, name: str) -> Evidence:
    basis = f"{len(part.X):,} samples" + ("" if name == "training" else ", held back")
    if part.task == "classification":
        return Evidence(f"{name} accuracy", f"{100 * accuracy(net, part.X, part.y):.1f} %", basis)
    share = r_squared(net, part.X, part.y)
    # where training diverged it may be -1e150
    return Evidence(f"{name} R squared", f"{share:.4f}" if share > -100 else f"{share:.3g}", basis)
