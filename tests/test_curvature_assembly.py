"""Pieces of the identity, and a matrix made symmetric in place."""

from __future__ import annotations

import numpy as np
import pytest

from saddlescape.curvature.assembly import chunks_of_identity, symmetrise


@pytest.mark.parametrize("n", [1, 2, 6, 7, 8, 15])
def test_pieces_make_up_the_identity(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("saddlescape.curvature.assembly._BYTES", 7 * 8 * 8)
    pieces = list(chunks_of_identity(n))
    assert np.array_equal(np.concatenate([rows for _, rows in pieces]), np.eye(n))
    assert all(rows.nbytes <= max(7 * 8 * 8, 8 * n) for _, rows in pieces)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7])
def test_what_symmetry_takes_off(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("saddlescape.curvature.assembly._TILE", 3)
    A = np.random.default_rng(n).standard_normal((n, n))
    B = A.copy()
    removed = symmetrise(B)
    assert np.allclose(B, (A + A.T) / 2, rtol=0, atol=1e-15)
    assert removed == pytest.approx(np.linalg.norm(A - A.T) / 2, rel=1e-14)
