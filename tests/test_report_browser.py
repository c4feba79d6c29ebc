"""The report in headless Chromium: drawn, without complaint, as wide as the window and no wider."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

import report_samples as samples
from saddlescape import report


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    investigations = [make() for make in samples.SAMPLES.values()]
    return report.write(investigations, tmp_path_factory.mktemp("report"))


FRAME = """<!DOCTYPE html><body style="margin:0">
<iframe id="f" src="{page}" style="width:{width}px;height:2000px;border:0"></iframe>
<pre id="seen"></pre>
<script>
setTimeout(function () {{
  var d = document.getElementById('f').contentDocument, e = d.documentElement;
  var plots = Array.prototype.slice.call(d.querySelectorAll('.plot'));
  var out = plots.filter(function (p) {{
    var s = p.querySelector('.main-svg');
    return s && s.getBoundingClientRect().right > e.clientWidth + 1;
  }});
  document.getElementById('seen').textContent = JSON.stringify([e.clientWidth, e.scrollWidth,
    plots.length, d.querySelectorAll('.plot .main-svg').length, out.length,
    d.querySelectorAll('.scatterlayer .trace').length]);
}}, 8000);
</script>"""


def browse(page: Path, width: int, profile: Path, *more: str) -> subprocess.CompletedProcess[str]:
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("chromium is not installed: the page is not looked at in a browser")
    return subprocess.run(  # noqa: S603
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
         "--no-first-run", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--hide-scrollbars", "--enable-logging=stderr",
         "--allow-file-access-from-files", "--enable-unsafe-swiftshader",
         f"--user-data-dir={profile}", "--virtual-time-budget=20000",
         f"--window-size={width},2200", *more, page.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip


# What Chromium says about its own software rendering, not about the page.
RENDERER = ("willReadFrequently", "GL Driver Message")


@pytest.mark.parametrize("width", [1200, 400])
def test_page_in_a_browser(written: Path, tmp_path: Path, width: int) -> None:
    # In a frame, because a window of Chromium is never narrower than 500.
    frame = tmp_path / "frame.html"
    frame.write_text(FRAME.format(page=written.as_uri(), width=width))
    seen = browse(frame, max(width, 600), tmp_path / "profile", "--dump-dom")
    console = [line for line in seen.stderr.splitlines() if "CONSOLE" in line]
    assert [line for line in console if not any(own in line for own in RENDERER)] == []
    found = re.search(r'id="seen">\[([\d,]+)\]', seen.stdout)
    assert found, seen.stdout[-500:]
    inner, scrolled, plots, drawn, outside, traces = map(int, found[1].split(","))
    assert inner == width
    assert scrolled <= width  # nothing but the tables scrolls sideways, and they within themselves
    assert plots == 6 + 4 + 3
    assert drawn >= plots
    assert outside == 0
    assert traces > 20


def test_page_can_be_photographed(written: Path, tmp_path: Path) -> None:
    shot = tmp_path / "shot.png"
    seen = browse(written, 1200, tmp_path / "profile", f"--screenshot={shot}")
    assert "main-svg" not in seen.stdout
    data = shot.read_bytes()
    assert struct.unpack(">II", data[16:24]) == (1200, 2200)
    assert len(data) > 50_000  # a blank page of this size has a tenth of it


def test_page_without_webgl_says_so_and_draws_the_rest(written: Path, tmp_path: Path) -> None:
    seen = browse(written, 1200, tmp_path / "profile", "--disable-3d-apis", "--dump-dom")
    assert "This browser has no WebGL" in seen.stdout.rpartition("</figure>")[0]
    assert "Uncaught" not in seen.stderr
    # Everything but the surface; a figure has three of them one over another.
    assert seen.stdout.count('class="main-svg"') >= 12
