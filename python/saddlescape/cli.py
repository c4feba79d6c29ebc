"""The command line: `saddlescape demo`, `saddlescape diagnose DATA`, `saddlescape info`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from saddlescape import __version__, data, demo, info, optim
from saddlescape._core import net as _core_net
from saddlescape._extras import require
from saddlescape.diagnosis import investigate
from saddlescape.diagnosis.investigate import Plan, Progress
from saddlescape.diagnosis.scores import scores
from saddlescape.net import MLP
from saddlescape.net.init import SCALES

__all__ = ["main"]

DONE, WRONG_INPUT, NO_JUDGEMENT = 0, 1, 2


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, with exit status 1."""

    def error(self, message: str) -> NoReturn:
        print(f"saddlescape: {message}", file=sys.stderr)
        raise SystemExit(WRONG_INPUT)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0: done; 1: the input or the arguments are wrong, with one line that says what and what is
    allowed; 2: done, but no verdict could be given.
    """
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except (data.DataError, ValueError, TypeError, OSError, ImportError) as error:
        if not str(error):
            raise
        print("saddlescape: " + " ".join(str(error).split()), file=sys.stderr)
        return WRONG_INPUT
    except KeyboardInterrupt:
        print("\nsaddlescape: interrupted", file=sys.stderr)
        return 130
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
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    _add_diagnose(command)
    command.set_defaults(run=_diagnose)

    commands.add_parser("info", help="what this installation runs on").set_defaults(run=_info)
    return parser


def _add_diagnose(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("data", help="digits, FILE.csv or FILE.npz (arrays X and y)")
    add("--target", metavar="COLUMN", help="the column to predict, for a CSV file")
    add(
        "--task",
        choices=("classification", "regression"),
        help="instead of reading it off the target",
    )
    add("--raw", action="store_true", help="do not standardise features and targets")
    add("--layers", type=_widths, default=(16,), metavar="N,N,...", help="hidden layers")
    add("--activation", choices=_core_net.activations(), default="tanh")
    add("--init", choices=sorted(SCALES), default="he", help="how the weights start")
    add("--optimizer", choices=optim.names(), default="sgd")
    add("--lr", type=_positive, default=0.1, help="learning rate")
    add("--batch-size", type=_batch, default="full", metavar="N|full")
    add("--epochs", type=_count, default=200)
    add("--seed", type=_seed, default=0)
    add(
        "--out",
        type=Path,
        default=Path("saddlescape-diagnosis"),
        metavar="DIR",
        help="for the report",
    )


def _demo(options: argparse.Namespace) -> int:
    report = require("saddlescape.report", "app")
    with _ProgressLine() as line:
        stories = []
        for title, build in (("two weights", demo.two_weight_network), ("digits", demo.digits)):
            line.title = title
            stories.append(build(line.show))
    for story in stories:
        print(f"\n{story.title}\n{'-' * len(story.title)}\n{story}")
    print(f"\nreport: {report.write(stories, options.out)}")
    return DONE


def _diagnose(options: argparse.Namespace) -> int:
    report = require("saddlescape.report", "app")
    split = data.prepare(
        data.load(options.data, target=options.target, task=options.task),
        seed=options.seed,
        standardise=not options.raw,
    )
    classes = len(split.train.classes)
    sizes = (split.train.X.shape[1], *options.layers, classes or split.train.y.shape[1])
    net = MLP(
        sizes,
        activation=options.activation,
        loss="cross_entropy" if classes else "mse",
        init=options.init,
        dtype="float64",
        seed=options.seed,
    )
    plan = Plan(
        optimizer=options.optimizer,
        lr=options.lr,
        batch_size=options.batch_size,
        epochs=options.epochs,
        seed=options.seed,
    )
    with _ProgressLine() as line:
        line.title = Path(options.data).name
        story = investigate(
            net,
            split.train.X,
            split.train.y,
            plan,
            title=f"{split.train.name}: {split.train.target_name}",
            notes=split.notes,
            validation=(split.test.X, split.test.y),
            metrics=scores(split),
            progress=line.show,
        )
    for note in split.notes:
        print(f"note: {note}")
    print(f"\n{story}\n\nreport: {report.write([story], options.out)}")
    return NO_JUDGEMENT if story.diagnosis.verdict.startswith("cannot tell") else DONE


def _info(options: argparse.Namespace) -> int:  # noqa: ARG001
    print(json.dumps(info(), indent=2))
    return DONE


class _ProgressLine:
    """One line, written over: step, loss, gradient norm, state; in a pipe its changes of state."""

    def __init__(self) -> None:
        console = require("rich.console", "app").Console(stderr=True, highlight=False)
        self.console, self.title, self.state = console, "", ""
        self.live: Any = None
        self.shown = 0.0
        self.text: Callable[[str], Any] = require("rich.text", "app").Text
        if console.is_terminal:
            live = require("rich.live", "app").Live
            self.live = live(console=console, transient=True, auto_refresh=False)

    def __enter__(self) -> _ProgressLine:
        if self.live is not None:
            self.live.__enter__()
        return self

    def __exit__(self, *details: object) -> None:
        if self.live is not None:
            self.live.__exit__(*details)

    def show(self, progress: Progress) -> None:
        changed = progress.state != self.state
        line = (
            f"{self.title}  step {progress.step:,}  loss {progress.loss:.4g}  "
            f"|g| {progress.gradient_norm:.2e}  {progress.state}"
        )
        if self.live is None:
            if changed:
                self.console.print(line, soft_wrap=True)
        elif changed or time.monotonic() - self.shown > 0.1:
            self.live.update(self.text(line), refresh=True)
            self.shown = time.monotonic()
        self.state = progress.state


def _typed(expected: str, parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """An argparse type whose error says what is expected."""

    def convert(text: str) -> Any:
        try:
            value = parse(text)
        except ValueError:
            value = None
        if value is None:
            raise argparse.ArgumentTypeError(f"{text!r}, expected {expected}")
        return value

    return convert


def _if(condition: Callable[[Any], bool], value: Any) -> Any:
    return value if condition(value) else None


def _parse_widths(text: str) -> tuple[int, ...] | None:
    widths = tuple(int(part) for part in text.split(",")) if text else ()
    return widths if all(width > 0 for width in widths) else None


_widths = _typed("hidden layer sizes such as 64,16", _parse_widths)
_positive = _typed("a positive number", lambda t: _if(lambda x: 0 < x < float("inf"), float(t)))
_count = _typed("an integer of at least 1", lambda t: _if(lambda n: n >= 1, int(t)))
_seed = _typed("an integer of at least 0", lambda t: _if(lambda n: n >= 0, int(t)))
_batch = _typed(
    "an integer of at least 1, or full",
    lambda t: t if t == "full" else _if(lambda n: n >= 1, int(t)),
)

if __name__ == "__main__":
    sys.exit(main())
