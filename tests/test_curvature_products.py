"""Matrices and operators of other libraries as curvature: what they show, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.linalg import LinearOperator, aslinearoperator

from oracle import points
from saddlescape import critical, curvature, eig
from saddlescape.critical import Kind

N = 40


def spectrum(n: int = N) -> np.ndarray:
    return np.linspace(-1, 9, n)


def dense(n: int = N, seed: int = 0) -> np.ndarray:
    Q = points.orthogonal(n, seed)
    A = Q @ np.diag(spectrum(n)) @ Q.T
    return (A + A.T) / 2


def single(A: np.ndarray) -> LinearOperator:
    B = A.astype(np.float32)

    def matvec(v: np.ndarray) -> np.ndarray:
        assert v.dtype == np.float32
        return B @ v

    return LinearOperator(A.shape, matvec=matvec, matmat=matvec, dtype=np.float32)


FORMS = {
    "array": curvature.from_matrix,
    "single array": lambda A: curvature.from_matrix(A.astype(np.float32)),
    "operator": lambda A: curvature.from_operator(aslinearoperator(A)),
    "single operator": lambda A: curvature.from_operator(single(A)),
    "sparse": lambda A: curvature.from_operator(csr_array(A)),
    "array as an operator": curvature.from_operator,
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_taken_everywhere(form: str) -> None:
    A = dense()
    H = FORMS[form](A)
    assert isinstance(H, curvature.Curvature)
    eps = float(np.finfo(np.float32 if "single" in form else float).eps)
    size = float(np.linalg.norm(A))
    V = np.random.default_rng(1).standard_normal((N, 3))
    assert np.linalg.norm(H @ V - A @ V) <= 10 * eps * size * np.linalg.norm(V)
    difference = float(np.linalg.norm(H.dense() - A))
    assert difference <= H.error() + eps * size  # the last place of the entries, and their rounding
    assert H.error() <= 100 * eps * size
    for method in ("dense", "lanczos"):
        assert critical.classify(H, method=method).kind == Kind.SADDLE
    ends = eig.lanczos(H, low=2, high=1).eigenvalues
    assert np.allclose(ends, spectrum()[[0, 1, -1]], rtol=0, atol=1e-5)
    assert eig.trace(H, products=N + 1).value == pytest.approx(spectrum().sum(), rel=1e-5)
    density = eig.density(H, steps=N, probes=2)
    assert density.mass_below(0).value == pytest.approx((spectrum() < 0).mean(), abs=0.2)
    assert np.isnan(H.loss())
    assert not H.gradient().any()


def test_classify_takes_them_as_they_are() -> None:
    A, g = dense(), np.ones(N)
    for form in (aslinearoperator(A), csr_array(A)):
        point = critical.classify(form)
        assert point.kind == Kind.SADDLE
        assert (point.inertia.positive, point.inertia.negative) == (36, 4)
        assert any("the gradient (none was given" in text for text in point.not_checked)
        assert critical.classify(form, g).kind == Kind.NOT_CRITICAL
    for H in (curvature.from_operator(aslinearoperator(A), g), curvature.from_matrix(A, g)):
        point = critical.classify(H)
        assert point.kind == Kind.NOT_CRITICAL
        assert not any("none was given" in text for text in point.not_checked)


def test_a_loss_makes_it_possible_to_escape() -> None:
    A = dense()
    H = curvature.from_operator(
        aslinearoperator(A), theta=np.zeros(N), loss=lambda t: float(t @ A @ t / 2 + (t @ t) ** 2)
    )
    assert H.has_loss
    out = critical.escape(H)
    assert out.outcome is critical.EscapeOutcome.ESCAPED
    assert out.loss_after < 0


def test_noise_between_products_is_in_the_error() -> None:
    A, rng = dense(), np.random.default_rng(3)

    def matvec(v: np.ndarray) -> np.ndarray:
        return A @ v + 1e-6 * rng.standard_normal(N)

    # a product with a unit vector is off by 1e-6 sqrt(n), so |E|_F is 1e-6 n
    assert (
        1e-5 < curvature.from_operator(LinearOperator((N, N), matvec, dtype=float)).error() < 1e-3
    )


def test_an_error_that_is_known_is_kept() -> None:
    assert curvature.from_operator(aslinearoperator(dense()), error=0.5).error() == 0.5


class Shaped:
    shape = (2, 2)

    def __init__(self, product: Any) -> None:
        self.product = product

    def __matmul__(self, V: Any) -> Any:
        return self.product(V)


SKEW = np.array([[0.0, 1.0], [-1.0, 0.0]])
RANDOM = np.random.default_rng(0)
OP = aslinearoperator(np.eye(2))
MISUSE = [
    (lambda: curvature.from_operator(3), TypeError, "op: int, expected a scipy LinearOperator"),
    (lambda: curvature.from_operator(np.ones((2, 3))), ValueError, "op: shape (2, 3), expected (P"),
    (lambda: curvature.from_operator(np.ones(3)), ValueError, "op: shape (3,), expected (P, P)"),
    (lambda: curvature.from_operator(aslinearoperator(SKEW)), ValueError, "op: not symmetric"),
    (
        lambda: curvature.from_operator(Shaped(lambda V: RANDOM.standard_normal(V.shape))),
        ValueError,
        "op: two products with the same vector differ by",
    ),
    (
        lambda: curvature.from_operator(Shaped(lambda V: V[:1])),
        ValueError,
        "op @ V: shape (1,), ex",
    ),
    (lambda: curvature.from_operator(Shaped(lambda V: V * 1j)), TypeError, "op @ V: dtype complex"),
    (lambda: curvature.from_operator(Shaped(lambda V: V / 0)), ValueError, "op @ V: "),
    (lambda: curvature.from_operator(OP, np.ones(3)), ValueError, "gradient: shape (3,), expected"),
    (lambda: curvature.from_operator(OP, theta=np.ones(3)), ValueError, "theta: shape (3,), exp"),
    (lambda: curvature.from_operator(OP, error=-1.0), ValueError, "error: -1.0, expected a finite"),
    (lambda: curvature.from_operator(OP) @ np.ones(3), ValueError, "V: shape (3,), expected (2,)"),
    (lambda: curvature.from_matrix([[1.0]]), TypeError, "A: list, expected a NumPy array"),
    (lambda: curvature.from_matrix(SKEW), ValueError, "A: differs from its transpose by up to 2"),
    (lambda: curvature.from_matrix(np.eye(2, dtype=int)), TypeError, "A: dtype int64, expected"),
    (lambda: curvature.from_matrix(np.eye(2), np.ones(3)), ValueError, "gradient: shape (3,)"),
]


@pytest.mark.parametrize(("call", "error", "text"), MISUSE)
def test_misuse_is_refused(call: Any, error: type[Exception], text: str) -> None:
    with np.errstate(all="ignore"), pytest.raises(error) as caught:
        call()
    assert str(caught.value).startswith(text)
