"""What is refused, in which words; and what passes through."""

# ruff: noqa: E501 (a case a line)
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import saddlescape as ss
from saddlescape import critical, curvature

E = np.eye(2)
NAN = np.array([[1.0, np.nan], [np.nan, 1.0]])
SKEW = np.array([[1.0, 2.0], [0.0, 1.0]])
NET = ss.MLP((2, 3, 2))
X, Y = np.eye(2), np.array([0, 1])
T = np.zeros(2)


def operator() -> curvature.FunctionCurvature:
    return functions()


def functions(**changes: Any) -> curvature.FunctionCurvature:
    given: dict[str, Any] = {
        "loss": lambda t: float(t @ t),
        "gradient": lambda t: 2 * t,
        "hessian": lambda t: 2 * np.eye(len(t)),
        "theta": T,
    }
    return curvature.from_functions(**{**given, **changes})


def from_gradient(**changes: Any) -> curvature.GradientCurvature:
    return curvature.from_gradient(**{"gradient": lambda t: 2 * t, "theta": T, **changes})


def infinite_net() -> ss.MLP:
    net = NET.copy()
    net.theta[3] = np.inf
    return net


def not_the_same_twice() -> Any:
    calls = iter(range(10))
    return lambda t: t + float(next(calls))


ASK = "expected a square array or an operator of saddlescape.curvature, such as curvature.of(net, X, y)"
REAL = "expected an array of real numbers"
SYMMETRIC = (
    "differs from its transpose by up to 2, expected a symmetric matrix (at most 8.9e-14); if the "
    "symmetric part is meant, pass "
)
FLOATS = "expected a NumPy array of float32 or float64"
REFUSED: list[tuple[Any, type[Exception], str]] = [
    # classify: H
    (lambda: critical.classify([[1.0]]), TypeError, f"H: list, {ASK}"),
    (lambda: critical.classify(None), TypeError, f"H: NoneType, {ASK}"),
    (lambda: critical.classify(NET), TypeError, f"H: MLP, {ASK}"),
    (lambda: critical.classify(np.eye(2, dtype=int)), TypeError, "H: dtype int64, expected float32 or float64"),
    (lambda: critical.classify(E.astype(complex)), TypeError, "H: dtype complex128, expected float32 or float64"),
    (lambda: critical.classify(E.astype(np.float16)), TypeError, "H: dtype float16, expected float32 or float64"),
    (lambda: critical.classify(np.ones(3)), ValueError, "H: shape (3,), expected (P, P) with P at least 1"),
    (lambda: critical.classify(np.ones((2, 3))), ValueError, "H: shape (2, 3), expected (P, P) with P at least 1"),
    (lambda: critical.classify(np.ones((0, 0))), ValueError, "H: shape (0, 0), expected (P, P) with P at least 1"),
    (lambda: critical.classify(NAN), ValueError, "H: nan at (0, 1), expected finite numbers"),
    (lambda: critical.classify(np.diag([np.inf, 1.0])), ValueError, "H: inf at (0, 0), expected finite numbers"),
    (lambda: critical.classify(SKEW), ValueError, f"H: {SYMMETRIC}(H + H.T) / 2"),
    # classify: the rest
    (lambda: critical.classify(E, np.zeros(3)), ValueError, "gradient: shape (3,), expected (2,)"),
    (lambda: critical.classify(E, np.zeros((2, 1))), ValueError, "gradient: shape (2, 1), expected (2,)"),
    (lambda: critical.classify(E, np.array([0.0, np.nan])), ValueError, "gradient: nan at 1, expected finite numbers"),
    (lambda: critical.classify(E, "down"), TypeError, f"gradient: str, {REAL}"),
    (lambda: critical.classify(E, E.astype(complex)[0]), TypeError, f"gradient: dtype complex128, {REAL}"),
    (lambda: critical.classify(operator(), np.zeros(2)), ValueError, "gradient: given with an operator, expected only with a plain array H"),
    (lambda: critical.classify(E, method="fast"), ValueError, "method: 'fast', expected one of auto, dense, lanczos"),
    (lambda: critical.classify(E, method=None), TypeError, "method: NoneType, expected one of auto, dense, lanczos"),
    (lambda: critical.classify(E, gradient_tolerance=-1e-9), ValueError, "gradient_tolerance: -1e-09, expected a finite number >= 0"),
    (lambda: critical.classify(E, gradient_tolerance=np.nan), ValueError, "gradient_tolerance: nan, expected a finite number >= 0"),
    (lambda: critical.classify(E, gradient_tolerance="1"), TypeError, "gradient_tolerance: str, expected a finite number >= 0"),
    (lambda: critical.classify(E, seed=-1), ValueError, "seed: -1, expected an integer of at least 0"),
    (lambda: critical.classify(E, seed=1.5), TypeError, "seed: float, expected an integer of at least 0"),
    # escape
    (lambda: critical.escape(NET), TypeError, "X, y: not given, expected the samples X and targets y of the network"),
    (lambda: critical.escape(NET, X), TypeError, "y: not given, expected the samples X and targets y of the network"),
    (lambda: critical.escape(NET, y=Y), TypeError, "X: not given, expected the samples X and targets y of the network"),
    (lambda: critical.escape(operator(), X), TypeError, "X: given with an operator, expected only with a network"),
    (lambda: critical.escape(operator(), X, Y), TypeError, "X, y: given with an operator, expected only with a network"),
    (lambda: critical.escape(E), TypeError, "H: ndarray, expected an MLP or an operator of saddlescape.curvature"),
    (lambda: critical.escape(E, X, Y), TypeError, "H: ndarray, expected an MLP or an operator of saddlescape.curvature"),
    (lambda: critical.escape(operator(), seed=-1), ValueError, "seed: -1, expected an integer of at least 0"),
    (lambda: critical.escape(operator(), point="saddle"), TypeError, "point: str, expected what critical.classify returned, or None"),
    (lambda: critical.escape(operator(), point=critical.classify(np.eye(3))), ValueError, "point: 3 parameters, expected 2, as H has"),
    # curvature.of
    (lambda: curvature.of("net", X, Y), TypeError, "net: str, expected an MLP"),
    (lambda: curvature.of(NET, X * np.nan, Y), ValueError, "X: nan at (0, 0), expected finite numbers"),
    (lambda: curvature.of(NET, X[:0], Y[:0]), ValueError, "X: shape (0, 2), expected at least one sample"),
    (lambda: curvature.of(NET, X[:, :1].copy(), Y), ValueError, "X: shape (2, 1), expected (any, 2)"),
    (lambda: curvature.of(NET, X, np.array([0, 2])), ValueError, "y[1]: class 2, expected 0 to 1"),
    (lambda: curvature.of(infinite_net(), X, Y), ValueError, "net.theta: inf at 3, expected finite numbers"),
    (lambda: curvature.of(NET, X, Y) @ np.ones(3), ValueError, "V: shape (3,), expected (17,) or (17, k)"),
    (lambda: operator() @ np.ones(3), ValueError, "V: shape (3,), expected (2,) or (2, k)"),
    (lambda: from_gradient() @ np.ones((2, 2, 2)), ValueError, "V: shape (2, 2, 2), expected (2,) or (2, k)"),
    # theta
    (lambda: functions(theta=[0.0, 0.0]), TypeError, f"theta: list, {FLOATS}"),
    (lambda: from_gradient(theta=np.zeros(2, int)), TypeError, f"theta: dtype int64, {FLOATS}"),
    (lambda: from_gradient(theta=np.zeros(2, np.float16)), TypeError, f"theta: dtype float16, {FLOATS}"),
    (lambda: from_gradient(theta=np.zeros((2, 1))), ValueError, "theta: shape (2, 1), expected (P,) with P at least 1"),
    (lambda: from_gradient(theta=np.zeros(0)), ValueError, "theta: shape (0,), expected (P,) with P at least 1"),
    (lambda: from_gradient(theta=np.array([0.0, np.nan])), ValueError, "theta: nan at 1, expected finite numbers"),
    # what functions return
    (lambda: from_gradient(gradient=lambda t: t[:1]), ValueError, "gradient: shape (1,), expected (2,)"),
    (lambda: from_gradient(gradient=lambda t: t * np.nan), ValueError, "gradient: nan at 0, expected finite numbers"),
    (lambda: from_gradient(gradient=lambda _: None), TypeError, f"gradient: NoneType, {REAL}"),
    (lambda: from_gradient(gradient=not_the_same_twice()), ValueError, "gradient: two calls at the same theta differ by 1, expected the same result (no dropout, no random batches)"),
    (lambda: from_gradient(gradient=lambda t: np.array([t[1], -t[0]])).dense(), ValueError, "gradient: its derivative is not symmetric (the antisymmetric part is 100% of it), expected the gradient of a function"),
    (lambda: functions(gradient=lambda _: np.zeros(3)), ValueError, "gradient: shape (3,), expected (2,)"),
    (lambda: functions(gradient=lambda _: np.array([np.inf, 0])), ValueError, "gradient: inf at 0, expected finite numbers"),
    (lambda: functions(hessian=lambda _: np.eye(3)), ValueError, "hessian: shape (3, 3), expected (2, 2)"),
    (lambda: functions(hessian=lambda _: 2.0), ValueError, "hessian: shape (), expected (2, 2)"),
    (lambda: functions(hessian=lambda _: NAN), ValueError, "hessian: nan at (0, 1), expected finite numbers"),
    (lambda: functions(hessian=lambda _: SKEW), ValueError, f"hessian: {SYMMETRIC}(hessian + hessian.T) / 2"),
    (lambda: functions(loss=lambda t: t), TypeError, "loss: shape (2,), expected a real number"),
    (lambda: functions(loss=lambda _: None), TypeError, "loss: NoneType, expected a real number"),
    (lambda: from_gradient(loss=lambda _: 1j), TypeError, "loss: complex, expected a real number"),
    (lambda: functions(lower_bound=1.0), ValueError, "lower_bound: 1, expected at most the loss, 0"),
    (lambda: functions(lower_bound=-np.inf), ValueError, "lower_bound: -inf, expected a finite number or None"),
    (lambda: from_gradient(lower_bound="0"), TypeError, "lower_bound: str, expected a real number"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "text"), REFUSED, ids=[row[2][:60] for row in REFUSED])
def test_refused_in_these_words(call: Any, error: type[Exception], text: str) -> None:
    before = NET.theta.tobytes()
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == text
    assert NET.theta.tobytes() == before
    assert not T.any()


class OwnError(Exception):
    pass


def test_what_a_function_raises_passes_through() -> None:
    def failing(t: np.ndarray) -> Any:
        raise OwnError("mine")

    def failing_elsewhere(t: np.ndarray) -> float:
        if t.any():
            raise OwnError("mine")
        return 0.0

    for name in ("loss", "gradient", "hessian"):
        with pytest.raises(OwnError, match="mine"):
            functions(**{name: failing})
    flat = functions(loss=failing_elsewhere, hessian=lambda _: np.zeros((2, 2)))
    with pytest.raises(OwnError, match="mine"):
        critical.classify(flat)
    saddle = functions(loss=failing_elsewhere, hessian=lambda _: np.diag([2.0, -2.0]))
    with pytest.raises(OwnError, match="mine"):
        critical.escape(saddle)


def test_single_precision_arrays_may_be_symmetric_to_their_own_rounding() -> None:
    A = np.array([[1.0, 2.0], [2.0 + 1e-6, 1.0]])
    assert critical.classify(A.astype(np.float32)).kind.value == "saddle"
    with pytest.raises(ValueError, match="H: differs from its transpose"):
        critical.classify(A)


def test_arrays_of_any_layout() -> None:
    A = np.random.default_rng(0).standard_normal((6, 6))
    A = A + A.T
    expected = critical.classify(A).spectrum
    big = np.zeros((12, 12))
    big[::2, ::2] = A
    for same in (np.asfortranarray(A), big[::2, ::2]):
        assert np.array_equal(critical.classify(same).spectrum, expected)


def test_what_an_array_leaves_unchecked() -> None:
    said = critical.classify(E).not_checked
    assert "the gradient (none was given, taken as zero)" in said
    assert "the gradient" not in " ".join(critical.classify(E, np.zeros(2)).not_checked)
    # an operator without a loss has a gradient all the same
    assert "the gradient" not in " ".join(critical.classify(from_gradient()).not_checked)
