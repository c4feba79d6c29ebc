"""The homework's criterion beside the right one."""

from __future__ import annotations

import numpy as np
import pytest

import saddlescape as ss
from saddlescape import critical, curvature

pytestmark = pytest.mark.filterwarnings("ignore::saddlescape.curvature.PiecewiseLinearWarning")

X = np.linspace(0.05, 0.95, 6)[:, None]
Y = np.sin(5 * np.pi * X) / (5 * np.pi * X)


@pytest.fixture(scope="module")
def trained() -> ss.MLP:
    """The homework's network and target, 6 samples as its checkpoints have."""
    net = ss.MLP((1, 128, 1), "relu", loss="mse", dtype="float64", seed=0)
    assert net.parameters == 385
    ss.train(net, X, Y, optimizer="adam", lr=1e-3, batch_size="full", epochs=2000)
    return net


def by_hand(net: ss.MLP) -> tuple[float, list[np.ndarray]]:
    """Per weight matrix: |dL/dW|, and the least-squares Gauss-Newton matrix, written out."""
    (W, b), (V, c) = net.layers()
    S = X @ W.T + b
    A, on = np.maximum(S, 0), S > 0
    r = 2 * (A @ V.T + c - Y) / len(X)
    dV, dW = r.T @ A, ((r @ V) * on).T @ X
    JW = (on * V[0]) * X  # (N, 128): d output / d W
    norm = (np.linalg.norm(dW) + np.linalg.norm(dV)) / 2
    return float(norm), [JW.T @ JW, A.T @ A]


def test_as_written_out_by_hand(trained) -> None:
    point = critical.classify(curvature.of(trained, X, Y), preset="hylee2021")
    work = point.homework
    norm, matrices = by_hand(trained)
    assert work.gradient_norm == pytest.approx(norm, rel=1e-9)
    assert work.gradient_norm == pytest.approx(np.mean(work.gradient_norms))
    assert work.minimum_ratio == pytest.approx(np.mean(work.minimum_ratios))
    assert len(work.certified) == 2
    for counts, G in zip(work.certified, matrices, strict=True):
        values = np.linalg.eigvalsh(G)
        assert counts.n == 128
        assert counts.negative == 0
        assert counts.positive <= (values > 1e-12 * values[-1]).sum() <= 6


def test_the_homeworks_ratio_is_noise_and_that_is_said(trained) -> None:
    """At most 6 of 128 eigenvalues are positive: 0.047. What is counted is near a half."""
    point = critical.classify(curvature.of(trained, X, Y), preset="hylee2021")
    work = point.homework
    assert max(c.positive for c in work.certified) <= 6
    assert work.minimum_ratio > 0.2
    assert "signs of rounding errors" in work.difference
    assert f"n+ = {point.inertia.positive}" in work.difference
    text = str(point)
    assert "homework" in text
    assert max(map(len, text.splitlines())) <= 79


@pytest.mark.parametrize(
    ("scale", "ratio", "verdict"),
    [
        (0.9e-3, 0.6, "local minima like"),
        (0.9e-3, 0.5, "saddle point"),
        (0.9e-3, 0.1, "saddle point"),
        (1.1e-3, 0.6, "none of the above"),
        (1.1e-3, 0.1, "none of the above"),
    ],
)
def test_the_thresholds(scale, ratio, verdict, monkeypatch: pytest.MonkeyPatch) -> None:
    """One weight matrix w x of ten inputs: its gradient's norm is what the target makes it."""
    monkeypatch.setattr("saddlescape.critical.hylee2021._ratio", lambda _: ratio)
    net = ss.MLP((1, 1), "linear", loss="mse", init="zeros", dtype="float64")
    one = np.ones((1, 1))
    # L = (w + b - t)^2: |dL/dw| = 2 t, and the same for the bias, which does not count
    point = critical.classify(curvature.of(net, one, scale / 2 * one), preset="hylee2021")
    assert point.homework.gradient_norm == pytest.approx(scale)
    assert point.homework.verdict == verdict


def test_a_full_rank_matrix_is_counted_rightly() -> None:
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((30, 4))
    net = ss.MLP((4, 2), "linear", loss="mse", dtype="float64")
    point = critical.classify(curvature.of(net, inputs, inputs[:, :2].copy()), preset="hylee2021")
    assert point.homework.minimum_ratio == 1.0
    assert "It counts no more than that." in point.homework.difference


def test_without_the_preset_there_is_none(trained) -> None:
    assert critical.classify(curvature.of(trained, X, Y)).homework is None


@pytest.mark.parametrize(
    ("H", "preset", "error", "text"),
    [
        ("net", "hylee", ValueError, "preset: 'hylee', expected one of hylee2021"),
        ("net", 1, TypeError, "preset: int, expected one of hylee2021"),
        (
            "matrix",
            "hylee2021",
            TypeError,
            "preset: 'hylee2021' with a MatrixCurvature, expected it with curvature.of(net, X, y), "
            "which has weight matrices layer by layer",
        ),
    ],
)
def test_refused_in_these_words(trained, H, preset, error, text) -> None:
    given = curvature.of(trained, X, Y) if H == "net" else np.eye(2)
    with pytest.raises(error) as caught:
        critical.classify(given, preset=preset)
    assert str(caught.value) == text
