"""Options that several commands have: the data, the network, the training."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from saddlescape import _backend, _options, data, optim
from saddlescape._core import net as _core_net
from saddlescape.net.device import DEVICES
from saddlescape.net.init import INITS

__all__ = [
    "add_data", "add_device", "add_network", "add_seed", "add_training", "check_device", "loaded",
    "writable",
]  # fmt: skip

_FORMS = "digits, FILE.csv, .tsv, .parquet or .npz (arrays X and y), sklearn:NAME, openml:NAME"


def add_data(command: argparse.ArgumentParser) -> None:
    """Add DATA, --target, --task and --raw."""
    add = command.add_argument
    add("data", metavar="DATA", help=_FORMS)
    add("--target", metavar="COLUMN", help="the column to predict, for a CSV or Parquet file")
    text = "classification or regression, instead of reading it off the target"
    kinds = _options.choice(("classification", "regression"))
    add("--task", type=kinds, metavar="TASK", help=text)
    add("--raw", action="store_true", help="do not standardise features and targets")


def add_network(command: argparse.ArgumentParser) -> None:
    """Add --layers, --activation and --init."""
    add = command.add_argument
    text = "sizes of the hidden layers, or none"
    add("--layers", type=_options.widths, default="16", metavar="N,N,...", help=text)
    names = _core_net.activations()
    text = ", ".join(names)
    add("--activation", type=_options.choice(names), default="tanh", metavar="NAME", help=text)
    names = sorted(INITS.keys() - {"constant"})  # its value would be one more argument
    text = f"how the weights start: {', '.join(names)}"
    add("--init", type=_options.choice(names), default="he", metavar="NAME", help=text)


def add_training(command: argparse.ArgumentParser, **defaults: Any) -> None:
    """Add --optimizer, --lr, --batch-size and --epochs."""
    add = command.add_argument
    names = optim.names(vectors=True)
    text, chosen = ", ".join(names), defaults["optimizer"]
    add("--optimizer", type=_options.choice(names), default=chosen, metavar="NAME", help=text)
    text = "learning rate" + ("" if defaults["lr"] else " (default: the optimizer's own)")
    add("--lr", type=_options.positive, default=defaults["lr"], metavar="RATE", help=text)
    text, size = "samples a step, or full", defaults["batch_size"]
    add("--batch-size", type=_options.batch, default=size, metavar="N|full", help=text)
    text, times = "how often the data are gone through", defaults["epochs"]
    add("--epochs", type=_options.count, default=times, metavar="N", help=text)


def add_seed(command: argparse.ArgumentParser) -> None:
    """Add --seed."""
    text = "of the split, the start and the order"
    command.add_argument("--seed", type=_options.seed, default=0, metavar="N", help=text)


def add_device(command: argparse.ArgumentParser) -> None:
    """Add --device."""
    kinds = _options.choice(DEVICES)
    text = "where the steps are taken: cpu, or cuda, an NVIDIA GPU (info says if one can be used)"
    command.add_argument("--device", type=kinds, default="cpu", metavar="NAME", help=text)


def check_device(device: str) -> None:
    """Refuse a device that is not there."""
    if device == "cuda":
        try:
            _backend.cuda("--device cuda")
        except RuntimeError as error:
            raise data.DataError(str(error)) from None


def loaded(source: str, target: str | None, task: Any) -> data.Table:
    """Load data as they are; where a target is needed, the option is named."""
    try:
        return data.load(source, target=target, task=task)
    except data.DataError as error:
        if target is None:
            text = str(error).replace("no target given", "no target given (--target COLUMN)")
            raise data.DataError(text) from None
        raise


def writable(folder: Path) -> Path:
    """Make the folder and try to write there: better now than after minutes of training."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except FileExistsError:
        raise data.DataError(f"--out {folder}: a file, expected a directory") from None
    except OSError as error:
        raise data.DataError(f"--out {folder}: {error.strerror}") from None
    return folder
