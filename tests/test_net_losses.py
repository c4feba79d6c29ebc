"""What a loss is told besides outputs and targets: huber's threshold, smoothed labels.

Against the oracles, for plain and for layered networks. Rounding stays near 1e-15 of the largest
element in float64 (1e-12 leaves room, as in test_net_oracle.py) and 1e-7 in float32; layered
networks as in test_net_layers.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import saddlescape as ss
from oracle.layers import Layered
from oracle.network import Net
from saddlescape import curvature
from saddlescape.metrics.quality import accuracy
from saddlescape.net import Draw

pytestmark = pytest.mark.filterwarnings("ignore::saddlescape.curvature.PiecewiseLinearWarning")
Array = NDArray[Any]

SIZES = (3, 5, 4, 3)
LAYERS = [(None, True, 0.0), ("batch", False, 0.3), ("layer", True, 0.0), ("batch", True, 0.0)]
MODES = list(product(LAYERS, (False, True)))


@dataclass
class Case:
    """A network, its oracle, samples, and targets as the oracle takes them."""

    net: ss.MLP
    X: Array
    y: Array
    Y: Array
    settings: dict[str, Any]

    @property
    def plain(self) -> Net:
        net = self.net
        return Net(net.sizes, net.activation, net.loss_name, net.bias, **self.settings)

    @property
    def layered(self) -> Layered:
        net = self.net
        kind = (net.normalisation, net.residual, net.dropout)
        return Layered(net.sizes, net.activation, net.loss_name, net.bias, *kind, **self.settings)


def case(
    loss: str,
    dtype: str = "float64",
    N: int = 9,
    activation: str = "tanh",
    sizes: tuple[int, ...] = SIZES,
    layers: tuple[Any, ...] = (None, False, 0.0),
    bias: bool = True,
    **options: Any,
) -> Case:
    rng = np.random.default_rng([N, *map(ord, loss + activation)])
    normalisation, residual, dropout = layers
    net = ss.MLP(
        sizes, activation, loss, dtype=dtype, bias=bias,
        normalisation=normalisation, residual=residual, dropout=dropout, **options,
    )  # fmt: skip
    net.theta = 0.7 * rng.standard_normal(net.parameters)
    X = rng.standard_normal((N, sizes[0])).astype(dtype)
    Y = rng.random((N, sizes[-1])) if loss == "bce" else 2 * rng.standard_normal((N, sizes[-1]))
    if loss == "cross_entropy":
        Y = rng.dirichlet(np.ones(sizes[-1]), N)
    Y = Y.astype(dtype)
    return Case(net, X, Y, Y.astype(np.float64), {})


def off(got: Any, expected: Any) -> float:
    """Largest deviation in units of the largest element, of which 1e-3 counts at least."""
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.shape == expected.shape
    return float(np.abs(got - expected).max() / max(np.abs(expected).max(), 1e-3))


def agrees(given: Case, **weights: Any) -> None:
    """Value, gradient, products, the dense Hessian and its parts, diagonal and Gram matrix."""
    net, X, y, oracle = given.net, given.X, given.y, given.plain
    one, many = (1e-12, 1e-12) if net.dtype == np.float64 else (3e-6, 1e-5)
    theta, wide = net.theta.astype(np.float64), X.astype(np.float64)
    V = np.random.default_rng(1).standard_normal((net.parameters, 9))
    V = V.astype(net.dtype).astype(np.float64)
    H, G = oracle.hessian(theta, wide, given.Y), oracle.gauss_newton(theta, wide, given.Y)
    value, g = net.loss_and_gradient(X, y, **weights)
    assert off(value, oracle.loss(theta, wide, given.Y)) < one
    assert net.loss(X, y, **weights) == value
    assert off(g, oracle.gradient(theta, wide, given.Y)) < many
    np.testing.assert_array_equal(net.gradient(X, y, **weights), g)
    for k in (1, 3, 9):
        assert off(net.hvp(X, y, V[:, :k], **weights), H @ V[:, :k]) < many
    for part, expected in (("all", H), ("gauss_newton", G), ("functional", H - G)):
        dense = net.hessian(X, y, part, **weights)
        assert off(dense, expected) < 1e-12
        np.testing.assert_array_equal(dense, dense.T)
        assert off(net.hessian_diagonal(X, y, part, **weights), np.diag(expected)) < 1e-12
    operator = curvature.of(net, X, y, **weights)
    for result in (operator @ V, operator.dense() @ V):
        assert off(result, H @ V) < 1e-12
    assert off(operator.gradient(), oracle.gradient(theta, wide, given.Y)) < 1e-12
    assert off(operator.loss(), oracle.loss(theta, wide, given.Y)) < 1e-12
    assert operator.error() <= 1e-12 * np.abs(H).max() * len(H)
    gram = np.linalg.eigvalsh(operator.gauss_newton_gram())[::-1]
    count = min(len(gram), len(G))
    assert off(gram[:count], np.linalg.eigvalsh(G)[::-1][:count]) < 1e-12


def agrees_in_layers(given: Case, training: bool, **weights: Any) -> None:
    net, oracle = given.net, given.layered
    draw: Draw | bool = Draw(5, 3) if training else False
    data = (given.X, given.Y, net.running, (5, 3) if training else None)
    value, g = net.loss_and_gradient(given.X, given.y, draw, **weights)
    assert off(value, oracle.loss(net.theta, *data)) < 1e-12
    assert net.loss(given.X, given.y, draw, **weights) == value
    assert off(g, oracle.gradient(net.theta, *data)) < 1e-10
    v = np.random.default_rng(1).standard_normal(net.parameters)
    expected = oracle.product(net.theta, *data, v)
    H = net.hessian(given.X, given.y, training=draw, **weights)
    operator = curvature.of(net, given.X, given.y, training=draw, **weights)
    for result in (net.hvp(given.X, given.y, v, draw, **weights), H @ v, operator @ v):
        assert off(result, expected) < 1e-10
    diagonal = net.hessian_diagonal(given.X, given.y, training=draw, **weights)
    assert off(diagonal, np.diag(H)) < 1e-12


# ---- huber ----------------------------------------------------------------------------------

DELTAS = (0.05, 0.3, 1.0, 7.0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("sizes", [(3, 4), (3, 5, 1), SIZES])
@pytest.mark.parametrize("delta", DELTAS)
def test_huber(delta: float, sizes: tuple[int, ...], bias: bool, dtype: str) -> None:
    given = case("huber", dtype, sizes=sizes, bias=bias, huber_delta=delta)
    given.settings["delta"] = delta
    agrees(given)


@pytest.mark.parametrize("delta", [0.3, 7.0])
@pytest.mark.parametrize(("layers", "training"), MODES)
def test_huber_in_layers(layers: tuple[Any, ...], training: bool, delta: float) -> None:
    given = case("huber", layers=layers, sizes=(3, 3, 4, 4, 2), huber_delta=delta)
    given.settings["delta"] = delta
    agrees_in_layers(given, training)


def test_huber_lies_between_the_square_and_the_absolute_error() -> None:
    data = (case("mse").X, case("mse").Y)
    wide, narrow = (case("huber", huber_delta=d).net for d in (1e6, 1e-9))
    square, absolute = ss.MLP(SIZES, loss="mse", dtype="float64"), ss.MLP(SIZES, loss="mae")
    square.theta = wide.theta
    absolute.theta = narrow.theta
    assert wide.loss(*data) == square.loss(*data) / 2
    # delta (|e| - delta / 2); the mae network is of float32
    assert narrow.loss(*data) / 1e-9 == pytest.approx(absolute.loss(*data), rel=1e-6)


@pytest.mark.parametrize(("dtype", "delta"), [("float64", 1.5e154), ("float32", 2e19)])
def test_huber_overflows_no_sooner_than_its_value(dtype: str, delta: float) -> None:
    """e^2 and delta |e| are beyond the largest number, their halves are not."""
    net = ss.MLP((1, 1), loss="huber", dtype=dtype, init="zeros", huber_delta=delta)
    for e in (0.999 * delta, delta, 1.001 * delta):
        rounded = float(np.dtype(dtype).type(e))
        inside = rounded < float(np.dtype(dtype).type(delta))
        exact = 0.5 * rounded * rounded if inside else delta * (rounded - 0.5 * delta)
        got = net.loss(np.ones((1, 1), dtype), np.array([e]))
        assert got == pytest.approx(exact, rel=1e-6)
    tiny = float(np.finfo(dtype).tiny)
    net = ss.MLP((1, 1), loss="huber", dtype=dtype, init="zeros", huber_delta=tiny)
    huge = float(np.finfo(dtype).max)
    assert net.loss(np.ones((1, 1), dtype), np.array([huge])) == pytest.approx(tiny * huge)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sign", [-1, 1])
def test_huber_at_its_threshold(sign: int, dtype: str) -> None:
    """As in PyTorch the quadratic part ends before |e| = delta: slope delta, no curvature."""
    net = ss.MLP((1, 1), loss="huber", bias=False, dtype=dtype, huber_delta=0.5)
    net.theta[:] = sign * 0.5
    X, y = np.ones((1, 1), dtype), np.zeros(1)
    assert (net.loss(X, y), net.gradient(X, y)[0]) == (0.125, sign * 0.5)
    assert net.hessian(X, y)[0, 0] == net.hvp(X, y, np.ones(1))[0] == 0
    net.theta[:] = np.nextafter(net.theta, np.zeros(1, dtype))
    assert net.hessian(X, y)[0, 0] == 1


# ---- Smoothed labels ------------------------------------------------------------------------


def smoothed(dtype: str, kind: str, e: float, **arguments: Any) -> Case:
    """Targets as `kind` of thing, and what torch makes of them."""
    given = case("cross_entropy", dtype, label_smoothing=e, **arguments)
    C = given.Y.shape[1]
    if kind != "soft":
        classes = given.Y.argmax(axis=1)
        given.Y = np.eye(C)[classes]
        given.y = classes if kind == "classes" else given.Y.astype(dtype)
    given.Y = given.Y * (1 - e) + e / C
    return given


KINDS = ("classes", "one-hot", "soft")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sizes", [(3, 4), (3, 5, 2), SIZES])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("e", [0.1, 0.9])
def test_smoothed_labels(e: float, kind: str, sizes: tuple[int, ...], dtype: str) -> None:
    agrees(smoothed(dtype, kind, e, sizes=sizes))


@pytest.mark.parametrize(("layers", "training"), MODES)
def test_smoothed_labels_in_layers(layers: tuple[Any, ...], training: bool) -> None:
    given = smoothed("float64", "classes", 0.2, layers=layers, sizes=(3, 3, 4, 4, 2))
    agrees_in_layers(given, training)


def test_classes_are_seen_unsmoothed() -> None:
    """Encoded once or twice, measured or trained on: they stay classes."""
    given = smoothed("float64", "classes", 0.9, N=40)
    net, X, y = given.net, given.X, given.y
    inputs, targets = net.encode(X, y)
    np.testing.assert_array_equal(targets, np.eye(3)[y])
    assert net.loss(inputs, targets) == net.loss(X, y)
    np.testing.assert_array_equal(net.smoothed(targets), given.Y)
    assert accuracy(net, X, y) == np.mean(net.predict(X).argmax(axis=1) == y)
    for residual in (False, True):  # steps in the core, and one by one
        net = case("cross_entropy", layers=(None, residual, 0.0), label_smoothing=0.9).net
        first = net.loss(X, y)
        run = ss.train(net, X, y, batch_size="full", epochs=3, validation=(X, y))
        assert run.history.loss[0] == pytest.approx(first, rel=1e-13)
        assert run.history["validation_accuracy"][-1] == accuracy(net, X, y)
        assert run.history["validation_loss"][-1] == pytest.approx(net.loss(X, y), rel=1e-13)


def test_no_loss_is_below_the_bound_of_smoothed_labels() -> None:
    """The entropy of (0.9, 0.05, 0.05), which outputs log(y) reach."""
    net = ss.MLP((1, 3), dtype="float64", bias=False, label_smoothing=0.15)
    Y = np.array([0.9, 0.05, 0.05])
    net.theta = np.log(Y)
    H = curvature.of(net, np.ones((1, 1)), np.array([0]))
    assert H.lower_bound == pytest.approx(-(Y * np.log(Y)).sum(), rel=1e-14)
    assert H.loss() == pytest.approx(H.lower_bound, rel=1e-14)
    assert np.abs(H.gradient()).max() < 1e-15


def test_bartletts_diagonal_is_of_labels_as_drawn() -> None:
    given = [case("cross_entropy", label_smoothing=e) for e in (0.0, 0.5)]
    estimates = [
        curvature.bartlett_diagonal(each.net, each.X, np.random.default_rng(0)) for each in given
    ]
    np.testing.assert_array_equal(*estimates)


def test_a_network_keeps_what_its_loss_is_told(tmp_path: Any) -> None:
    net = case("huber", huber_delta=0.25).net
    X, y = case("huber").X, case("huber").y
    assert repr(net) == "MLP(3-5-4-3 tanh, huber, delta 0.25, float64, 59 parameters)"
    assert repr(ss.MLP((3, 2), loss="huber")) == "MLP(3-2 tanh, huber, float32, 8 parameters)"
    for twin in (net.copy(), ss.MLP.load(net.save(tmp_path / "net"))):
        assert (twin.huber_delta, repr(twin)) == (0.25, repr(net))
        assert twin.loss(X, y) == net.loss(X, y)


def test_a_network_keeps_its_smoothing(tmp_path: Any) -> None:
    given = smoothed("float32", "classes", 0.1)
    net = given.net
    assert repr(net).startswith("MLP(3-5-4-3 tanh, cross_entropy, smoothing 0.1, float32, ")
    for twin in (net.copy(), ss.MLP.load(net.save(tmp_path / "net"))):
        assert (twin.label_smoothing, repr(twin)) == (0.1, repr(net))
        assert twin.loss(given.X, given.y) == net.loss(given.X, given.y)


# ---- Refusals -------------------------------------------------------------------------------

SHARE = "expected a number >= 0 and < 1"
POSITIVE = "expected a finite number > 0"
CONSTRUCTOR: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"huber_delta": 0}, ValueError, f"huber_delta: 0, {POSITIVE}"),
    ({"huber_delta": -1.0}, ValueError, f"huber_delta: -1.0, {POSITIVE}"),
    ({"huber_delta": float("nan")}, ValueError, f"huber_delta: nan, {POSITIVE}"),
    ({"huber_delta": float("inf")}, ValueError, f"huber_delta: inf, {POSITIVE}"),
    ({"huber_delta": "1"}, TypeError, f"huber_delta: str, {POSITIVE}"),
    ({"huber_delta": True}, TypeError, f"huber_delta: bool, {POSITIVE}"),
    ({"huber_delta": None}, TypeError, f"huber_delta: NoneType, {POSITIVE}"),
    ({"huber_delta": 1e-40}, ValueError,
     "huber_delta: 1e-40, expected a number in the range of float32"),
    ({"huber_delta": 1e300}, ValueError,
     "huber_delta: 1e+300, expected a number in the range of float32"),
    ({"huber_delta": 0.5, "loss": "mse"}, ValueError,
     "huber_delta: 0.5 with loss 'mse', expected loss 'huber'"),
    ({"label_smoothing": 1}, ValueError, f"label_smoothing: 1, {SHARE}"),
    ({"label_smoothing": -0.1}, ValueError, f"label_smoothing: -0.1, {SHARE}"),
    ({"label_smoothing": float("nan")}, ValueError, f"label_smoothing: nan, {SHARE}"),
    ({"label_smoothing": None}, TypeError, f"label_smoothing: NoneType, {SHARE}"),
    ({"label_smoothing": "0.1"}, TypeError, f"label_smoothing: str, {SHARE}"),
    ({"label_smoothing": 0.1}, ValueError,
     "label_smoothing: 0.1 with loss 'huber', expected loss 'cross_entropy'"),
    ({"label_smoothing": 0.1, "loss": "bce"}, ValueError,
     "label_smoothing: 0.1 with loss 'bce', expected loss 'cross_entropy'"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "error", "text"), CONSTRUCTOR)
def test_refused_networks(arguments: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        ss.MLP((3, 4, 2), **{"loss": "huber", **arguments})
    assert type(caught.value) is error
    assert str(caught.value) == text
