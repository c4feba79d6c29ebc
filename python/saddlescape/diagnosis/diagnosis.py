"""The answer: a verdict, what it rests on, what was not looked at, and what to do."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from saddlescape.critical import CriticalPoint, Escape
from saddlescape.diagnosis.block import as_html, as_text, story
from saddlescape.diagnosis.records import Event, Evidence, Finding
from saddlescape.diagnosis.saturation import Saturation
from saddlescape.train.history import History

__all__ = ["Diagnosis", "Investigation"]


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """Why training stands where it stands.

    Attributes
    ----------
    verdict : str
        That of the heaviest finding, or ``"cannot tell"``.
    findings : tuple of Finding
        What the rules found, heaviest first.
    not_checked : tuple of str
        What was not looked at.
    point : CriticalPoint or None
        The point where the run ended, if its curvature was computed.
    history : History or None
        The run's numbers.
    subject : str
        Which network, on which data.
    step : int or None
        After how many steps of the history the parameters that are judged were there, if later
        ones were put back; None: after all.
    saturation : Saturation or None
        For each hidden unit the share of the samples at which it is flat, where the run ended.
    """

    verdict: str
    findings: tuple[Finding, ...]
    not_checked: tuple[str, ...]
    point: CriticalPoint | None = field(repr=False)
    history: History | None = field(repr=False)
    subject: str
    step: int | None = None
    saturation: Saturation | None = field(default=None, repr=False)

    @property
    def statement(self) -> str:
        """What the heaviest finding says."""
        return self.findings[0].statement if self.findings else "No rule found anything."

    @property
    def remedy(self) -> str:
        """What the heaviest finding proposes."""
        return self.findings[0].remedy if self.findings else ""

    def __str__(self) -> str:
        return as_text(self)

    def _repr_html_(self) -> str:
        return as_html(self)

    def save(self, path: str | Path) -> Path:
        """Write a self-contained HTML report; needs the extra ``[app]``.

        Parameters
        ----------
        path : str or Path
            A file name that ends in ``.html``; figures are inside it.

        Returns
        -------
        Path
            The file that was written.

        Raises
        ------
        ValueError
            If `path` does not end in ``.html``.
        ImportError
            If the extra is not installed, with the command that installs it.
        """
        # Found by name: the report stands behind the diagnosis and is no part of it.
        report = importlib.import_module("saddlescape.report")
        return Path(report.save(self, path))


@dataclass(frozen=True, eq=False)
class Investigation:
    """A whole story: trained, stalled, judged, escaped, trained on, judged again.

    Attributes
    ----------
    title : str
        A heading.
    subject : str
        Which network, on which data, trained how.
    notes : tuple of str
        What was done to the data.
    history : History
        Every step of every stretch of training, in order.
    events : tuple of Event
        Where it stalled, escaped and ended, by step.
    points : tuple of (int, CriticalPoint)
        What was found where, by step; the last is the end, unless numbers there are too large.
    escapes : tuple of (int, Escape)
        The escapes, by step.
    metrics : tuple of Evidence
        What the network can do in the end: accuracy or error on training and test data.
    diagnosis : Diagnosis
        What is said at the end.
    path : (steps, 2) array or None
        Row t holds the parameters after step t, for a network that has two. Where an escape led
        to is no row of it.
    surface : callable or None
        ``surface(w1, w2)``: the loss of such a network, on arrays.
    """

    title: str
    subject: str
    notes: tuple[str, ...]
    history: History = field(repr=False)
    events: tuple[Event, ...]
    points: tuple[tuple[int, CriticalPoint], ...] = field(repr=False)
    escapes: tuple[tuple[int, Escape], ...] = field(repr=False)
    metrics: tuple[Evidence, ...]
    diagnosis: Diagnosis = field(repr=False)
    path: NDArray[np.float64] | None = field(default=None, repr=False)
    surface: Callable[..., NDArray[np.float64]] | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return story(self)
