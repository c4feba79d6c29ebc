"""Models spread over two processes: the same numbers as in one, and nobody left waiting."""

from __future__ import annotations

import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
if not torch.distributed.is_available() or not torch.distributed.is_gloo_available():
    pytest.skip("needs torch.distributed with gloo", allow_module_level=True)
import spread_samples  # noqa: E402 - needs torch.distributed
from saddlescape import curvature  # noqa: E402

Results = list[dict[str, Any]]
RUNS: list[subprocess.Popen[str]] = []  # two that have imported torch, or none


def stop() -> str:
    """End both processes; what they complained of."""
    for run in RUNS:
        run.kill()
    errors = [run.communicate()[1] for run in RUNS]
    RUNS.clear()
    return "".join(errors)


@pytest.fixture(scope="module", autouse=True)
def _none_is_left() -> Iterator[None]:
    yield
    stop()


def in_two_processes(job: str, place: Path) -> Results:
    """Run a function of spread_samples in two processes that meet; none may take a minute.

    They stay for the next job, which has a group of its own, unless this one fails.
    """
    for rank in range(0 if RUNS else 2):
        command = [sys.executable, spread_samples.__file__, str(rank)]
        pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        RUNS.append(subprocess.Popen(command, text=True, **pipes))  # noqa: S603
    for run in RUNS:
        print(job, place, file=run.stdin, flush=True)
    done = [select.select([run.stdout], [], [], 60)[0] and run.stdout.readline() for run in RUNS]
    if done != 2 * ["done\n"]:
        pytest.fail(stop())
    return [dict(np.load(place / f"{rank}.npz")) for rank in range(2)]


@pytest.mark.parametrize("job", ["of_data", "of_parameters"])
def test_two_processes_are_one(job: str, tmp_path: Path) -> None:
    first, second = in_two_processes(job, tmp_path)
    for name, values in first.items():
        assert values.tobytes() == second[name].tobytes(), name  # bit for bit
    alone = spread_samples.results(spread_samples.whole())
    order = np.arange(25)
    if job == "of_parameters":  # theta is the first process's pieces, then the second's
        at = [np.arange(15).reshape(5, 3), 15 + np.arange(10).reshape(2, 5)]
        order = np.concatenate(
            [
                part.ravel()
                for h in spread_samples.HIDDEN.values()
                for part in (at[0][h], at[1][:, h])
            ]
        )
    A = alone["dense"][np.ix_(order, order)]
    size = float(np.linalg.norm(A))
    assert np.array_equal(first["theta"], alone["theta"][order])
    assert first["loss"] == pytest.approx(alone["loss"], rel=1e-14)
    assert first["elsewhere"] == pytest.approx(alone["elsewhere"], rel=1e-14)
    assert np.allclose(first["gradient"], alone["gradient"][order], rtol=0, atol=1e-13)
    assert np.linalg.norm(first["dense"] - A) <= 1e-13 * size
    V = np.random.default_rng(2).standard_normal((25, 3))
    assert np.linalg.norm(first["products"] - A @ V) <= 1e-13 * size * np.linalg.norm(V)
    assert np.allclose(first["eigenvalues"], alone["eigenvalues"], rtol=0, atol=1e-6 * size)
    assert np.array_equal(first["counts"], alone["counts"])
    assert first["error"] < 1e-10 * size
    assert "2 processes" in str(first["label"][0])
    assert first["differences"][0] == "None"


@pytest.mark.parametrize(("job", "who"), [("one_raises_at_once", 1), ("one_raises_later", 0)])
def test_who_raises_takes_the_other_along(job: str, who: int, tmp_path: Path) -> None:
    found = in_two_processes(job, tmp_path)
    assert list(found[who]["error"]) == ["ArithmeticError", "this process only"]
    kind, text = found[1 - who]["error"]
    assert kind == "RuntimeError"
    assert text.startswith(f"process {who} could not compute its part")
    if job == "one_raises_later":
        assert found[0]["after"] == found[1]["after"]


def test_differences_where_one_has_no_second_derivative(tmp_path: Path) -> None:
    found = in_two_processes("one_has_no_second_derivative", tmp_path)
    theta = found[0]["theta"]
    exact = np.diag(np.where(np.arange(len(theta)) < 15, 6 * theta, 0))
    for each in found:
        assert "None" not in each["differences"][0]
        assert np.linalg.norm(each["dense"] - exact) <= each["error"] < 1e-6 * np.linalg.norm(exact)
    assert np.array_equal(found[0]["dense"], found[1]["dense"])


def test_what_one_hides_all_say(tmp_path: Path) -> None:
    for found in in_two_processes("one_has_kinks", tmp_path):
        assert "abs is piecewise linear" in found["silent"][0]


REFUSALS = [
    ("different_models", "ValueError", "params: not the same in processes 0 and 1"),
    ("out_of_step", "RuntimeError", "products: the processes are out of step"),
    ("no_weight", "ValueError", "weight: 0 in every process"),
]


@pytest.mark.parametrize(("job", "kind", "text"), REFUSALS)
def test_misuse_is_refused_in_both(job: str, kind: str, text: str, tmp_path: Path) -> None:
    for found in in_two_processes(job, tmp_path):
        assert found["error"][0] == kind
        assert found["error"][1].startswith(text)


def test_without_a_group_there_is_nothing_to_weigh() -> None:
    w = torch.ones(2, requires_grad=True)

    def square() -> Any:
        return (w**2).sum()

    for arguments in ({"weight": 1.0}, {"sharded": True}):
        with pytest.raises(ValueError, match="given without group, expected a group of processes"):
            curvature.from_torch(square, [w], **arguments)
