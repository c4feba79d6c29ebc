"""What Lanczos takes as an operator, what it refuses, and how a run can end."""

from __future__ import annotations

import re
import signal
import threading

import numpy as np
import pytest
from scipy.sparse import diags_array
from scipy.sparse.linalg import LinearOperator, aslinearoperator

from oracle import spectra
from oracle.operators import Diagonal, Dropout, OneSided, Single, check, ends
from saddlescape import eig
from saddlescape.eig import Outcome

D = np.linspace(-1, 2, 120)


@pytest.mark.parametrize("block", [1, 3])
@pytest.mark.parametrize(
    "op",
    [
        np.diag(D),
        np.diag(D).astype(np.float32),
        aslinearoperator(np.diag(D)),
        LinearOperator((120, 120), matvec=lambda x: D * x.ravel(), dtype=float),
        diags_array(D),
        Diagonal(D),
    ],
    ids=["array", "float32", "aslinearoperator", "LinearOperator", "sparse", "object"],
)
def test_operators(op: object, block: int) -> None:
    result = eig.lanczos(op, 1, 2, block=block)
    assert result.outcome is Outcome.CONVERGED
    assert np.abs(result.eigenvalues - ends(D, 1, 2)).max() < 1e-6


SINGLE = Single(spectra.planted(D).A.astype(np.float32))


def test_float32_operator() -> None:
    result = eig.lanczos(SINGLE, 2, 2, tol=1e-5)
    assert result.outcome is Outcome.CONVERGED
    assert result.eigenvectors.dtype == np.float64
    assert np.abs(result.eigenvalues - ends(D, 2, 2)).max() < 1e-5


def test_more_than_float32_can_give_is_said() -> None:
    result = eig.lanczos(SINGLE, 2, 2, tol=1e-12)
    assert result.outcome is Outcome.STAGNATED
    assert "float64" in result.outcome.value
    assert not result.converged.any()
    assert result.residuals.max() < 1e-5  # and what was reached is reported


def test_op_may_keep_and_change_what_it_gets() -> None:
    class Rude(Diagonal):
        def __matmul__(self, V: np.ndarray) -> np.ndarray:
            V *= self.d if V.ndim == 1 else self.d[:, None]
            return V

    for block in (1, 2):
        result = eig.lanczos(Rude(D), 2, 2, block=block)
        assert np.abs(result.eigenvalues - ends(D, 2, 2)).max() < 1e-6


@pytest.mark.parametrize("block", [1, 2])
@pytest.mark.parametrize("op", [Dropout(D), OneSided(D)], ids=["dropout", "not symmetric"])
def test_not_symmetric_or_not_deterministic(op: Diagonal, block: int) -> None:
    with pytest.raises(ValueError, match=r"op: not symmetric, or not deterministic: .* dropout"):
        eig.lanczos(op, block=block)
    assert op.products <= 4 * block  # at once, not after a whole run


def test_matrix_not_symmetric() -> None:
    with pytest.raises(ValueError, match=re.escape("op: not symmetric, |op[1, 0] - op[0, 1]|")):
        eig.lanczos(np.array([[1.0, 2.0], [3.0, 4.0]]))


class Turns(Diagonal):
    """Gives something else from the third product on."""

    def __init__(self, what: object) -> None:
        super().__init__(D)
        self.what = what

    def __matmul__(self, V: np.ndarray) -> object:
        product = super().__matmul__(V)
        if self.products < 3:
            return product
        if isinstance(self.what, BaseException):
            raise self.what
        return self.what(product)


@pytest.mark.parametrize(
    ("what", "error", "message"),
    [
        (lambda y: y * np.nan, ValueError, "op: product 3 holds NaN or an infinite number"),
        (lambda y: y + np.inf, ValueError, "op: product 3 holds NaN or an infinite number"),
        (lambda y: y[:-1], ValueError, "op @ V: shape (119,), expected (120,)"),
        (lambda y: y[:, None], ValueError, "op @ V: shape (120, 1), expected (120,)"),
        (lambda y: y * 1j, TypeError, "op @ V: dtype complex128, expected real numbers"),
        (lambda _: None, TypeError, "op @ V: dtype object, expected real numbers"),
        (RuntimeError("from inside"), RuntimeError, "from inside"),
        (KeyError("from inside"), KeyError, "from inside"),
    ],
    ids=lambda x: str(x)[:20],
)
def test_bad_products(what: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        eig.lanczos(Turns(what))


def test_an_exception_is_the_same_object() -> None:
    exception = RuntimeError("mine")
    with pytest.raises(RuntimeError) as caught:
        eig.lanczos(Turns(exception))
    assert caught.value is exception


def test_keyboard_interrupt() -> None:
    op = Turns(lambda y: (signal.raise_signal(signal.SIGINT), y)[1])
    # A process that was started in the background ignores the signal.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            eig.lanczos(op)
    finally:
        signal.signal(signal.SIGINT, before)
    assert op.products == 3


def test_other_threads_run_meanwhile() -> None:
    # The operator waits for another thread in each product: with the GIL held it would for ever.
    class Waits(Diagonal):
        def __matmul__(self, V: np.ndarray) -> np.ndarray:
            event = threading.Event()
            threading.Thread(target=event.set).start()
            assert event.wait(10)
            return super().__matmul__(V)

    assert eig.lanczos(Waits(D)).outcome is Outcome.CONVERGED


# --- Budget, callback ---------------------------------------------------------------------------


@pytest.mark.parametrize("block", [1, 2, 4])
@pytest.mark.parametrize("budget", [16, 17, 30, 61, 100, 150])
def test_budget_is_kept(budget: int, block: int) -> None:
    op = Diagonal(np.linspace(0, 1, 300) ** 2)
    result = eig.lanczos(op, 3, 4, max_products=budget, block=block)
    assert result.outcome is Outcome.BUDGET
    assert result.products == op.products <= budget
    check(result, np.diag(op.d), 3, 4)
    assert not result.converged.all()


def test_budget_that_ends_in_the_check() -> None:
    d = np.r_[-1.0, np.linspace(0, 1, 998), 2.0]
    full = eig.lanczos(Diagonal(d))
    assert full.outcome is Outcome.CONVERGED
    seen = {eig.lanczos(Diagonal(d), max_products=p).outcome for p in range(6, full.products, 2)}
    assert seen == {Outcome.BUDGET, Outcome.UNCHECKED}
    unchecked = eig.lanczos(Diagonal(d), max_products=full.products - 3)
    assert unchecked.outcome is Outcome.UNCHECKED
    assert unchecked.converged.all()


def test_callback_sees_and_stops() -> None:
    seen = []

    def callback(products: int, values: np.ndarray, residuals: np.ndarray) -> bool:
        seen.append((products, values, residuals))
        return products > 50

    op = Diagonal(np.linspace(0, 1, 1000))
    result = eig.lanczos(op, 1, 1, callback=callback)
    assert result.outcome is Outcome.STOPPED
    assert seen[-1][0] == result.products
    assert np.all(np.diff([products for products, _, _ in seen]) > 0)
    assert np.abs(seen[-1][1] - result.eigenvalues).max() < 1e-12
    assert seen[-1][2] == pytest.approx(result.residuals, rel=1e-3)


def test_callback_raises() -> None:
    def callback(*_: object) -> None:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        eig.lanczos(Diagonal(D), callback=callback)


def test_outcomes_say_what_to_do() -> None:
    assert {o.name for o in Outcome} == {
        "CONVERGED",
        "UNCHECKED",
        "STAGNATED",
        "BUDGET",
        "STOPPED",
    }
    assert all(len(o.value) > 20 for o in Outcome)


class Shaped:
    def __init__(self, *shape: int) -> None:
        self.shape = shape

    def __matmul__(self, V: np.ndarray) -> np.ndarray:
        raise AssertionError("refused before a product")


ERRORS = [
    ({"op": [[1.0]]}, TypeError, "op: list, expected a square array, a scipy LinearOperator, or"),
    ({"op": None}, TypeError, "op: NoneType, expected a square array"),
    ({"op": np.eye(3, dtype=int)}, TypeError, "op: dtype int64, expected float32 or float64"),
    ({"op": np.full((3, 3), np.nan)}, ValueError, "op: NaN at (0, 0), expected finite numbers"),
    ({"op": np.ones((2, 3))}, ValueError, "op: shape (2, 3), expected (n, n)"),
    ({"op": np.ones((0, 0))}, ValueError, "op: shape (0, 0), expected (n, n) with n of at least 1"),
    ({"op": Shaped(3, 4)}, ValueError, "op: shape (3, 4), expected (n, n)"),
    ({"op": Shaped(3)}, ValueError, "op: shape (3,), expected (n, n)"),
    ({"low": -1}, ValueError, "low: -1, expected an integer of at least 0"),
    ({"high": -2}, ValueError, "high: -2, expected an integer of at least 0"),
    ({"low": 0, "high": 0}, ValueError, "low, high: both 0, expected at least one pair"),
    ({"low": 1.0}, TypeError, "low: float, expected an integer of at least 0"),
    ({"high": True}, TypeError, "high: bool, expected an integer of at least 0"),
    ({"tol": 0}, ValueError, "tol: 0, expected a positive number"),
    ({"tol": -1e-9}, ValueError, "tol: -1e-09, expected a positive number"),
    ({"tol": np.nan}, ValueError, "tol: nan, expected a positive number"),
    ({"tol": np.inf}, ValueError, "tol: inf, expected a positive number"),
    ({"tol": "1"}, TypeError, "tol: str, expected a positive number"),
    ({"block": 0}, ValueError, "block: 0, expected an integer of at least 1"),
    ({"block": 1.5}, TypeError, "block: float, expected an integer of at least 1"),
    ({"max_products": 0}, ValueError, "max_products: 0, expected an integer of at least 1"),
    (
        {"max_products": 3},
        ValueError,
        "max_products: 3, expected at least 4 for 2 pairs in blocks of 1 and their residuals",
    ),
    ({"seed": -1}, ValueError, "seed: -1, expected an integer of at least 0"),
    ({"seed": 2**63}, ValueError, "seed: 9223372036854775808, expected below 2**63"),
    ({"seed": None}, TypeError, "seed: NoneType, expected an integer of at least 0"),
    ({"callback": 1}, TypeError, "callback: int, expected a function or None"),
]


@pytest.mark.parametrize(("arguments", "error", "message"), ERRORS, ids=lambda x: str(x)[:40])
def test_refused(arguments: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        eig.lanczos(**{"op": Diagonal(D)} | arguments)


class Odd(Diagonal):
    def __init__(self, shape: object, product: object = None) -> None:
        super().__init__(np.ones(3))
        self.shape, self.product = shape, product

    def __matmul__(self, V: np.ndarray) -> object:
        return self.product(V)


@pytest.mark.parametrize("shape", [None, 5, "ab", ("a", "a"), (5.0, 5.0), (True, True)])
@pytest.mark.parametrize("ask", [eig.lanczos, eig.density, eig.trace, eig.diagonal])
def test_shapes_that_are_none(shape: object, ask: object) -> None:
    with pytest.raises(
        TypeError, match=re.escape(f"op: shape {shape!r}, expected (n, n), two int")
    ):
        ask(Odd(shape))


@pytest.mark.parametrize("shape", [(), (3,), (3, 4), (0, 0), (-1, -1), (3, 3, 3), (2**31, 2**31)])
def test_shapes_of_another_kind(shape: tuple) -> None:
    with pytest.raises(ValueError, match=re.escape(f"op: shape {shape}, expected (n, n) with n")):
        eig.density(Odd(shape))


def test_masked_elements_are_not_unmasked() -> None:
    masked = np.ma.masked_array(np.eye(3), np.eye(3) > 0)
    with pytest.raises(TypeError, match="op: MaskedArray, expected an array without masked"):
        eig.density(masked)
    op = Odd((3, 3), lambda V: np.ma.masked_array(V, V > 0))
    with pytest.raises(TypeError, match="op @ V: MaskedArray, expected an array without masked"):
        eig.density(op)


def test_float32_that_overflows_says_so() -> None:
    def product(V: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):
            return V * np.float32(3e38) * np.float32(10)

    op = Odd((3, 3), product)
    op.dtype = np.dtype(np.float32)
    with pytest.raises(ValueError, match=re.escape("op @ V: NaN or an infinite number, expected ")):
        eig.density(op)
