"""Normalisation, residual connections and dropout: values, gradients and Hessian products.

Against the oracle, which knows no backward pass. Rounding stays near 1e-14 of the largest element
where variances are not small; 1e-10 leaves room for those, and is a thousand times below the 1e-7
that was promised. The oracle's Hessian products are off by some 1e-12 themselves.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import saddlescape as ss
from isa_samples import alike
from oracle.layers import ACTIVATIONS, LOSSES, Layered, mask
from saddlescape import _core, curvature
from saddlescape.net import Draw

# Networks with kinks are material here.
pytestmark = pytest.mark.filterwarnings("ignore::saddlescape.curvature.PiecewiseLinearWarning")
Array = NDArray[Any]

LAYERS = list(product((None, "batch", "layer"), (False, True), (0.0, 0.4), (False, True)))
SIZES = (3, 3, 4, 4, 2)  # skipped: inputs to the first hidden layer, second to the third
TOLERANCE = 1e-10
needs_extended = pytest.mark.skipif(
    np.finfo(np.longdouble).eps > 1e-18, reason="long double is no wider than double here"
)
layers = pytest.mark.parametrize(("normalisation", "residual", "dropout", "training"), LAYERS)


class Case:
    """A network at a random point, its oracle, and data."""

    def __init__(
        self,
        normalisation: str | None,
        residual: bool,
        dropout: float,
        training: bool,
        activation: str = "tanh",
        loss: str = "cross_entropy",
        N: int = 9,
        dtype: str = "float64",
        bias: bool = True,
        sizes: tuple[int, ...] = SIZES,
    ) -> None:
        rng = np.random.default_rng([*map(ord, f"{activation}{loss}{normalisation}"), residual, N])
        self.net = ss.MLP(
            sizes, activation, loss, bias=bias, dtype=dtype,
            normalisation=normalisation, residual=residual, dropout=dropout,
        )  # fmt: skip
        self.net.theta = 0.7 * rng.standard_normal(self.net.parameters)
        self.net.running[0] = 0.3 * rng.standard_normal(self.net.running.shape[1])
        self.net.running[1] = 0.5 + rng.random(self.net.running.shape[1])
        self.X = rng.standard_normal((N, sizes[0])).astype(dtype)
        self.Y = rng.dirichlet(np.ones(sizes[-1]), N).astype(dtype)
        self.V = rng.standard_normal((self.net.parameters, 9)).astype(dtype)
        self.training: Draw | bool = Draw(5, 3) if training else False
        self.oracle = Layered(sizes, activation, loss, bias, normalisation, residual, dropout)
        self.given = (self.X, self.Y, self.net.running, (5, 3) if training else None)

    def data(self) -> tuple[Array, Array]:
        return self.X, self.Y


def off(got: Any, expected: Any) -> float:
    """Largest deviation in units of the largest element, of which 1e-3 counts at least."""
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.shape == expected.shape
    return float(np.abs(got - expected).max() / max(np.abs(expected).max(), 1e-3))


@layers
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_loss_and_gradient_agree_with_the_oracle(
    activation: str, normalisation: str | None, residual: bool, dropout: float, training: bool
) -> None:
    for loss in LOSSES:
        case = Case(normalisation, residual, dropout, training, activation, loss)
        net, t = case.net, case.training
        value, g = net.loss_and_gradient(*case.data(), t)
        X, _, running, draw = case.given
        assert off(net.predict(X, t), case.oracle.predict(net.theta, X, running, draw)[0]) < 1e-12
        assert off(value, case.oracle.loss(net.theta, *case.given)) < 1e-12
        assert net.loss(*case.data(), t) == value
        assert off(g, case.oracle.gradient(net.theta, *case.given)) < TOLERANCE
        np.testing.assert_array_equal(g, net.gradient(*case.data(), t))


@needs_extended
@layers
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_hessian_products_agree_with_the_oracle(
    activation: str, normalisation: str | None, residual: bool, dropout: float, training: bool
) -> None:
    turn = LAYERS.index((normalisation, residual, dropout, training)) + len(activation)
    loss = list(LOSSES)[turn % len(LOSSES)]
    case = Case(normalisation, residual, dropout, training, activation, loss, bias=turn % 3 > 0)
    v = case.V[:, 0].copy()
    expected = case.oracle.product(case.net.theta, *case.given, v)
    assert off(case.net.hvp(*case.data(), v, case.training), expected) < TOLERANCE
    H = curvature.of(case.net, *case.data(), training=case.training)
    assert off(H @ v, expected) < TOLERANCE
    assert off(H.dense() @ v, expected) < TOLERANCE


@layers
def test_the_parts_of_the_hessian(
    normalisation: str | None, residual: bool, dropout: float, training: bool
) -> None:
    case = Case(normalisation, residual, dropout, training)
    net, t = case.net, case.training
    H, G, F = (
        net.hessian(*case.data(), part=part, training=t)
        for part in ("all", "gauss_newton", "functional")
    )
    products = net.hvp(*case.data(), np.eye(net.parameters), t)
    np.testing.assert_array_equal(H, H.T)
    assert off(H, products) < 1e-12
    assert off(products, products.T) < 1e-12  # nothing has made them symmetric
    assert off(G + F, H) < 1e-12
    assert off(net.hessian_diagonal(*case.data(), training=t), np.diag(H)) < 1e-12
    # G from outputs' slopes alone: J^T (diag p - p p^T) J / N
    J = np.stack([_slope(case, unit) for unit in np.eye(net.parameters)], axis=2)
    f = case.oracle.predict(net.theta, case.X, *case.given[2:])[0]
    p = np.exp(f) / np.exp(f).sum(axis=1, keepdims=True)
    S = p[:, :, None] * np.eye(p.shape[1]) - p[:, :, None] * p[:, None, :]
    assert off(G, np.einsum("ncp,ncd,ndq->pq", J, S, J) / len(f)) < TOLERANCE
    for layer in range(1, len(SIZES)):
        block = net.hessian(*case.data(), layer=layer, training=t)
        start = net.network.weight_offset(layer)
        inside = slice(start, start + len(block))
        assert off(block, H[inside, inside]) < 1e-12


def _slope(case: Case, unit: Array) -> Array:
    X, _, running, draw = case.given
    outputs: Array = case.oracle.predict(case.net.theta + 1e-30j * unit, X, running, draw)[0]
    return outputs.imag / 1e-30


@layers
@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("N", [2, 128, 129, 300])
def test_bits_depend_on_neither_vectors_nor_threads_nor_memory(
    N: int, dtype: str, normalisation: str | None, residual: bool, dropout: float, training: bool
) -> None:
    case = Case(normalisation, residual, dropout, training, N=N, dtype=dtype, sizes=(3, 17, 17, 2))
    net, t = case.net, case.training
    seen = []
    for isa, threads in zip([*alike(), _core.isa()], (1, 3, 1, 2), strict=False):
        _core.force_isa(isa)
        ss.set_threads(threads)
        many = net.hvp(*case.data(), case.V, t)
        for k in (1, 4):
            np.testing.assert_array_equal(net.hvp(*case.data(), case.V[:, :k], t), many[:, :k])
        seen.append((*net.loss_and_gradient(*case.data(), t), many))
    for other in seen:
        for one, same in zip(seen[0], other, strict=True):
            np.testing.assert_array_equal(one, same)
    rows = np.ascontiguousarray(case.V.T)
    for most_bytes in (0, 1 << 29):
        kept = _core.net.Products(net.network, net.theta, *case.data(), most_bytes, net.mode(t))
        assert kept.kept == (most_bytes > 0)
        np.testing.assert_array_equal(kept.product(rows).T, many)
        np.testing.assert_array_equal(kept.product(rows[:2].copy()).T, many[:, :2])


@layers
def test_more_samples_than_a_chunk(
    normalisation: str | None, residual: bool, dropout: float, training: bool
) -> None:
    case = Case(normalisation, residual, dropout, training, N=300)
    value, g = case.net.loss_and_gradient(*case.data(), case.training)
    assert off(value, case.oracle.loss(case.net.theta, *case.given)) < 1e-12
    assert off(g, case.oracle.gradient(case.net.theta, *case.given)) < TOLERANCE
    narrow = Case(normalisation, residual, dropout, training, N=300, dtype="float32")
    narrow.net.theta = case.net.theta
    # u = 6e-8 and a few hundred of them through four layers, 1/sigma up to ten
    assert off(narrow.net.gradient(*narrow.data(), case.training), g) < 1e-3


@layers
def test_the_operator(
    normalisation: str | None, residual: bool, dropout: float, training: bool
) -> None:
    case = Case(normalisation, residual, dropout, training)
    net = case.net
    H = curvature.of(net, *case.data(), training=case.training)
    loss, g = net.loss_and_gradient(*case.data(), case.training)
    assert H.loss() == loss == H.loss(net.theta)
    np.testing.assert_array_equal(H.gradient(), g)
    dense, error = H.dense().copy(), H.error()
    assert 0 < error < 1e-10 * np.abs(dense).max()
    names = [
        name for i in range(3) for name in (f"{i}.weight", f"{i}.bias", f"{i}.gamma", f"{i}.beta")
    ]
    expected = [n for n in names if normalisation or n.endswith(("weight", "bias"))]
    assert list(H.slices) == [*expected, "3.weight", "3.bias"]
    assert H.slices["3.bias"].stop == net.parameters
    # Later changes of the network do not move it.
    net.theta[:] = 0
    net.running[:] = 1
    np.testing.assert_array_equal(H.at(H.theta) @ case.V, H @ case.V)
    assert off(H @ case.V, dense @ case.V) < 1e-12


@layers
def test_known_flat_directions_are_flat(
    normalisation: str | None, residual: bool, dropout: float, training: bool
) -> None:
    """Those that hold everywhere: along the softmax's and normalisation's shifts H v = 0."""
    case = Case(normalisation, residual, dropout, training, "relu")
    H = curvature.of(case.net, *case.data(), training=case.training)
    families = dict(H.invariances())
    size = np.abs(H.dense()).max()
    shifts = "shifts that normalisation takes away again"
    assert (shifts in families) == (normalisation is not None)
    for name, V in families.items():
        if "softmax" in name or name == shifts:
            assert np.abs(H @ V).max(initial=0) < 1e-12 * size, name
    plain = normalisation is None and not residual and not (training and dropout)
    assert any("dead" in name for name in families) == plain
    if normalisation == "batch":
        assert families[shifts].shape[1] == (sum(SIZES[1:-1]) if training else 0)


def test_masks_are_those_of_the_stream_and_keep_the_expectation() -> None:
    """The mean of 4,000 draws' outputs is the test-time output, within five standard errors."""
    net = ss.MLP((3, 40, 2), "tanh", "mse", dropout=0.3, dtype="float64", seed=1, init="xavier")
    X = np.random.default_rng(0).standard_normal((1, 3))
    draws = np.stack([net.predict(X, Draw(1, step)) for step in range(4000)])
    error = draws.std(axis=0) / np.sqrt(len(draws))
    assert (np.abs(draws.mean(axis=0) - net.predict(X)) < 5 * error).all()
    kept = np.mean([mask(9, step, 1, 50, 40, 0.3).mean() for step in range(10)])
    assert abs(kept - 0.7) < 5 * np.sqrt(0.3 * 0.7 / 20_000)
    assert len({net.predict(X, Draw(*d)).tobytes() for d in ((0, 0), (0, 1), (1, 0))}) == 3
    np.testing.assert_array_equal(net.predict(X, training=True), net.predict(X, Draw(0, 0)))


def test_running_averages_follow_the_lectures() -> None:
    """``running <- p running + (1 - p) batch``, of the biased variance; theta is left alone."""
    case = Case("batch", False, 0.0, True, N=200)
    net = case.net
    before, theta = net.running.copy(), net.theta.copy()
    layers = case.oracle.predict(net.theta, case.X, net.running, (5, 3))[1]
    seen = np.stack([np.concatenate(moment) for moment in zip(*layers, strict=True)])
    plain = net.loss_and_gradient(*case.data(), case.training)
    np.testing.assert_array_equal(net.running, before)
    moved = net.loss_and_gradient(*case.data(), case.training, momentum=0.9)
    assert plain[0] == moved[0]
    np.testing.assert_array_equal(plain[1], moved[1])
    np.testing.assert_allclose(net.running, 0.9 * before + 0.1 * seen, rtol=1e-12)
    np.testing.assert_array_equal(net.theta, theta)
    # With p = 0 test time repeats the batch: only the biased variance does that.
    net.loss_and_gradient(*case.data(), case.training, momentum=0.0)
    np.testing.assert_allclose(net.predict(case.X), net.predict(case.X, True), rtol=1e-10)


def test_start() -> None:
    for kind in ("batch", "layer"):
        net = ss.MLP((3, 5, 4, 2), normalisation=kind)
        assert [(gamma.shape, beta.shape) for gamma, beta in net.scales()] == [
            ((5,), (5,)),
            ((4,), (4,)),
        ]
        for gamma, beta in net.scales():
            assert (gamma == 1).all()
            assert (beta == 0).all()
        assert net.parameters == 3 * 5 + 5 + 10 + 5 * 4 + 4 + 8 + 4 * 2 + 2
        for (W, _), (plain, _) in zip(net.layers(), ss.MLP((3, 5, 4, 2)).layers(), strict=True):
            np.testing.assert_array_equal(W, plain)
    np.testing.assert_array_equal(
        ss.MLP((3, 5, 2), normalisation="batch").running, [[0] * 5, [1] * 5]
    )
    assert ss.MLP((3, 5, 2), normalisation="layer").running.shape == (2, 0)
    assert ss.MLP((3, 2), normalisation="batch").predict(np.ones((1, 3)), True).shape == (1, 2)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"dropout": 1.0}, ValueError, "dropout: 1.0, expected a number >= 0 and < 1"),
        ({"dropout": -0.1}, ValueError, "dropout: -0.1, expected a number >= 0 and < 1"),
        ({"dropout": float("nan")}, ValueError, "dropout: nan, expected a number >= 0 and < 1"),
        ({"dropout": "half"}, TypeError, "dropout: str, expected a number >= 0 and < 1"),
        ({"residual": 1}, TypeError, "residual: int, expected True or False"),
        ({"normalisation": "group"}, ValueError,
         "normalisation: 'group', expected None, 'batch' or 'layer'"),
    ],
)  # fmt: skip
def test_refused_architectures(arguments: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        ss.MLP((3, 4, 2), **arguments)
    assert str(caught.value) == text


def test_refused_calls() -> None:
    net = ss.MLP((3, 4, 2), normalisation="batch")
    X, y = np.ones((1, 3)), np.zeros(1, dtype=int)
    net.loss(X, y)  # at test time one sample will do
    for call in (net.loss, net.gradient, curvature.of):
        given = (net, X, y) if call is curvature.of else (X, y)
        with pytest.raises(ValueError, match="X: 1 sample, expected at least 2 where batch norm"):
            call(*given, training=True)
    with pytest.raises(TypeError, match="training: int, expected True, False or a Draw"):
        net.loss(X, y, training=1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="step: -1, expected an integer of at least 0"):
        Draw(0, -1)
    two = np.ones((2, 3)), np.zeros(2, dtype=int)
    with pytest.raises(ValueError, match=r"momentum: 1\.5, expected"):
        net.loss_and_gradient(*two, True, momentum=1.5)
    with pytest.raises(ValueError, match=r"gauss_newton\(\) gives the one"):
        curvature.of(net, *two).gauss_newton_gram()
    with pytest.raises(ValueError, match="batch_size: 2 leaves a batch of 1 of 3 samples"):
        ss.train(net, np.ones((3, 3)), np.zeros(3, dtype=int), batch_size=2, epochs=1)
    net.running[1, 0] = -1
    with pytest.raises(ValueError, match=r"running: variance -1\.0+, expected no negative one"):
        net.predict(X)


def test_saved_copied_and_trained(tmp_path: Any) -> None:
    rng = np.random.default_rng(3)
    X, y = rng.standard_normal((60, 3)), np.arange(60) % 2
    X[:, 0] += 3 * y
    net = ss.MLP((3, 8, 8, 2), normalisation="batch", residual=True, dropout=0.1, seed=2)
    run = ss.train(net, X, y, optimizer="adam", lr=0.05, batch_size=20, epochs=20)
    assert run.history.loss[-1] < 0.6
    assert not np.array_equal(net.running[0], np.zeros(16))
    for twin in (net.copy(), ss.MLP.load(net.save(tmp_path / "net"))):
        np.testing.assert_array_equal(twin.theta, net.theta)
        np.testing.assert_array_equal(twin.running, net.running)
        assert repr(twin) == repr(net)
        np.testing.assert_array_equal(twin.predict(X), net.predict(X))
        np.testing.assert_array_equal(twin.predict(X, True), net.predict(X, True))
    assert repr(net) == (
        "MLP(3-8-8-2 tanh, cross_entropy, batch normalisation, residual, dropout 0.1, float32, "
        f"{net.parameters} parameters)"
    )
    again = ss.MLP((3, 8, 8, 2), normalisation="batch", residual=True, dropout=0.1, seed=2)
    ss.train(again, X, y, optimizer="adam", lr=0.05, batch_size=20, epochs=20)
    np.testing.assert_array_equal(again.theta, net.theta)
    np.testing.assert_array_equal(again.running, net.running)
