"""The report: HTML that opens offline, and the same figures as PNG and SVG.

A leaf: it draws and lays out what the records hold. It computes no curvature, trains nothing, and
nothing imports it.
"""

from __future__ import annotations

from saddlescape._extras import require

# Asked for here, once, so that whoever lacks them reads the command that installs them.
require("matplotlib", "app")
require("plotly", "app")

from saddlescape.report.density import write_density  # noqa: E402
from saddlescape.report.early_stopping import write_early_stopping  # noqa: E402
from saddlescape.report.figures import write_figures  # noqa: E402
from saddlescape.report.network import write_network  # noqa: E402
from saddlescape.report.page import save, write  # noqa: E402
from saddlescape.report.study import write_study  # noqa: E402

__all__ = [
    "save",
    "write",
    "write_density",
    "write_early_stopping",
    "write_figures",
    "write_network",
    "write_study",
]
