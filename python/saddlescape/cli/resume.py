"""`saddlescape resume DIR`: a run goes on as if it had never been interrupted."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from saddlescape import _core, _options
from saddlescape.cli.ending import ended
from saddlescape.cli.folder import Folder
from saddlescape.cli.material import refused
from saddlescape.cli.record import Record
from saddlescape.cli.train import PAUSE, anew
from saddlescape.data import DataError
from saddlescape.train import resume as resume_run
from saddlescape.train.checkpoint import Checkpoint

__all__ = ["TEXT", "add", "add_place"]

TEXT = "go on with a run that was interrupted, or train a finished one further"


def add_place(command: argparse.ArgumentParser) -> None:
    """Add DIR and --data."""
    text = "the folder that train --out wrote"
    command.add_argument("folder", type=Path, metavar="DIR", help=text)
    text = "the data that the run was trained on, if they have been moved"
    command.add_argument("--data", metavar="FILE", help=text)


def add(command: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_place(command)
    text = "how many the run is to have in all, those before included (default: as before)"
    command.add_argument("--epochs", type=_options.count, metavar="N", help=text)
    text = "how many threads compute (default: one for each core); the numbers stay the same"
    command.add_argument("--threads", type=_options.count, metavar="N", help=text)
    command.set_defaults(run=_run)


def _run(given: argparse.Namespace) -> int:
    folder = Folder(given.folder)
    record = folder.read()
    if given.threads is not None:
        _core.set_threads(given.threads)
    if given.epochs is not None:
        _check_schedule(record, given.epochs)
    material = folder.material(record, given.data)
    if given.epochs is not None:
        record = replace(record, arguments={**record.arguments, "epochs": given.epochs})
    if not folder.checkpoint.exists() and folder.model.exists():
        raise DataError(
            f"{folder.checkpoint}: no such file, though the run has a model; "
            "saddlescape train --force begins anew"
        )
    if not folder.checkpoint.exists():  # cut off before the first epoch's end
        return ended(anew(folder, record, material), folder, record, material)
    with refused():
        run = resume_run(
            folder.checkpoint,
            *material.training,
            epochs=given.epochs,
            validation=material.validation,
            log=folder.history,
            checkpoint=Checkpoint(folder.checkpoint, pause=PAUSE),
            progress=True,
        )
    record.write(folder.record)
    return ended(run, folder, record, material)


def _check_schedule(record: Record, epochs: int) -> None:
    kind, planned = record.arguments["schedule"], record.arguments["epochs"]
    if kind != "constant" and epochs != planned:
        raise DataError(
            f"--epochs {epochs}: the run's {kind} schedule goes over "
            f"{planned} epochs, expected a run with a constant rate; or train anew"
        )
