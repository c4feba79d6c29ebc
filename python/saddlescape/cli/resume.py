"""`saddlescape resume DIR`: a run goes on as if it had never been interrupted."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from saddlescape import _core, _options
from saddlescape.cli.asked import add_device, check_device
from saddlescape.cli.ending import ended
from saddlescape.cli.folder import Folder
from saddlescape.cli.material import refused
from saddlescape.cli.record import Record
from saddlescape.cli.train import PAUSE, anew
from saddlescape.data import DataError
from saddlescape.train import RunState
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
    text = "end after N epochs without a lower validation loss (default: as before)"
    command.add_argument("--patience", type=_options.count, metavar="N", help=text)
    text = "how many threads compute (default: one for each core); the numbers stay the same"
    command.add_argument("--threads", type=_options.count, metavar="N", help=text)
    add_device(command)
    command.set_defaults(run=_run)


class _Kept(Checkpoint):
    """The run's checkpoint; once all is accepted run.json says what the run is asked for now.

    It says so before the checkpoint does: whatever a kill leaves of the two, run.json is right.
    """

    def __init__(self, folder: Folder, record: Record) -> None:
        super().__init__(folder.checkpoint, pause=PAUSE)
        self.folder, self.record, self.begun = folder, record, False

    def begin(self, state: RunState) -> None:
        """Keep both files before the first step."""
        self.record.write(self.folder.record)
        super().begin(state)
        self.begun = True


def _run(given: argparse.Namespace) -> int:
    folder = Folder(given.folder)
    record = folder.read()
    check_device(given.device)
    if given.threads is not None:
        _core.set_threads(given.threads)
    if given.epochs is not None:
        _check_schedule(record, given.epochs)
    if given.patience is not None and record.arguments["validation"] is None:
        raise DataError(
            f"--patience: {folder.path} has no validation data, expected a run that was trained "
            "with --validation SHARE"
        )
    material = folder.material(record, given.data)
    asked = {name: getattr(given, name) for name in ("epochs", "patience")}
    asked = {name: value for name, value in asked.items() if value is not None}
    record = replace(record, arguments={**record.arguments, **asked})
    if not folder.checkpoint.exists() and folder.model.exists():
        raise DataError(
            f"{folder.checkpoint}: no such file, though the run has a model; "
            "saddlescape train --force begins anew"
        )
    if not folder.checkpoint.exists():  # cut off before the first epoch's end
        return ended(anew(folder, record, material, given.device), folder, record, material)
    kept = _Kept(folder, record)
    with refused(until=lambda: kept.begun):
        run = resume_run(
            folder.checkpoint,
            *material.training,
            epochs=record.arguments["epochs"],
            early_stopping=record.arguments["patience"],
            validation=material.validation,
            log=folder.history,
            checkpoint=kept,
            progress=True,
            device=given.device,
        )
    return ended(run, folder, record, material)


def _check_schedule(record: Record, epochs: int) -> None:
    kind, planned = record.arguments["schedule"], record.arguments["epochs"]
    if kind != "constant" and epochs != planned:
        raise DataError(
            f"--epochs {epochs}: the run's {kind} schedule goes over "
            f"{planned} epochs, expected a run with a constant rate; or train anew"
        )
