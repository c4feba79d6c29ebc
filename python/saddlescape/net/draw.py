"""Which masks dropout takes in training."""

from __future__ import annotations

from dataclasses import dataclass

from saddlescape import _check

__all__ = ["Draw", "checked_draw"]


@dataclass(frozen=True)
class Draw:
    """The masks of one step: a function of these two numbers, so that any step can be replayed.

    The seed and the step name a stream of random numbers that serves dropout alone, each hidden
    layer has a part of it, and whether unit j of the batch's row i is kept is element ``i d + j``
    there, d the layer's units (`cpp/core/streams.hpp`): no mask depends on the steps before, on
    the threads, or on what else was drawn. `train` takes its own `seed` and the number of the step
    in the history: ``net.gradient(X[rows], y[rows], training=Draw(seed, step))`` is that step's.

    Parameters
    ----------
    seed : int
        Of the run.
    step : int
        Of the run, or the number of a draw.

    Examples
    --------
    >>> import numpy as np, saddlescape as ss
    >>> from saddlescape.net import Draw
    >>> net = ss.MLP((2, 8, 2), dropout=0.5)
    >>> X, y = np.eye(2), np.arange(2)
    >>> net.loss(X, y, training=Draw(1, 7)) == net.loss(X, y, training=Draw(1, 7))
    True
    """

    seed: int = 0
    step: int = 0

    def __post_init__(self) -> None:
        for name in ("seed", "step"):
            object.__setattr__(self, name, _check.integer(name, getattr(self, name), low=0))


def checked_draw(training: Draw | bool) -> Draw | None:
    """Return the draw of training mode, None in test mode; True stands for the first one."""
    if isinstance(training, Draw):
        return training
    if not isinstance(training, bool):
        raise TypeError(f"training: {type(training).__name__}, expected True, False or a Draw")
    return Draw() if training else None
