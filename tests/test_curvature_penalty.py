"""The penalties on weights as an operator: against their definition, and what training adds."""

from __future__ import annotations

import numpy as np
import pytest

import saddlescape as ss
from saddlescape import _core, curvature

L1, L2 = 0.03, 0.2
NETS = {
    "plain": {},
    "no biases": {"bias": False},
    "normalised": {"normalisation": "layer"},
    "one layer": {"sizes": (3, 2)},
}
RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((9, 3)), RNG.integers(0, 2, 9)


def made(name, dtype="float64"):
    given = {"sizes": (3, 4, 2), **NETS[name]}
    net = ss.MLP(given.pop("sizes"), dtype=dtype, seed=1, **given)
    net.theta[:] = np.random.default_rng(1).standard_normal(net.parameters)
    return net


def weights_of(net):
    """Which parameters are weights, (P,), by their layers' own views."""
    mask = np.zeros(net.parameters, bool)
    base = net.theta.__array_interface__["data"][0]
    for weights, _ in net.layers():
        first = (weights.__array_interface__["data"][0] - base) // net.theta.itemsize
        mask[first : first + weights.size] = True
    return mask


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_it_is_what_training_adds(name, dtype):
    net = made(name, dtype)
    R = curvature.penalty(net, l1=L1, l2=L2)
    gradient = np.zeros(net.parameters, net.dtype)
    value = _core.train.penalise(net.network, net.theta, L1, L2, gradient)
    close = 1e-6 if dtype == "float32" else 1e-14
    assert R.loss() == pytest.approx(value, rel=close)
    np.testing.assert_allclose(R.gradient(), gradient, rtol=close, atol=close)


@pytest.mark.parametrize("name", NETS)
def test_its_numbers_are_those_of_the_definition(name):
    net = made(name)
    mask, w = weights_of(net), net.theta[weights_of(net)]
    R = curvature.penalty(net, l1=L1, l2=L2)
    assert R.loss() == pytest.approx(L1 * abs(w).sum() + L2 / 2 * (w**2).sum(), rel=1e-14)
    assert np.array_equal(R.dense(), np.diag(L2 * mask))
    V = RNG.standard_normal((net.parameters, 3))
    assert np.array_equal(R @ V, R.dense() @ V)
    assert np.array_equal(R @ V[:, 0], R.dense() @ V[:, 0])
    step = 1e-6 * V[:, 0]
    slope = (R.loss(net.theta + step) - R.loss(net.theta - step)) / 2
    assert slope == pytest.approx(R.gradient() @ step, rel=1e-6)  # of a quadratic, but for rounding
    moved = R.at(net.theta + V[:, 1])
    assert moved.loss() == R.loss(net.theta + V[:, 1])
    first = R.block("0")
    assert np.array_equal(first.dense(), R.dense()[np.ix_(first.indices, first.indices)])
    assert R.lower_bound == 0


def test_a_sum_is_a_point_that_can_be_judged():
    net = made("plain")
    H = curvature.sum_of([curvature.of(net, X, Y), curvature.penalty(net, l2=L2)])
    point = ss.critical.classify(H)
    assert point.loss == pytest.approx(net.loss(X, Y) + curvature.penalty(net, l2=L2).loss())
    exact = np.linalg.eigvalsh(net.hessian(X, Y) + np.diag(L2 * weights_of(net)))
    np.testing.assert_allclose(point.spectrum, exact, atol=1e-12)
    assert H.silent is None


def test_what_second_derivatives_do_not_see_of_l1_is_said():
    net = made("plain")
    net.layers()[0][0][0, :2] = 0
    assert curvature.penalty(net, l1=L1).silent == (
        "the l1 penalty is piecewise linear: it adds nothing to H where a weight is not 0; "
        "2 of 20 weights are 0, where its slope jumps"
    )
    R = curvature.penalty(net, l1=L1)
    assert (R.gradient()[:2] == 0).all()
    assert not R.dense().any()


NET = made("plain")
BROKEN = made("plain")
BROKEN.theta[3] = np.nan
REFUSED = {
    "no network": ({"net": X}, TypeError, "net: ndarray, expected an MLP"),
    "not finite": ({"net": BROKEN}, ValueError, "net.theta: nan at 3, expected finite numbers"),
    "below 0": ({"l1": -1.0}, ValueError, "l1: -1.0, expected a finite number >= 0"),
    "text": ({"l2": "1"}, TypeError, "l2: str, expected a finite number >= 0"),
    "NaN": ({"l2": float("nan")}, ValueError, "l2: nan, expected a finite number >= 0"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    given, kind, text = REFUSED[case]
    with pytest.raises(kind) as caught:
        curvature.penalty(**{"net": NET, **given})
    assert str(caught.value) == text
