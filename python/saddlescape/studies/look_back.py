"""How many days a model of tomorrow's views should look back on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saddlescape import _check, data
from saddlescape.net import MLP
from saddlescape.studies.panel import Panel
from saddlescape.studies.small import numbers
from saddlescape.train import train

__all__ = ["LookBack", "look_back"]

_WINDOWS = (1, 7, 28, 56)
_YEAR = 366  # days of 2020, which test
_EPOCHS = 1000


@dataclass(frozen=True, eq=False)
class LookBack:
    """What `look_back` measured; a row for each model.

    Attributes
    ----------
    days : (R,) array
        How many days it looks back on.
    train, test : (R,) arrays
        The mean absolute error in thousands of views, of 2017 to 2019 and of 2020.
    weights : tuple of (days,) arrays
        Of the views one day before, two days before, ...
    biases : (R,) array
        In thousands of views.
    """

    days: NDArray[np.int64]
    train: NDArray[np.float64]
    test: NDArray[np.float64]
    weights: tuple[NDArray[np.float64], ...]
    biases: NDArray[np.float64]

    def __str__(self) -> str:
        """Return a line for each model, and the weights of two."""
        lines = ["days  error in training  in the year after   (mean |y - f|, thousands of views)"]
        for days, train_error, test_error in zip(self.days, self.train, self.test, strict=True):
            lines.append(f"{days:4d} {train_error:18.3f} {test_error:18.3f}")
        lines.append(f"one day: y = {self.biases[0]:.2f} + {self.weights[0][0]:.2f} x1")
        terms = ", ".join(f"{w:.2f}" for w in self.weights[1])
        return "\n".join([*lines, f"seven days: b = {self.biases[1]:.2f}; w = {terms}"])

    def panels(self) -> tuple[Panel, ...]:
        """Return the errors against the days, and the weights of a week and of four."""
        x = self.days.astype(float)
        errors = {"2017 to 2019, trained on": (x, self.train), "2020, tested on": (x, self.test)}
        weights = {
            f"{days} days": (np.arange(1.0, days + 1), w)
            for days, w in list(zip(self.days, self.weights, strict=True))[1:3]
        }
        return (
            Panel("mean absolute error", "days looked back on", "thousands of views", errors, True),
            Panel("weights", "days before", "weight", weights, levels={"": 0.0}),
        )


def look_back(seed: int = 0) -> LookBack:
    """Predict a day's views from 1, 7, 28 and 56 days before it, by linear models.

    Trained by gradient descent on the absolute error of 2017 to 2019, tested on 2020. One day
    before says little, a week much more, four weeks somewhat more; eight weeks fit the past better
    still, and the next year no better. The series is made up (see `data.views`).

    Parameters
    ----------
    seed : int
        Of the order of the samples.

    Returns
    -------
    LookBack
        ``train`` and ``test`` by ``days``.

    Raises
    ------
    TypeError, ValueError
        If `seed` is not an integer of at least 0.

    Examples
    --------
    >>> from saddlescape import studies
    >>> found = studies.look_back()
    >>> bool(found.test[1] < 0.85 * found.test[0])
    True

    References
    ----------
    H. Lee, "Machine Learning" (2021), National Taiwan University, lecture 1.
    """
    seed = _check.integer("seed", seed, low=0)
    fits = [_fit(days, seed) for days in _WINDOWS]
    return LookBack(
        days=np.array(_WINDOWS),
        train=np.array([fit[0] for fit in fits]),
        test=np.array([fit[1] for fit in fits]),
        weights=tuple(fit[2] for fit in fits),
        biases=np.array([fit[3] for fit in fits]),
    )


def _fit(days: int, seed: int) -> tuple[float, float, NDArray[np.float64], float]:
    X, y = numbers(data.views(days))
    mean, scale = X[:-_YEAR].mean(), X[:-_YEAR].std()
    Z, past = np.ascontiguousarray((X - mean) / scale), len(X) - _YEAR
    net = MLP((days, 1), loss="mae", init="zeros", dtype="float64")
    goal = (y - mean) / scale
    for epochs, rate in ((_EPOCHS // 2, 1e-2), (_EPOCHS // 2, 1e-3)):  # rough, then fine
        train(net, Z[:past], goal[:past], optimizer="adam", lr=rate, batch_size=256, epochs=epochs,
              seed=seed)  # fmt: skip
    errors = scale * np.abs(net.predict(Z)[:, 0] - goal)
    W, b = net.layers()[0]
    bias = mean * (1 - W.sum()) + (0.0 if b is None else scale * b[0])  # in units of views
    return float(errors[:past].mean()), float(errors[past:].mean()), W[0].copy(), float(bias)
