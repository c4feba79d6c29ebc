"""What may stand after the command line's options, and what is said of anything else."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

__all__ = [
    "batch",
    "choice",
    "count",
    "inner_share",
    "names",
    "non_negative",
    "positive",
    "seed",
    "share",
    "typed",
    "widths",
]

_WIDEST = 100_000
_SEEDS = 2**32  # as scikit-learn's, which splits


def choice(names: Sequence[str]) -> Callable[[str], Any]:
    """Make an argparse type of names; argparse's own words differ from one Python to the next."""
    return typed(f"one of {', '.join(names)}", lambda text: text if text in names else None)


def typed(expected: str, parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """Make an argparse type whose error says what is expected."""

    def convert(text: str) -> Any:
        try:
            value = parse(text)
        except ValueError:
            value = None
        if value is None:
            raise argparse.ArgumentTypeError(f"{text!r}, expected {expected}")
        return value

    return convert


def names(allowed: Sequence[str]) -> Callable[[str], Any]:
    """Make an argparse type of a list of names, each once."""

    def parse(text: str) -> list[str] | None:
        found = text.split(",")
        good = len(set(found)) == len(found) and set(found) <= set(allowed)
        return found if good else None

    return typed(f"some of {', '.join(allowed)}, each once, with commas between", parse)


def _if(condition: Callable[[Any], bool], value: Any) -> Any:
    return value if condition(value) else None


def _parse_widths(text: str) -> tuple[int, ...] | None:
    if text == "none":
        return ()
    widths = tuple(int(part) for part in text.split(","))
    return widths if all(0 < width <= _WIDEST for width in widths) else None


widths = typed(f"hidden layer sizes from 1 to {_WIDEST} such as 64,16, or none", _parse_widths)
positive = typed("a positive number", lambda t: _if(lambda x: 0 < x < float("inf"), float(t)))
count = typed("an integer of at least 1", lambda t: _if(lambda n: n >= 1, int(t)))
seed = typed(f"an integer from 0 to {_SEEDS - 1}", lambda t: _if(lambda n: 0 <= n < _SEEDS, int(t)))
batch = typed(
    "an integer of at least 1, or full",
    lambda t: t if t == "full" else _if(lambda n: n >= 1, int(t)),
)
non_negative = typed(
    "a number of at least 0", lambda t: _if(lambda x: 0 <= x < float("inf"), float(t))
)
share = typed("a number from 0 up to below 1", lambda t: _if(lambda x: 0 <= x < 1, float(t)))
inner_share = typed("a number between 0 and 1", lambda t: _if(lambda x: 0 < x < 1, float(t)))
