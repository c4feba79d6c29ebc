"""The command line: what it prints, its exit status, and the one line for a wrong command."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import saddlescape as ss
from saddlescape import _options, optim
from saddlescape._progress import ProgressLine
from saddlescape.cli import main
from saddlescape.diagnosis.investigate import Progress

for package in ("matplotlib", "pandas", "plotly", "rich", "sklearn"):
    pytest.importorskip(package)

ACTIVATIONS = (
    "elu, gelu, hard_sigmoid, hard_swish, hard_tanh, leaky_relu, linear, relu, sigmoid, silu, "
    "softplus, tanh"
)
OPTIMIZERS = ", ".join(optim.names(vectors=True))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of good and bad data to stand in."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    rows = [f"{x:.3f},{t},{3 * x + len(t):.3f}" for x, t in zip(
        rng.standard_normal(40), rng.choice(["Oslo", "Rome"], 40), strict=True)]  # fmt: skip
    (tmp_path / "houses.csv").write_text("rooms,town,price\n" + "\n".join(rows) + "\n")
    pets = [f"{4 + 20 * (i % 2)},{i},{['cat', 'dog'][i % 2]}" for i in range(40)]
    (tmp_path / "pets.csv").write_text("weight,age,kind\n" + "\n".join(pets) + "\n")
    X = rng.standard_normal((40, 3))
    np.savez(tmp_path / "data.npz", X=X, y=X @ [1.0, 2.0, 3.0])
    np.savez(tmp_path / "classes.npz", X=X, y=(X[:, 0] > 0).astype(int))
    np.savez(tmp_path / "no_x.npz", y=np.ones(40))
    np.savez(tmp_path / "short.npz", X=X, y=np.ones(39))
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "header.csv").write_text("a,b\n")
    (tmp_path / "binary.csv").write_bytes(bytes(range(256)))
    (tmp_path / "text.npz").write_text("no archive")
    (tmp_path / "data.xlsx").write_text("a,b\n")
    (tmp_path / "few.csv").write_text("a,b\n1,2\n3,4\n")
    (tmp_path / "a-file").write_text("")
    (tmp_path / "a-folder.csv").mkdir()
    return tmp_path


def status(arguments):
    try:
        return main(arguments)
    except SystemExit as end:
        return end.code


LAYERS = "expected hidden layer sizes from 1 to 100000 such as 64,16, or none"
RATE = "expected a positive number"
COMMANDS = "demo, diagnose, train, resume, predict, spectrum, study, info"
BAD = {
    "": f"no command, expected one of {COMMANDS} (or --help)",
    "learn": f"'learn': unknown command, expected one of {COMMANDS}",
    "Demo": f"'Demo': unknown command, expected one of {COMMANDS}",
    "demo digits": "unrecognized arguments: digits",
    "info --verbose": "unrecognized arguments: --verbose",
    "--fast demo": "unrecognized arguments: --fast",
    "diagnose": "the following arguments are required: DATA",
    "diagnose nosuch.csv": "nosuch.csv: no such file",
    "diagnose nosuch": (
        "nosuch: no such file; the data sets that come with the package are digits, ravine, "
        "one-sample, twenty, views-1, views-7, views-28, views-56"
    ),
    "diagnose a-folder.csv": "a-folder.csv: a directory, expected a file",
    "diagnose data.xlsx": (
        "data.xlsx: unknown extension '.xlsx', known are .csv, .tsv, .csv.gz, .tsv.gz, .parquet, "
        ".npz, .idx, -idx3-ubyte, -idx3-ubyte.gz"
    ),
    "diagnose houses.csv": (
        "houses.csv: no target given (--target COLUMN); the columns are 'rooms', 'town', 'price'"
    ),
    "diagnose houses.csv --target prize": (
        "houses.csv: no column 'prize'; did you mean 'price'? The columns are 'rooms', 'town', "
        "'price'"
    ),
    "diagnose houses.csv --target": "argument --target: expected one argument",
    "diagnose houses.csv --target town --task regression": (
        "houses.csv: target 'town': holds labels ('Oslo', 'Rome'), expected numbers for regression"
    ),
    "diagnose digits --target pixel": (
        "digits: target 'pixel': the target of these data is 'digit'"
    ),
    "diagnose digits --task clustering": (
        "argument --task: 'clustering', expected one of classification, regression"
    ),
    "diagnose empty.csv --target b": "empty.csv: the file is empty",
    "diagnose header.csv --target b": "header.csv: a header of 2 columns, but no rows",
    "diagnose binary.csv --target b": "binary.csv: not a text file: byte 0 is zero",
    "diagnose few.csv --target b": None,
    "diagnose no_x.npz": "no_x.npz: no array 'X'; the file holds 'y'",
    "diagnose short.npz": "short.npz: y: shape (39,), expected (40,) for the 40 rows of X",
    "diagnose text.npz": "text.npz: not an NPZ file, as numpy.savez writes it",
    "diagnose digits --layers 0": f"argument --layers: '0', {LAYERS}",
    "diagnose digits --layers a": f"argument --layers: 'a', {LAYERS}",
    "diagnose digits --layers ''": f"argument --layers: '', {LAYERS}",
    "diagnose digits --layers 64,": f"argument --layers: '64,', {LAYERS}",
    "diagnose digits --layers 64,-1": f"argument --layers: '64,-1', {LAYERS}",
    "diagnose digits --layers 1e3": f"argument --layers: '1e3', {LAYERS}",
    "diagnose digits --layers 10000000000": f"argument --layers: '10000000000', {LAYERS}",
    "diagnose digits --lr -1": f"argument --lr: '-1', {RATE}",
    "diagnose digits --lr 0": f"argument --lr: '0', {RATE}",
    "diagnose digits --lr nan": f"argument --lr: 'nan', {RATE}",
    "diagnose digits --lr inf": f"argument --lr: 'inf', {RATE}",
    "diagnose digits --lr fast": f"argument --lr: 'fast', {RATE}",
    "diagnose digits --batch-size 0": (
        "argument --batch-size: '0', expected an integer of at least 1, or full"
    ),
    "diagnose digits --batch-size half": (
        "argument --batch-size: 'half', expected an integer of at least 1, or full"
    ),
    "diagnose digits --epochs 0": "argument --epochs: '0', expected an integer of at least 1",
    "diagnose digits --epochs 1.5": "argument --epochs: '1.5', expected an integer of at least 1",
    "diagnose digits --seed -1": (
        "argument --seed: '-1', expected an integer from 0 to 4294967295"
    ),
    "diagnose digits --seed 4294967296": (
        "argument --seed: '4294967296', expected an integer from 0 to 4294967295"
    ),
    "diagnose digits --optimizer adamx": (
        f"argument --optimizer: 'adamx', expected one of {OPTIMIZERS}"
    ),
    "diagnose digits --optimizer muon": (  # its arrays are matrices, theta is a vector
        f"argument --optimizer: 'muon', expected one of {OPTIMIZERS}"
    ),
    "diagnose digits --activation sine": (
        f"argument --activation: 'sine', expected one of {ACTIVATIONS}"
    ),
    "diagnose digits --init ones": (
        "argument --init: 'ones', expected one of he, lecun, normal, orthogonal, xavier, zeros"
    ),
    "diagnose digits --out a-file": "--out a-file: a file, expected a directory",
    "diagnose digits --out a-file/deeper": "--out a-file/deeper: Not a directory",
    "demo --out a-file": "--out a-file: a file, expected a directory",
    "demo --out /proc/nowhere": "--out /proc/nowhere: No such file or directory",
}


@pytest.mark.parametrize("line", BAD)
def test_a_wrong_command_is_one_line_and_status_1(line, folder, capsys, monkeypatch):
    def no_training(*arguments, **options):
        raise AssertionError("trained before the arguments were checked")

    monkeypatch.setattr("saddlescape.cli.diagnose.investigate", no_training)
    monkeypatch.setattr("saddlescape.demo.two_weight_network", no_training)
    arguments = [word.replace("''", "") for word in line.split()]
    assert status(arguments) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("saddlescape: ")
    if BAD[line] is not None:
        assert err == f"saddlescape: {BAD[line]}\n"


def test_an_unwritable_folder_is_refused(folder, capsys, monkeypatch):
    """As a file system says it, to root too."""

    def refuse(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    (folder / "closed").mkdir()
    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    assert status(["demo", "--out", "closed"]) == 1
    assert capsys.readouterr().err == "saddlescape: --out closed: Permission denied\n"


def test_too_little_memory_is_one_line(folder, capsys):
    assert status(["diagnose", "data.npz", "--layers", "100000,100000,100000"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("saddlescape: Unable to allocate")
    assert err.count("\n") == 1


def test_a_missing_extra_is_one_line(folder, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "saddlescape.report", None)
    assert status(["demo"]) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1


def test_info_is_json(capsys):
    assert main(["info"]) == 0
    assert json.loads(capsys.readouterr().out) == ss.info()


def test_version_and_help(capsys):
    for words in (["--version"], ["--help"], ["diagnose", "--help"], ["demo", "-h"]):
        assert status(words) == 0
    out = capsys.readouterr().out
    assert f"saddlescape {ss.__version__}" in out
    for option in ("--target", "--raw", "--layers", "--lr", "--batch-size", "--init", "--out"):
        assert option in out


ALL = (
    "--layers 6,4 --activation tanh --optimizer sgd --lr 0.1 --batch-size full --init zeros "
    "--epochs 60 --seed 0 --out here"
)


@pytest.mark.parametrize(
    "words",
    [
        f"diagnose houses.csv --target price {ALL}",
        f"diagnose pets.csv --target kind {ALL}",
        f"diagnose data.npz {ALL}",
        f"diagnose classes.npz {ALL} --raw",
    ],
)
def test_data_of_every_kind_are_judged(words, folder, capsys):
    assert main(words.split()) == 0
    out, err = capsys.readouterr()
    assert "VERDICT" in out
    assert "not checked" in out
    assert out.endswith("report: here/report.html\n")
    assert (folder / "here" / "report.html").stat().st_size > 1e6
    assert list((folder / "here").glob("*.png"))
    assert list((folder / "here").glob("*.svg"))
    block = out[out.index("VERDICT") :]
    assert max(len(line) for line in block.splitlines()) <= 80
    assert "\x1b" not in out + err
    assert "\r" not in out + err


def test_digits_and_plain_layers(folder, capsys):
    assert main(["diagnose", "digits", "--layers", "none", "--epochs", "20", "--lr", "0.5"]) in (
        0,
        2,
    )
    out = capsys.readouterr().out
    assert "60-10 tanh, cross_entropy, 610 parameters" in " ".join(out.split())
    assert "report: saddlescape-diagnosis/report.html" in out


def test_too_early_to_judge_is_status_2(folder, capsys):
    assert main(["diagnose", "data.npz", "--epochs", "5"]) == 2
    out = capsys.readouterr().out
    assert "VERDICT      cannot tell yet" in out
    assert "Train about 15 more steps" in out


def test_raw_data_that_diverge_are_judged_on_a_screen(folder, capsys):
    X = 1e4 * np.random.default_rng(0).standard_normal((40, 3))
    np.savez(folder / "big.npz", X=X, y=1e6 * X[:, 0])
    assert main(["diagnose", "big.npz", "--raw", "--activation", "relu", "--epochs", "60"]) == 0
    out = capsys.readouterr().out
    block = out[out.index("VERDICT") :]
    assert max(len(line) for line in block.splitlines()) <= 80
    assert "not finite" in block or "learning rate too large" in block


def test_an_interrupt_is_a_line(folder, capsys, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("saddlescape.cli.diagnose.investigate", interrupted)
    assert main(["diagnose", "data.npz"]) == 130
    assert capsys.readouterr().err == "saddlescape: interrupted\n"


def test_a_fault_of_ours_is_not_blamed_on_the_input(folder, monkeypatch):
    def faulty(*arguments, **options):
        raise TypeError("ours")

    monkeypatch.setattr("saddlescape.cli.diagnose.investigate", faulty)
    with pytest.raises(TypeError, match="ours"):
        main(["diagnose", "data.npz"])


# --- the progress line ---------------------------------------------------------------------------


@pytest.mark.parametrize("title", ["digits", "[bold]x[/]", ":smile:.csv", "a" * 200 + ".csv"])
def test_a_line_in_a_pipe_is_short_and_literal(title, capsys):
    with ProgressLine() as line:
        line.title = title
        for state in ("cannot tell yet", "stalled", "judging", "escaping"):
            line.show(Progress(123_456_789, -1.234e-100, 1.23e-100, state))
    err = capsys.readouterr().err.splitlines()
    assert len(err) == 4
    assert all(len(text) <= 100 for text in err)
    assert err[0].startswith(title[:19])


def test_flickering_states_do_not_flood_a_pipe(capsys):
    with ProgressLine() as line:
        for step in range(1000):
            line.show(Progress(step, 1.0, 1.0, ("falling", "cannot tell yet")[step % 2]))
    assert len(capsys.readouterr().err.splitlines()) <= 2


def test_widths():
    assert _options.widths("64,16") == (64, 16)
    assert _options.widths("none") == ()


# --- as a program --------------------------------------------------------------------------------


def run(*arguments, cwd, **environment):
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", *arguments], cwd=cwd, capture_output=True, text=True, timeout=120,
        env={**os.environ, **environment}, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("module", ["saddlescape", "saddlescape.cli"])
def test_modules_run(module, folder):
    done = run(module, "info", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["version"] == ss.__version__
    done = run(module, "diagnose", "nosuch.csv", cwd=folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "saddlescape: nosuch.csv: no such file\n"


def test_a_pipe_gets_plain_text(folder):
    words = f"diagnose houses.csv --target price {ALL}".split()
    done = run("saddlescape", *words, cwd=folder, FORCE_COLOR="1", PYTHONWARNINGS="error")
    assert done.returncode == 0
    assert not set(done.stdout + done.stderr) & set("\x1b\r\b")
    assert len(done.stderr.splitlines()) < 30
    assert "Traceback" not in done.stderr


def test_a_reader_that_stops_reading_is_no_error_of_the_input(folder):
    script = f"set -o pipefail; {sys.executable} -m saddlescape info | true"
    done = subprocess.run(  # noqa: S603 - our own program
        ["/bin/bash", "-c", script], cwd=folder, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert done.stderr == ""
    assert done.returncode in (0, 141)  # 0: all was written before the reader had gone
