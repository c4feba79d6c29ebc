"""Instruction sets whose results are compared."""

from __future__ import annotations

from saddlescape import _core


def alike() -> list[str]:
    """Return those whose products have the same bits: the ones that fuse multiply and add."""
    return [isa for isa in _core.available_isas() if isa != "x86-64-v2"] or [_core.isa()]
