"""Certificates: what they prove holds, and what was changed proves nothing."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

from oracle import closed_forms, spectra
from saddlescape import eig

KNOWN = [
    *spectra.all_known(),
    *(closed_forms.jacobi("hermite", n) for n in (1, 2, 95, 96, 97)),
]


@pytest.mark.parametrize("known", KNOWN, ids=lambda k: k.name)
def test_proves_what_it_claims(known: spectra.Known) -> None:
    proof = eig.certificate(known.A)
    positive, negative, zero = known.counts
    assert proof.check(known.A)
    assert proof.positive <= positive
    assert proof.negative <= negative
    assert proof.undetermined >= zero
    assert proof.n == known.n
    counts = eig.inertia(known.A)
    near = np.count_nonzero(np.abs(known.eigenvalues) <= 100 * counts.tolerance + known.stored)
    assert proof.undetermined <= near


@pytest.mark.parametrize("n", [1, 2, 50, 97, 200])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tolerance(n: int, dtype: type) -> None:
    A = np.random.default_rng(n).standard_normal((n, n)).astype(dtype)
    A = (A + A.T) / 2
    proof = eig.certificate(A, tolerance=0.5)
    w = np.linalg.eigvalsh(A.astype(float))
    assert (proof.positive, proof.negative) == (int((w > 0.5).sum()), int((w < -0.5).sum()))
    assert eig.check_certificate(A, proof)


@pytest.mark.parametrize("scale", [1e-310, 1e-150, 1e150, 1e307])
def test_scale(scale: float) -> None:
    A = np.diag([3.0, -2.0, 0.0, 1.0]) * scale
    proof = eig.certificate(A)
    assert (proof.positive, proof.negative) == (2, 1)
    assert proof.check(A)


def matrix() -> np.ndarray:
    return spectra.planted(np.r_[-2.0, -1.0, np.linspace(0.5, 3, 120)], seed=1).A


def changed(proof: eig.Certificate, side: str, **parts: np.ndarray) -> eig.Certificate:
    factors = dataclasses.replace(getattr(proof, side), **parts)
    return dataclasses.replace(proof, **{side: factors})


def tampered(proof: eig.Certificate) -> dict[str, eig.Certificate]:
    found = {
        "more positive": dataclasses.replace(proof, positive=proof.positive + 1),
        "fewer positive": dataclasses.replace(proof, positive=proof.positive - 1),
        "more negative": dataclasses.replace(proof, negative=proof.negative + 1),
        "tolerance": dataclasses.replace(proof, tolerance=0.1),
        "tolerance nan": dataclasses.replace(proof, tolerance=np.nan),
        "shift": dataclasses.replace(proof, shift=proof.shift / 2),
        "negative shift": dataclasses.replace(proof, shift=-proof.shift),
        "shift nan": dataclasses.replace(proof, shift=np.nan),
        "exponent": dataclasses.replace(proof, exponent=proof.exponent + 1),
        "huge exponent": dataclasses.replace(proof, exponent=10**6),
        "sides": dataclasses.replace(proof, minus=proof.plus, plus=proof.minus),
    }
    for side in ("minus", "plus"):
        f = getattr(proof, side)
        single = int(np.flatnonzero((f.e == 0) & (np.r_[0, f.e[:-1]] == 0))[-1])
        d, L, e, order, high = f.d.copy(), f.L.copy(), f.e.copy(), f.order.copy(), f.L.copy()
        d[single] *= -1
        L[-1, 0] += 1e-6
        high[0, -1] = 1e-30
        e[-1] = 1.0
        order[[0, -1]] = order[[-1, 0]]
        found |= {
            f"{side}: sign in D": changed(proof, side, d=d),
            f"{side}: L": changed(proof, side, L=L),
            f"{side}: above L": changed(proof, side, L=high),
            f"{side}: L of zeros": changed(proof, side, L=np.zeros_like(L)),
            f"{side}: L nan": changed(proof, side, L=L * np.nan),
            f"{side}: end of e": changed(proof, side, e=e),
            f"{side}: overlapping": changed(proof, side, e=np.ones_like(e)),
            f"{side}: order": changed(proof, side, order=order),
            f"{side}: no permutation": changed(proof, side, order=order * 0),
            f"{side}: short d": changed(proof, side, d=d[:-1]),
            f"{side}: float32 L": changed(proof, side, L=f.L.astype(np.float32)),
        }
    return found


PROOF = eig.certificate(matrix())


@pytest.mark.parametrize("name", tampered(PROOF))
def test_tampered_proves_nothing(name: str) -> None:
    assert PROOF.check(matrix())
    assert tampered(PROOF)[name].check(matrix()) is False


def test_another_matrix() -> None:
    A = matrix()
    B = A.copy()
    B[0, 0] += 1e-6
    nan = A.copy()
    nan[3, 4] = np.nan
    for other in (-A, B, A[:-1, :-1], A * (1 + 1e-6), nan, np.eye(len(A)), np.zeros((0, 0))):
        assert PROOF.check(other) is False
    assert PROOF.check(A + np.triu(np.full(A.shape, 1e-3), 1)) is False  # not symmetric


def test_saved_and_loaded(tmp_path: Path) -> None:
    path = PROOF.save(tmp_path / "proof.npz")
    loaded = eig.Certificate.load(path)
    assert loaded.check(matrix())
    assert (loaded.positive, loaded.negative) == (PROOF.positive, PROOF.negative)
    assert [p.name for p in tmp_path.iterdir()] == ["proof.npz"]


def test_damaged_file(tmp_path: Path) -> None:
    path = PROOF.save(tmp_path / "proof.npz")
    content = path.read_bytes()
    strange = tmp_path / "strange.npz"
    np.savez(strange, claim=np.array([object()], dtype=object))
    single = tmp_path / "single.npy"
    np.save(single, np.ones(3))
    path.write_bytes(content[: len(content) // 2])
    for each in (path, strange, single):
        with pytest.raises(ValueError, match=re.escape(f"{each}: not a certificate")):
            eig.Certificate.load(each)
    with pytest.raises(FileNotFoundError):
        eig.Certificate.load(tmp_path / "nothing.npz")


def test_refused() -> None:
    with pytest.raises(ValueError, match=re.escape("tolerance: -1")):
        eig.certificate(np.eye(2), tolerance=-1)
    with pytest.raises(ValueError, match="A: not symmetric"):
        eig.certificate(np.array([[0.0, 1.0], [0.0, 0.0]]))


def test_a_spectrum_without_vectors() -> None:
    spectrum = eig.Spectrum(np.array([-1.0, 1e-12, 2.0]), None, 1e-10)
    counts = eig.inertia(spectrum=spectrum)
    assert (counts.positive, counts.negative, counts.undetermined) == (1, 1, 1)


def test_what_is_no_matrix_of_floats_proves_nothing() -> None:
    proof = eig.certificate(np.eye(2))
    for A in (
        np.array([[1, 1e3j], [-1e3j, 1]]),  # 1 +- 1000
        np.eye(2, dtype=np.longdouble),
        np.eye(2, dtype=np.int64),
        [[1.0, 0.0], [0.0, 1.0]],
        np.array(1.0),
    ):
        assert not eig.check_certificate(A, proof)  # type: ignore[arg-type]


@pytest.mark.parametrize("order", [np.array([0.0, 1.0]), np.array(0), np.array([[0, 1]])], ids=repr)
def test_a_damaged_order_proves_nothing(order: np.ndarray) -> None:
    proof = eig.certificate(np.eye(2))
    for side in ("minus", "plus"):
        forged = dataclasses.replace(
            proof, **{side: dataclasses.replace(getattr(proof, side), order=order)}
        )
        assert not eig.check_certificate(np.eye(2), forged)
