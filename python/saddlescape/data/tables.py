"""Where data come from: bundled sets, files, scikit-learn and OpenML, or arrays in memory."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from saddlescape.data.columns import Categories, Column, Numbers, Table, Task
from saddlescape.data.csvfile import read_csv
from saddlescape.data.digits import load_digits
from saddlescape.data.errors import DataError, listed
from saddlescape.data.fetched import PREFIXES, fetch
from saddlescape.data.idxfile import is_idx, labels_beside, read_idx
from saddlescape.data.npzfile import read_npz
from saddlescape.data.parquetfile import read_parquet
from saddlescape.data.small import SMALL

__all__ = ["from_arrays", "load"]

_CSV = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
_KNOWN = (*_CSV, ".parquet", ".npz", ".idx", "-idx3-ubyte", "-idx3-ubyte.gz")
_MOST_CLASSES = 20  # more distinct integers than this are taken as amounts, not as classes
_SAMPLES_A_CLASS = 5  # likewise where fewer samples than this share a value, unless there are two


def load(source: str | PathLike[str], target: str | None = None, task: Task | None = None) -> Table:
    r"""Load data by name or from a file, as they are: nothing is encoded, filled or left out.

    Parameters
    ----------
    source : str or path
        - ``"digits"``; ``"ravine"``, ``"one-sample"``, ``"twenty"``, ``"views-7"`` (also 1, 28,
          56): see `small`;
        - a .csv or .tsv file, either with .gz: the first line names the columns, the separator is
          found (needs pandas);
        - a .parquet file (needs pyarrow);
        - an .npz file with arrays X (N, d) and y (N,);
        - MNIST's format: ``train-images-idx3-ubyte`` or with .gz, whose labels lie beside it in
          ``train-labels-idx1-ubyte``; images become rows;
        - ``"sklearn:iris"`` and ``"openml:NAME"`` or ``"openml:NAME@VERSION"``: scikit-learn's
          own loaders; some need a network.
    target : str, optional
        The column to predict; needed for CSV and Parquet, where nothing says which it is.
    task : {"classification", "regression"}, optional
        By default classification where the target holds labels or booleans, or integers of which
        there are 2, or up to 20 with at least 5 samples each on average; else regression. A note
        says what was chosen.

    Returns
    -------
    Table
        To be handed to `prepare`.

    Raises
    ------
    DataError
        If there is no such file, it can't be read, or holds no such target.
    ImportError
        If pandas is needed and not there; says how to install it.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from saddlescape import data
    >>> path = Path(tempfile.mkdtemp()) / "pets.csv"
    >>> _ = path.write_text("weight,kind\n4.5,cat\n30,dog\n,cat\n")
    >>> table = data.load(path, target="kind")
    >>> table.task, table.target.levels, table.features[0].values.tolist()
    ('classification', ('cat', 'dog'), [4.5, 30.0, nan])
    """
    _check_task(task)
    if isinstance(source, str):
        named = _by_name(source, target, task)
        if named is not None:
            return named
    path = Path(source)
    kind = _kind(path)
    try:
        if kind in _ARRAYS:
            _no_target(path.name, target, "y")
            X, y = _ARRAYS[kind](path)
            return from_arrays(X, y, name=path.name, task=task)
        columns, notes = _COLUMNS[kind](path)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None
    return _of_columns(path.name, columns, target, task, notes)


def _by_name(source: str, target: str | None, task: Task | None) -> Table | None:
    """Return the set of that name, None where it is none."""
    if source == "digits":
        _no_target("digits", target, "digit")
        digits = load_digits()
        return from_arrays(
            digits.X, digits.y, name="digits", feature_names=digits.feature_names,
            target_name="digit", task=task or "classification",
        )  # fmt: skip
    if source in SMALL:
        table = SMALL[source]()
        _no_target(source, target, table.target.name)
        return _table(source, table.features, table.target, task or "regression", [])
    if source.startswith(PREFIXES):
        columns, given, notes = fetch(source)
        _no_target(source, target, given)
        return _of_columns(source, columns, given, task, notes)
    return None


def _of_columns(
    name: str, columns: Sequence[Column], target: str | None, task: Task | None, notes: list[str]
) -> Table:
    wanted = _find_target(name, columns, target)
    features = tuple(_as_feature(column) for column in columns if column is not wanted)
    return _table(name, features, wanted, task, notes)


def from_arrays(
    X: ArrayLike,
    y: ArrayLike,
    *,
    name: str = "arrays",
    feature_names: Sequence[str] | None = None,
    target_name: str = "y",
    task: Task | None = None,
) -> Table:
    """Make a table of arrays.

    Parameters
    ----------
    X : (N, d) array of numbers
        NaN is a missing value.
    y : (N,) or (N, 1) array of numbers, booleans or strings
        No value may be missing.
    name, feature_names, target_name : str, sequence of str, str
        For messages; the features are called x0, x1, ... by default.
    task : {"classification", "regression"}, optional
        As in `load`.

    Raises
    ------
    DataError
        If a shape or type is not as stated, or y holds NaN or infinity.

    Examples
    --------
    >>> from saddlescape import data
    >>> table = data.from_arrays([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], ["no", "yes", "no"])
    >>> len(table), table.task
    (3, 'classification')
    """
    _check_task(task)
    values = np.asarray(X)
    if values.dtype.kind not in "biuf":
        raise DataError(f"{name}: X: dtype {values.dtype}, expected numbers")
    if values.ndim != 2 or values.shape[1] == 0:
        raise DataError(f"{name}: X: shape {values.shape}, expected (N, d) with d at least 1")
    target = _target_of(name, target_name, np.asarray(y), len(values))
    names = [f"x{i}" for i in range(values.shape[1])] if feature_names is None else feature_names
    if len(names) != values.shape[1] or len(set(names)) != len(names):
        raise DataError(
            f"{name}: feature_names: {len(set(names))} different, expected {values.shape[1]}"
        )
    columns = np.ascontiguousarray(values.T, dtype=np.float64)
    features = tuple(Numbers(str(n), column) for n, column in zip(names, columns, strict=True))
    return _table(name, features, target, task, [])


def _kind(path: Path) -> str:
    name = path.name.lower()
    kind = next((kind for kind, ending in _ENDINGS.items() if name.endswith(ending)), None)
    if is_idx(name):
        kind = "idx"
    if path.is_dir():
        raise DataError(f"{path}: a directory, expected a file")
    if not path.exists():
        bundled = f"; the data sets that come with the package are {', '.join(_BUNDLED)}"
        raise DataError(f"{path}: no such file{'' if kind else bundled}")
    if kind is None:
        raise DataError(f"{path}: unknown extension {path.suffix!r}, known are {', '.join(_KNOWN)}")
    return kind


def _read_images(path: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    images, labels = read_idx(path), labels_beside(path)
    y = read_idx(labels)
    if images.ndim < 2 or y.ndim != 1 or len(y) != len(images):
        raise DataError(
            f"{path.name}: images of shape {images.shape}, labels of shape {y.shape} in "
            f"{labels.name}, expected as many of one as of the other"
        )
    return images.reshape(len(images), -1), y


_ENDINGS: dict[str, tuple[str, ...]] = {"csv": _CSV, "npz": (".npz",), "parquet": (".parquet",)}
_ARRAYS = {"npz": read_npz, "idx": _read_images}
_COLUMNS: dict[str, Callable[[Path], tuple[list[Column], list[str]]]] = {
    "csv": read_csv,
    "parquet": read_parquet,
}
_BUNDLED = ("digits", *SMALL)


def _check_task(task: object) -> None:
    if task is not None and task not in get_args(Task):
        raise ValueError(f"task: {task!r}, expected one of {listed(get_args(Task))}")


def _no_target(name: str, given: str | None, has: str) -> None:
    if given not in (None, has):
        raise DataError(f"{name}: target {given!r}: the target of these data is {has!r}")


def _find_target(name: str, columns: Sequence[Column], target: str | None) -> Column:
    names = [column.name for column in columns]
    if target is None:
        raise DataError(f"{name}: no target given; the columns are {listed(names)}")
    if target not in names:
        lower = {other.lower(): other for other in names}
        near = difflib.get_close_matches(target.lower(), lower, n=1)
        hint = f"did you mean {lower[near[0]]!r}? The" if near else "the"
        raise DataError(f"{name}: no column {target!r}; {hint} columns are {listed(names)}")
    return columns[names.index(target)]


def _as_feature(column: Column) -> Column:
    """Take labels true/false as 1/0: one feature says as much as two."""
    if not isinstance(column, Categories) or not column.levels:
        return column
    truth = {"true": 1.0, "false": 0.0}
    if any(level.lower() not in truth for level in column.levels):
        return column
    values = np.array([*(truth[level.lower()] for level in column.levels), np.nan])
    return Numbers(column.name, values[column.codes])  # code -1, missing, is the last


def _target_of(name: str, target_name: str, y: NDArray[Any], rows: int) -> Column:
    if y.dtype.kind not in "biufU":
        raise DataError(f"{name}: y: dtype {y.dtype}, expected numbers, booleans or strings")
    if y.shape not in ((rows,), (rows, 1)):
        raise DataError(f"{name}: y: shape {y.shape}, expected ({rows},) for the {rows} rows of X")
    y = y.reshape(rows)
    if y.dtype.kind in "bU":
        return Categories.of(target_name, [str(label) for label in y])
    values = y.astype(np.float64)
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values))[0])
        raise DataError(f"{name}: y[{row}]: {values[row]}, expected a finite number")
    return Numbers(target_name, values)


def _table(
    name: str, features: tuple[Column, ...], target: Column, task: Task | None, notes: list[str]
) -> Table:
    if task is None:
        task, note = _decide(target)
        notes = [*notes, note]
    elif task == "regression" and isinstance(target, Categories):
        raise DataError(
            f"{name}: target {target.name!r}: holds labels ({listed(target.levels, 3)}), "
            "expected numbers for regression"
        )
    return Table(name, features, target, task, tuple(notes))


def _decide(target: Column) -> tuple[Task, str]:
    head = f"target {target.name!r}: "
    if isinstance(target, Categories):
        return "classification", f"{head}{len(target.levels)} labels, taken as classes"
    values = target.values[~target.missing()]
    distinct = len(np.unique(values))
    most = min(_MOST_CLASSES, max(2, len(values) // _SAMPLES_A_CLASS))
    if distinct <= most and np.array_equal(values, np.rint(values)):
        return "classification", f"{head}{distinct} different integers, taken as classes"
    return "regression", f"{head}{distinct} different numbers, taken as amounts (regression)"
