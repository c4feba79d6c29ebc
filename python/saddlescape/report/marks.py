"""Where a story's events lie: on the axis of steps, and in the plane of two parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from saddlescape.report.story import Story

__all__ = [
    "Landmark",
    "StepMark",
    "arrows",
    "landmarks",
    "point_name",
    "step_marks",
    "trail",
    "window",
]

# A step, where it began, where it led; the lowest and highest w1, the lowest and highest w2.
Jump = tuple[int, tuple[float, float], tuple[float, float]]
Box = tuple[float, float, float, float]

LABELS = 8  # more labels than this above one axis can't be read


@dataclass(frozen=True)
class StepMark:
    """A vertical line: at which step, of which kind, with which label ('' if it gets none)."""

    step: int
    kind: str
    label: str


@dataclass(frozen=True)
class Landmark:
    """A point worth naming in the plane of two parameters."""

    kind: str
    label: str
    w1: float
    w2: float


def step_marks(story: Story) -> list[StepMark]:
    """Merge what happened at one step into one line: two labels there would cover each other."""
    kinds: dict[int, list[str]] = {}
    for event in story.events:
        if event.kind != "end":
            kinds.setdefault(event.step, []).append(event.kind)
    marks = []
    for count, step in enumerate(sorted(kinds)):
        names = list(dict.fromkeys(kinds[step]))
        label = f"{' and '.join(names)}, step {step}" if count < LABELS else ""
        marks.append(StepMark(step, names[-1], label))
    return marks


def _at(path: NDArray[np.float64], step: int) -> tuple[float, float]:
    # Row t is the place after update t, so the place reached after `step` updates is row step - 1.
    row = path[min(max(step - 1, 0), len(path) - 1)]
    return float(row[0]) + 0.0, float(row[1]) + 0.0  # + 0.0 makes -0.0 read 0


def landmarks(story: Story) -> list[Landmark]:
    """Find the start, every stall and the end on the path, as far as they lie in the window."""
    path = story.path
    if path is None or not len(path):
        return []
    found = [Landmark("start", "start", *_at(path, 1))]
    stalls = [event.step for event in story.events if event.kind == "stall"]
    found += [
        Landmark("stall", f"stall, step {step}", *_at(path, step)) for step in stalls[:LABELS]
    ]
    end = next((f"end, step {e.step}" for e in story.events if e.kind == "end"), "end")
    found.append(Landmark("end", end, *_at(path, len(path))))
    box = window(story)
    return [mark for mark in found if _inside(box, mark.w1, mark.w2)]


def _jumps(story: Story) -> list[Jump]:
    if story.path is None or not len(story.path):
        return []
    found = []
    for step, escape in story.escapes:
        w1, w2 = _at(story.path, step)
        d1, d2 = escape.step * np.asarray(escape.direction, dtype=np.float64)
        found.append((step, (w1, w2), (w1 + float(d1), w2 + float(d2))))
    return found


def arrows(story: Story) -> list[Jump]:
    """Return the escapes in the window: the step, where each began, and where it led."""
    box = window(story)
    return [jump for jump in _jumps(story) if _inside(box, *jump[1]) and _inside(box, *jump[2])]


def trail(story: Story) -> NDArray[np.float64]:
    """Return the path as (k, 2); a row of NaN, a gap, where an escape jumped or it left the window.

    Training goes on from where the escape led, so that place comes after the gap.
    """
    if story.path is None:
        return np.empty((0, 2))
    parts, done = [], 0
    for step, _, end in _jumps(story):
        cut = min(max(step, done), len(story.path))
        parts += [story.path[done:cut], np.array([[np.nan, np.nan], end])]
        done = cut
    path = np.concatenate([*parts, story.path[done:]])
    box = window(story)
    inside = [_inside(box, float(w1), float(w2)) for w1, w2 in path]
    return np.where(np.array(inside, dtype=bool).reshape(-1, 1), path, np.nan)


def _inside(box: Box, w1: float, w2: float) -> bool:
    return box[0] <= w1 <= box[1] and box[2] <= w2 <= box[3]  # False of NaN


def window(story: Story) -> Box:
    """Choose the square of the plane that is drawn: the path and half its size on every side.

    A path that diverged is followed only so far: at its own size the surface would be a spike.
    """
    if story.path is None or not len(story.path) or not np.all(np.isfinite(story.path[0])):
        return -2.0, 2.0, -2.0, 2.0
    start = story.path[0]
    places = np.array([*story.path, *(end for _, _, end in _jumps(story))])
    far = 100.0 * (1.0 + float(np.abs(start).max()))
    with np.errstate(invalid="ignore"):
        places = places[np.all(np.abs(places - start) <= far, axis=1)]
    low, high = places.min(axis=0), places.max(axis=0)
    centre = (low + high) / 2
    extent = float(np.max(high - low))
    # A path that never moved has no size of its own: show the unit square round it.
    half = extent if extent > 1e-9 * max(1.0, float(np.abs(places).max())) else 1.0
    return (
        float(centre[0] - half),
        float(centre[0] + half),
        float(centre[1] - half),
        float(centre[1] + half),
    )


def point_name(step: int | None, kind: str) -> str:
    """Name a point by where it is and what it is."""
    where = "here" if step is None else f"step {step}"
    return f"{where}: {kind.replace('_', ' ')}"
