"""The tables of the page: evidence, points, escapes. Every text of the user's is escaped here."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape as safe
from typing import TYPE_CHECKING

from saddlescape.report.prepare import number

if TYPE_CHECKING:
    from saddlescape.critical import CriticalPoint, Escape
    from saddlescape.diagnosis import Evidence

__all__ = [
    "KINDS",
    "escape_table",
    "evidence_table",
    "items",
    "point_notes",
    "point_table",
    "table",
]

# What the kinds mean, for whoever has not read DESIGN or the papers.
KINDS = {
    "not_critical": "the gradient does not vanish: the loss still changes to first order",
    "minimum": "the gradient vanishes and every eigenvalue is certified positive",
    "maximum": "the gradient vanishes and every eigenvalue is certified negative",
    "saddle": "the gradient vanishes, but along some directions the loss falls and along others "
    "it rises: not a minimum",
    "degenerate_minimum": "no direction is known along which the loss falls, but some eigenvalues "
    "can't be told from zero: to second order the floor is flat along them",
    "degenerate_maximum": "no direction is known along which the loss rises, but some eigenvalues "
    "can't be told from zero",
    "degenerate_saddle": "curvature shows no way down, but a probe along the flat directions found "
    "one",
    "degenerate": "no eigenvalue can be told from zero: second order says nothing here",
}


def table(head: Iterable[str], rows: Iterable[Iterable[str]], kind: str = "") -> str:
    """Lay out a table that scrolls within itself; the cells are HTML already."""
    top = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    # The box can be scrolled by keyboard too.
    return (
        f'<div class="scroll {kind}" tabindex="0"><table><thead><tr>{top}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def items(texts: Iterable[str]) -> str:
    """Lay out a list of plain texts."""
    return f"<ul>{''.join(f'<li>{safe(text)}</li>' for text in texts)}</ul>"


def _value(text: str) -> str:
    # A short number must not be broken at its minus sign; a long one may, or it would be cut off.
    kind = "value whole" if len(text) <= 20 else "value"
    return f'<span class="{kind}">{safe(text)}</span>'


def evidence_table(evidence: tuple[Evidence, ...]) -> str:
    """Lay out quantities, their values, and how each was obtained or how wrong it may be."""
    if not evidence:
        return ""
    rows = ((safe(e.quantity), _value(e.value), safe(e.basis)) for e in evidence)
    return table(("Quantity", "Value", "How obtained, how wrong it may be"), rows, "evidence")


def _pair(point: CriticalPoint, index: int) -> str:
    if not len(point.eigenvalues):
        return number(None)
    value, residual = float(point.eigenvalues[index]), float(point.residuals[index])
    return f"{number(value)}<br><small>residual {number(residual)}</small>"


def _gradient(point: CriticalPoint) -> str:
    check = point.gradient
    sign = "≤" if check.norm <= check.threshold else "&gt;"
    text = f"{number(check.norm)}<br><small>{sign} {number(check.threshold)}</small>"
    if check.small and check.norm > check.threshold:
        text += (
            f"<br><small>small by the gap: {number(check.gap)} ≤ "
            f"{number(check.gap_threshold)}</small>"
        )
    return text


def _ratio(point: CriticalPoint) -> str:
    low, high = point.inertia.minimum_ratio
    return number(low) if low == high else f"{number(low)} to {number(high)}"


def point_table(points: tuple[tuple[int | None, CriticalPoint], ...]) -> str:
    """Lay out where a point was judged, what it is, and the numbers that say so."""
    head = (
        "Step", "Kind", "|g|<br><small>and its threshold</small>", "n<sub>+</sub>",
        "n<sub>−</sub>", "n<sub>?</sub>", "Minimum ratio", "Lowest λ", "Highest λ",
    )  # fmt: skip
    rows = (
        (
            "–" if step is None else str(step),
            f"<b>{safe(str(point.kind).replace('_', ' '))}</b>",
            _gradient(point),
            str(point.inertia.positive),
            str(point.inertia.negative),
            str(point.inertia.undetermined),
            _ratio(point),
            _pair(point, 0),
            _pair(point, -1),
        )
        for step, point in points
    )
    return table(head, rows, "numbers")


def point_notes(points: tuple[tuple[int | None, CriticalPoint], ...]) -> list[str]:
    """Say of every point how its numbers were computed and how far they may be off."""
    notes = []
    for step, point in points:
        where = "Here" if step is None else f"Step {step}"
        text = (
            f"{where}: {point.method}, {point.products} Hessian products, "
            f"{point.seconds:.2g} s; an eigenvalue counts as undetermined within "
            f"{number(point.inertia.tolerance)} of zero; it may be off by "
            f"{number(point.assembly_error)} through rounding in the Hessian and "
            f"{number(point.solver_error)} through the solver."
        )
        if point.null_space is not None and point.inertia.undetermined:
            text += f" Null space: {point.null_space}."
        if point.lowest_bound is not None:
            text += f" Also, {point.lowest_bound}."
        if point.probe is not None:
            text += (
                f" Probe: {point.probe.directions} directions, {point.probe.evaluations} losses, "
                f"largest drop {number(point.probe.drop)}, rounding error of one loss "
                f"{number(point.probe.noise)}."
            )
        notes.append(text)
    return notes


def escape_table(escapes: tuple[tuple[int, Escape], ...]) -> str:
    """Lay out the escapes: how far, along which curvature, what was promised, what came."""
    head = ("Step", "Curvature along it", "Step length", "Predicted drop", "Measured drop",
            "Loss before", "Loss after", "The model holds up to")  # fmt: skip
    rows = (
        (str(step), *map(number, (
            e.curvature, e.step, e.predicted_drop, e.measured_drop, e.loss_before, e.loss_after)),
            _reach(e))
        for step, e in escapes
    )  # fmt: skip
    return table(head, rows, "numbers")


def _reach(escape: Escape) -> str:
    """Write where prediction and measurement still agree to 10 %, and both there."""
    if escape.model_reach is None:
        return number(None)
    step, predicted, measured = map(number, escape.model_reach)
    return f"step {step}<br><small>predicted {predicted}, measured {measured}</small>"
