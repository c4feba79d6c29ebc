"""What to do at each kind of point, and what was not looked at."""

from __future__ import annotations

from saddlescape.critical.point import Kind, Probe
from saddlescape.curvature import Curvature

__all__ = ["not_checked", "remedy"]

_REMEDIES = {
    Kind.NOT_CRITICAL: (
        "The gradient still says where to go: keep training. If it is too slow, look at the "
        "learning rate before anything else."
    ),
    Kind.MINIMUM: (
        "No direction goes down from here. If the loss is too high, this network can't do better "
        "from this start: more capacity, other features, or another seed."
    ),
    Kind.MAXIMUM: "Every direction goes down: take a step along any of them (critical.escape).",
    Kind.SADDLE: (
        "A way down is known although the gradient shows none: critical.escape takes a line search "
        "along the most negative curvature. If the weights started alike, start them at random."
    ),
    Kind.DEGENERATE_MINIMUM: (
        "Nothing goes down to second order, and no probed direction did; flat directions remain. "
        "If the loss is good enough, stop. If not, treat it as a plateau: a larger step along the "
        "flat directions, or another start."
    ),
    Kind.DEGENERATE_MAXIMUM: (
        "The certified directions all go down: take one of them (critical.escape)."
    ),
    Kind.DEGENERATE_SADDLE: (
        "Second order can't see the way down, but the loss falls along a measured direction: "
        "critical.escape follows it. If the weights started alike, start them at random."
    ),
}
_PLATEAU = (
    "All curvature vanishes here: a plateau, or a saddle of third or higher order. {} If the "
    "weights started alike, start them at random; if units are saturated, scale the inputs."
)


def remedy(kind: Kind, probed: Probe | None) -> str:
    """Say what to do at a point of this kind."""
    if kind != Kind.DEGENERATE:
        return _REMEDIES[kind]
    if probed is None:
        return _PLATEAU.format("There was no loss to probe.")
    if probed.goes_down:
        return _PLATEAU.format("The probe found a way down: critical.escape follows it.")
    return _PLATEAU.format("No probed direction goes down.")


def not_checked(
    operator: Curvature, kind: Kind, complete: bool, probed: Probe | None, no_gradient: bool
) -> tuple[str, ...]:
    """List what would have to be true as well and was not looked at."""
    missing = []
    if no_gradient and operator.lower_bound is None and operator.loss() != operator.loss():
        missing.append("the gradient (none was given, taken as zero)")
    if not complete:
        missing.append("the inside of the spectrum (only its ends were computed)")
    if kind in (Kind.MINIMUM, Kind.DEGENERATE_MINIMUM):
        missing.append("whether a better minimum lies elsewhere")
    if probed is not None and probed.direction is None:
        missing.append(
            f"flat directions other than the {probed.directions} probed, and longer steps"
        )
    if operator.silent:
        missing.append(operator.silent)
    return tuple(missing)
