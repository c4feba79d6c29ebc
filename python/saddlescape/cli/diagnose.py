"""`saddlescape diagnose DATA`: train, judge where it ends, escape, report."""

from __future__ import annotations

import argparse
from pathlib import Path

from saddlescape import data
from saddlescape._extras import require
from saddlescape._progress import ProgressLine
from saddlescape.cli.asked import (
    add_data,
    add_network,
    add_seed,
    add_training,
    loaded,
    writable,
)
from saddlescape.cli.status import DONE, NO_JUDGEMENT
from saddlescape.diagnosis import investigate
from saddlescape.diagnosis.investigate import Plan
from saddlescape.diagnosis.scores import scores
from saddlescape.net import MLP

__all__ = ["TEXT", "add"]

TEXT = "train a network on your data and say where it ends and why"


def add(command: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_data(command)
    add_network(command)
    add_training(command, optimizer="sgd", lr=0.1, batch_size="full", epochs=200)
    add_seed(command)
    folder = Path("saddlescape-diagnosis")
    text = "for the report"
    command.add_argument("--out", type=Path, default=folder, metavar="DIR", help=text)
    command.set_defaults(run=_run)


def _run(given: argparse.Namespace) -> int:
    report = require("saddlescape.report", "app")
    table = loaded(given.data, given.target, given.task)
    split = data.prepare(table, seed=given.seed, standardise=not given.raw)
    folder = writable(given.out)
    with ProgressLine() as line:
        line.title = Path(given.data).name
        story = investigate(
            _network(given, split),
            split.train.X,
            split.train.y,
            _plan(given),
            title=f"{split.train.name}: {split.train.target_name}",
            notes=split.notes,
            validation=(split.test.X, split.test.y),
            metrics=scores(split),
            progress=line.show,
        )
    page = report.write([story], folder)  # before the printing, which a closed pipe may end
    for note in split.notes:
        print(f"note: {note}")
    print(f"\n{story}\n\nreport: {page}")
    return NO_JUDGEMENT if story.diagnosis.verdict.startswith("cannot tell") else DONE


def _network(given: argparse.Namespace, split: data.Split) -> MLP:
    classes = len(split.train.classes)
    return MLP(
        (split.train.X.shape[1], *given.layers, classes or split.train.y.shape[1]),
        activation=given.activation,
        loss="cross_entropy" if classes else "mse",
        init=given.init,
        dtype="float64",
        seed=given.seed,
    )


def _plan(given: argparse.Namespace) -> Plan:
    return Plan(
        optimizer=given.optimizer,
        lr=given.lr,
        batch_size=given.batch_size,
        epochs=given.epochs,
        seed=given.seed,
    )
