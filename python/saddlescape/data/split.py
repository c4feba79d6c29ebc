"""Which rows are trained on and which are kept for the test."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from saddlescape._extras import require
from saddlescape.data.errors import DataError, listed

__all__ = ["split_rows", "split_rows_by_class"]

Rows = tuple[NDArray[np.int64], NDArray[np.int64]]


def split_rows(n: int, test_fraction: float, seed: int) -> Rows:
    """Split n rows at random: training rows and test rows, each (.,) int64, in random order."""
    return _split(np.arange(n), math.ceil(test_fraction * n), seed, None)


def split_rows_by_class(
    name: str, y: NDArray[np.int64], classes: tuple[str, ...], test_fraction: float, seed: int
) -> tuple[Rows, list[str]]:
    """Split rows so that each class has its share in both parts, as far as it has samples.

    A class of one sample is trained on and not tested. The test part has at least one row for each
    other class.

    Parameters
    ----------
    name : str
        For messages.
    y : (N,) int64
        Classes, 0 to C-1.
    classes : tuple of str
        Their C labels.
    test_fraction : float
        Share of the rows to test on.
    seed : int
        Same seed, same split.

    Returns
    -------
    (training rows, test rows), notes
        int64 each, in random order.

    Raises
    ------
    DataError
        If fewer than two classes have two samples, or there are too many classes to split.
    """
    counts = np.bincount(y, minlength=len(classes))
    alone = np.flatnonzero(counts == 1)
    several = int((counts > 1).sum())
    if several < 2:
        raise DataError(
            f"{name}: {len(classes)} classes, but only {several} with two samples or more: "
            "at least 2 are needed to train and to test"
        )
    notes = []
    if len(alone):
        labels = listed((classes[i] for i in alone), 5)
        notes.append(f"classes with a single sample, in training and never tested: {labels}")
    rows = np.flatnonzero(~np.isin(y, alone))
    asked = math.ceil(test_fraction * len(rows))
    test = max(asked, several)
    if test > asked:
        notes.append(f"test part: {test} rows instead of {asked}, one for each class")
    trained, tested = _split(rows, test, seed, y[rows])
    trained = np.concatenate([trained, np.flatnonzero(np.isin(y, alone))])
    unseen = np.setdiff1d(y, y[trained])
    if len(unseen):
        labels = listed((classes[i] for i in unseen), 5)
        raise DataError(f"{name}: no training sample left for {labels}: lower test_fraction")
    untested = np.setdiff1d(np.setdiff1d(y, alone), y[tested])
    if len(untested):
        labels = listed((classes[i] for i in untested), 5)
        notes.append(f"classes too small to be in the test part: {labels}")
    return (trained, tested), notes


def _split(rows: NDArray[np.int64], test: int, seed: int, y: NDArray[np.int64] | None) -> Rows:
    selection = require("sklearn.model_selection", "app")
    trained, tested = selection.train_test_split(
        rows, test_size=test, random_state=seed, stratify=y
    )
    return trained, tested
