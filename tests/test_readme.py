"""What the README shows is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_two_commands() -> None:
    assert [block.strip() for block in blocks("sh")] == [
        "pip install '.[app]' && saddlescape demo",
        "pip install '.[test]' && pytest",
    ]


@pytest.mark.slow
def test_ten_lines_of_python(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = blocks("python")
    assert len([line for line in code.splitlines() if line]) <= 10
    names: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), names)  # noqa: S102
    said = capsys.readouterr().out
    assert said.startswith("VERDICT      saddle\n")
    out = names["out"]
    assert f"{out.loss_before:.4f}" == "2.3025"  # type: ignore[attr-defined]
    assert f"{out.loss_after:.1f}" == "1.9"  # type: ignore[attr-defined]


@pytest.mark.slow
def test_the_verdict_at_the_top() -> None:
    """Line by line as the demonstration prints it, but for digits that rounding decides."""
    demo = pytest.importorskip("saddlescape.demo")
    (shown,) = blocks("text")
    printed = str(demo.digits())
    for line in shown.splitlines():
        if re.search(r"error of|because|accuracy|residual|\|g\||n\+ / n- ", line):
            line = re.split(r"  +", line.strip())[0]
        assert line in printed


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", README):
        assert (ROOT / target).exists(), target
