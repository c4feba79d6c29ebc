"""The drawing of a network: as many circles and lines as it has units and parameters."""

from __future__ import annotations

import re
import struct
from collections import defaultdict

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

import saddlescape as ss
from saddlescape.report.look import drawing
from saddlescape.report.network import draw_network


def drawn(net):
    """By name the numbers of what is drawn, and all texts."""
    figure = draw_network(net)
    (axes,) = figure.axes
    counts = defaultdict(list)
    for part in axes.collections:
        name = part.get_gid()
        if name and name.startswith("layer"):
            counts["units"].append(len(part.get_offsets()))
        elif name:
            counts[name].append(len(part.get_paths()))
    counts["residual"] = sum(patch.get_gid() == "residual" for patch in axes.patches)
    return counts, [text.get_text() for text in axes.texts], figure.get_suptitle()


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("sizes", [(1, 1), (2, 3, 1), (3, 3, 1), (2, 16, 16, 2), (5, 1, 7, 3, 2)])
def test_a_small_network_has_a_line_for_each_parameter(sizes, bias):
    net = ss.MLP(sizes, loss="mse", bias=bias)
    counts, texts, title = drawn(net)
    assert counts["units"] == list(sizes)
    assert counts["weights"] == [W.size for W, _ in net.layers()]
    assert counts["biases"] == ([len(W) for W, _ in net.layers()] if bias else [])
    assert sum(counts["weights"]) + sum(counts["biases"]) == net.parameters
    said = [int(n) for text in texts for n in re.findall(r"= ([\d,]+)", text.replace(",", ""))]
    assert sum(said) == net.parameters
    assert said == [W.size + (len(W) if bias else 0) for W, _ in net.layers()]
    assert title.startswith("-".join(map(str, sizes)))
    assert f"{net.parameters} parameter" in title


def test_a_wide_layer_is_abbreviated_and_counted_in_full():
    counts, texts, title = drawn(ss.MLP((784, 256, 17, 16), "relu"))
    assert counts["units"] == [10, 10, 10, 16]
    assert counts["weights"] == [100, 100, 160]
    assert counts["biases"] == [10, 10, 16]
    assert "784 inputs" in texts
    assert "256 units" in texts
    assert "17 units" in texts
    assert "16 outputs" in texts
    assert "W 256 × 784\nb 256\n= 200,960" in texts
    named = [text for text in texts if text.startswith("$x")]
    assert named == [f"$x_{{{i}}}$" for i in (1, 2, 3, 4, 5, 780, 781, 782, 783, 784)]
    assert title == "784-256-17-16 relu, cross_entropy, 205,617 parameters"


@pytest.mark.parametrize("hidden", [6, 7, 40])
def test_a_deep_network_is_abbreviated_and_every_parameter_counted(hidden):
    net = ss.MLP((4, *[3] * hidden, 2), "tanh")
    counts, texts, title = drawn(net)
    assert len(counts["units"]) == min(hidden + 2, 8 if hidden == 6 else 7)
    said = [int(n) for text in texts for n in re.findall(r"= ([\d,]+)", text.replace(",", ""))]
    assert sum(said) == net.parameters
    assert any("more layers" in text for text in texts) == (hidden > 6)
    assert any(text.startswith(f"{hidden - 5} more layers") for text in texts) == (hidden > 6)
    assert title.startswith("4-3-3" if hidden == 6 else f"{hidden + 1} layers, tanh")


@pytest.mark.parametrize("normalisation", ["batch", "layer"])
def test_what_else_there_is(normalisation):
    net = ss.MLP((4, 4, 4, 2), normalisation=normalisation, residual=True, dropout=0.25)
    counts, texts, title = drawn(net)
    assert counts["residual"] == 2  # inputs to hidden, hidden to hidden; not to the outputs
    assert "W 4 × 4\nb 4\nγ, β 2 × 4\n= 28" in texts
    assert "W 2 × 4\nb 2\n= 10" in texts
    for said in (f"{normalisation} normalisation", "residual", "dropout 0.25", "66 parameters"):
        assert said in title


def test_no_text_covers_another():
    net = ss.MLP((784, 256, 256, 10), "hard_sigmoid", normalisation="layer")
    with drawing():
        figure = draw_network(net)
        FigureCanvasAgg(figure).draw()
    texts = figure.axes[0].texts
    boxes = [text.get_window_extent() for text in texts]
    width, height = figure.get_size_inches() * figure.dpi
    for i, box in enumerate(boxes):
        assert 0 <= box.x0 < box.x1 <= width
        assert 0 <= box.y0 < box.y1 <= height
        for j, other in enumerate(boxes[:i]):
            apart = (box.x1 <= other.x0, other.x1 <= box.x0, box.y1 <= other.y0, other.y1 <= box.y0)
            assert any(apart), (texts[i].get_text(), texts[j].get_text())


def test_the_files(tmp_path):
    net = ss.MLP((2, 3, 1), loss="mse")
    before = net.theta.copy()
    png, svg = net.save_figure(tmp_path / "a.png"), net.save_figure(str(tmp_path / "a.svg"))
    assert (png, svg) == (tmp_path / "a.png", tmp_path / "a.svg")
    data = png.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", data[16:24]) > (700, 300)
    first = svg.read_bytes()
    with mpl.rc_context({"font.size": 40}):
        assert net.save_figure(svg).read_bytes() == first
    np.testing.assert_array_equal(net.theta, before)


@pytest.mark.parametrize("name", ["net.pdf", "net", ".png", "net.png.gz"])
def test_other_names_are_refused(tmp_path, name):
    path = tmp_path / name
    with pytest.raises(ValueError, match=re.escape(f"path: {str(path)!r}, expected a file name")):
        ss.MLP((1, 2)).save_figure(path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_path_is_refused():
    with pytest.raises(TypeError, match="int"):
        ss.MLP((1, 2)).save_figure(3)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        ss.MLP((1, 2)).save_figure(tmp_path / "nowhere" / "net.png")
