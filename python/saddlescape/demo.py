"""The demonstration: two networks get stuck at a saddle, are told so, and leave it."""

from __future__ import annotations

from collections.abc import Callable

from saddlescape import data
from saddlescape.diagnosis import Investigation, investigate
from saddlescape.diagnosis.investigate import Plan, Progress
from saddlescape.diagnosis.scores import scores
from saddlescape.lectures import two_weights
from saddlescape.net import MLP

__all__ = ["digits", "two_weight_network"]

Show = Callable[[Progress], None]


def two_weight_network(progress: Show | None = None) -> Investigation:
    """Gradient descent on ``L = (1 - w1 w2)^2`` from the origin, where it does not move."""
    net, X, y = two_weights()
    plan = Plan(optimizer="sgd", lr=0.1, epochs=200)
    return investigate(net, X, y, plan, title="Two weights, one saddle", progress=progress)


def digits(progress: Show | None = None) -> Investigation:
    """Gradient descent on handwritten digits, all weights zero at the start."""
    split = data.prepare(data.load("digits"), keep_constant=True)
    net = MLP((64, 16, 10), init="zeros", dtype="float64")
    plan = Plan(optimizer="sgd", lr=0.5, epochs=1000)
    return investigate(
        net,
        split.train.X,
        split.train.y,
        plan,
        title="Handwritten digits from zero weights",
        notes=split.notes,
        validation=(split.test.X, split.test.y),
        metrics=scores(split),
        progress=progress,
    )
