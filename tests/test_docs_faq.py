"""What docs/faq.md says was measured, measured again."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

TEXT = (Path(__file__).resolve().parent.parent / "docs" / "faq.md").read_text(encoding="utf-8")
TALLY = [
    [int(cell) for cell in row]
    for row in re.findall(r"^\| (\d) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", TEXT, re.MULTILINE)
]


def code() -> tuple[str, str]:
    """The FAQ's program: what defines `end`, and the loop that counts."""
    (whole,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    made, loop = whole.split("\n\n\nfor ")
    return made, f"for {loop}"


def counted(ends: dict[str, int]) -> list[int]:
    floor = ends.get("the floor", 0)
    minima = ends.get("minimum", 0) + ends.get("degenerate_minimum", 0)
    return [floor, minima, sum(ends.values()) - floor - minima]


def test_the_tally_adds_up() -> None:
    assert [row[0] for row in TALLY] == [1, 2, 3, 4]
    assert all(runs == sum(ends) == 100 for _, runs, *ends in TALLY)


@pytest.mark.parametrize("row", TALLY, ids=lambda row: f"{row[0]} units")
def test_some_of_its_runs(row: list[int]) -> None:
    names: dict[str, Any] = {}
    exec(compile(code()[0], "faq.md", "exec"), names)  # noqa: S102
    units, _, *ends = row
    found = counted(Counter(names["end"](units, seed) for seed in range(20)))
    for seen, said in zip(found, ends, strict=True):
        # Of 100 runs so many, of the first 20 a part of them.
        assert 20 - (100 - said) <= seen <= said


@pytest.mark.slow
def test_all_of_its_runs(capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile("\n".join(code()), "faq.md", "exec"), {})  # noqa: S102
    lines = capsys.readouterr().out.splitlines()
    for line, (units, _, *ends) in zip(lines, TALLY, strict=True):
        number, _, found = line.partition(" ")
        assert int(number) == units
        counts = {name: int(n) for name, n in re.findall(r"'([\w ]+)': (\d+)", found)}
        # Rounding differs from one BLAS to the next: a run on the edge may end elsewhere.
        assert all(abs(a - b) <= 2 for a, b in zip(counted(counts), ends, strict=True))
