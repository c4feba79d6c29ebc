"""What to do at each kind of point, and what was not looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from saddlescape.critical.kind import Kind
from saddlescape.critical.point import GradientCheck, Probe
from saddlescape.curvature import AnyCurvature

if TYPE_CHECKING:
    from saddlescape.critical.solved import Solved

__all__ = ["not_checked", "remedy"]

_REMEDIES = {
    Kind.NOT_CRITICAL: (
        "The gradient still says where to go: keep training. If it is too slow, look at the "
        "learning rate before anything else."
    ),
    Kind.MINIMUM: (
        "Every small step from here leads up. If the loss is good enough, stop. If not, training "
        "can't improve it from here: try another seed, other features, or a larger network."
    ),
    Kind.MAXIMUM: "Every direction leads down: critical.escape follows one of them.",
    Kind.SADDLE: (
        "A way down is known although the gradient shows none: critical.escape takes a line search "
        "along the most negative curvature. If the weights started alike, start them at random."
    ),
    Kind.DEGENERATE_MINIMUM: (
        "No direction goes down to second order, {}; flat directions remain. If the loss is good "
        "enough, stop. If not, treat it as a plateau: take a larger step along a flat direction, "
        "or start elsewhere."
    ),
    Kind.DEGENERATE_MAXIMUM: (
        "Every direction of certain curvature leads down: critical.escape follows one of them."
    ),
    Kind.DEGENERATE_SADDLE: (
        "Flat directions hide the true kind from second order, but a way down is known: "
        "critical.escape follows it. If the weights started alike, start them at random."
    ),
}
_KINKED_MINIMUM = (
    "No direction goes down to second order, and {}; but the loss has kinks, which second order "
    "does not see. If the loss is good enough, stop. If not, try another seed, other features, or "
    "a larger network."
)
_ENDS_ONLY = (
    "No way down was found at the ends of the spectrum{}. If the loss is good enough, stop. If "
    "not, judge all eigenvalues (method='dense'), or start elsewhere."
)
_DOWN = (Kind.SADDLE, Kind.MAXIMUM, Kind.DEGENERATE_MAXIMUM, Kind.DEGENERATE_SADDLE)
_PLATEAU = (
    "No curvature is certain here: a plateau, or a point of third or higher order. {} If the "
    "weights started alike, start them at random; if units are saturated, scale the inputs."
)


_FLAT = (
    "The gradient still says where to go, though it changes little on the way: keep training, with "
    "a larger learning rate if it is slow. A search for critical points has to start elsewhere."
)


def remedy(
    kind: Kind, complete: bool, probed: Probe | None, gradient: GradientCheck, silent: bool = False
) -> str:
    """Say what to do at a point of this kind; `silent`: kinks of the loss are not in H."""
    if gradient.flat:
        return _FLAT
    if kind == Kind.MINIMUM and silent:
        return _KINKED_MINIMUM.format(
            "the loss fell nowhere it was probed"
            if probed is not None
            else "there was no loss to probe"
        )
    if kind == Kind.DEGENERATE_MINIMUM:
        if not complete:
            return _ENDS_ONLY.format(" or by the probe" if probed is not None else "")
        return _REMEDIES[kind].format(
            "nor did the loss fall where it was probed"
            if probed is not None
            else "but the loss along the flat ones is not known"
        )
    if kind != Kind.DEGENERATE:
        return _REMEDIES[kind]
    if probed is None:
        return _PLATEAU.format("There was no loss to probe.")
    if probed.goes_down:
        return _PLATEAU.format("The probe found a way down: critical.escape follows it.")
    return _PLATEAU.format("The loss fell nowhere it was probed.")


def not_checked(
    operator: AnyCurvature, kind: Kind, found: Solved, probed: Probe | None, no_gradient: bool
) -> tuple[str, ...]:
    """List what would have to be true as well and was not looked at."""
    missing = []
    if no_gradient and not getattr(operator, "has_gradient", True):
        missing.append("the gradient (none was given, taken as zero)")
    if not found.complete:
        missing.append("the inside of the spectrum (only its ends were computed)")
    if kind == Kind.NOT_CRITICAL:
        missing.append("what kind of critical point the way down leads to, if any")
    if kind in (Kind.MINIMUM, Kind.DEGENERATE_MINIMUM):
        missing.append("whether a better minimum lies elsewhere")
    if kind in _DOWN or (probed is not None and probed.goes_down):
        missing.append("how far down the way leads (critical.escape measures it)")
    if found.criticality_error:
        missing.append("how H changes up to the critical point itself (estimated from |g|)")
    if kind not in (Kind.NOT_CRITICAL, Kind.SADDLE) and found.inertia.undetermined:
        if probed is None:
            missing.append("the loss along the flat directions (there is none to evaluate)")
        elif probed.direction is None:
            missing.append(
                f"flat directions other than the {probed.directions} probed, and longer steps"
            )
    if operator.silent:
        if kind in (Kind.MINIMUM, Kind.MAXIMUM) and probed is not None:
            missing.append(f"across kinks, directions other than the {probed.directions} probed")
        missing.append(operator.silent)
    return tuple(missing)
