"""The command line: `saddlescape demo`, `diagnose DATA`, `study NAME`, `info`."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from saddlescape import __version__, _options, data, demo, info, optim, studies
from saddlescape._core import net as _core_net
from saddlescape._extras import require
from saddlescape._progress import ProgressLine
from saddlescape.diagnosis import investigate
from saddlescape.diagnosis.investigate import Plan
from saddlescape.diagnosis.scores import scores
from saddlescape.net import MLP
from saddlescape.net.init import INITS

__all__ = ["main"]

DONE, WRONG_INPUT, NO_JUDGEMENT, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 130, 141
COMMANDS = ("demo", "diagnose", "study", "info")


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, with exit status 1."""

    def parse_known_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def]
        """Check the command first: argparse's own words differ from one Python to the next."""
        words = sys.argv[1:] if args is None else list(args)
        if self.prog == "saddlescape":
            if not words:
                self.error(f"no command, expected one of {', '.join(COMMANDS)} (or --help)")
            if not words[0].startswith("-") and words[0] not in COMMANDS:
                self.error(f"{words[0]!r}: unknown command, expected one of {', '.join(COMMANDS)}")
        return super().parse_known_args(words, namespace)

    def error(self, message: str) -> NoReturn:
        print(f"saddlescape: {message}", file=sys.stderr)
        raise SystemExit(WRONG_INPUT)


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    """Shows the defaults that say something."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default is None or action.default is False:
            return action.help
        return super()._get_help_string(action)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0: done; 1: the input or the arguments are wrong, with one line that says what and what is
    allowed; 2: done, but no verdict could be given; 130: interrupted from the keyboard; 141:
    the reader of the output went away.

    Examples
    --------
    >>> main(["diagnose", "digits", "--lr", "fast"])
    Traceback (most recent call last):
    SystemExit: 1
    """
    given = _parser().parse_args(arguments)
    try:
        status: int = given.run(given)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough, as `head` does: no error of the input
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at the end
        return PIPE_CLOSED
    except (data.DataError, OSError, ImportError, MemoryError) as error:
        text = " ".join(str(error).split()) or "not enough memory"
        print(f"saddlescape: {text}", file=sys.stderr)
        return WRONG_INPUT
    except KeyboardInterrupt:
        print("saddlescape: interrupted", file=sys.stderr)
        return INTERRUPTED
    return status


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="saddlescape", description=__doc__ and "Why has training stalled?")
    parser.add_argument("--version", action="version", version=f"saddlescape {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    shown = commands.add_parser("demo", help="two networks get stuck, are told why, and leave")
    shown.add_argument("--out", type=Path, default=Path("saddlescape-demo"), metavar="DIR")
    shown.set_defaults(run=_demo)

    command = commands.add_parser(
        "diagnose",
        help="train a network on your data and say where it ends and why",
        formatter_class=_Help,
    )
    _add_diagnose(command)
    command.set_defaults(run=_diagnose)

    command = commands.add_parser(
        "study", help="reproduce a result of the literature, with numbers", formatter_class=_Help
    )
    _add_study(command)
    command.set_defaults(run=_study)

    commands.add_parser("info", help="what this installation runs on").set_defaults(run=_info)
    return parser


def _add_diagnose(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("data", help="digits, FILE.csv or FILE.npz (arrays X and y)")
    add("--target", metavar="COLUMN", help="the column to predict, for a CSV file")
    text = "classification or regression, instead of reading it off the target"
    kinds = _options.choice(("classification", "regression"))
    add("--task", type=kinds, metavar="TASK", help=text)
    add("--raw", action="store_true", help="do not standardise features and targets")
    _add_network(command)
    _add_training(command)
    text = "of the split, the start and the order"
    add("--seed", type=_options.seed, default=0, metavar="N", help=text)
    folder = Path("saddlescape-diagnosis")
    add("--out", type=Path, default=folder, metavar="DIR", help="for the report")


def _add_network(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    text = "sizes of the hidden layers, or none"
    add("--layers", type=_options.widths, default="16", metavar="N,N,...", help=text)
    names = _core_net.activations()
    text = ", ".join(names)
    add("--activation", type=_options.choice(names), default="tanh", metavar="NAME", help=text)
    names = sorted(INITS.keys() - {"constant"})  # its value would be one more argument
    text = f"how the weights start: {', '.join(names)}"
    add("--init", type=_options.choice(names), default="he", metavar="NAME", help=text)


def _add_training(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    names = optim.names(vectors=True)
    text = ", ".join(names)
    add("--optimizer", type=_options.choice(names), default="sgd", metavar="NAME", help=text)
    add("--lr", type=_options.positive, default=0.1, metavar="RATE", help="learning rate")
    text = "samples a step, or full"
    add("--batch-size", type=_options.batch, default="full", metavar="N|full", help=text)
    text = "how often the data are gone through"
    add("--epochs", type=_options.count, default=200, metavar="N", help=text)


def _add_study(command: argparse.ArgumentParser) -> None:
    names = [name.replace("_", "-") for name in studies.ALL]
    command.add_argument("name", type=_options.choice(names), metavar="NAME", help=", ".join(names))
    command.add_argument(
        "--seed", type=_options.seed, default=0, metavar="N", help="of the weights and the data"
    )
    text = "for its figure, NAME.png and NAME.svg; none is drawn without"
    command.add_argument("--out", type=Path, metavar="DIR", help=text)


def _study(given: argparse.Namespace) -> int:
    run = studies.ALL[given.name.replace("-", "_")]
    report = None if given.out is None else require("saddlescape.report", "app")
    folder = None if given.out is None else _writable(given.out)
    print(f"{(run.__doc__ or '').splitlines()[0]}\nIt takes some seconds.\n", flush=True)
    found = run(seed=given.seed)
    print(found)
    if report is not None:
        print(f"\nfigure: {report.write_study(found, given.name, folder)[0]}")
    return DONE


def _demo(given: argparse.Namespace) -> int:
    report = require("saddlescape.report", "app")
    folder = _writable(given.out)
    with ProgressLine() as line:
        stories = []
        for title, build in (("two weights", demo.two_weight_network), ("digits", demo.digits)):
            line.title = title
            stories.append(build(line.show))
    page = report.write(stories, folder)
    for story in stories:
        print(f"\n{story.title}\n{'-' * len(story.title)}\n{story}")
    print(f"\nreport: {page}")
    return DONE


def _diagnose(given: argparse.Namespace) -> int:
    report = require("saddlescape.report", "app")
    split = _data(given)
    folder = _writable(given.out)
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


def _data(given: argparse.Namespace) -> data.Split:
    try:
        table = data.load(given.data, target=given.target, task=given.task)
    except data.DataError as error:
        if given.target is None:
            text = str(error).replace("no target given", "no target given (--target COLUMN)")
            raise data.DataError(text) from None
        raise
    return data.prepare(table, seed=given.seed, standardise=not given.raw)


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


def _writable(folder: Path) -> Path:
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


def _info(given: argparse.Namespace) -> int:  # noqa: ARG001
    print(json.dumps(info(), indent=2))
    return DONE


if __name__ == "__main__":
    sys.exit(main())
