"""The report: whole files, a page that asks nothing of any network, every number on it."""

from __future__ import annotations

import re
import struct
import subprocess
import sys
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest

import report_samples as samples
from saddlescape import _files as files
from saddlescape import report
from saddlescape.report.story import slug

FIGURES = {
    "two weights": {"surface", "contour", "curves", "spectrum", "escape"},
    "digits": {"curves", "spectrum", "escape"},
    "few eigenvalues": {"curves", "spectrum", "escape"},
}
# Elements that HTML closes itself; everything else must be closed by the page.
VOID = {"meta", "br", "link", "img", "hr", "input"}


class Page(HTMLParser):
    """Collects what a page refers to, its text outside scripts, and tags left open."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.references: list[str] = []
        self.ids: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "action", "data", "poster", "srcset"):
                self.references.append(value or "")
            if name == "id":
                self.ids.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("script", "style"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return "".join(self.words)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every sample in one report, written once."""
    folder = tmp_path_factory.mktemp("report") / "made" / "here"
    return report.write([make() for make in samples.SAMPLES.values()], folder)


def read(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


# ---- Files -------------------------------------------------------------------------------------


def test_write_puts_page_and_figures_into_a_new_folder(written: Path) -> None:
    expected = {"report.html"}
    for name, make in samples.SAMPLES.items():
        stem = slug(make().title)
        expected |= {f"{stem}-{figure}.{k}" for figure in FIGURES[name] for k in ("png", "svg")}
    assert {path.name for path in written.parent.iterdir()} == expected


def test_png_are_valid_and_small(written: Path) -> None:
    for path in written.parent.glob("*.png"):
        data = path.read_bytes()
        assert data[:8] == b"\x89PNG\r\n\x1a\n"
        assert data[-8:-4] == b"IEND"
        width, height = struct.unpack(">II", data[16:24])
        assert 700 < width < 1600, path.name
        assert 500 < height < 1400, path.name
        assert len(data) < 300_000, path.name


def test_svg_are_valid_and_have_no_date(written: Path) -> None:
    for path in written.parent.glob("*.svg"):
        root = ET.fromstring(path.read_text(encoding="utf-8"))  # noqa: S314 (our own file)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert len(list(root.iter())) > 50
        assert "<dc:date>" not in path.read_text(encoding="utf-8")


def test_two_reports_are_the_same_bytes_whatever_the_users_settings(
    written: Path, tmp_path: Path
) -> None:
    with mpl.rc_context({"font.size": 40, "axes.facecolor": "black", "svg.hashsalt": "x"}):
        paths = report.write_figures(samples.two_weights(), tmp_path)
        assert mpl.rcParams["font.size"] == 40
    assert len(paths) == 10
    for path in paths:
        assert path.read_bytes() == (written.parent / path.name).read_bytes(), path.name


def test_two_pages_are_the_same_bytes(tmp_path: Path) -> None:
    a, b = (report.save(samples.digits().diagnosis, tmp_path / f"{k}.html") for k in "ab")
    assert a.read_bytes() == b.read_bytes()


def test_drawing_starts_no_pyplot(tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[2]); import report_samples as s\n"
        "from saddlescape import report; report.write([s.few_eigenvalues()], sys.argv[1])\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    here = str(Path(__file__).parent)
    subprocess.run([sys.executable, "-c", code, str(tmp_path), here], check=True)  # noqa: S603


def test_two_of_one_title_keep_their_own_figures(tmp_path: Path) -> None:
    report.write([samples.digits("same"), samples.few_eigenvalues("same")], tmp_path)
    first, second = ((tmp_path / f"same{k}-spectrum.png").read_bytes() for k in ("", "-2"))
    assert first != second


@pytest.mark.parametrize("moment", ["write", "fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    if moment == "fsync":
        monkeypatch.setattr(files.os, "fsync", fail)
    elif moment == "replace":
        monkeypatch.setattr(Path, "replace", fail)
    content: Any = "not bytes" if moment == "write" else b"new"
    with pytest.raises(TypeError if moment == "write" else OSError):
        files.write_whole(path, content)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"x\.html: no directory .*nowhere$"):
        files.write_whole(tmp_path / "nowhere" / "x.html", b"")


def test_a_report_can_be_read_by_others(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("")
    made = files.write_whole(tmp_path / "made", b"x")
    assert made.stat().st_mode == plain.stat().st_mode


# ---- The page ----------------------------------------------------------------------------------


def test_page_is_well_formed_and_refers_to_nothing_outside(written: Path) -> None:
    page = read(written)
    assert page.open == []
    assert page.references
    assert all(reference.startswith("#run-") for reference in page.references)
    assert len(page.ids) == len(set(page.ids))
    assert all(reference[1:] in page.ids for reference in page.references)
    head = written.read_text(encoding="utf-8")[:2000]
    assert "default-src 'none'" in head


@pytest.mark.parametrize("name", samples.SAMPLES)
def test_every_text_and_every_number_of_the_records_is_on_the_page(
    written: Path, name: str
) -> None:
    sample, text = samples.SAMPLES[name](), read(written).text
    diagnosis = sample.diagnosis
    evidence = [e for finding in diagnosis.findings for e in finding.evidence]
    for e in [*evidence, *sample.metrics]:
        for part in (e.quantity, e.value, e.basis):
            assert part in text
    for finding in diagnosis.findings:
        assert finding.statement in text
        assert finding.remedy in text
    for part in [sample.title, sample.subject, *sample.notes, *diagnosis.not_checked]:
        assert part in text
    for event in sample.events:
        assert f"step {event.step}{event.kind}: {event.text}" in text
    # Whole rows, cell after cell: a number alone may stand elsewhere for something else.
    for step, point in sample.points:
        gradient, counts = point.gradient, point.inertia
        low, high = counts.minimum_ratio
        ratio = f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
        sign = "≤" if gradient.norm <= gradient.threshold else ">"
        ends = "".join(
            f"{point.eigenvalues[k]:.4g}residual {point.residuals[k]:.4g}" for k in (0, -1)
        )
        row = (
            f"{step}{str(point.kind).replace('_', ' ')}{gradient.norm:.4g}{sign} "
            f"{gradient.threshold:.4g}{counts.positive}{counts.negative}{counts.undetermined}"
            f"{ratio}{ends}"
        )
        assert row in text
    for step, e in sample.escapes:
        values = (e.curvature, e.step, e.predicted_drop, e.measured_drop, e.loss_before)
        row = "".join(f"{value:.4g}" for value in (step, *values, e.loss_after))
        assert row in text


HOSTILE = '<script>alert(1)</script> & "$x^2$" </title> 100% \u2028 \ud800'


def test_text_of_the_user_is_escaped_everywhere(tmp_path: Path) -> None:
    sample = samples.two_weights()
    fields = samples.fields_of(sample) | {
        "title": HOSTILE,
        "subject": HOSTILE,
        "notes": (HOSTILE,),
        "events": (samples.Event(step=20, kind=HOSTILE, text=HOSTILE),),
        "metrics": (samples.Evidence(quantity=HOSTILE, value=HOSTILE, basis=HOSTILE),),
        "points": (),
        "escapes": (),
        "surface": None,
    }
    page = report.write([samples.Investigation(**fields)], tmp_path)
    raw = page.read_text(encoding="utf-8")
    assert "<script>alert" not in raw
    parsed = Page(raw)
    assert parsed.open == []
    # title, subject, note, event (kind and text), metric (three)
    assert parsed.text.count("<script>alert(1)</script>") == 8
    assert (tmp_path / "script-alert-1-script-x-2-title-100-curves.svg").stat().st_size > 1000


def test_save_writes_a_diagnosis_alone(tmp_path: Path) -> None:
    diagnosis = samples.digits().diagnosis
    path = report.save(diagnosis, str(tmp_path / "one.html"))
    assert path == tmp_path / "one.html"
    assert [p.name for p in tmp_path.iterdir()] == ["one.html"]
    page = read(path)
    assert page.references == []
    assert {"run-1-curves", "run-1-spectrum-1"} <= set(page.ids)
    assert diagnosis.statement in page.text


def test_save_writes_a_point_without_eigenvalues(tmp_path: Path) -> None:
    point = samples.point("degenerate", 0.0, samples.inertia(0, 0, 9, 1e-9), [], spectrum=None)
    fields = {"verdict": "degenerate", "findings": (), "not_checked": (), "subject": ""}
    diagnosis = samples.Diagnosis(**fields, point=point, history=None)
    page = read(report.save(diagnosis, tmp_path / "one.html"))
    assert "no eigenvalue can be told from zero" in page.text


def test_save_writes_a_diagnosis_of_which_nothing_is_known(tmp_path: Path) -> None:
    diagnosis = samples.Diagnosis(
        verdict="cannot tell", findings=(), not_checked=(), point=None, history=None, subject="?"
    )
    page = read(report.save(diagnosis, tmp_path / "none.html"))
    assert "cannot tell" in page.text
    assert "No rule found anything." in page.text


@pytest.mark.parametrize("name", ["report.htm", "report", "report.html.txt", ".html"])
def test_save_refuses_other_file_names(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with pytest.raises(ValueError, match=re.escape(f"path: {str(path)!r}, expected a file name")):
        report.save(samples.digits().diagnosis, path)
    assert list(tmp_path.iterdir()) == []


def test_write_refuses_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="investigations: none given"):
        report.write([], tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_extra_is_named(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "try:\n    import saddlescape.report\n"
        "except ImportError as error:\n    print(error)"
    )
    out = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert out.stdout.strip() == ("matplotlib is needed for this: pip install 'saddlescape[app]'")
