"""A table to arrays: split first, then fit on the training part, then apply to both.

The order is the point: medians, categories, means and deviations never see a test row, so that the
test loss says what it claims to say.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape.data.columns import Categories, Column, Numbers, Table
from saddlescape.data.dataset import Dataset, Split
from saddlescape.data.encode import Code, Encoder, LabelCode, NumberCode, Scale, median
from saddlescape.data.errors import DataError, listed
from saddlescape.data.split import split_rows, split_rows_by_class

__all__ = ["prepare"]

_FEWEST_ROWS = 10
_FEW_LABELS = 50  # up to here a column is encoded, however few rows share a label
_MANY_LABELS = 1000  # beyond here it never is: one feature a label would fill the memory


def prepare(
    table: Table,
    test_fraction: float = 0.2,
    seed: int = 0,
    standardise: bool = True,
    keep_constant: bool = False,
) -> Split:
    """Make numbers of a table, and split them; everything is fitted on the training part only.

    Rows without a target are left out. Missing numbers become the training median; missing labels
    a category of their own. A column of labels becomes one feature a label seen in training (a
    label first seen in the test part: all zeros). Columns are left out that are constant or empty
    in the training part, or hold more than 50 labels of which there is more than one for every two
    training rows, or more than 1000. Features get mean 0 and variance 1, and so do the targets of
    a regression. Each of these is noted.

    Parameters
    ----------
    table : Table
        From `load` or `from_arrays`.
    test_fraction : float
        Share of the rows to test on, above 0 and at most 0.5; classes keep their shares.
    seed : int
        Same seed, same split; 0 to 2^32 - 1.
    standardise : bool
        False leaves features and targets in their own units.
    keep_constant : bool
        True keeps constant columns (as zeros, where standardised): the digits' 64 pixels.

    Returns
    -------
    Split
        `train` and `test` with X (N, d) float64, C-contiguous and finite.

    Raises
    ------
    DataError
        If fewer than 10 rows, no feature, or one class only would be left.
    TypeError, ValueError
        If an argument is not as stated.
    ImportError
        If scikit-learn, which splits, is not there; says how to install it.

    Examples
    --------
    >>> from saddlescape import data
    >>> split = data.prepare(data.load("digits"), keep_constant=True)
    >>> print(split.train)
    digits: 1437 samples, 64 features, 10 classes
    >>> bool(abs(split.train.X.mean(axis=0)).max() < 1e-14)
    True
    """
    _check_arguments(table, test_fraction, seed)
    notes = list(table.notes)
    known = _known_target(table, notes)
    y, classes, trained, tested = _split(table, known, test_fraction, seed, notes)
    encoder = Encoder(_fit_columns(table, trained, keep_constant, notes))
    scale = None
    if standardise:
        encoder = encoder.standardised(table, trained)
        if table.task == "regression":
            scale = _fit_target(table, y[trained, 0], notes)
            y = scale.apply(y)
    X = encoder.encode(table)

    def part(rows: NDArray[np.int64]) -> Dataset:
        return Dataset(
            name=table.name,
            X=X[rows],
            y=y[rows],
            task=table.task,
            feature_names=encoder.feature_names,
            classes=classes,
            notes=tuple(notes),
            target_name=table.target.name,
        )

    return Split(part(trained), part(tested), trained, tested, encoder, scale)


def _check_arguments(table: object, test_fraction: float, seed: int) -> None:
    if not isinstance(table, Table):
        raise TypeError(
            f"table: {type(table).__name__}, expected a Table, from load or from_arrays"
        )
    if not 0 < test_fraction <= 0.5:
        raise ValueError(f"test_fraction: {test_fraction}, expected above 0 and at most 0.5")
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
        raise TypeError(f"seed: {type(seed).__name__}, expected an integer")
    if not 0 <= seed < 2**32:
        raise ValueError(f"seed: {seed}, expected 0 to {2**32 - 1}")


def _split(
    table: Table, known: NDArray[np.int64], test_fraction: float, seed: int, notes: list[str]
) -> tuple[NDArray[Any], tuple[str, ...], NDArray[np.int64], NDArray[np.int64]]:
    """Return y of all rows, its classes, and which of the known rows to train and to test on."""
    y: NDArray[Any]
    if table.task == "classification":
        y, classes = _classes(table, known)
        (trained, tested), said = split_rows_by_class(
            table.name, y[known], classes, test_fraction, seed
        )
        notes += said
        return y, classes, known[trained], known[tested]
    y = _amounts(table)
    trained, tested = split_rows(len(known), test_fraction, seed)
    if (y[known[trained]] == y[known[trained[0]]]).all():
        raise DataError(
            f"{table.name}: target {table.target.name!r} is {y[known[trained[0]], 0]:g} in every "
            "training row: there is nothing to learn"
        )
    return y, (), known[trained], known[tested]


def _known_target(table: Table, notes: list[str]) -> NDArray[np.int64]:
    """Find the rows with a target: (M,) int64."""
    gaps = table.target.missing()
    if gaps.any():
        notes.append(
            f"target {table.target.name!r}: {_count(int(gaps.sum()), 'row')} without a value, "
            "left out"
        )
    rows = np.flatnonzero(~gaps)
    if len(rows) < _FEWEST_ROWS:
        raise DataError(
            f"{table.name}: {_count(len(rows), 'row')} with a target, "
            f"at least {_FEWEST_ROWS} are needed"
        )
    return rows


def _classes(table: Table, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Give each row its class, y (N,) int64, -1 where unknown, and each class its label."""
    target = table.target
    if isinstance(target, Categories):
        y, classes = target.codes, target.levels
    else:
        values = np.unique(target.values[rows])
        y = np.where(target.missing(), -1, np.searchsorted(values, target.values))
        classes = tuple(str(int(v)) if v == np.rint(v) else repr(float(v)) for v in values)
    if len(classes) < 2:
        raise DataError(
            f"{table.name}: target {target.name!r} has one class only ({classes[0]!r}), "
            "at least 2 are needed"
        )
    return y, classes


def _amounts(table: Table) -> NDArray[np.float64]:
    """Return the target of a regression: (N, 1) float64, NaN where unknown."""
    if not isinstance(table.target, Numbers):
        raise DataError(f"{table.name}: target {table.target.name!r} holds labels, not numbers")
    return np.ascontiguousarray(table.target.values[:, None])


def _fit_target(table: Table, trained: NDArray[np.float64], notes: list[str]) -> Scale:
    scale = Scale.fit(trained)
    notes.append(
        f"target {table.target.name!r}: standardised with the training mean {scale.mean:.6g} and "
        f"deviation {scale.deviation:.6g}; a squared loss is in units of the target's variance"
    )
    return scale


def _fit_columns(
    table: Table, trained: NDArray[np.int64], keep_constant: bool, notes: list[str]
) -> tuple[Code, ...]:
    codes: list[Code] = []
    constant: list[str] = []
    for column in table.features:
        code = _fit_column(column, trained, notes)
        if code is None:
            continue
        encoded = code.encode(column)[trained]
        if (encoded == encoded[0]).all():
            constant.append(column.name)
            if not keep_constant:
                continue
        _note_gaps(column, code, notes)
        codes.append(code)
    if constant:
        what = "columns kept though" if keep_constant else "columns left out because"
        notes.append(f"{what} constant in the training part: {listed(constant, 5)}")
    if not codes:
        raise DataError(
            f"{table.name}: no feature left: {'; '.join(notes) or 'there is only the target'}"
        )
    return tuple(codes)


def _fit_column(column: Column, trained: NDArray[np.int64], notes: list[str]) -> Code | None:
    """Fit one column on the training rows; None, with a note, if it can't be used."""
    head = f"column {column.name!r}: "
    if column.missing()[trained].all():
        notes.append(f"{head}no value in the training part, left out")
        return None
    if isinstance(column, Numbers):
        values = column.values[trained]
        return NumberCode(column.name, median(values[~np.isnan(values)]))
    seen = np.unique(column.codes[trained])  # ascending: a missing label, -1, comes first
    most = max(_FEW_LABELS, len(trained) // 2)
    if len(seen) > min(most, _MANY_LABELS):
        notes.append(
            f"{head}{len(seen)} different labels in {len(trained)} training rows, left out"
        )
        return None
    return LabelCode(column.name, tuple(None if i < 0 else column.levels[i] for i in seen))


def _note_gaps(column: Column, code: Code, notes: list[str]) -> None:
    head = f"column {column.name!r}: "
    gaps = int(column.missing().sum())
    if isinstance(code, NumberCode):
        if gaps:
            notes.append(
                f"{head}{_count(gaps, 'missing value')}, "
                f"filled with the training median {code.median:.6g}"
            )
        return
    notes.append(f"{head}labels, encoded as {len(code.levels)} features of 0 and 1")
    if gaps:
        kept = "a category of their own" if None in code.levels else "0 in every category"
        notes.append(f"{head}{_count(gaps, 'missing label')}, taken as {kept}")


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"
