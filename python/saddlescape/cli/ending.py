"""What is kept and said at the end of a run."""

from __future__ import annotations

import shlex
import sys
import textwrap

from saddlescape.cli.folder import Folder
from saddlescape.cli.material import Material, Part
from saddlescape.cli.record import Record
from saddlescape.cli.status import DONE, INTERRUPTED, NO_JUDGEMENT
from saddlescape.data import Scale
from saddlescape.metrics import accuracy, r_squared, rmse
from saddlescape.net import MLP
from saddlescape.net.store import description
from saddlescape.train import Run, RunOutcome

__all__ = ["ended", "further", "measured", "wrapped"]

_WIDTH = 80


def ended(run: Run, folder: Folder, record: Record, material: Material) -> int:
    """Keep the network, say how good it is and where everything lies; return the exit status."""
    net = run.net
    net.save(folder.model)
    about = f"{material.split.train.name}: {description(net)}, {net.parameters:,} parameters"
    lines = [line for note in material.notes for line in wrapped("note: ", note)]
    lines += ["", *wrapped("", about), *wrapped("", _how(run)), "", *_table(net, material)]
    print("\n".join([*lines, "", *_places(folder)]))
    if run.outcome is RunOutcome.INTERRUPTED:
        sys.stdout.flush()
        print(
            f"saddlescape: interrupted in epoch {run.epochs:,} of {record.arguments['epochs']:,}; "
            f"to go on: saddlescape resume {_quoted(folder)}",
            file=sys.stderr,
        )
        return INTERRUPTED
    print("\n".join(_next(run, folder, record)))
    return NO_JUDGEMENT if run.outcome is RunOutcome.NOT_FINITE else DONE


def measured(net: MLP, part: Part, scale: Scale | None, classes: bool) -> dict[str, str]:
    """Return what a network is worth on a part of the data, by name, in words."""
    X, y = part
    loss = {"loss": f"{net.loss(X, y):.4g}"}
    if classes:
        return {**loss, "accuracy": f"{100 * accuracy(net, X, y):.1f} %"}
    unit = 1.0 if scale is None else scale.deviation
    share = r_squared(net, X, y)
    shown = f"{share:.4f}" if share > -100 else f"{share:.3g}"  # where training diverged
    return {**loss, "R squared": shown, "typical error": f"{unit * rmse(net, X, y):.4g}"}


def _table(net: MLP, material: Material) -> list[str]:
    parts = {"training": material.training, "validation": material.validation}
    rows: list[str] = []
    for name, part in {**parts, "test": material.test}.items():
        if part is None:
            continue
        held = (
            "" if name == "training" else ", held out" if name == "validation" else ", never seen"
        )
        values = measured(net, part, material.scale, bool(material.classes))
        if not rows:
            rows.append("".join(f"{word:>15}" for word in ("", *values)) + "   samples")
        cells = "".join(f"{word:>15}" for word in values.values())
        rows.append(f"  {name:<13}{cells}   {len(part[0]):,}{held}")
    if not material.classes:
        rows.append(f"  (typical error: root mean square, in units of {_target(material)!r})")
    return rows


def _target(material: Material) -> str:
    return material.split.train.target_name


def _how(run: Run) -> str:
    epochs = f"{run.epochs:,} epoch{'' if run.epochs == 1 else 's'}, {run.history.steps:,} steps. "
    best = "" if run.best_epoch is None else f" The best epoch, {run.best_epoch + 1:,}, is kept."
    return f"{epochs}{run.outcome.value}{best}"


def _places(folder: Folder) -> list[str]:
    return [
        f"run in {folder.path}:",
        f"  {folder.model.name:<24} the network",
        f"  {folder.history.name:<24} loss, gradient norm, ... of every step",
        f"  {folder.checkpoint.name:<24} to go on from",
        f"  {folder.record.name:<24} what was asked for, and how the data were encoded",
    ]


def _next(run: Run, folder: Folder, record: Record) -> list[str]:
    name = _quoted(folder)
    lines = {f"predict {name} DATA": "new data, the same columns"}
    more, text = further(run, record)
    if more:
        lines[f"resume {name} {more}"] = text
    lines[f"spectrum {name}"] = "what kind of point it ended at"
    width = max(map(len, lines))
    return ["next:", *(f"  saddlescape {line:<{width}}  {text}" for line, text in lines.items())]


def further(run: Run, record: Record) -> tuple[str, str]:
    """Return the options with which the run would go on, and what for; none if it can't."""
    asked = record.arguments
    early, ended = run.outcome is RunOutcome.EARLY, run.epochs >= asked["epochs"]
    if run.outcome is not RunOutcome.FINISHED and not early:
        return "", ""
    if ended and asked["schedule"] != "constant":  # which ends where the epochs do
        return "", ""
    options = [f"--patience {2 * asked['patience']}"] if early else []
    options += [f"--epochs {2 * asked['epochs']}"] if ended else []
    return " ".join(options), "look further for a better epoch" if early else "train on"


def _quoted(folder: Folder) -> str:
    return shlex.quote(str(folder.path))


def wrapped(head: str, text: str) -> list[str]:
    """Break a text into lines, behind `head` and as far in as it is long."""
    return textwrap.wrap(
        head + text, _WIDTH, subsequent_indent=" " * len(head), break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip
