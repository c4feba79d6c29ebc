"""The page: one HTML file that holds everything, asks nothing of any network, and prints."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape as safe
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from plotly.io import to_json
from plotly.offline import get_plotlyjs

from saddlescape._files import write_whole
from saddlescape.report import interactive
from saddlescape.report.figures import write_story_figures
from saddlescape.report.interactive_base import Interactive
from saddlescape.report.marks import point_name
from saddlescape.report.story import Story, slug
from saddlescape.report.style import CSS, SCRIPT
from saddlescape.report.tables import (
    KINDS,
    escape_table,
    evidence_table,
    items,
    point_notes,
    point_table,
)
from saddlescape.report.units import units_map

if TYPE_CHECKING:
    from saddlescape.diagnosis import Diagnosis, Investigation

__all__ = ["save", "write"]

# The policy is a promise that the browser keeps: nothing may be fetched from anywhere. plotly's
# WebGL code compiles functions from text, hence 'unsafe-eval'.
_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
script-src 'unsafe-inline' 'unsafe-eval' blob:; style-src 'unsafe-inline'; img-src data: blob:">
<title>$title</title>
<style>$css</style>
</head>
<body>
<main>
$body
<footer>Written by Saddlescape. Every number was computed by the run that this page reports; \
nothing here is loaded from a network.</footer>
</main>
<script>$plotly</script>
<script>$script</script>
</body>
</html>
""")


def _part(heading: str, body: str) -> str:
    return f"<h3>{heading}</h3>\n{body}" if body else ""


def _way(story: Story) -> str:
    if len(story.points) < 2:
        return ""
    names = (point_name(step, str(point.kind)) for step, point in story.points)
    return f"<p>On the way: {safe(', then '.join(names))}.</p>"


def _verdict(story: Story) -> str:
    diagnosis = story.diagnosis
    remedy = f"<p><b>Remedy:</b> {safe(diagnosis.remedy)}</p>" if diagnosis.remedy else ""
    words = KINDS.get(diagnosis.verdict.replace(" ", "_"))
    meaning = f"<p>In words: {safe(words)}.</p>" if words else ""
    return (
        f'<div class="verdict"><p class="name">{safe(diagnosis.verdict.replace("_", " "))}</p>'
        f"<p>{safe(diagnosis.statement)}</p>{meaning}{_way(story)}{remedy}</div>"
    )


def _events(story: Story) -> str:
    rows = "".join(
        f'<li><span class="when">step {event.step}</span>'
        f"<span><b>{safe(event.kind)}</b>: {safe(event.text)}</span></li>"
        for event in story.events
    )
    return f'<ul class="story">{rows}</ul>' if rows else ""


def _others(story: Story) -> str:
    return "".join(
        f"<p><b>{safe(finding.verdict.replace('_', ' '))}</b>: {safe(finding.statement)}</p>"
        f"{evidence_table(finding.evidence)}"
        + (f"<p>Remedy: {safe(finding.remedy)}</p>" if finding.remedy else "")
        for finding in story.diagnosis.findings[1:]
    )


def _points(story: Story) -> str:
    if not story.points:
        return ""
    kinds = list(dict.fromkeys(str(point.kind) for _, point in story.points))
    meanings = [f"{kind.replace('_', ' ')}: {KINDS[kind]}" for kind in kinds if kind in KINDS]
    counts = (
        "n₊ and n₋ count the eigenvalues of certified sign, n? the rest; the minimum ratio is the "
        "share of positive ones."
    )
    return (
        f'{point_table(story.points)}<p class="quiet">{counts}</p>{items(meanings)}'
        f'<div class="quiet">{items(point_notes(story.points))}</div>'
    )


def _figure(plot: Interactive, prefix: str) -> str:
    name = f"{prefix}-{plot.name}"
    # The JSON has every < and > escaped, so that no text in it can end the script.
    data = to_json(plot.figure, validate=False, engine="json")
    height = plot.figure.layout.height
    webgl = ' data-webgl="1"' if plot.webgl else ""
    kind = ("wide " if plot.wide else "") + ("square" if plot.square else "")
    return (
        f'<figure class="{kind.strip()}"><h4>'
        f"{safe(plot.heading)}</h4>"
        f'<div class="plot" id="{name}"{webgl} style="height:{height}px"></div>'
        f"<figcaption>{safe(plot.caption)}</figcaption>"
        f'<script type="application/json" id="{name}-data">{data}</script></figure>'
    )


def _figures(story: Story, prefix: str) -> str:
    drawn = "\n".join(_figure(plot, prefix) for plot in interactive.draw_all(story))
    if not drawn:
        return ""
    missing = "<noscript><p>The figures need JavaScript.</p></noscript>"
    return f'{missing}<div class="figures">{drawn}</div>'


def _section(story: Story, prefix: str, files: Sequence[Path] = ()) -> str:
    head = story.diagnosis.findings[0].evidence if story.diagnosis.findings else ()
    names = ", ".join(f"<code>{safe(path.stem)}</code>" for path in files if path.suffix == ".png")
    beside = f'<p class="quiet">The same as .png and .svg beside this page: {names}.</p>'
    parts = (
        _verdict(story),
        _part("What happened", _events(story)),
        _part("What the verdict rests on", evidence_table(head)),
        _part("What the network can do in the end", evidence_table(story.metrics)),
        _part("Also found", _others(story)),
        _part("Points that were judged", _points(story)),
        _part("How often units are flat", units_map(story.diagnosis.saturation)),
        _part("Escapes", escape_table(story.escapes) if story.escapes else ""),
        _part("Figures", _figures(story, prefix) + (beside if files else "")),
        _part("Notes on the data", items(story.notes) if story.notes else ""),
        _part(
            "What was not checked",
            items(story.diagnosis.not_checked) if story.diagnosis.not_checked else "",
        ),
    )
    body = "\n".join(part for part in parts if part)
    return (
        f'<section id="{prefix}">\n<h2>{safe(story.title)}</h2>\n'
        f'<p class="subject">{safe(story.subject)}</p>\n{body}\n</section>'
    )


def _contents(stories: Sequence[Story]) -> str:
    if len(stories) < 2:
        return ""
    rows = "".join(
        f'<li><a href="#run-{k}">{safe(story.title)}</a>: '
        f"{safe(story.diagnosis.verdict.replace('_', ' '))}</li>"
        for k, story in enumerate(stories, start=1)
    )
    return f"<nav><ul>{rows}</ul></nav>"


def _page(title: str, body: str) -> bytes:
    fields: dict[str, Any] = {
        "title": safe(title),
        "css": CSS,
        "body": body,
        "plotly": get_plotlyjs(),
        "script": SCRIPT,
    }
    return _PAGE.substitute(fields).encode("utf-8", "replace")


def write(investigations: Sequence[Investigation], folder: str | Path) -> Path:
    """Write ``report.html`` and, beside it, every figure as PNG and SVG.

    The page is one file that opens offline: the verdict of every investigation in plain words,
    its story, the evidence, the points that were judged, and figures to zoom and turn.

    Parameters
    ----------
    investigations : sequence of Investigation
        At least one, in the order in which they are to be read.
    folder : str or Path
        Made if it is not there. Files of the same names are replaced, each whole or not at all;
        ``report.html`` comes last.

    Returns
    -------
    Path
        ``folder/report.html``.

    Raises
    ------
    ValueError
        If there is no investigation.
    OSError
        If `folder` can't be made or written to.

    Examples
    --------
    >>> import tempfile
    >>> from saddlescape.diagnosis import Diagnosis, Investigation
    >>> from saddlescape.report import write
    >>> from saddlescape.train.history import History
    >>> history = History(["loss"])
    >>> history.append(loss=2.0)
    >>> diagnosis = Diagnosis("cannot tell", (), (), None, history, "one step")
    >>> run = Investigation("One step", "", (), history, (), (), (), (), diagnosis)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write([run], folder).name
    'report.html'
    """
    if not investigations:
        raise ValueError("investigations: none given, expected at least one")
    folder = Path(folder)
    stories = [Story.of_investigation(one) for one in investigations]
    sections, taken = [], set[str]()
    for k, story in enumerate(stories, start=1):
        stem = slug(story.title)
        if stem in taken:  # two of one title must not overwrite each other's figures
            stem = f"{stem}-{k}"
        taken.add(stem)
        sections.append(_section(story, f"run-{k}", write_story_figures(story, stem, folder)))
    title = "Why training stalled"
    body = f"<h1>{title}</h1>\n{_contents(stories)}\n" + "\n".join(sections)
    return write_whole(folder / "report.html", _page(title, body))


def save(diagnosis: Diagnosis, path: str | Path) -> Path:
    """Write one diagnosis as a page: its findings, its point, its curves; the figures are inside.

    Parameters
    ----------
    diagnosis : Diagnosis
    path : str or Path
        A file name that ends in ``.html``, in a folder that exists.

    Returns
    -------
    Path
        The file that was written.

    Raises
    ------
    ValueError
        If `path` does not end in ``.html``.
    OSError
        If it can't be written.

    Examples
    --------
    >>> import tempfile
    >>> from saddlescape.diagnosis import Diagnosis
    >>> from saddlescape.report import save
    >>> diagnosis = Diagnosis("cannot tell", (), ("everything",), None, None, "a network")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(diagnosis, f"{folder}/one.html").name
    'one.html'
    >>> save(diagnosis, "one.pdf")
    Traceback (most recent call last):
        ...
    ValueError: path: 'one.pdf', expected a file name that ends in .html
    """
    path = Path(path)
    if path.suffix != ".html":
        raise ValueError(f"path: {str(path)!r}, expected a file name that ends in .html")
    story = Story.of_diagnosis(diagnosis)
    title = "Why training stands where it stands"
    return write_whole(path, _page(title, f"<h1>{title}</h1>\n{_section(story, 'run-1')}"))
