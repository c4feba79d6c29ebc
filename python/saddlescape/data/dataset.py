"""What a network is trained on: finite numbers, and the story of how they came to be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape.data.columns import Task
from saddlescape.data.encode import Encoder, Scale
from saddlescape.data.errors import DataError

__all__ = ["Dataset", "Split"]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Numbers that a network can be trained on.

    Parameters
    ----------
    name : str
        Where they came from.
    X : (N, d) float64
        One row a sample; C-contiguous, finite.
    y : (N,) int64 or (N, 1) float64
        Classes 0 to C-1 for classification; target values for regression.
    task : {"classification", "regression"}
        Which of the two.
    feature_names : tuple of str
        d names.
    classes : tuple of str
        C labels; empty for regression.
    notes : tuple of str
        What was done to the data, a line each.
    target_name : str
        The column that y came from.

    Raises
    ------
    DataError
        If the arrays are not as stated.

    Examples
    --------
    >>> from saddlescape import data
    >>> print(data.load_digits())
    digits: 1797 samples, 64 features, 10 classes
    """

    name: str
    X: NDArray[np.float64] = field(repr=False)
    y: NDArray[Any] = field(repr=False)
    task: Task
    feature_names: tuple[str, ...] = field(repr=False)
    classes: tuple[str, ...]
    notes: tuple[str, ...]
    target_name: str

    def __post_init__(self) -> None:
        X, y = self.X, self.y
        if X.ndim != 2 or X.dtype != np.float64 or not X.flags.c_contiguous:
            raise DataError(
                f"{self.name}: X: {X.dtype} {X.shape}, expected float64 (N, d), C-contiguous"
            )
        if len(self.feature_names) != X.shape[1]:
            raise DataError(
                f"{self.name}: feature_names: {len(self.feature_names)}, expected {X.shape[1]}"
            )
        classifies = self.task == "classification"
        dtype, shape = (np.int64, (len(X),)) if classifies else (np.float64, (len(X), 1))
        if y.dtype != dtype or y.shape != shape:
            raise DataError(
                f"{self.name}: y: {y.dtype} {y.shape}, expected {np.dtype(dtype)} {shape}"
            )
        if not np.isfinite(X).all() or not np.isfinite(y).all():
            raise DataError(f"{self.name}: X or y holds values that are not finite")
        if classifies and len(y) and not (y.min() >= 0 and y.max() < len(self.classes)):
            raise DataError(
                f"{self.name}: y: {y.min()} to {y.max()}, expected 0 to {len(self.classes) - 1}"
            )

    def __len__(self) -> int:
        """Count the samples."""
        return len(self.X)

    def __str__(self) -> str:
        """Say how much of what this is."""
        asked = f"{len(self.classes)} classes" if self.classes else f"target {self.target_name!r}"
        return f"{self.name}: {self.X.shape[0]} samples, {self.X.shape[1]} features, {asked}"


@dataclass(frozen=True, eq=False)
class Split:
    """Data to train on and data to judge by, with what was fitted on the former.

    Parameters
    ----------
    train, test : Dataset
        Same columns, same classes, same notes.
    train_rows, test_rows : (N_train,), (N_test,) int64
        Which rows of the table they are, counted from 0.
    encoder : Encoder
        Turns further tables with the same columns into rows like those of `train.X`.
    target_scale : Scale or None
        For a standardised regression target: ``target_scale.invert(y)`` is in the target's unit.
    """

    train: Dataset
    test: Dataset
    train_rows: NDArray[np.int64] = field(repr=False)
    test_rows: NDArray[np.int64] = field(repr=False)
    encoder: Encoder = field(repr=False)
    target_scale: Scale | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done to the data, a line each."""
        return self.train.notes
