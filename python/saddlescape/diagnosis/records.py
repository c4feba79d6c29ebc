"""The small records of which verdicts are made."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Event", "Evidence", "Finding", "counted"]


def counted(n: int, what: str) -> str:
    """Count in words: ``1 step``, ``1,000 steps``."""
    return f"{n:,} {what}{'' if n == 1 else 's'}"


@dataclass(frozen=True)
class Evidence:
    """One number: what it is, its value, and how it was obtained or how wrong it may be."""

    quantity: str
    value: str
    basis: str


@dataclass(frozen=True)
class Finding:
    """What one rule says.

    Attributes
    ----------
    rule : str
        The rule's name.
    verdict : str
        A short name: ``"saddle"``, ``"learning rate too large"``, ``"still falling"``.
    statement : str
        One or two sentences with the numbers in them.
    evidence : tuple of Evidence
        The numbers.
    remedy : str
        What to do.
    weight : int
        Which finding heads the diagnosis: the largest.
    """

    rule: str
    verdict: str
    statement: str
    evidence: tuple[Evidence, ...]
    remedy: str
    weight: int


@dataclass(frozen=True)
class Event:
    """Something that happened at a step: ``"stall"``, ``"escape"`` or ``"end"``, in a sentence."""

    step: int
    kind: str
    text: str
