"""Critical points: what kind one is, with certified signs, and the way out of it."""

from saddlescape.critical.classify import classify
from saddlescape.critical.escape import Escape, EscapeOutcome, escape
from saddlescape.critical.point import CriticalPoint, GradientCheck, Kind, Probe

__all__ = [
    "CriticalPoint",
    "Escape",
    "EscapeOutcome",
    "GradientCheck",
    "Kind",
    "Probe",
    "classify",
    "escape",
]
