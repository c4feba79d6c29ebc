"""bench/gpu: on the CPU in a device's place it runs to its end; a wrong number ends it before."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import saddlescape
from device_samples import HOSTED, NEEDS_STAND_IN
from saddlescape import _backend

BENCH = Path(__file__).parents[1] / "bench"
sys.path.append(str(BENCH))
SITE = Path(saddlescape.__file__).parents[1]


def command(*options: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(  # noqa: S603 - the file beside this one
        ["bash", str(BENCH / "gpu"), *options],  # noqa: S607
        env={**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@NEEDS_STAND_IN
def test_it_runs_to_its_end() -> None:
    import gpu_cases

    done = command("--hosted", "--once", "--site", str(SITE))
    assert done.returncode == 0, done.stderr
    assert "the same bits" in done.stderr
    rows = [line for line in done.stdout.splitlines() if line.startswith("| ")]
    names = [case.name for case in gpu_cases.table(hosted=True)]
    assert [row.split(" | ")[0].removeprefix("| ") for row in rows[2:]] == names
    assert "no figure here is one of a GPU" in done.stdout
    for row in rows[2:]:
        assert row.count("|") == rows[0].count("|"), row
        assert row.split(" | ")[1] == "ran", row


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch):
    """Print the table of one case, whose rival is ours, unless `changes` say otherwise."""
    gpu_table = pytest.importorskip("gpu_table")

    def printed(*options: str, **changes: object) -> None:
        first = gpu_table.gpu_cases.table(hosted=True)[0]
        case = dataclasses.replace(first, **{"rival": first.ours, "budget": 0.1, **changes})
        monkeypatch.setattr(gpu_table.gpu_cases, "table", lambda **_: [case])
        monkeypatch.setattr(sys, "argv", ["gpu_table", "--hosted", *options])
        gpu_table.main()

    return printed


@NEEDS_STAND_IN
def test_a_row_has_times_and_the_copys_share(table, capsys) -> None:
    table()
    cells = capsys.readouterr().out.splitlines()[-1].split(" | ")
    assert cells[3].endswith(("ns", "us", "ms"))
    assert float(cells[4].strip("*")) > 0
    assert cells[6].startswith(f"{28 * 4099:,} bytes")
    assert float(cells[7].removesuffix(" |")) > 0


def another(place):
    import gpu_cases

    array = place.normal((4099,), 3)
    return gpu_cases.Side(lambda: None, lambda: place.ends(array))


def not_a_number(place):
    import gpu_cases

    return gpu_cases.Side(lambda: None, lambda: np.full(4099, np.nan))


@NEEDS_STAND_IN
@pytest.mark.parametrize("rival", [another, not_a_number])
def test_numbers_that_disagree_end_it_without_a_table(rival, table, capsys) -> None:
    with pytest.raises(AssertionError, match="apart from torch fused"):
        table(rival=rival)
    assert capsys.readouterr().out == ""


def absent(_):
    raise ImportError("No module named 'torch'", name="torch")


def short_of_memory(_):
    raise MemoryError("7 bytes wanted for a test | 3 free")


def broken(_):
    raise RuntimeError("no backend\nand more")


@NEEDS_STAND_IN
@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"rival": absent}, "| not installed: torch | - |"),
        ({"rival": short_of_memory}, "| out of memory: 7 bytes wanted for a test / 3 free | - |"),
        ({"rival": broken}, "| failed: no backend | - |"),
        ({"ours": short_of_memory}, "| - | torch fused | out of memory: 7 bytes wanted"),
        ({"memory": 1 << 40}, "| - | torch fused | memory: 1024 GiB wanted, 1 GiB free | - |"),
    ],
)
def test_a_row_that_can_not_be_had_says_why(changes, why, table, capsys) -> None:
    table(**changes)
    assert why in capsys.readouterr().out.splitlines()[-1]


@NEEDS_STAND_IN
def test_rows_without_time_say_so(table, capsys) -> None:
    table("--seconds", "0")
    assert "| no time left |" in capsys.readouterr().out.splitlines()[-1]


@NEEDS_STAND_IN
def test_a_rule_with_other_bits_fails_the_check(monkeypatch) -> None:
    import gpu_checks

    own = gpu_checks.pair

    def with_another_rate(*arguments, **around):
        here, there, gradients = own(*arguments, **around)
        there.lr = here.lr * (1 + 1e-6)
        return here, there, gradients

    monkeypatch.setattr(gpu_checks, "pair", with_another_rate)
    with pytest.raises(AssertionError, match="adamw, float64, all: bits"):
        gpu_checks.rules(short=True)


def test_without_a_device_one_line_says_so() -> None:
    if _backend.described()["usable"] and not HOSTED:
        pytest.skip("there is a device")
    done = command()
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("bench/gpu: no CUDA device: ")
    assert len(done.stderr.splitlines()) == 1


def test_options_are_checked() -> None:
    for options, text in ((("--fast",), "--fast: no option"), (("--site",), "--site: nothing")):
        done = command(*options)
        assert (done.returncode, done.stdout) == (2, "")
        assert text in done.stderr
