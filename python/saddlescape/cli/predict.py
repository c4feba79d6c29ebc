"""`saddlescape predict DIR DATA`: what a trained network says of new data."""

from __future__ import annotations

import argparse
import csv
import io
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape._files import write_whole
from saddlescape.cli.ending import measured, wrapped
from saddlescape.cli.folder import Folder
from saddlescape.cli.glance import glance
from saddlescape.cli.record import Record, fingerprint
from saddlescape.cli.status import DONE
from saddlescape.data import Categories, DataError
from saddlescape.data.encode import LabelCode
from saddlescape.data.errors import listed
from saddlescape.data.unseen import Unseen, as_labels, encode_unseen, notes_on, read_unseen
from saddlescape.diagnosis.records import counted
from saddlescape.net import MLP

__all__ = ["TEXT", "add"]

TEXT = "say what a trained network says of new data"

Vector = NDArray[np.float64]
_NAMED = 8  # columns of a table, each by its name


def add(command: argparse.ArgumentParser) -> None:
    """Add the options."""
    add = command.add_argument
    text = "the folder that train --out wrote"
    add("folder", type=Path, metavar="DIR", help=text)
    text = "data with the columns of the training, in any order: .csv, .tsv, .parquet, .npz, digits"
    add("data", metavar="DATA", help=text)
    text = (
        "where to write the table, as CSV (default: standard output; of it a terminal shows the "
        "first rows)"
    )
    add("--out", type=Path, metavar="FILE.csv", help=text)
    add("--target", metavar="COLUMN", help="the column with the truth, to score against")
    add("--force", action="store_true", help="replace FILE.csv if it is there")
    command.set_defaults(run=_run)


def _run(given: argparse.Namespace) -> int:
    folder = Folder(given.folder)
    record, net = folder.read(), folder.network()
    _check_out(given)
    labels = [code.name for code in record.codes if isinstance(code, LabelCode)]
    if given.target is not None and record.classes:
        labels.append(given.target)
    new = read_unseen(given.data, labels, given.target)
    X = _encoded(record, net, new)
    notes = notes_on(new, record.codes, (record.target, given.target))
    said = [line for note in notes for line in wrapped("note: ", note)]
    truth = None if given.target is None else _truth(record, new, given.target)
    outputs = net.predict(X).astype(np.float64)
    header, rows = _header(record), _rows(record, net, outputs)
    said += [] if truth is None else _score(record, net, X, truth)
    found = fingerprint(given.data)
    named = given.data == record.arguments["data"]  # a set that has a name and no file
    if truth is not None and found == record.sha256 and (found is not None or named):
        said[-1] += ", those of the training among them"
    if given.out is not None:
        write_whole(given.out, _csv(header, rows).encode())
        what = f"{given.out}: {counted(len(rows), 'row')} of {_columns(header)}"
        print("\n".join([*said, *wrapped("", what)]))
        return DONE
    if sys.stdout.isatty():
        width = shutil.get_terminal_size().columns
        sys.stdout.write("\n".join([*glance(header, rows, record.classes, width), ""]))
    else:
        sys.stdout.write(_csv(header, rows))
    sys.stdout.flush()
    print("".join(f"{line}\n" for line in said), end="", file=sys.stderr)
    return DONE


def _columns(header: list[str]) -> str:
    """Name the columns of the table; of many probabilities the first and the last."""
    names = header if len(header) <= _NAMED else [*header[:4], "...", header[-1]]
    return ", ".join(names).replace(", ..., ", " ... ")


def _check_out(given: argparse.Namespace) -> None:
    out = given.out
    if out is None:
        return
    if out.is_dir():
        raise DataError(f"--out {out}: a directory, expected a file")
    if not out.parent.is_dir():
        raise DataError(f"--out {out}: no directory {out.parent}")
    if out.exists():
        own = [file.resolve() for file in (*given.folder.glob("*"), Path(given.data))]
        if out.resolve() in own:
            raise DataError(f"--out {out}: the data or a file of the run, expected another name")
        if not given.force:
            raise DataError(f"--out {out}: there already: another name, or --force to replace it")


def _encoded(record: Record, net: MLP, new: Unseen) -> Vector:
    if new.array is not None and new.array != record.features:
        raise DataError(
            f"{new.name}: {new.array} columns, expected {record.features} as in training"
        )
    X = encode_unseen(new, record.codes)
    if X.shape[1] != net.sizes[0]:
        raise DataError(
            f"run.json encodes {X.shape[1]} features, model.safetensors has {net.sizes[0]} inputs: "
            "they are of two runs"
        )
    beyond = ~np.isfinite(net.cast(X)).all(axis=1)
    if beyond.any():
        row = int(np.flatnonzero(beyond)[0]) + 1
        raise DataError(f"{new.name}: row {row}: a number too large for the network")
    return X


def _header(record: Record) -> list[str]:
    if not record.classes:
        return ["row", record.target]
    return ["row", record.target, "probability", *(f"p({name})" for name in record.classes)]


def _rows(record: Record, net: MLP, outputs: Vector) -> list[list[str]]:
    if not record.classes:
        values = outputs[:, 0] if record.scale is None else record.scale.invert(outputs[:, 0])
        return [[str(i), f"{value:.10g}"] for i, value in enumerate(values, 1)]
    p = _probabilities(net, outputs)
    best = p.argmax(axis=1)
    return [
        [str(i), record.classes[k], f"{row[k]:.6g}", *(f"{share:.6g}" for share in row)]
        for i, (k, row) in enumerate(zip(best, p, strict=True), 1)
    ]


def _probabilities(net: MLP, outputs: Vector) -> Vector:
    """Return the probability of each class (N, C) from the logits."""
    if net.loss_name == "bce":  # one logit z: 1 / (1 + exp(-z)) of the second class
        outputs = np.hstack([np.zeros_like(outputs), outputs])
    powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    shares: Vector = powers / powers.sum(axis=1, keepdims=True)
    return shares


def _truth(record: Record, new: Unseen, target: str) -> NDArray[Any]:
    """Return the classes (N,), -1 where unknown, or the numbers (N, 1), NaN where unknown."""
    column = new.column(target, "")
    head = f"{new.name}: target {target!r}"
    truth: NDArray[Any]
    if not record.classes:
        if isinstance(column, Categories):
            words = listed(column.levels, 3)
            raise DataError(f"{head}: holds labels ({words}), expected numbers as in training")
        truth = column.values[:, None]
    else:
        labels = as_labels(column)
        place = {label: index for index, label in enumerate(record.classes)}
        strange = [level for level in labels.levels if level not in place]
        if strange:
            row = int(np.flatnonzero(labels.codes == labels.levels.index(strange[0]))[0])
            raise DataError(
                f"{head}, row {row + 1}: {strange[0]!r}, expected one of "
                f"{listed(record.classes, 10)} as in training"
            )
        numbers = np.array([*(place[level] for level in labels.levels), -1], dtype=np.int64)
        truth = numbers[labels.codes]
    if column.missing().all():
        raise DataError(f"{head}: no value in any row, expected some to score against")
    return truth


def _score(record: Record, net: MLP, X: Vector, truth: NDArray[Any]) -> list[str]:
    known = np.flatnonzero(truth >= 0 if record.classes else ~np.isnan(truth[:, 0]))
    y = truth[known]
    if record.scale is not None:
        y = record.scale.apply(y)
    values = measured(net, (X[known], y), record.scale, bool(record.classes))
    left = len(X) - len(known)
    rows = f"{len(known):,} rows" + (f", {left:,} more without a value" if left else "")
    if (error := values.get("typical error")) is not None:
        values["typical error"] = f"{error} (root mean square, in units of {record.target!r})"
    return [f"{name:<14} {value}" for name, value in values.items()] + [f"{'scored on':<14} {rows}"]


def _csv(header: list[str], rows: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue()
