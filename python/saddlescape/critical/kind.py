"""The kinds of critical point."""

from __future__ import annotations

from enum import Enum

__all__ = ["Kind"]


class Kind(str, Enum):
    """The kinds of critical point, by certified signs; the text of a member is its name.

    ``n+`` and ``n-`` are certified counts of positive and negative eigenvalues, ``n?`` the rest.
    A `degenerate_*` kind says that second order leaves the answer open along some directions.
    """

    NOT_CRITICAL = "not_critical"
    MINIMUM = "minimum"
    MAXIMUM = "maximum"
    SADDLE = "saddle"
    DEGENERATE_MINIMUM = "degenerate_minimum"
    DEGENERATE_MAXIMUM = "degenerate_maximum"
    DEGENERATE_SADDLE = "degenerate_saddle"
    DEGENERATE = "degenerate"

    def __str__(self) -> str:
        return self.value
