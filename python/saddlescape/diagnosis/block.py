"""A diagnosis as a block of text that fits on a screen, and as HTML for a notebook."""

from __future__ import annotations

import textwrap
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from saddlescape.diagnosis.diagnosis import Diagnosis, Evidence

__all__ = ["as_html", "as_text"]

WIDTH = 78


def _wrapped(label: str, text: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=f"{label:<13}", subsequent_indent=" " * 13
    )


def _rows(evidence: tuple[Evidence, ...]) -> list[str]:
    if not evidence:
        return []
    wide = max(len(e.quantity) for e in evidence)
    value = max(len(e.value) for e in evidence)
    rows = []
    for e in evidence:
        start = f"  {e.quantity:<{wide}}  {e.value:>{value}}  "
        room = max(24, WIDTH - len(start))
        lines = textwrap.wrap(e.basis, room) or [""]
        rows.append((start + lines[0]).rstrip())
        rows += [" " * len(start) + line for line in lines[1:]]
    return rows


def as_text(diagnosis: Diagnosis) -> str:
    """Lay out the verdict, its evidence, the other findings, the remedy and what was not checked."""
    lines = [f"VERDICT      {diagnosis.verdict.replace('_', ' ')}"]
    lines += _wrapped("", diagnosis.subject)
    lines += ["", *_wrapped("because", diagnosis.statement)]
    if diagnosis.findings:
        lines += _rows(diagnosis.findings[0].evidence)
    for finding in diagnosis.findings[1:]:
        lines += ["", *_wrapped("also", f"{finding.verdict.replace('_', ' ')}: {finding.statement}")]
    if diagnosis.remedy:
        lines += ["", *_wrapped("remedy", diagnosis.remedy)]
    if diagnosis.not_checked:
        lines += ["", *_wrapped("not checked", "; ".join(diagnosis.not_checked))]
    return "\n".join(lines)


def as_html(diagnosis: Diagnosis) -> str:
    """Lay out the same as a card for a notebook."""
    rows = "".join(
        f"<tr><td style='text-align:left'>{escape(e.quantity)}</td><td><code>{escape(e.value)}</code></td>"
        f"<td style='text-align:left'>{escape(e.basis)}</td></tr>"
        for e in (diagnosis.findings[0].evidence if diagnosis.findings else ())
    )
    also = "".join(
        f"<p>Also: <b>{escape(f.verdict)}</b>. {escape(f.statement)}</p>"
        for f in diagnosis.findings[1:]
    )
    return (
        f"<div style='border-left:4px solid #2a6f97;padding:0.2em 1em'>"
        f"<h3 style='margin:0.2em 0'>{escape(diagnosis.verdict.replace('_', ' '))}</h3>"
        f"<p>{escape(diagnosis.subject)}</p><p>{escape(diagnosis.statement)}</p>"
        f"<table>{rows}</table>{also}<p><b>Remedy:</b> {escape(diagnosis.remedy)}</p>"
        f"<p><small>Not checked: {escape('; '.join(diagnosis.not_checked))}</small></p></div>"
    )
