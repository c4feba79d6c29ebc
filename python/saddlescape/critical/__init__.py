"""Critical points: what kind one is, with certified signs, and the way out of it."""

from saddlescape.critical.classify import classify
from saddlescape.critical.escape import Escape, EscapeOutcome, escape
from saddlescape.critical.find import find
from saddlescape.critical.found import FindOutcome, Found
from saddlescape.critical.hylee2021 import Homework
from saddlescape.critical.kind import Kind
from saddlescape.critical.lowest_bound import LowestBound
from saddlescape.critical.null_space import NullSpace
from saddlescape.critical.point import CriticalPoint, GradientCheck, Probe

__all__ = [
    "CriticalPoint",
    "Escape",
    "EscapeOutcome",
    "FindOutcome",
    "Found",
    "GradientCheck",
    "Homework",
    "Kind",
    "LowestBound",
    "NullSpace",
    "Probe",
    "classify",
    "escape",
    "find",
]
