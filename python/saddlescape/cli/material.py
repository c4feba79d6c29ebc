"""Data made ready for `saddlescape train`, and again, to the same bits, for what comes after it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saddlescape import data
from saddlescape.cli.asked import loaded
from saddlescape.train.held_out import held_out

__all__ = ["Material", "Part", "material_of", "refused"]

Part = tuple[NDArray[Any], NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Material:
    """What is trained on, what is held out for validation, what is kept for the test.

    Features are in their own units: the network standardises them. Targets of a regression are
    standardised where there is a `scale`. The file had `features` columns beside the target.
    """

    split: data.Split
    training: Part
    validation: Part | None
    test: Part
    scale: data.Scale | None
    features: int

    @property
    def classes(self) -> tuple[str, ...]:
        """Labels of the classes, none for a regression."""
        return self.split.train.classes

    @property
    def notes(self) -> list[str]:
        """What was done to the data, a line each."""
        notes = list(self.split.notes)
        if self.scale is not None:
            unit = f"mean {self.scale.mean:.6g} and deviation {self.scale.deviation:.6g}"
            notes.append(
                f"target {self.split.train.target_name!r}: standardised with the training {unit}; "
                "losses are in its units"
            )
        return notes


@contextmanager
def refused(head: str = "", until: Callable[[], bool] | None = None) -> Iterator[None]:
    """Turn the refusal of an argument into a line for the user, ``--`` before its name.

    What names no argument, or is raised once `until` says true, is a fault of ours and goes through
    as it is.
    """
    try:
        yield
    except (TypeError, ValueError) as error:
        if not _REFUSAL.match(str(error)) or (until is not None and until()):
            raise
        text = str(error).removeprefix("path: ")
        name, _, _ = text.partition(":")
        option = name.partition("[")[0].replace("_", "-")
        known = option in _OPTIONS
        raise data.DataError(
            f"{head}--{option}{text[len(name) :]}" if known else f"{head}{text}"
        ) from None


_REFUSAL = re.compile(r"[\w.\[\]]+(, [\w.\[\]]+)*: ")  # "metrics[0]: ", "l1, l2: "
_OPTIONS = (
    "activation", "batch-size", "class-weight", "dropout", "epochs", "init", "l1", "l2", "lr",
    "metrics", "normalisation", "optimizer", "residual", "validation",
)  # fmt: skip


def material_of(source: str, arguments: dict[str, Any]) -> Material:
    """Load, split and encode; `arguments` are those of `saddlescape train`."""
    table = loaded(source, arguments["target"], arguments["task"])
    split = data.prepare(table, seed=arguments["seed"], standardise=False)
    kept, validation = np.arange(len(split.train)), None
    y = split.train.y
    if arguments["validation"] is not None:
        with refused():
            classes = y if split.train.classes else None
            kept, out = held_out(arguments["validation"], len(y), classes, arguments["seed"])
        validation = (split.train.X[out], y[out])
    training = (split.train.X[kept], y[kept])
    scale = None
    if not split.train.classes and not arguments["raw"]:
        scale = data.Scale.fit(training[1][:, 0])

    def scaled(part: Part) -> Part:
        return part if scale is None else (part[0], scale.apply(part[1]))

    return Material(
        split,
        scaled(training),
        None if validation is None else scaled(validation),
        scaled((split.test.X, split.test.y)),
        scale,
        len(table.features),
    )
