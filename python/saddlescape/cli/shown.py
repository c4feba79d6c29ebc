"""`saddlescape demo`, `study NAME` and `info`: what needs no data."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from saddlescape import _options, demo, info, studies
from saddlescape._extras import require
from saddlescape._progress import ProgressLine
from saddlescape.cli.asked import writable
from saddlescape.cli.status import DONE

__all__ = ["add_demo", "add_info", "add_study"]


def add_demo(command: argparse.ArgumentParser) -> None:
    """Add the options of `demo`."""
    folder = Path("saddlescape-demo")
    text = "for the report"
    command.add_argument("--out", type=Path, default=folder, metavar="DIR", help=text)
    command.set_defaults(run=_demo)


def add_study(command: argparse.ArgumentParser) -> None:
    """Add the options of `study`."""
    names = [name.replace("_", "-") for name in studies.ALL]
    command.add_argument("name", type=_options.choice(names), metavar="NAME", help=", ".join(names))
    command.add_argument(
        "--seed", type=_options.seed, default=0, metavar="N", help="of the weights and the data"
    )
    text = "for its figure, NAME.png and NAME.svg; none is drawn without"
    command.add_argument("--out", type=Path, metavar="DIR", help=text)
    command.set_defaults(run=_study)


def add_info(command: argparse.ArgumentParser) -> None:
    """Add the options of `info`: none."""
    command.set_defaults(run=_info)


def _demo(given: argparse.Namespace) -> int:
    report = require("saddlescape.report", "app")
    folder = writable(given.out)
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


def _study(given: argparse.Namespace) -> int:
    run = studies.ALL[given.name.replace("-", "_")]
    report = None if given.out is None else require("saddlescape.report", "app")
    folder = None if given.out is None else writable(given.out)
    print(f"{(run.__doc__ or '').splitlines()[0]}\nIt takes some seconds.\n", flush=True)
    found = run(seed=given.seed)
    print(found)
    if report is not None and folder is not None:
        print(f"\nfigure: {report.write_study(found, given.name, folder)[0]}")
        if isinstance(found, studies.EarlyStopping):
            path = folder / f"{given.name}.gif"
            losses = found.losses[1, 0], found.validation_losses[1, 0]
            print(f"animation: {report.write_early_stopping(*losses, path)}")
    return DONE


def _info(given: argparse.Namespace) -> int:  # noqa: ARG001
    print(json.dumps(info(), indent=2))
    return DONE
