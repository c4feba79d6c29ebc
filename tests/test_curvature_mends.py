"""Differences, operands and points that once gave certain results which were wrong."""
# ruff: noqa: ARG005 - losses and Hessians that are the same everywhere

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import saddlescape as ss
from saddlescape import critical, curvature, eig


@pytest.mark.parametrize("scale", np.logspace(4, 7, 40))
def test_parameters_of_different_sizes(scale: float) -> None:
    """sin(t0) + (t1 / s - 1)^2 / 2: a step that suits t1 is far too long for t0."""
    H = curvature.from_gradient(
        lambda t: np.array([np.sin(t[0]), (t[1] / scale - 1) / scale]), np.array([0.3, scale])
    )
    A = H.dense()
    assert np.linalg.norm(A - np.diag([np.cos(0.3), scale**-2])) <= H.error() < 1e-2
    assert eig.inertia(A, tolerance=H.error()).negative == 0


def test_fast_oscillations() -> None:
    """No sign is certified wrongly, though the first steps jump over whole periods."""
    uncovered = 0
    for w in np.logspace(1, 6, 600):
        H = curvature.from_gradient(lambda t, w=w: w * np.cos(w * t), np.array([0.7]))
        found, true = H.dense()[0, 0], -w * w * np.sin(w * 0.7)
        uncovered += abs(found - true) > H.error()
    assert uncovered == 0


def test_a_gradient_in_single_precision() -> None:
    uncovered = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        X = rng.standard_normal((50, 4)).astype(np.float32)
        X[:, 3] = X[:, 2]
        theta = rng.standard_normal(4).astype(np.float32).astype(float)

        def gradient(t: Any, X: Any = X) -> Any:
            return X.T @ np.tanh(X @ t.astype(np.float32)) / np.float32(50)

        H = curvature.from_gradient(gradient, theta)
        wide = X.astype(float)
        R = wide.T @ (wide * (1 - np.tanh(wide @ theta) ** 2)[:, None]) / 50
        uncovered += np.linalg.norm(H.dense() - R) > H.error()
        signs = eig.inertia(H.dense(), tolerance=H.error())
        assert signs.negative == 0
        assert signs.positive <= 3
        hidden = curvature.from_gradient(
            lambda t, g=gradient: g(t).astype(float), theta, eps=2.0**-23
        )
        assert np.array_equal(hidden.dense(), H.dense())
    assert uncovered == 0
    with pytest.raises(ValueError, match=r"eps: 2, expected between 0 and 1"):
        curvature.from_gradient(lambda t: t, np.ones(2), eps=2.0)


def saddle(theta: np.ndarray | None = None, factor: float = 1.0) -> curvature.FunctionCurvature:
    return curvature.from_functions(
        lambda t: float(t[0] ** 2 - factor * t[1] ** 2 + factor),
        lambda t: np.array([2 * t[0], -2 * factor * t[1]]),
        lambda t: np.diag([2.0, -2.0 * factor]),
        np.zeros(2) if theta is None else theta,
    )


def every_operator() -> list[Any]:
    net = ss.MLP((2, 2), "linear", "mse", dtype="float64")
    whole = curvature.of(net, np.eye(2), np.eye(2))
    return [
        whole,
        whole.block(slice(0, 3)),
        curvature.mean_of([whole, whole], [1, 2]),
        saddle(),
        curvature.from_gradient(lambda t: 2 * t, np.ones(3)),
        curvature.from_matrix(np.eye(2), np.ones(2)),
        curvature.from_operator(np.eye(3), np.ones(3), np.ones(3)),
    ]


@pytest.mark.parametrize("which", range(7))
def test_nobody_writes_to_what_an_operator_holds(which: int) -> None:
    H = every_operator()[which]
    before = H.dense().copy(), H.gradient().copy(), np.array(H.theta)
    for array in (H.dense(), H.gradient(), H.theta):
        if array.flags.writeable:  # a copy, then
            array *= 5
    for array, values in zip((H.dense(), H.gradient(), H.theta), before, strict=True):
        assert np.array_equal(array, values)


@pytest.mark.parametrize("which", range(7))
def test_operands_are_finite_and_real(which: int) -> None:
    H = every_operator()[which]
    n = H.shape[0]
    with pytest.raises(TypeError, match="V: dtype complex128, expected an array of real numbers"):
        H @ (np.ones(n) + 1j)
    for wrong in (np.inf, np.nan):
        with pytest.raises(ValueError, match=r"V: (inf|nan) at 0, expected finite numbers"):
            H @ np.r_[wrong, np.ones(n - 1)]


def test_a_loss_elsewhere_has_as_many_parameters() -> None:
    with pytest.raises(ValueError, match=r"theta: shape \(3,\), expected \(2,\)"):
        saddle().loss(np.zeros(3))
    assert saddle().loss([1.0, 0.0]) == 2.0  # type: ignore[arg-type]


def test_the_point_of_another_function_is_refused() -> None:
    point = critical.classify(saddle())
    assert critical.escape(saddle(), point=point).outcome.name == "ESCAPED"
    with pytest.raises(ValueError, match=r"point: of a loss of 1, expected what critical.classify"):
        critical.escape(saddle(factor=3.0), point=point)


def test_a_loss_out_of_its_domain_is_infinite() -> None:
    def loss(t: np.ndarray) -> float:
        if np.abs(t).max() > 0.5:
            raise FloatingPointError("domain")
        return float(t[0] ** 2)

    H = curvature.from_functions(
        loss,
        lambda t: np.array([2 * t[0], 0.0]),
        lambda t: np.diag([2.0, 0.0]),
        np.zeros(2),
    )
    assert critical.classify(H).kind is critical.Kind.DEGENERATE_MINIMUM


def test_find_works_on_blocks_and_sums() -> None:
    X, Y = np.ones((1, 1)), np.ones((1, 1))
    net = ss.MLP((1, 1, 1), activation="linear", loss="mse", bias=False, dtype="float64")
    net.theta = np.array([0.2, 0.1])
    parts = [curvature.of(net, X, Y), curvature.of(net, X, Y)]
    found = critical.find(curvature.mean_of(parts, [1, 3]))
    assert found.point.kind is critical.Kind.SADDLE
    block = curvature.of(net, X, Y).block([1])  # (1 - 0.2 w)^2
    found = critical.find(block, method="saddle_free_newton")
    assert found.theta == pytest.approx([5.0], rel=1e-6)
    matrix = curvature.from_matrix(np.eye(2))
    with pytest.raises(TypeError, match="block of MatrixCurvature, expected one"):
        matrix.block([0]).at(np.ones(1))
    with pytest.raises(TypeError, match=r"parts\[0\]: MatrixCurvature, expected operators that"):
        curvature.sum_of([matrix]).at(np.ones(2))
