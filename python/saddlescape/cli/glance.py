"""Predictions as a person reads them: the first rows, in columns that fit the terminal."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["FIRST", "glance"]

FIRST = 20  # rows
_GAP = "  "
_OTHERS = 45  # characters that the columns beside two names of classes take at the most


def glance(
    header: Sequence[str], rows: Sequence[Sequence[str]], classes: Sequence[str], width: int
) -> list[str]:
    """Lay out the first rows of a table of predictions; of classes the two most probable.

    header, rows : as `predict` writes them. width : of the terminal.
    """
    shown = rows[:FIRST]
    if classes:
        head = ["row", header[1], "probability", "next", "probability"]
        most = max(8, (width - _OTHERS) // 2)
        cells = [_most_probable(row, classes, most) for row in shown]
    else:
        head, cells = list(header), [[row[0], f"{float(row[1]):.6g}"] for row in shown]
    head = [_cut(word, max(11, (width - _OTHERS) // 2)) for word in head]
    widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
    # what stands for a class begins where its column does, numbers end there
    left = (1, 3) if classes else ()
    lines = [
        _GAP.join(
            f"{cell:<{size}}" if i in left else f"{cell:>{size}}"
            for i, (cell, size) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in (head, *cells)
    ]
    if more := len(rows) - len(shown):
        rest = "all, with every class" if classes else "all of them"
        lines += [f"... {more:,} more rows; {rest}: --out FILE.csv"]
    return lines


def _most_probable(row: Sequence[str], classes: Sequence[str], most: int) -> list[str]:
    shares = [float(share) for share in row[3:]]
    best = classes.index(row[1])
    others = [k for k in range(len(classes)) if k != best]
    if not others:
        return [row[0], _cut(row[1], most), _percent(shares[best]), "", ""]
    second = max(others, key=lambda k: shares[k])
    named = [_cut(classes[k], most) for k in (best, second)]
    return [row[0], named[0], _percent(shares[best]), named[1], _percent(shares[second])]


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _cut(word: str, most: int) -> str:
    """Shorten a name, and keep what a terminal would not show as one character out of it."""
    word = "".join(letter if letter.isprintable() else "?" for letter in word)
    return word if len(word) <= most else f"{word[: most - 1]}…"
