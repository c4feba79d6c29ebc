"""Vectors in pieces, one in each of some processes: the numbers of one process, and no hang."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
if not torch.distributed.is_available() or not torch.distributed.is_gloo_available():
    pytest.skip("needs torch.distributed with gloo", allow_module_level=True)
import pieces_samples  # noqa: E402 - needs torch.distributed
import spread_samples  # noqa: E402
from saddlescape import critical, curvature, eig  # noqa: E402

Results = list[dict[str, Any]]


def in_processes(job: str, place: Path, world: int = 2) -> Results:
    """Run a function of pieces_samples in processes that meet; none may take a minute.

    What does not begin with "own" must be the same in all, bit for bit.
    """
    command = [sys.executable, pieces_samples.__file__, job]
    runs = [
        subprocess.Popen(  # noqa: S603
            [*command, str(rank), str(world), str(place)],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},  # they share the processors
        )
        for rank in range(world)
    ]
    try:
        errors = [run.communicate(timeout=60)[1] for run in runs]
    finally:
        for run in runs:
            run.kill()
    for run, error in zip(runs, errors, strict=True):
        assert run.returncode == 0, error
    found = [dict(np.load(place / f"{rank}.npz")) for rank in range(world)]
    if job != "refusals" and job != "memory":
        for name, values in found[0].items():
            for other in found[1:]:
                if not name.startswith("own"):
                    assert values.tobytes() == other[name].tobytes(), name
    return found


@pytest.mark.parametrize(
    ("job", "world"), [("halves", 2), ("one_row", 2), ("none_in_the_middle", 3)]
)
def test_pieces_are_the_whole(job: str, world: int, tmp_path: Path) -> None:
    found = in_processes(job, tmp_path, world)
    first = found[0]
    for name, (d, c, options) in pieces_samples.CASES.items():
        A = pieces_samples.whole(d, c)
        alone = eig.lanczos(A, **options)
        size = float(np.abs(d).max()) or 1.0

        def of(what: str, name: str = name) -> Any:
            return first[f"{name}/{what}"]

        # One process sums in another order: what has converged agrees to rounding.
        exact = 1e-12 if alone.outcome.name != "BUDGET" else 1e-3
        assert np.abs(of("values") - alone.eigenvalues).max() <= exact * size, name
        assert of("outcome")[0] == alone.outcome.name, name
        assert np.array_equal(of("multiplicities"), alone.multiplicities), name
        assert abs(int(of("products")[0]) - alone.products) <= 0.1 * alone.products, name
        assert of("missing")[0] <= 1e-4 or of("outcome")[0] in ("BUDGET", "UNCHECKED"), name
        k = len(alone.eigenvalues)
        assert np.abs(of("gram").reshape(k, k) - np.eye(k)).max() <= 1e-12, name
        # what the check's own products round
        assert (of("real") <= of("residuals") + 3e-14 * size).all(), name
        rows = np.concatenate([each[f"own {name}/rows"] for each in found])
        assert rows.shape == (len(d), k)
        residuals = np.linalg.norm((A @ rows - rows * of("values")) / size, axis=0) * size
        assert (residuals <= of("residuals") + 1e-14 * size).all(), name
        for each in found:  # no process sees more of a vector than its own piece
            seen, own = each[f"own {name}/seen"]
            assert seen == own, name
            calls, products, longest = each[f"own {name}/sums"]
            # a few sums for each product, whatever the basis
            if options.get("block", 1) == 1:
                assert calls <= 12 * products + 40, name
            assert longest <= 2 * 10**4, name
    restarted = int(first["restarts/products"][0])
    assert restarted > 2 * pieces_samples.CASES["restarts"][2]["basis"]
    assert first["warm/products"][0] < first["coupled/products"][0]
    whole = pieces_samples.whole(*pieces_samples.CASES["coupled"][:2])
    density = eig.density(whole, steps=40, probes=3)
    assert np.allclose(first["density/nodes"], density.nodes, rtol=0, atol=1e-8)
    assert np.allclose(first["density/weights"], density.weights, rtol=0, atol=1e-8)


def test_a_basis_takes_memory_where_its_rows_are(tmp_path: Path) -> None:
    most, least = (float(each["grown"][0]) for each in in_processes("memory", tmp_path))
    assert most > 40 * 8 * 400_000 * 0.9
    assert least < 32e6  # not one basis of whole vectors, 128 MB; gloo has buffers of its own


def test_misuse_is_refused_in_all(tmp_path: Path) -> None:
    first, second = in_processes("refusals", tmp_path)
    for name in ("tol", "seed", "order", "start"):
        for each in (first, second):
            assert each[name][0] == "ValueError", (name, each[name])
            assert each[name][1].startswith("op, options: not the same in all processes")
    for name in ("both first", "too few"):
        for each in (first, second):
            assert each[name][0] == "ValueError"
            assert each[name][1].startswith("op: pieces of"), each[name]
    other = "failed in another process: its own error says why"
    assert list(first["beyond"]) == ["RuntimeError", f"lanczos: {other}"]
    assert second["beyond"][1].startswith("op.piece: slice(150, 301, None), expected a slice")
    assert list(first["low"]) == ["RuntimeError", f"lanczos: {other}"]
    assert second["low"][1].startswith("low: ")
    assert list(first["raises"]) == ["RuntimeError", f"op: {other}"]
    assert list(second["raises"]) == ["ArithmeticError", "this process only"]
    assert list(first["callback"]) == ["ArithmeticError", "this process only"]
    assert list(second["callback"]) == ["RuntimeError", f"callback: {other}"]
    for each in (first, second):
        assert each["nan"][1].startswith("op: product 5 holds NaN"), each["nan"]
        assert each["stop"][1] == "Outcome.STOPPED"
        assert each["sums"][1].startswith("reduce: the processes are out of step")
        assert each["trace"][0] == "TypeError"
        assert "lanczos and density take pieces" in each["trace"][1]
        assert each["density"][1].startswith("op, options: not the same"), each["density"]
        assert each["no sums"][1].startswith("op.reduce: NoneType, expected a method")
    assert first["after"].tobytes() == second["after"].tobytes()


def test_a_model_in_pieces(tmp_path: Path) -> None:
    found = in_processes("of_a_model", tmp_path)
    first = found[0]
    A = first["dense"]
    exact = np.linalg.eigvalsh(A)
    size = float(np.abs(exact).max())
    assert np.abs(first["eigenvalues"] - exact[[0, 1, -2, -1]]).max() <= 1e-10 * size
    rows = np.concatenate([each["own rows"] for each in found])
    assert np.linalg.norm(A @ rows - rows * first["eigenvalues"]) <= 1e-5 * size
    for each, own in zip(found, (15, 10), strict=True):
        assert list(each["own sizes"]) == [own] * 3
        assert np.allclose(each["own products"], each["own expected"], rtol=0, atol=1e-13 * size)
        assert np.array_equal(each["own single"], each["own products"][:, 0])
        sizes, dense, alike, escape, diagonal = each["own wrong"]
        assert alike.startswith("ValueError: classify: not the same arguments in all processes")
        assert sizes.startswith(("ValueError: V: shape", "RuntimeError: process 1 could not"))
        assert (
            dense == "ValueError: method: 'dense' of an operator in pieces, expected "
            "'lanczos' or 'auto': no process holds the whole matrix"
        )
        assert escape.startswith("TypeError")
        assert diagonal.startswith("TypeError: op: AutomaticCurvatureInPieces, whose vectors are")
        assert each["own label"][0].startswith("AutomaticCurvatureInPieces(rows ")
    alone = spread_samples.whole()
    assert first["gradient norm"][0] == pytest.approx(np.linalg.norm(alone.gradient()), rel=1e-12)
    assert first["losses"][0] == pytest.approx(alone.loss(), rel=1e-14)
    assert first["losses"][1] == first["losses"][0] > first["losses"][2]
    verdict = critical.classify(alone, method="lanczos", gradient_tolerance=1e9)
    assert first["kinds"][1] == str(verdict.kind)
    assert first["kinds"][0] == str(critical.classify(alone, method="lanczos").kind)
    assert list(first["counts"]) == [verdict.inertia.positive, verdict.inertia.negative]


def test_only_spread_parameters_come_in_pieces() -> None:
    w = torch.ones(2, requires_grad=True)

    def square() -> Any:
        return (w**2).sum()

    H = curvature.from_torch(square, [w])
    with pytest.raises(TypeError, match="in_pieces: AutomaticCurvature"):
        H.in_pieces()
