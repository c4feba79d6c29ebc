"""`saddlescape train DATA`: a network trained on your data, kept in a folder."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from saddlescape import _core, _options, data, metrics
from saddlescape.cli.asked import (
    add_data,
    add_device,
    add_network,
    add_seed,
    add_training,
    check_device,
)
from saddlescape.cli.ending import ended
from saddlescape.cli.folder import Folder
from saddlescape.cli.material import Material, material_of, refused
from saddlescape.cli.record import Record, fingerprint
from saddlescape.net import MLP
from saddlescape.train import Run
from saddlescape.train import train as train_network
from saddlescape.train.checkpoint import Checkpoint
from saddlescape.train.rates import SCHEDULES

__all__ = ["PAUSE", "TEXT", "add", "anew"]

TEXT = "train a network on your data and keep it in a folder"
PAUSE = 1.0  # seconds between two checkpoints, where epochs are shorter

_OF_CLASSES, _OF_NUMBERS = ("cross_entropy", "bce"), ("mse", "mae", "huber")
_NOT_KEPT = ("command", "device", "force", "out", "run", "threads")


def add(command: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_data(command)
    add_network(command)
    _add_layers(command)
    add_training(command, optimizer="adam", lr=None, batch_size=32, epochs=50)
    _add_more_training(command)
    add_seed(command)
    add = command.add_argument
    text = "how many threads compute (default: one for each core)"
    add("--threads", type=_options.count, metavar="N", help=text)
    add_device(command)
    folder = Path("saddlescape-run")
    add("--out", type=Path, default=folder, metavar="DIR", help="where the run is kept")
    add("--force", action="store_true", help="replace the run that is in DIR")
    command.set_defaults(run=_run)


def _add_layers(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    kinds = _options.choice(("batch", "layer"))
    text = "of the hidden layers: batch or layer (default: none)"
    add("--normalisation", type=kinds, metavar="KIND", help=text)
    text = "normalise behind the activation, not before it"
    add("--normalise-after", action="store_true", help=text)
    text = "add to each hidden layer what is below it, where both are as wide"
    add("--residual", action="store_true", help=text)
    text = "chance of a hidden unit to be left out in training"
    add("--dropout", type=_options.share, default=0.0, metavar="SHARE", help=text)
    names = _options.choice(_OF_CLASSES + _OF_NUMBERS)
    text = "cross_entropy or bce for classes, mse, mae or huber for numbers (default: the first)"
    add("--loss", type=names, metavar="NAME", help=text)
    kinds = _options.choice(("float32", "float64"))
    text = "what is computed in: float32 or float64"
    add("--dtype", type=kinds, default="float64", metavar="NAME", help=text)


def _add_more_training(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    text = (
        "of the learning rate over the run: constant, cosine, linear, or one_cycle: up, then down"
    )
    kinds = _options.choice(tuple(SCHEDULES))
    add("--schedule", type=kinds, default="constant", metavar="NAME", help=text)
    for name, penalty in (("--l1", "NUMBER * sum |w|"), ("--l2", "NUMBER / 2 * sum w^2")):
        text = f"penalty on the weights: {penalty} joins the loss"
        add(name, type=_options.non_negative, default=0.0, metavar="NUMBER", help=text)
    text = "balanced: every class counts the same in the loss, however many samples it has"
    kinds = _options.choice(("balanced",))
    add("--class-weight", type=kinds, metavar="KIND", help=text)
    text = "share of the training data that is held out, and measured after every epoch"
    add("--validation", type=_options.inner_share, metavar="SHARE", help=text)
    text = "end after N epochs without a lower validation loss, and put the best one back"
    add("--patience", type=_options.count, metavar="N", help=text)
    known = metrics.names()
    text = f"after every epoch, in history.csv: {', '.join(known)} (default: accuracy, or r2)"
    add("--metrics", type=_options.names(known), metavar="NAME,...", help=text)


def _run(given: argparse.Namespace) -> int:
    if given.patience is not None and given.validation is None:
        raise data.DataError("--patience: needs --validation SHARE, the data to judge by")
    if given.normalise_after and given.normalisation is None:
        raise data.DataError("--normalise-after: needs --normalisation KIND, batch or layer")
    check_device(given.device)
    arguments = {name: value for name, value in vars(given).items() if name not in _NOT_KEPT}
    if given.threads is not None:
        _core.set_threads(given.threads)
    found = fingerprint(given.data)
    material = material_of(given.data, arguments)
    record = _record(arguments, found, material)
    network(record, material)  # what can't be built is refused before a folder is made
    folder = Folder(given.out)
    folder.claim(given.force)
    return ended(anew(folder, record, material, given.device), folder, record, material)


def anew(folder: Folder, record: Record, material: Material, device: str) -> Run:
    """Train from the first step on; every argument is checked before the folder is touched."""
    net = network(record, material)
    if not record.arguments["raw"]:
        net.standardise(material.training[0])
    with refused():
        asked = {**_asked(record.arguments, material), "device": device}
        train_network(net.copy(), *material.training, **{**asked, "epochs": 0})
    folder.clear()
    record.write(folder.record)
    return train_network(
        net,
        *material.training,
        **asked,
        log=folder.history,
        checkpoint=Checkpoint(folder.checkpoint, pause=PAUSE),
        progress=True,
    )


def network(record: Record, material: Material) -> MLP:
    """Build the network that was asked for."""
    arguments, inputs = record.arguments, material.training[0].shape[1]
    count = len(material.classes)
    with refused():
        return MLP(
            (inputs, *arguments["layers"], 1 if arguments["loss"] == "bce" or not count else count),
            activation=arguments["activation"],
            loss=arguments["loss"],
            init=arguments["init"],
            dtype=arguments["dtype"],
            seed=arguments["seed"],
            normalisation=arguments["normalisation"],
            normalise_after=arguments["normalise_after"],
            residual=arguments["residual"],
            dropout=arguments["dropout"],
        )


def _record(arguments: dict[str, Any], found: str | None, material: Material) -> Record:
    train = material.split.train
    loss = _loss(arguments["loss"], train)
    if arguments["class_weight"] is not None and not train.classes:
        raise data.DataError(
            f"--class-weight: target {train.target_name!r} of {train.name} holds numbers, expected "
            "classes"
        )
    return Record(
        arguments={**arguments, "loss": loss, "layers": list(arguments["layers"])},
        sha256=found,
        target=train.target_name,
        task=train.task,
        classes=train.classes,
        codes=material.split.encoder.codes,
        scale=material.scale,
        features=material.features,
    )


def _loss(asked: str | None, train: data.Dataset) -> str:
    allowed = _OF_CLASSES if train.classes else _OF_NUMBERS
    if asked is None:
        return allowed[0]
    what = f"target {train.target_name!r} of {train.name}"
    if asked not in allowed:
        kind = "classes" if train.classes else "numbers"
        raise data.DataError(
            f"--loss {asked}: {what} holds {kind}, expected {' or '.join(allowed)}"
        )
    if asked == "bce" and len(train.classes) != 2:
        raise data.DataError(
            f"--loss bce: is for 2 classes, {what} has {len(train.classes)}: cross_entropy"
        )
    return asked


def _asked(arguments: dict[str, Any], material: Material) -> dict[str, Any]:
    """Return what `saddlescape.train` is to be given."""
    return {
        "optimizer": arguments["optimizer"],
        "lr": arguments["lr"],
        "schedule": arguments["schedule"],
        "batch_size": arguments["batch_size"],
        "epochs": arguments["epochs"],
        "validation": material.validation,
        "metrics": arguments["metrics"] or (("accuracy",) if material.classes else ("r2",)),
        "class_weight": arguments["class_weight"],
        "early_stopping": arguments["patience"],
        "seed": arguments["seed"],
        "l1": arguments["l1"],
        "l2": arguments["l2"],
    }
