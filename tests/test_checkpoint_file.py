"""The file of a checkpoint: altered, cut off, foreign, and written over."""

from __future__ import annotations

import os
import pickle
import re

import numpy as np
import pytest
from safetensors.numpy import save_file

import saddlescape as ss
from checkpoint_samples import same
from saddlescape import _files
from saddlescape.train import checkpoint_file

TREE = {
    "theta": np.linspace(-1, 1, 50),
    "state": {"m": [np.arange(4, dtype=np.uint8), np.zeros((0,), np.float32)]},
    "betas": (0.9, float("inf")),
    "name": "déjà \\ vu",
}


def test_the_file_comes_back(tmp_path):
    path = checkpoint_file.write(tmp_path / "run", TREE)
    assert same(checkpoint_file.read(path), TREE)
    assert checkpoint_file.write(tmp_path / "again", TREE).read_bytes() == path.read_bytes()
    array = checkpoint_file.read(path)["theta"]
    array[:] = 0  # a copy of its own, aligned and writable
    assert sorted(p.name for p in tmp_path.iterdir()) == ["again", "run"]


def refused(path, text, error=ValueError):
    with pytest.raises(error) as caught:
        checkpoint_file.read(path)
    assert type(caught.value) is error
    assert re.fullmatch(re.escape(f"path: {path}: ") + text, str(caught.value)), str(caught.value)


def test_any_altered_byte_is_noticed(tmp_path):
    path = checkpoint_file.write(tmp_path / "run", TREE)
    good = path.read_bytes()
    for i in range(len(good)):
        for bit in (0, 3, 6):
            path.write_bytes(good[:i] + bytes([good[i] ^ (1 << bit)]) + good[i + 1 :])
            refused(path, "(damaged|format) ?.+")
    header = 8 + int.from_bytes(good[:8], "little")
    path.write_bytes(good[: header - 1] + b"\t" + good[header:])  # means the same in JSON
    refused(path, "damaged, its contents do not match its checksum")


def test_every_truncation_is_noticed(tmp_path):
    path = checkpoint_file.write(tmp_path / "run", TREE)
    good = path.read_bytes()
    header = 8 + int.from_bytes(good[:8], "little")
    for length in range(1, len(good)):
        path.write_bytes(good[:length])
        short = rf"damaged, or not safetensors \({length} bytes are less than its header\)"
        rest = f"damaged, {length} bytes, expected {len(good)}"
        # the header ends in spaces, which JSON does not need
        refused(path, rest if length >= header else short if length < header - 8 else ".+")
    path.write_bytes(good + b"\0")
    refused(path, f"damaged, {len(good) + 1} bytes, expected {len(good)}")


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "file"
    refused(path, "no such file", FileNotFoundError)
    refused(tmp_path, "no such file", FileNotFoundError)
    path.write_bytes(b"")
    refused(path, "empty, expected a checkpoint")
    pickled = r"damaged, or not safetensors \(a pickle or an archive, which is never opened\)"
    for protocol in (2, 4, 5):
        path.write_bytes(pickle.dumps({"theta": np.ones(3)}, protocol))
        refused(path, pickled)
    with path.open("wb") as file:
        np.savez(file, theta=np.ones(3))
    refused(path, pickled)
    for content in (b"step,loss\n0,1.0\n", b"\0" * 40, b"{}", os.urandom(100)):
        path.write_bytes(content)
        refused(path, r"damaged, or not safetensors \(.+\)")
    save_file({"theta": np.ones(3)}, path)
    wanted = r"expected 'saddlescape.checkpoint/1' \(train\(checkpoint=...\) writes it\)"
    refused(path, f"format None, {wanted}")
    ss.MLP((3, 2)).save(path)
    refused(path, f"format 'saddlescape.MLP/1', {wanted}")


def test_a_pickle_in_the_name_of_a_checkpoint_is_not_opened(tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "opened"),)

    (tmp_path / "run").write_bytes(pickle.dumps(Trap()))
    refused(tmp_path / "run", "damaged, or not safetensors .+")
    assert not (tmp_path / "opened").exists()


@pytest.mark.parametrize("broken", ["open", "write", "fsync", "replace", "fsync of the folder"])
def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch, broken):
    path = checkpoint_file.write(tmp_path / "run", TREE)
    before = path.read_bytes()
    full = OSError(28, "No space left on device")

    def fail(*_args, **_kwargs):
        raise full

    class Full:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def write(self, content):
            self.file.write(content[: len(content) // 2])
            raise full

    opened = type(path).open
    if broken == "open":
        monkeypatch.setattr(type(path), "open", fail)
    elif broken == "write":
        monkeypatch.setattr(type(path), "open", lambda self, mode: Full(opened(self, mode)))
    elif broken == "replace":
        monkeypatch.setattr(type(path), "replace", fail)
    elif broken == "fsync":
        monkeypatch.setattr(_files.os, "fsync", fail)
    else:
        monkeypatch.setattr(_files, "_sync_folder", fail)
    with pytest.raises(OSError, match="No space left on device") as caught:
        checkpoint_file.write(path, {"theta": np.zeros(3)})
    assert caught.value.filename == str(path)
    monkeypatch.undo()
    if broken == "fsync of the folder":  # the new one is whole, and there unless the power fails
        assert same(checkpoint_file.read(path), {"theta": np.zeros(3)})
    else:
        assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_leftovers_of_a_killed_process_are_removed(tmp_path):
    path = checkpoint_file.write(tmp_path / "run", TREE)
    theirs = [".run.0123456789ab.tmp.gz", ".other.0123456789ab.tmp", ".run.tmp", "run.tmp"]
    for name in [*theirs, ".run.0123456789ab.tmp", ".run.ba9876543210.tmp"]:
        (tmp_path / name).write_bytes(b"half")
    _files.remove_leftovers(path)
    assert {p.name for p in tmp_path.iterdir()} == {"run", *theirs}
