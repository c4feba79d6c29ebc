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


def descended(name, **given):
    """A network after a few steps; what a run of them hands on."""
    net = made(name)
    Xs = np.column_stack([X[:, :2], np.ones(len(X))])  # with biases a column too many
    run = ss.train(net, Xs, Y, epochs=3, l1=L1, l2=L2, **given)
    of_run = {"sample_weight": run.sample_weight, "l1": run.l1, "l2": run.l2}
    return run, of_run


@pytest.mark.parametrize("name", NETS)
def test_a_sum_explains_as_many_zeros_as_a_diagnosis(name):
    """All but the weights are free of the penalty: the softmax's shift of biases stays flat."""
    run, of_run = descended(name, class_weight={0: 2.0})
    weight = of_run["sample_weight"]
    loss = curvature.of(run.net, run.X, run.y, sample_weight=weight)
    sums = curvature.sum_of([loss, curvature.penalty(run.net, l1=L1, l2=L2)])
    judged = ss.diagnose(run).point
    for H in (sums, curvature.trained_loss(run.net, run.X, run.y, **of_run)):
        point = ss.critical.classify(H, seed=0)
        assert point.loss == judged.loss
        assert np.array_equal(point.spectrum, judged.spectrum)
        assert str(point.null_space) == str(judged.null_space)
        families = {name: V.shape for name, V in H.invariances()}
        assert families == {name: V.shape for name, V in loss.invariances()}
    if name != "no biases":
        assert judged.null_space.explained > 0


def test_batches_of_a_network_know_what_all_of_them_leave_flat():
    net = made("plain")
    whole = ss.critical.classify(curvature.of(net, X, Y))
    parts = [curvature.of(net, X[:5], Y[:5]), curvature.of(net, X[5:], Y[5:])]
    point = ss.critical.classify(curvature.mean_of(parts, [5, 4]))
    assert point.null_space.explained == whole.null_space.explained > 0
    matrix = curvature.from_matrix(np.eye(3))
    assert list(curvature.sum_of([matrix, matrix]).invariances()) == []


def test_without_penalties_the_trained_loss_is_the_networks():
    net = made("plain")
    H = curvature.trained_loss(net, X, Y)
    assert type(H) is curvature.NetworkCurvature
    assert H.loss() == net.loss(X, Y)
    net.theta[:] = 1e200
    assert curvature.trained_loss(net, X, Y, l2=L2) is None
    net.theta[0] = np.nan
    assert curvature.trained_loss(net, X, Y) is None


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
    if case == "not finite":
        return  # where a run diverged there is no curvature
    with pytest.raises(kind) as caught:
        curvature.trained_loss(**{"net": NET, "X": X, "y": Y, **given})
    assert str(caught.value) == text
