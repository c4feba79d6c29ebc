"""What docs/training.md shows is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from saddlescape import _core
from saddlescape.net.init import INITS

TEXT = (Path(__file__).resolve().parent.parent / "docs" / "training.md").read_text()


def test_its_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    exec(compile(code, "training.md", "exec"), {})  # noqa: S102
    assert capsys.readouterr().out.splitlines()[-1] == "True"


@pytest.mark.parametrize(
    ("row", "names"),
    [
        ("activation", _core.net.activations()),
        ("loss", _core.net.losses()),
        ("init", sorted(INITS)),
    ],
)
def test_it_lists_all_names(row: str, names: list[str]) -> None:
    (listed,) = re.findall(rf"^\| {row} \| (.*?) \|$", TEXT, re.MULTILINE)
    assert re.findall(r"\w+", re.sub(r"\(.*?\)|;.*", "", listed)) == sorted(names)
