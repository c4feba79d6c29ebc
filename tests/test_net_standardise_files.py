"""Standardisations on disk: a third format; the first two are read, and written where they do."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

import saddlescape as ss
from saddlescape.net import store

Array = NDArray[Any]


def raw(**arguments: Any) -> ss.MLP:
    net = ss.MLP(**{"sizes": (3, 5, 2), "seed": 4, **arguments})
    net.standardise(np.arange(12.0).reshape(4, 3) ** 2)
    return net


def earlier(path: Path, version: int, net: ss.MLP, **parts: Array) -> Path:
    """What earlier versions wrote."""
    architecture = store.architecture(net)
    numbers = b"".join(part.tobytes() for part in parts.values())
    digest = hashlib.sha256(numbers + json.dumps(architecture).encode()).hexdigest()
    header = {"format": f"saddlescape.MLP/{version}", "architecture": architecture,
              "sha256": digest}  # fmt: skip
    save_file(dict(parts), path, metadata={"saddlescape": json.dumps(header)})
    return path


def test_earlier_formats_are_read_and_written_where_they_do(tmp_path: Path) -> None:
    plain, layered = ss.MLP((3, 5, 2)), ss.MLP((3, 5, 2), normalisation="batch")
    layered.running[:] = 2.5
    first = earlier(tmp_path / "1", 1, plain, theta=plain.theta)
    second = earlier(tmp_path / "2", 2, layered, theta=layered.theta, running=layered.running)
    assert ss.MLP.load(first).theta.tobytes() == plain.theta.tobytes()
    assert ss.MLP.load(second).running.tobytes() == layered.running.tobytes()
    for net, version in ((plain, 1), (layered, 2), (raw(), 3), (raw(normalisation="batch"), 3)):
        written = net.save(tmp_path / "now").read_bytes()
        assert f"saddlescape.MLP/{version}".encode() in written
    assert plain.save(tmp_path / "now").read_bytes() == first.read_bytes()
    assert layered.save(tmp_path / "now").read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    ("moments", "text"),
    [
        (np.zeros((2, 3)), "standardisation: no means and standard deviations"),
        (np.full((2, 3), np.nan), "standardisation: no means and standard deviations"),
        (-np.ones((2, 3)), "standardisation: no means and standard deviations"),
        (
            np.ones((2, 4)),
            "standardisation of shape (2, 4) and dtype float64, expected (2, 3) and float64",
        ),
        (
            np.ones((2, 3), np.float32),
            "standardisation of shape (2, 3) and dtype float32, expected (2, 3) and float64",
        ),
    ],
)
def test_files_with_other_moments_are_refused(tmp_path: Path, moments: Array, text: str) -> None:
    net = ss.MLP((3, 5, 2))
    path = earlier(tmp_path / "net", 3, net, theta=net.theta, standardisation=moments)
    with pytest.raises(ValueError, match="^" + re.escape(f"path: {path}: {text}") + "$"):
        ss.MLP.load(path)


def test_any_altered_byte_is_noticed(tmp_path: Path) -> None:
    path = raw(normalisation="batch").save(tmp_path / "net")
    good = path.read_bytes()
    for i in range(0, len(good), 3):
        path.write_bytes(good[:i] + bytes([good[i] ^ 1]) + good[i + 1 :])
        with pytest.raises(ValueError, match="^" + re.escape(f"path: {path}: ")):
            ss.MLP.load(path)
