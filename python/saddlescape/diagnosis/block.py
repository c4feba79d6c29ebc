"""Verdicts as blocks of text that fit on a screen, and as HTML for a notebook."""

from __future__ import annotations

import textwrap
from html import escape
from typing import TYPE_CHECKING

from saddlescape.diagnosis import points
from saddlescape.diagnosis.records import Evidence, Finding

if TYPE_CHECKING:
    from saddlescape.diagnosis.diagnosis import Diagnosis, Investigation

__all__ = ["as_html", "as_text", "plain", "story"]

WIDTH = 78
_LABEL = 13


def plain(verdict: object) -> str:
    """Return a verdict in words: ``degenerate_minimum`` as ``degenerate minimum``."""
    return str(verdict).replace("_", " ")


def as_text(diagnosis: Diagnosis) -> str:
    """Lay out the verdict, its evidence, other findings, the remedy and what was not checked."""
    lines = [f"{'VERDICT':<{_LABEL}}{plain(diagnosis.verdict)}"]
    lines += _wrapped("", diagnosis.subject)
    lines += ["", *_wrapped("because", diagnosis.statement)]
    if diagnosis.findings:
        lines += _rows(diagnosis.findings[0].evidence)
    lines += _ending(diagnosis, diagnosis.findings[1:])
    return "\n".join(lines)


def story(investigation: Investigation) -> str:
    """Lay out where it stalled and why, what was done about it, and how it ended."""
    end = investigation.diagnosis
    stalls = [point for _, point in investigation.points[: len(investigation.escapes)]]
    steps = [step for step, _ in investigation.escapes]
    words = [f"{plain(point.kind)} (left)" for point in stalls] + [plain(end.verdict)]
    lines = [*_wrapped("VERDICT", ", then ".join(words)), *_wrapped("", investigation.subject)]
    for step, point, (_, out) in zip(steps, stalls, investigation.escapes, strict=True):
        lines += ["", *_wrapped(f"step {step:,}", points.statement(point))]
        if point is stalls[0]:
            lines += _rows(points.evidence(point))
        lines += _wrapped(
            "applied",
            f"escape: a step of {out.step:.3g} {points.along(out.direction, out.curvature)}; "
            "the loss goes "
            f"from {out.loss_before:.6g} to {out.loss_after:.4g}.{_reach(out.model_reach)}",
        )
    lines += ["", *_wrapped("at the end", end.statement)]
    if end.findings:
        lines += _rows(end.findings[0].evidence + investigation.metrics)
    lines += _ending(end, end.findings[1:])
    return "\n".join(lines)


def _reach(reach: tuple[float, float, float] | None) -> str:
    if reach is None:
        return ""
    step, predicted, measured = reach
    drops = f"predicted as {predicted:.3g}, measured as {measured:.3g}"
    return f" At step {step:.2g} the drop was {drops}."


def _ending(diagnosis: Diagnosis, others: tuple[Finding, ...]) -> list[str]:
    lines: list[str] = []
    for finding in others:
        lines += ["", *_wrapped("also", f"{plain(finding.verdict)}: {finding.statement}")]
    if unheard := _unheard(diagnosis):
        lines += ["", *_wrapped("units", unheard)]
    if diagnosis.remedy:
        lines += ["", *_wrapped("remedy", diagnosis.remedy)]
    if diagnosis.not_checked:
        lines += ["", *_wrapped("not checked", "; ".join(diagnosis.not_checked))]
    return lines


def _unheard(diagnosis: Diagnosis) -> str:
    """Name saturated units, unless there are none or a finding names them."""
    found = diagnosis.saturation
    if found is None or any(finding.rule == "saturated_units" for finding in diagnosis.findings):
        return ""
    layers = [layer for layer in range(1, len(found.shares) + 1) if len(found.stuck(layer))]
    said = [found.statement(layer) for layer in layers[:2]]
    if len(layers) > 2:
        said.append(f"and in {len(layers) - 2} more")
    return "; ".join(said)


def _wrapped(label: str, text: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=f"{label:<{_LABEL}}", subsequent_indent=" " * _LABEL
    )


def _rows(evidence: tuple[Evidence, ...]) -> list[str]:
    if not evidence:
        return []
    name = max(len(e.quantity) for e in evidence)
    value = max(len(e.value) for e in evidence)
    rows = []
    for e in evidence:
        start = f"  {e.quantity:<{name}}  {e.value:<{value}}  "
        if len(start) > WIDTH - 24:  # no room beside it
            rows += [start.rstrip(), *_wrapped("", e.basis)]
            continue
        lines = textwrap.wrap(e.basis, WIDTH - len(start)) or [""]
        rows.append((start + lines[0]).rstrip())
        rows += [" " * len(start) + line for line in lines[1:]]
    return rows


def as_html(diagnosis: Diagnosis) -> str:
    """Lay out the same as a card for a notebook."""
    rows = "".join(
        f"<tr><td style='text-align:left'>{escape(e.quantity)}</td>"
        f"<td><code>{escape(e.value)}</code></td>"
        f"<td style='text-align:left'>{escape(e.basis)}</td></tr>"
        for e in (diagnosis.findings[0].evidence if diagnosis.findings else ())
    )
    also = "".join(
        f"<p>Also: <b>{escape(plain(f.verdict))}</b>. {escape(f.statement)}</p>"
        for f in diagnosis.findings[1:]
    )
    remedy = f"<p><b>Remedy:</b> {escape(diagnosis.remedy)}</p>" if diagnosis.remedy else ""
    unheard = _unheard(diagnosis)
    units = f"<p>Units: {escape(unheard)}</p>" if unheard else ""
    missing = escape("; ".join(diagnosis.not_checked))
    return (
        f"<div style='border-left:4px solid #2a6f97;padding:0.2em 1em'>"
        f"<h3 style='margin:0.2em 0'>{escape(plain(diagnosis.verdict))}</h3>"
        f"<p>{escape(diagnosis.subject)}</p><p>{escape(diagnosis.statement)}</p>"
        f"<table>{rows}</table>{also}{units}{remedy}"
        + (f"<p><small>Not checked: {missing}</small></p>" if missing else "")
        + "</div>"
    )
