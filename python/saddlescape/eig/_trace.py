"""Trace and diagonal of an operator, from products alone, with standard errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from saddlescape._check import choice, integer, non_negative
from saddlescape._core import eig as _eig
from saddlescape.eig import _estimators as estimators
from saddlescape.eig._device import is_device_operator
from saddlescape.eig._estimate import Estimate
from saddlescape.eig._operator import Operator, order, solvers

__all__ = ["diagonal", "trace"]

Vector = NDArray[np.float64]
Result = TypeVar("Result", Estimate[float], Estimate[Vector])

# A standard error from fewer samples is too uncertain itself for a run to end on it. Random signs
# besides may agree by chance, and then say that nothing is left to chance: 10 of two equally likely
# numbers do so once in 500 runs, 2 in every other one.
_FIRST = 10
_LEAST = {"xtrace": 4, "xdiag": 2 * _FIRST, "hutchinson": _FIRST}


def trace(
    op: Operator,
    products: int = 100,
    method: str = "xtrace",
    tolerance: float | None = None,
    seed: int = 0,
    block: int = 1,
) -> Estimate[float]:
    """Estimate the trace of a symmetric operator.

    XTrace: with Y = A Omega for k normal vectors, and P_i the projector on the range of Y without
    its i-th column,

        t_i = tr(P_i A) + c_i omega_i^T (I - P_i) A (I - P_i) omega_i,   value = mean of t_i,

    c_i = (n - rank P_i) / |(I - P_i) omega_i|^2. What is large in A is taken exactly, the rest is
    sampled. The standard error is sqrt(2 / k) times the standard deviation of the t_i: the paper's
    has no 2 and is too small, for the t_i share vectors. Each vector costs two products.

    Hutchinson: the mean of omega_i^T A omega_i over random signs, a product each; its variance is
    2 (||A||_F^2 - sum_j a_jj^2) / products.

    With ``products > n``, and without a tolerance, the trace is computed exactly from n products;
    one more shows whether `op` is symmetric and deterministic.

    Parameters
    ----------
    op : array of shape (n, n), scipy LinearOperator, or anything with ``.shape`` and ``@``
        Symmetric and deterministic. It gets vectors (n,), and with `block` > 1 also matrices
        (n, k), in float64, or in float32 if its ``dtype`` says so; arrays on its CUDA device if it
        is there, where the vectors stay.
    products : int
        The most products with a vector.
    method : {"xtrace", "hutchinson"}
        XTrace keeps 1.5 `products` vectors of length n, Hutchinson 4.
    tolerance : float, optional
        In the units of the trace: no more products once the standard error has been at most this
        two times in a row. It is looked at after 10 vectors and then each time there are half as
        many more; a run that ended where it is small for once would end too early. None uses all
        `products`.
    seed : int
        Of the random vectors; the same seed gives the same result.
    block : int
        Vectors multiplied at once.

    Returns
    -------
    Estimate
        ``value``, ``standard_error``, ``products``, ``samples``; also where the tolerance was not
        reached.

    Raises
    ------
    TypeError
        If an argument is of another type, or a product is not real.
    ValueError
        If `op` is not square, shows itself not symmetric or not deterministic, if a product is not
        finite or of another shape, if the trace is beyond float64, or if a number is out of its
        range: up to n, XTrace needs 4 products and Hutchinson 10. What `op` raises passes through
        unchanged.

    See Also
    --------
    diagonal : each element of the diagonal.
    density : the whole spectrum.

    Examples
    --------
    >>> import numpy as np
    >>> from saddlescape import eig
    >>> A = np.diag(0.7 ** np.arange(300.0))
    >>> estimate = eig.trace(A, products=80)
    >>> bool(abs(estimate.value - np.trace(A)) < 1e-4)
    True
    >>> plain = eig.trace(A + A[::-1, ::-1], products=80, method="hutchinson")
    >>> plain.products
    80

    References
    ----------
    Epperly, Tropp, Webber, "XTrace: making the most of every sample in stochastic trace
    estimation", SIAM J. Matrix Anal. Appl. 45 (2024), sections 2.1 to 2.3. Hutchinson, Commun.
    Stat. Simul. Comput. 19 (1990).
    """
    run = _Run(op, products, choice("method", method, _TRACE), tolerance, seed, block)
    if run.method == "hutchinson":
        return run.sampled(False, estimators.hutchinson_trace, estimators.exact_trace)
    return run.sketched(False, estimators.xtrace, estimators.exact_trace)


def diagonal(
    op: Operator,
    products: int = 100,
    method: str = "xdiag",
    tolerance: float | None = None,
    seed: int = 0,
    block: int = 1,
) -> Estimate[Vector]:
    """Estimate the diagonal of a symmetric operator.

    XDiag: with Y = A Omega for k vectors of random signs, and P_i the projector on the range of Y
    without its i-th column,

        d_i = diag(P_i A + A P_i - P_i A P_i) + omega_i o (I - P_i) A (I - P_i) omega_i,

    value = mean of d_i, o element by element. The paper, whose A need not be symmetric, takes
    ``diag(P_i A) + omega_i o (I - P_i) A omega_i``; here A is projected from both sides, which
    costs no more and leaves less to the sampling. Each vector costs two products.

    Hutchinson: the mean of omega_i o A omega_i, a product each; the variance of element j is
    sum_{l != j} a_jl^2 / products.

    With ``products > n``, and without a tolerance, it is computed exactly, as the trace.

    Parameters
    ----------
    op, products, seed, block
        As for `trace`; not on a CUDA device.
    method : {"xdiag", "hutchinson"}
        XDiag keeps 1.5 `products` vectors of length n, Hutchinson 6.
    tolerance : float, optional
        In the units of the diagonal, for every standard error; as for `trace`.

    Returns
    -------
    Estimate
        ``value`` (n,), ``standard_error`` (n,), ``products``, ``samples``.

    Raises
    ------
    TypeError, ValueError
        As `trace`; up to n, XDiag needs 20 products.

    Examples
    --------
    >>> import numpy as np
    >>> from saddlescape import eig
    >>> V = np.random.default_rng(0).standard_normal((400, 5))
    >>> estimate = eig.diagonal(V @ V.T, products=20)  # of rank 5: exact
    >>> bool(np.allclose(estimate.value, (V**2).sum(axis=1)))
    True

    References
    ----------
    Epperly, Tropp, Webber, SIAM J. Matrix Anal. Appl. 45 (2024), section 2.4. Bekas, Kokiopoulou,
    Saad, "An estimator for the diagonal of a matrix", Appl. Numer. Math. 57 (2007).
    """
    if is_device_operator(op):
        raise TypeError(
            "op: on a CUDA device, expected one in the host's memory: diagonal is computed there"
        )
    run = _Run(op, products, choice("method", method, _DIAGONAL), tolerance, seed, block)
    if run.method == "hutchinson":
        return run.sampled(True, estimators.hutchinson_diagonal, estimators.exact_diagonal)
    return run.sketched(True, estimators.xdiag, estimators.exact_diagonal)


_TRACE = ("xtrace", "hutchinson")
_DIAGONAL = ("xdiag", "hutchinson")


class _Run:
    """The arguments, checked, and the two loops: until the budget or the tolerance is reached."""

    def __init__(
        self, op: Operator, products: int, method: str, tolerance: Any, seed: int, block: int
    ) -> None:
        self.n, self.method = order(op), method
        self.products = integer("products", products, 1)
        self.tolerance = None if tolerance is None else non_negative("tolerance", tolerance)
        self.seed, self.block = integer("seed", seed, 0), integer("block", block, 1)
        least = _LEAST[method]
        if self.products < min(least, self.n + 1):
            raise ValueError(
                f"products: {self.products}, expected at least {least} for a standard error with "
                f"method {method!r}, or at least n + 1 = {self.n + 1} for the exact result"
            )
        self.core, self.apply, self.where = solvers(op, "op")

    def exact(self, done: Callable[[Vector, int], Result], used: int) -> Result:
        values, products = self.core.exact_diagonal(self.n, self.apply, self.block, self.where)
        return done(values, used + products)

    def exact_is_cheaper(self, planned: int, used: int) -> bool:
        """Whether n + 1 products are left, and not more than the next estimate takes."""
        return used + self.n < self.products and (
            self.tolerance is None or self.n <= max(planned, _FIRST)
        )

    def accepts(self, estimate: Estimate[Any]) -> bool:
        return self.tolerance is not None and bool(
            np.all(estimate.standard_error <= self.tolerance)
        )

    def first(self, most: int) -> int:
        return most if self.tolerance is None else min(_FIRST, most)

    def sketched(
        self,
        signs: bool,
        evaluate: Callable[[_eig.Sketch, int], Result],
        done: Callable[[Vector, int], Result],
    ) -> Result:
        """Run XTrace or XDiag, with half as many vectors again until the tolerance holds."""
        most = min(self.products // 2, self.n)
        size = self.first(most)
        if self.exact_is_cheaper(2 * size, 0):
            return self.exact(done, 0)
        sketch = self.core.Sketch(self.n, self.apply, self.where, self.block, signs, self.seed)
        accepted = False
        while True:
            sketch.grow(size - sketch.vectors)
            estimate = evaluate(sketch, self.n)
            before, accepted = accepted, self.accepts(estimate)
            if size == most or (before and accepted):
                return estimate
            size = min(size + size // 2, most)
            if self.exact_is_cheaper(2 * size, sketch.products):
                return self.exact(done, sketch.products)

    def sampled(
        self,
        elements: bool,
        evaluate: Callable[[_eig.Hutchinson], Result],
        done: Callable[[Vector, int], Result],
    ) -> Result:
        """Run Hutchinson, with half as many samples again until the tolerance holds."""
        size = self.first(self.products)
        if self.exact_is_cheaper(size, 0):
            return self.exact(done, 0)
        samples = self.core.Hutchinson(
            self.n, self.apply, self.where, self.block, elements, self.seed
        )
        accepted = False
        while True:
            samples.sample(size - samples.products)
            estimate = evaluate(samples)
            before, accepted = accepted, self.accepts(estimate)
            if size == self.products or (before and accepted):
                return estimate
            size = min(size + size // 2, self.products)
            if self.exact_is_cheaper(size, samples.products):
                return self.exact(done, samples.products)
