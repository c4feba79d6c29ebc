"""What `print` shows of results that hold long arrays: a few lines, every number readable."""

from __future__ import annotations

import numpy as np
import pytest

from oracle import points
from saddlescape import critical, curvature, eig
from saddlescape.critical import EscapeOutcome

HEADER = "    eigenvalue  +- bound  residual  multiplicity  converged"


def rows(result: eig.EigResult) -> list[list[str]]:
    return [line.split() for line in repr(result).splitlines()[2:]]


class TestPairs:
    def test_each_pair_has_a_row(self) -> None:
        result = eig.lanczos(np.diag([*np.linspace(0, 1, 80), 5.0, 5.0, 7.0]), low=1, high=3)
        lines = str(result).splitlines()
        assert lines[0] == (
            f"EigResult: converged, 4 of 83 pairs by {result.products} products, probability of a "
            f"missing one {result.missing:.1e}"
        )
        assert lines[1] == HEADER
        assert len({len(line) for line in lines[2:]}) == 1  # a table
        for i, row in enumerate(rows(result)):
            assert float(row[0]) == pytest.approx(result.eigenvalues[i], rel=1e-5, abs=1e-8)
            assert float(row[1]) == pytest.approx(result.bounds[i], rel=0.06)
            assert float(row[2]) == pytest.approx(result.residuals[i], rel=0.06)
            assert row[4] == "yes"
        assert [row[3] for row in rows(result)][1:] == ["2", "2", "1"]

    def test_what_has_not_converged_says_so(self) -> None:
        A = np.diag(np.linspace(0, 1, 500))
        result = eig.lanczos(A, low=1, high=1, max_products=12, tol=1e-12)
        assert str(result).startswith("EigResult: budget, 2 of 500 pairs by ")
        assert [row[4] for row in rows(result)] == ["no", "no"]

    @pytest.mark.parametrize(("k", "shown"), [(10, 10), (11, 11), (30, 11)])
    def test_of_many_the_outermost(self, k: int, shown: int) -> None:
        result = eig.lanczos(np.diag(np.arange(100.0)), low=k - 4, high=4)
        lines = str(result).splitlines()[2:]
        assert len(lines) == shown
        assert (f"    ... {k - 10} more" in lines) == (k > 10)
        assert float(lines[-1].split()[0]) == pytest.approx(99, rel=1e-6)


class TestEscapes:
    def test_a_way_down(self) -> None:
        p = points.TOY_SADDLE
        H = curvature.from_functions(p.loss, p.gradient, p.hessian, p.theta, p.lower_bound)
        out = critical.escape(H)
        lines = str(out).splitlines()
        assert lines[0] == "ESCAPE       escaped"
        text = " ".join(str(out).split())
        assert out.outcome.value in text
        assert f"loss 1 to {out.loss_after:.6g}" in text
        assert "step 1.414, along a curvature of -2" in text
        assert "drop 1 measured, 2 predicted; 1 the other way" in text
        reach = out.model_reach
        assert reach is not None
        assert f"right up to a step of {reach[0]:.3g}" in text
        assert max(map(len, lines)) <= 79
        assert len(lines) < 10

    def test_a_model_that_is_never_right(self) -> None:
        H = curvature.from_functions(
            lambda t: float(t[0] ** 3), lambda t: 3 * t**2, lambda t: np.diag(6 * t), np.zeros(1)
        )
        assert "right at no step" in " ".join(str(critical.escape(H)).split())

    def test_no_way_down(self) -> None:
        H = curvature.from_functions(
            lambda t: float(t @ t), lambda t: 2 * t, lambda _: 2 * np.eye(2), np.zeros(2)
        )
        text = str(critical.escape(H))
        assert text.startswith("ESCAPE       no way down\n")
        assert EscapeOutcome.NO_WAY_DOWN.value in " ".join(text.split())
        assert "\nstep" not in text


def test_operators() -> None:
    gradient = curvature.from_gradient(lambda t: t, np.ones(1200))
    start = "GradientCurvature(P = 1,200, finite differences of gradients with eps = 2.2e-16"
    assert repr(gradient) == f"{start}, no loss)"
    single = curvature.from_gradient(
        lambda t: t.astype(np.float32), np.ones(2), loss=lambda t: float(t @ t) / 2
    )
    assert repr(single) == (
        "GradientCurvature(P = 2, finite differences of gradients with eps = 1.2e-07)"
    )
    written = curvature.from_functions(
        lambda t: float(t @ t), lambda t: 2 * t, lambda _: 2 * np.eye(2), np.zeros(2)
    )
    assert repr(written) == "FunctionCurvature(P = 2, loss, gradient and Hessian as given)"
