"""Weights of samples: every quantity against the oracles, and what weights stand for.

Tolerances as in test_net_losses.py.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import saddlescape as ss
from isa_samples import alike
from oracle.network import ACTIVATIONS, LOSSES
from saddlescape import _core, curvature, optim
from saddlescape.net.checks import sample_weight as normalised
from saddlescape.train.native import NativeSteps
from saddlescape.train.steps import Steps
from test_net_losses import MODES, SIZES, Case, agrees, agrees_in_layers, case, off
from train_samples import data, network, trained

pytestmark = pytest.mark.filterwarnings("ignore::saddlescape.curvature.PiecewiseLinearWarning")
Array = NDArray[Any]


def weighted(loss: str, N: int = 9, **arguments: Any) -> tuple[Case, Array]:
    given = case(loss, N=N, **arguments)
    w = np.random.default_rng(4).exponential(size=N) + (np.arange(N) % 4 == 1)
    if N > 1:
        w[::5] = 0
    given.settings["weight"] = w
    return given, w


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("sizes", [(3, 4), (3, 5, 2), SIZES])
@pytest.mark.parametrize("loss", LOSSES)
def test_agrees_with_the_oracle(loss: str, sizes: tuple[int, ...], bias: bool, dtype: str) -> None:
    given, w = weighted(loss, dtype=dtype, sizes=sizes, bias=bias)
    agrees(given, sample_weight=w)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("loss", LOSSES)
def test_agrees_with_the_oracle_for_every_activation(loss: str, activation: str) -> None:
    given, w = weighted(loss, activation=activation)
    agrees(given, sample_weight=w)


@pytest.mark.parametrize(("layers", "training"), MODES)
@pytest.mark.parametrize("loss", LOSSES)
def test_agrees_with_the_oracle_in_layers(
    loss: str, layers: tuple[Any, ...], training: bool
) -> None:
    turn = MODES.index((layers, training)) + len(loss)
    activation = list(ACTIVATIONS)[turn % len(ACTIVATIONS)]
    given, w = weighted(loss, layers=layers, sizes=(3, 3, 4, 4, 2), activation=activation)
    agrees_in_layers(given, training, sample_weight=w)


# Blocks of 64 samples, chunks of up to 128, more classes than blocks are made for.
@pytest.mark.parametrize("N", [1, 15, 16, 17, 63, 64, 65, 128, 129, 300])
@pytest.mark.parametrize(("loss", "C"), [("cross_entropy", 3), ("cross_entropy", 257), ("mse", 3)])
def test_edges(N: int, loss: str, C: int) -> None:
    given, w = weighted(loss, N=N, sizes=(3, 5, C) if C < 9 else (2, C))
    net, X, y = given.net, given.X, given.y
    value, g = net.loss_and_gradient(X, y, sample_weight=w)
    assert off(value, given.plain.loss(net.theta, X, given.Y)) < 1e-12
    assert off(g, given.plain.gradient(net.theta, X, given.Y)) < 1e-12
    v = np.random.default_rng(0).standard_normal((net.parameters, 1))
    expected = given.plain.product(net.theta, X, given.Y, v)
    assert off(net.hvp(X, y, v, sample_weight=w), expected) < 1e-12


def results(net: ss.MLP, X: Array, y: Array, w: Array | None) -> list[Any]:
    V = np.random.default_rng(1).standard_normal((net.parameters, 9)).astype(net.dtype)
    H = curvature.of(net, X, y, sample_weight=w)
    K = [H.gauss_newton_gram()] if net.network.plain and len(X) < 99 else []
    return [
        *net.loss_and_gradient(X, y, sample_weight=w),
        net.loss(X, y, sample_weight=w),
        net.hvp(X, y, V, sample_weight=w),
        net.hvp(X, y, V[:, :2], sample_weight=w),
        net.hessian(X, y, sample_weight=w),
        net.hessian_diagonal(X, y, sample_weight=w),
        H @ V.astype(np.float64),
        H.error(),
        H.lower_bound,
        *K,
    ]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layers", [(None, False, 0.0), ("layer", True, 0.0)])
@pytest.mark.parametrize("loss", LOSSES)
def test_equal_weights_change_no_bit(loss: str, layers: tuple[Any, ...], dtype: str) -> None:
    given = case(loss, dtype, N=70, layers=layers)
    plain = results(given.net, given.X, given.y, None)
    for w in (np.full(70, 3.1), np.full(70, 2), np.full(70, 1e308), np.full(70, np.float32(1e-44))):
        for got, same in zip(results(given.net, given.X, given.y, w), plain, strict=True):
            np.testing.assert_array_equal(got, same)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_weight_is_how_often_a_sample_comes(loss: str) -> None:
    """1e-12: sums of the same terms in another order; the oracle of their count is N."""
    given = case(loss, N=20)
    count = np.arange(20) % 4  # 0, 1, 2 and 3 times
    net, X, y = given.net, given.X, given.y
    rows = np.repeat(np.arange(20), count)
    repeated = results(net, X[rows], y[rows], None)[:10]
    for i, (got, same) in enumerate(zip(results(net, X, y, count)[:10], repeated, strict=True)):
        if i != 8:  # an estimate of rounding
            assert off(got, same) < 1e-12, i


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layers", [(None, False, 0.0), ("batch", True, 0.0)])
@pytest.mark.parametrize("loss", LOSSES)
def test_bits_depend_on_neither_threads_nor_instruction_set(
    loss: str, layers: tuple[Any, ...], dtype: str
) -> None:
    given, w = weighted(loss, N=300, dtype=dtype, layers=layers, sizes=(3, 17, 17, 2))
    seen = []
    for isa, threads in product(alike(), (1, 3)):
        _core.force_isa(isa)
        ss.set_threads(threads)
        V = np.random.default_rng(1).standard_normal((given.net.parameters, 9)).astype(dtype)
        many = given.net.hvp(given.X, given.y, V, sample_weight=w)
        for k in (1, 4):
            few = given.net.hvp(given.X, given.y, V[:, :k], sample_weight=w)
            np.testing.assert_array_equal(few, many[:, :k])
        seen.append((*given.net.loss_and_gradient(given.X, given.y, sample_weight=w), many))
    for other in seen[1:]:
        for one, same in zip(seen[0], other, strict=True):
            np.testing.assert_array_equal(one, same)


def test_an_operator_holds_its_weights() -> None:
    given, w = weighted("mse", N=40)
    net = given.net
    scaled = normalised(w, given.X, net.dtype)
    v = np.ones((1, net.parameters))
    point = _core.net.Products(net.network, net.theta, given.X, given.y, 0, net.mode(), scaled)
    expected = point.product(v)
    del scaled
    np.testing.assert_array_equal(point.product(v), expected)
    H = curvature.of(net, given.X, given.y, sample_weight=w)
    before, loss = H @ v[0], H.loss()
    w[:] = 1
    np.testing.assert_array_equal(H.at(H.theta) @ v[0], before)
    assert H.at(H.theta).loss() == H.loss(H.theta) == loss


def test_the_bound_is_of_the_weighted_loss() -> None:
    given, w = weighted("cross_entropy")
    Y = given.Y
    entropy = -(Y * np.log(Y)).sum(axis=1)
    H = curvature.of(given.net, given.X, given.y, sample_weight=w)
    assert H.lower_bound == pytest.approx((w * entropy).sum() / w.sum(), rel=1e-13)


# ---- Training -------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1, 8, 36, 37])
@pytest.mark.parametrize("loss", LOSSES)
def test_steps_in_the_core_and_from_python_have_the_same_bits(
    loss: str, size: int, dtype: str
) -> None:
    X, y = data(dtype)
    targets = y if loss == "cross_entropy" else np.eye(3, dtype=dtype)[y]
    w = normalised(np.random.default_rng(0).exponential(size=len(X)), X, np.dtype(dtype))
    ends = [
        trained(kind, network(dtype, loss=loss), X, targets, optim.Adam, size, weight=given)
        for kind, given in ((Steps, w), (NativeSteps, w), (NativeSteps, None))
    ]
    assert ends[0][0].tobytes() == ends[1][0].tobytes() != ends[2][0].tobytes()
    assert ends[0][1] == ends[1][1]


def test_batches_take_weights_as_they_are_divided_for_all_samples() -> None:
    """The mean over equal batches is the loss of all samples."""
    X, y = data("float64", 36)
    given = np.random.default_rng(0).exponential(size=36)
    w = normalised(given, X, np.dtype("float64"))
    net = network("float64")
    whole, g = net.loss_and_gradient(X, y, sample_weight=given)
    parts = [net.batch_gradient(X[rows], y[rows], w[rows]) for rows in np.arange(36).reshape(4, 9)]
    assert np.mean([part[0] for part in parts]) == pytest.approx(whole, rel=1e-14)
    np.testing.assert_allclose(np.mean([part[1] for part in parts], axis=0), g, atol=1e-15)
    _, history, *_ = trained(NativeSteps, net, X, y, optim.Adam, 36, epochs=1, weight=w)
    assert history.loss[0] == pytest.approx(whole, rel=1e-14)


# ---- Refusals -------------------------------------------------------------------------------

SHAPE = "expected a NumPy array of shape (5,)"
W = np.array([1.0, 0.0, 2.0, 0.5, 3.0])


def put(i: int, value: float) -> Array:
    changed = W.copy()
    changed[i] = value
    return changed


FINITE = "expected finite numbers in float64"
REFUSED: list[tuple[Any, type[Exception], str]] = [
    (W.tolist(), TypeError, f"sample_weight: list, {SHAPE}"),
    (2.0, TypeError, f"sample_weight: float, {SHAPE}"),
    ("balanced", TypeError, f"sample_weight: str, {SHAPE}"),
    (W > 1, TypeError, "sample_weight: dtype bool, expected floats"),
    (W.astype(complex), TypeError, "sample_weight: dtype complex128, expected floats"),
    (W.astype(object), TypeError, "sample_weight: dtype object, expected floats"),
    (W[:4], ValueError, "sample_weight: shape (4,), expected (5,)"),
    (np.ones(0), ValueError, "sample_weight: shape (0,), expected (5,)"),
    (np.array(1.0), ValueError, "sample_weight: shape (), expected (5,)"),
    (W[:, None], ValueError, "sample_weight: shape (5, 1), expected (5,)"),
    (put(3, np.nan), ValueError, f"sample_weight: nan at (3,), {FINITE}"),
    (put(0, np.inf), ValueError, f"sample_weight: inf at (0,), {FINITE}"),
    (put(4, -np.inf), ValueError, f"sample_weight: -inf at (4,), {FINITE}"),
    (put(2, -1e-9), ValueError, "sample_weight: -1e-09 at (2,), expected numbers >= 0"),
    (0 * W, ValueError, "sample_weight: all 0, expected at least one above 0"),
    (np.zeros(5, int), ValueError, "sample_weight: all 0, expected at least one above 0"),
]


@pytest.mark.parametrize(("w", "error", "text"), REFUSED)
def test_refused(w: Any, error: type[Exception], text: str) -> None:
    net = ss.MLP((3, 4, 2), dtype="float64")
    X, y, V = np.ones((5, 3)), np.zeros(5, int), np.ones(net.parameters)
    before = net.theta.copy()
    for call in (
        lambda: net.loss(X, y, sample_weight=w),
        lambda: net.gradient(X, y, sample_weight=w),
        lambda: net.loss_and_gradient(X, y, sample_weight=w),
        lambda: net.hvp(X, y, V, sample_weight=w),
        lambda: net.hessian(X, y, sample_weight=w),
        lambda: net.hessian_diagonal(X, y, sample_weight=w),
        lambda: curvature.of(net, X, y, sample_weight=w),
    ):
        with pytest.raises(error) as caught:
            call()
        assert type(caught.value) is error
        assert str(caught.value) == text
        assert net.theta.tobytes() == before.tobytes()


CORE: list[tuple[Any, type[Exception], str]] = [
    (W.astype(np.float32), TypeError, "weight: dtype float32, expected float64"),
    (W[:4].copy(), ValueError, "weight: shape (4,), expected (5,)"),
    (put(1, np.nan), ValueError, "weight: NaN at (1,), expected finite numbers"),
    (put(1, -1.0), ValueError, "weight: -1"),
]


@pytest.mark.parametrize(("w", "error", "text"), CORE)
def test_refused_by_the_core(w: Any, error: type[Exception], text: str) -> None:
    net = ss.MLP((3, 4, 2), dtype="float64")
    X, Y = np.ones((5, 3)), np.ones((5, 2))
    optimizer = optim.Adam(net.theta)
    for call in (
        lambda: net.network.loss(net.theta, X, Y, net.mode(), w),
        lambda: net.network.gradient(net.theta, X, Y, weight=w),
        lambda: _core.net.Products(net.network, net.theta, X, Y, 0, weight=w),
        lambda: _core.train.Loop(net.network, optimizer._core, net.theta, X, Y, 2, weight=w),
    ):
        with pytest.raises(error) as caught:
            call()
        assert str(caught.value).startswith(text)
