"""Every figure of an investigation as PNG and SVG, under names that stay the same."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from saddlescape._files import write_whole
from saddlescape.report.curves import draw_curves
from saddlescape.report.escape_curve import draw_escape
from saddlescape.report.look import drawable, drawing
from saddlescape.report.spectrum import draw_spectrum
from saddlescape.report.story import Story, slug
from saddlescape.report.surface import draw_contour, draw_surface

if TYPE_CHECKING:
    from saddlescape.diagnosis import Investigation

__all__ = ["draw_all", "figure_bytes", "write_figures", "write_story_figures"]

_FAMILIES: tuple[tuple[str, str, Callable[[Story], Figure | None]], ...] = (
    ("surface", "Error surface", draw_surface),
    ("contour", "Contours of the error surface", draw_contour),
    ("curves", "Loss and gradient norm", draw_curves),
    ("spectrum", "Spectrum of the Hessian", draw_spectrum),
)


def draw_all(story: Story) -> Iterator[tuple[str, Figure]]:
    """Draw what the story has the records for: pairs of a short name and a figure."""
    for name, title, draw in _FAMILIES:
        figure = draw(story)
        if figure is not None:
            yield name, _titled(figure, f"{title} · {story.title}")
    for count, (step, escape) in enumerate(story.escapes, start=1):
        figure = draw_escape(escape)
        if figure is not None:
            title = f"Escape at step {step} · {story.title}"
            yield "escape" if count == 1 else f"escape-{count}", _titled(figure, title)


def _titled(figure: Figure, title: str) -> Figure:
    width = int(figure.get_size_inches()[0] * 10.5)
    lines = textwrap.wrap(drawable(title), width)
    if len(lines) > 2:
        lines = [lines[0], textwrap.shorten(" ".join(lines[1:]), width, placeholder=" …")]
    # Text of the user's: a dollar sign in it is a dollar sign, not mathematics.
    figure.suptitle("\n".join(lines), fontsize=11.5, parse_math=False)
    return figure


def figure_bytes(figure: Figure, kind: str) -> bytes:
    """Return the figure as a file of that kind: png or svg."""
    buffer = io.BytesIO()
    FigureCanvasAgg(figure)
    # Without a date two reports of one investigation are the same, byte for byte.
    metadata = {"Date": None} if kind == "svg" else None
    figure.savefig(buffer, format=kind, dpi=150, metadata=metadata)
    return buffer.getvalue()


def write_figures(investigation: Investigation, folder: str | Path) -> list[Path]:
    """Write every figure that an investigation has the records for, as PNG and as SVG.

    The names are the slug of its title and the name of the figure: ``surface`` and ``contour`` for
    a network with two parameters, ``curves``, ``spectrum``, ``escape``, ``escape-2``, ...

    Parameters
    ----------
    investigation : Investigation
    folder : str or Path
        Made if it is not there. Files of the same names are replaced.

    Returns
    -------
    list of Path
        The files, PNG before SVG.

    Raises
    ------
    OSError
        If `folder` can't be made or written to.

    Examples
    --------
    The curves of a run of two steps, of which nothing else is known:

    >>> import tempfile
    >>> from saddlescape.diagnosis import Diagnosis, Investigation
    >>> from saddlescape.report import write_figures
    >>> from saddlescape.train.history import History
    >>> history = History(["loss"])
    >>> history.append(loss=2.0)
    >>> history.append(loss=1.0)
    >>> diagnosis = Diagnosis("cannot tell", (), (), None, history, "two steps")
    >>> run = Investigation("Two steps", "", (), history, (), (), (), (), diagnosis)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in write_figures(run, folder)]
    ['two-steps-curves.png', 'two-steps-curves.svg']
    """
    return write_story_figures(
        Story.of_investigation(investigation), slug(investigation.title), Path(folder)
    )


def write_story_figures(story: Story, stem: str, folder: Path) -> list[Path]:
    """Write a story's figures under names that begin with `stem`."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    with drawing():
        for name, figure in draw_all(story):
            for kind in ("png", "svg"):
                content = figure_bytes(figure, kind)
                paths.append(write_whole(folder / f"{stem}-{name}.{kind}", content))
    return paths
