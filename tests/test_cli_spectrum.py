"""`saddlescape spectrum`: the ends, the density and the verdict."""

# ruff: noqa: F811 - fixtures by their names

from __future__ import annotations

import numpy as np

import saddlescape as ss
from cli_samples import folder, status, table, trained  # noqa: F401 - fixtures
from saddlescape import data
from saddlescape.cli.record import Record
from saddlescape.eig import eigvalsh
from saddlescape.train.held_out import held_out


def test_the_spectrum_is_that_of_the_hessian(folder, capsys):
    assert status("spectrum h --ends 3") == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert max(map(len, out.splitlines())) <= 80
    net = ss.MLP.load(folder / "h" / "model.safetensors")
    split = data.prepare(data.load("houses.csv", target="price"), standardise=False)
    kept, _ = held_out(0.2, len(split.train), None, 0)
    y = Record.read(folder / "h" / "run.json").scale.apply(split.train.y[kept])
    values = eigvalsh(net.hessian(split.train.X[kept], y))
    shown = [float(line.split()[0]) for line in out.splitlines() if line.endswith("1  yes")]
    assert len(shown) == 6
    np.testing.assert_allclose(shown, [*values[:3], *values[-3:]], rtol=1e-5)
    assert f"{(values > 1e-9).sum()} positive" in out
    assert "VERDICT" in out
    assert (folder / "h" / "spectrum.png").read_bytes().startswith(b"\x89PNG")
    rows = table((folder / "h" / "spectrum.csv").read_text())
    share = np.array([float(row["share_up_to_x"]) for row in rows])
    x = np.array([float(row["x"]) for row in rows])
    exact = (values[None, :] <= x[:, None]).mean(axis=1)
    near = np.abs(x[:, None] - values).min(axis=1) < 1e-9
    np.testing.assert_allclose(share[~near], exact[~near], atol=1e-12)
    assert all(float(r["share_low"]) - 1e-12 <= s <= float(r["share_high"]) + 1e-12
               for r, s in zip(rows, share, strict=True))  # fmt: skip


def test_a_spectrum_that_is_estimated_has_its_interval(folder, capsys):
    words = "train pets.csv --target kind --layers 60,50 --epochs 5 --activation relu --l2 0.1"
    assert status(f"{words} --out wide") == 0
    capsys.readouterr()
    assert status("spectrum wide --steps 20 --probes 2 --ends 2") == 0
    out = capsys.readouterr().out
    assert "share, 95 % interval" in out
    assert "signs        not counted: 3,332 parameters, the Hessian is assembled up to 3,000" in out
    assert "with --l2 0.1, as trained: on the diagonal, for each weight" in out
    assert "relu" in out
    assert max(map(len, out.splitlines())) <= 80


def test_a_diverged_run_has_no_spectrum(folder, capsys):
    net = ss.MLP.load(folder / "h" / "model.safetensors")
    net._theta[0] = np.nan
    net.save(folder / "h" / "model.safetensors")
    assert status("spectrum h") == 1
    err = capsys.readouterr().err
    assert err.endswith("where a run diverged: a parameter is not finite\n")
