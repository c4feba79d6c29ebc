"""A run on a device goes on elsewhere: checkpoints, logs and the command line."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import saddlescape as ss
from cli_samples import check_refused, make_data, status
from cuda_train_samples import assert_near, assert_same, network, samples, trained
from device_samples import NEEDS_DEVICE, TOLD
from saddlescape import optim
from saddlescape.train import checkpoint_file

PLACES = ["here", "there", "placed"]
EPOCHS, STEPS = 4, 12


@NEEDS_DEVICE
@pytest.mark.parametrize("stop", [1, 5, STEPS])
@pytest.mark.parametrize("first", PLACES)
@pytest.mark.parametrize("then", ["cpu", "cuda"])
def test_checkpoints_go_on_anywhere(tmp_path, first, then, stop):
    data = samples(n=21, seed=8)
    asked = {
        "epochs": EPOCHS, "validation": data, "early_stopping": 50, "lr": 0.02, "clip_norm": 1.0,
        "checkpoint_every": 5,
    }  # fmt: skip
    path = tmp_path / "run"
    trained(first, checkpoint=path, callback=lambda state: state.step == stop, **asked)
    resumed = ss.resume(path, *samples(), validation=data, device=then)
    assert resumed.history.steps == STEPS
    assert resumed.net.device == "cpu"
    whole = trained("here" if then == "cpu" else "there", **asked, checkpoint=tmp_path / "whole")
    if (first == "here") == (then == "cpu"):
        assert_same(resumed, whole)
        assert path.read_bytes() == (tmp_path / "whole").read_bytes()
    else:
        assert_near(resumed, whole, "float64")
    kept = checkpoint_file.read(path)
    assert kept["theta"].dtype == np.float64


@NEEDS_DEVICE
@pytest.mark.parametrize("around", [{"state_dtype": "bfloat16"}, {"average": optim.EMA(0.9)}])
def test_checkpoints_of_both_networks_are_the_same_file(tmp_path, around):
    for where in ("there", "placed"):
        trained(where, net=network("float32"), epochs=2, checkpoint=tmp_path / where, **around)
    assert (tmp_path / "there").read_bytes() == (tmp_path / "placed").read_bytes()
    run = ss.resume(tmp_path / "placed", *samples("float32"), epochs=3, device="cuda")
    assert_same(run, trained("there", net=network("float32"), epochs=3, **around))


@NEEDS_DEVICE
def test_logs(tmp_path):
    runs = {
        where: trained(where, epochs=EPOCHS, validation=0.2, log=tmp_path / f"{where}.csv")
        for where in PLACES
    }
    lines = {where: (tmp_path / f"{where}.csv").read_text().splitlines() for where in PLACES}
    assert lines["there"] == lines["placed"]
    assert len(lines["there"]) == len(lines["here"]) == runs["there"].history.steps + 1
    # a log whose run was cut off before its first checkpoint is known by its first loss
    trained("there", epochs=0, checkpoint=tmp_path / "run")
    log = tmp_path / "cut.csv"
    log.write_text("\n".join(line.split(",val")[0] for line in lines["there"][:1]) + "\n")
    run = trained("there", epochs=1, log=tmp_path / "one.csv")
    log.write_bytes((tmp_path / "one.csv").read_bytes())
    again = ss.resume(tmp_path / "run", *samples(), epochs=1, log=log, device="cuda")
    assert_same(again, run)
    wrong = tmp_path / "wrong.csv"
    wrong.write_text((tmp_path / "one.csv").read_text().replace("\n0,0,", "\n0,0,7"))
    with pytest.raises(ValueError, match="is of another run"):
        ss.resume(tmp_path / "run", *samples(), epochs=2, log=wrong, device="cuda")


@NEEDS_DEVICE
def test_the_command_line(tmp_path, monkeypatch):
    make_data(tmp_path)
    monkeypatch.chdir(tmp_path)
    line = "train pets.csv --target kind --lr 0.05 --validation 0.2"
    ends = {}
    for where in ("cpu", "cuda"):
        for path, epochs in (("whole", 6), ("run", 4)):
            words = f"{line} --epochs {epochs} --out {where}-{path} --device {where}"
            assert status(words) == 0
    for first in ("cpu", "cuda"):
        for then in ("cpu", "cuda"):
            folder = shutil.copytree(f"{first}-run", f"{first}-{then}")
            assert status(f"resume {folder} --epochs 6 --device {then}") == 0
            ends[first, then] = ss.MLP.load(Path(folder) / "model.safetensors").theta
    for (first, then), theta in ends.items():
        whole = ss.MLP.load(Path(f"{then}-whole") / "model.safetensors").theta
        if first == then:
            assert theta.tobytes() == whole.tobytes()
        np.testing.assert_allclose(theta, whole, rtol=1e-10)
    files = [Path(f"{where}-run/run.json").read_text() for where in ("cpu", "cuda")]
    assert files[0] == files[1]
    assert status(f"{line} --dropout 0.1 --epochs 1 --out dropped --device cuda") == 0


@pytest.mark.skipif(TOLD["usable"], reason="there is a device")
def test_the_command_line_without_a_device(tmp_path, monkeypatch, capsys):
    make_data(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert status("train pets.csv --target kind --epochs 1 --out run") == 0
    capsys.readouterr()
    for line in ("train pets.csv --target kind --out no", "resume run"):
        check_refused(f"{line} --device cuda", "--device cuda: saddlescape", tmp_path, capsys)
