"""What a study's figure shows, as numbers: who draws it needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Drawable", "Panel"]

Points = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Panel:
    """One pair of axes with lines or pictures in it.

    Attributes
    ----------
    title, x, y : str
        Above it, and along its axes.
    lines : mapping of str to (x, y)
        Arrays of one length by the name that the legend shows.
    log_x, log_y : bool
        Whether an axis is logarithmic.
    marks : mapping of str to float
        Places on the x axis to be marked, by name.
    levels : mapping of str to float
        Places on the y axis to be marked, by name.
    dots : bool
        Points that no line joins.
    ground : (x, y, z), optional
        Contours of ``z[i, j]`` at ``(x[j], y[i])`` below the lines.
    pictures : (R, k, height, width) array, optional
        Pictures instead of lines, from 0, which is white, to 1.
    rows : tuple of str
        What each row of pictures is.
    """

    title: str
    x: str
    y: str
    lines: Mapping[str, Points]
    log_x: bool = False
    log_y: bool = False
    marks: Mapping[str, float] = field(default_factory=dict)
    levels: Mapping[str, float] = field(default_factory=dict)
    dots: bool = False
    ground: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]] | None = None
    pictures: NDArray[np.float64] | None = None
    rows: tuple[str, ...] = ()


class Drawable(Protocol):
    """A study's result that has a figure."""

    def panels(self) -> tuple[Panel, ...]:
        """Return what its figure shows, from left to right."""
        ...
