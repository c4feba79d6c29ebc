"""A folder with data and runs, for the tests of the command line."""

from __future__ import annotations

import csv
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from saddlescape.cli import main

FILES = {"run.json", "checkpoint.safetensors", "model.safetensors", "history.csv"}
LABELS = "expected one of 'Oslo', 'Rome' as in training"


def write(path, header, rows):
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")


def make_data(folder):
    rng = np.random.default_rng(0)
    towns = rng.choice(["Oslo", "Rome"], 60)
    rows = [(f"{x:.3f}", t, f"{1000 * x + 500 * (t == 'Rome') + 3000:.2f}")
            for x, t in zip(rng.standard_normal(60), towns, strict=True)]  # fmt: skip
    write(folder / "houses.csv", "rooms,town,price", rows)
    write(folder / "new.csv", "town,note,rooms", [("Rome", "x", 0.5), ("Oslo", "y", "")])
    write(folder / "paris.csv", "town,rooms", [("Oslo", 1), ("Paris", 2), ("Paris", 3)])
    write(folder / "nowhere.csv", "town,rooms", [("Oslo", 1), ("", 2)])
    write(folder / "words.csv", "town,rooms", [("Oslo", 1), ("Oslo", "many")])
    write(folder / "endless.csv", "town,rooms", [("Oslo", 1), ("Oslo", "inf")])
    write(folder / "huge.csv", "town,rooms", [("Oslo", "1e308"), ("Oslo", "-1e308")])
    write(folder / "roomless.csv", "town,size", [("Oslo", 1)])
    write(folder / "strange.csv", "rooms,town,price", [(1, "Oslo", "dear")])
    pets = [(4 + 20 * (i % 2) + i / 50, i % 7, ["cat", "dog"][i % 2]) for i in range(40)]
    write(folder / "pets.csv", "weight,age,kind", pets)
    write(folder / "birds.csv", "weight,age,kind", [(4, 1, "cat"), (5, 1, "bird")])
    X = rng.standard_normal((40, 3))
    np.savez(folder / "three.npz", X=X, y=X @ [1.0, 2.0, 3.0])
    np.savez(folder / "four.npz", X=np.ones((4, 4)))
    np.savez(folder / "only_x.npz", X=X[:4])


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A folder with data, and a run of houses, pets and arrays each."""
    folder = tmp_path_factory.mktemp("cli")
    make_data(folder)
    before = Path.cwd()
    os.chdir(folder)
    try:
        for line in (
            "train houses.csv --target price --out h --epochs 60 --lr 0.02 --validation 0.2",
            "train pets.csv --target kind --out p --epochs 60 --lr 0.05",
            "train three.npz --out a --epochs 3",
        ):
            assert main(line.split()) == 0
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def folder(trained, tmp_path, monkeypatch):
    """A copy of its own to stand in."""
    shutil.copytree(trained, tmp_path / "x")
    monkeypatch.chdir(tmp_path / "x")
    return tmp_path / "x"


def status(line):
    try:
        return main(line.split())
    except SystemExit as end:
        return end.code


def contents(folder):
    return {path.relative_to(folder): path.read_bytes()
            for path in sorted(folder.rglob("*")) if path.is_file()}  # fmt: skip


def check_refused(line, said, folder, capsys):
    """A command line is refused in one line that begins like this, and nothing is changed."""
    before = contents(folder)
    assert status(line) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith(f"saddlescape: {said}")
    assert contents(folder) == before


def table(text):
    return list(csv.DictReader(text.splitlines()))
