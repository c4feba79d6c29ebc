"""What a page or a figure is drawn from: an investigation, or a diagnosis seen as one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from saddlescape.critical import CriticalPoint, Escape
    from saddlescape.diagnosis import Diagnosis, Event, Evidence, Investigation
    from saddlescape.train.history import History

__all__ = ["Story", "slug"]


@dataclass(frozen=True)
class Story:
    """An investigation in which the history may be missing and a point may belong to no step."""

    title: str
    subject: str
    notes: tuple[str, ...]
    history: History | None
    events: tuple[Event, ...]
    points: tuple[tuple[int | None, CriticalPoint], ...]
    escapes: tuple[tuple[int, Escape], ...]
    metrics: tuple[Evidence, ...]
    diagnosis: Diagnosis
    path: NDArray[np.float64] | None = None
    surface: Callable[..., NDArray[np.float64]] | None = None

    @classmethod
    def of_investigation(cls, investigation: Investigation) -> Story:
        """Take everything over."""
        return cls(
            investigation.title,
            investigation.subject,
            investigation.notes,
            investigation.history,
            investigation.events,
            investigation.points,
            investigation.escapes,
            investigation.metrics,
            investigation.diagnosis,
            investigation.path,
            investigation.surface,
        )

    @classmethod
    def of_diagnosis(cls, diagnosis: Diagnosis) -> Story:
        """Take the diagnosis as the end of a run of which nothing else is known."""
        steps = diagnosis.step
        if steps is None and diagnosis.history is not None:
            steps = diagnosis.history.steps
        points = () if diagnosis.point is None else ((steps, diagnosis.point),)
        return cls(
            "Diagnosis", diagnosis.subject, (), diagnosis.history, (), points, (), (), diagnosis
        )


def slug(title: str) -> str:
    """Turn a title into the stem of a file name: ASCII letters, digits and hyphens.

    Parameters
    ----------
    title : str
        Any text.

    Returns
    -------
    str
        At most 60 characters, never empty.

    Examples
    --------
    >>> slug("Two weights: L = (1 - w1 w2)²")
    'two-weights-l-1-w1-w2-2'
    >>> slug("<>")
    'investigation'
    """
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    words = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")
    return words[:60].strip("-") or "investigation"
