"""How well classes are told apart: numbers of predicted and true classes, both (N,) integers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["accuracy_of", "balanced_accuracy_of", "f1_of", "guessed", "precision_of", "recall_of"]

Classes = NDArray[np.int64]


def guessed(outputs: NDArray[Any]) -> Classes:
    """Return the class of each row's largest output; of a single one, the logit, its sign."""
    one = outputs.shape[1] == 1
    guess: Classes = (outputs[:, 0] > 0).astype(np.int64) if one else outputs.argmax(axis=1)
    return guess


def accuracy_of(guess: Classes, y: Classes) -> float:
    """Return the share that is right."""
    return float(np.mean(guess == y))


def balanced_accuracy_of(guess: Classes, y: Classes) -> float:
    """Return the mean over the classes of y of the share of each that is right."""
    right, _, true = _counts(guess, y)
    there = true > 0
    return float(np.mean(right[there] / true[there]))


def precision_of(guess: Classes, y: Classes) -> float:
    """Return the mean over the classes of right / guessed; 0 for a class never guessed."""
    right, guessed, _ = _counts(guess, y)
    return _mean_ratio(right, guessed)


def recall_of(guess: Classes, y: Classes) -> float:
    """Return the mean over the classes of right / true; 0 for a class that is guessed only."""
    right, _, true = _counts(guess, y)
    return _mean_ratio(right, true)


def f1_of(guess: Classes, y: Classes) -> float:
    """Return the mean over the classes of 2 right / (guessed + true): macro F1."""
    right, guessed, true = _counts(guess, y)
    return _mean_ratio(2 * right, guessed + true)


def _counts(guess: Classes, y: Classes) -> tuple[Classes, Classes, Classes]:
    """Of each class that is guessed or true: how often right, guessed, true."""
    most = int(max(guess.max(), y.max())) + 1
    right = np.bincount(y[guess == y], minlength=most)
    guessed, true = np.bincount(guess, minlength=most), np.bincount(y, minlength=most)
    there = (guessed > 0) | (true > 0)
    return right[there], guessed[there], true[there]


def _mean_ratio(part: Classes, whole: Classes) -> float:
    return float(np.mean(np.where(whole > 0, part / np.maximum(whole, 1), 0.0)))
