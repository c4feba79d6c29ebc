"""How weights start: the distribution that the papers say, from the seed and the layer alone."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import saddlescape as ss
from oracle import streams
from saddlescape import _core

Array = NDArray[Any]


def weights(net: ss.MLP) -> list[Array]:
    return [W for W, _ in net.layers()]


DEVIATIONS: list[tuple[str, float | None, Callable[[int, int], float]]] = [
    ("he", None, lambda fan_in, _: sqrt(2 / fan_in)),
    ("lecun", None, lambda fan_in, _: sqrt(1 / fan_in)),
    ("xavier", None, lambda fan_in, fan_out: sqrt(2 / (fan_in + fan_out))),
    ("normal", None, lambda *_: 0.01),
    ("normal", 0.25, lambda *_: 0.25),
    ("normal", 3, lambda *_: 3.0),
]


@pytest.mark.parametrize(("init", "scale", "deviation"), DEVIATIONS)
def test_normal_weights(
    init: str, scale: float | None, deviation: Callable[[int, int], float]
) -> None:
    sizes = (30, 50, 40)
    net = ss.MLP(sizes, init=init, init_scale=scale, dtype="float64", seed=3)
    for layer, (W, b) in enumerate(net.layers(), 1):
        wanted = deviation(W.shape[1], W.shape[0])
        # mean 0 +- s / sqrt(n), deviation s +- s / sqrt(2 n): four of them
        assert abs(W.mean()) < 4 * wanted / sqrt(W.size)
        assert abs(W.std() / wanted - 1) < 4 / sqrt(2 * W.size)
        drawn = streams.normals("weights", 3, layer, W.size).reshape(W.shape)
        np.testing.assert_allclose(W, drawn * wanted, rtol=1e-14, atol=1e-14 * wanted)
        assert b is not None
        assert not b.any()


ALL: list[tuple[str, float | None]] = [
    *((init, None) for init in ("he", "lecun", "normal", "orthogonal", "xavier", "zeros")),
    ("normal", 0.5),
    ("orthogonal", 1.5),
    ("constant", -0.25),
]


@pytest.mark.parametrize(("init", "scale"), ALL)
def test_both_dtypes_start_alike(init: str, scale: float | None) -> None:
    wide, narrow = (
        ss.MLP((6, 9, 3), init=init, init_scale=scale, dtype=dtype, seed=8)
        for dtype in ("float64", "float32")
    )
    assert narrow.theta.tobytes() == wide.theta.astype(np.float32).tobytes()


def test_a_layer_depends_on_the_seed_and_its_number() -> None:
    for init in ("he", "orthogonal"):
        second = weights(ss.MLP((3, 5, 4), init=init, seed=2, dtype="float64"))[1]
        for other in ((7, 5, 4), (3, 5, 4, 6)):
            np.testing.assert_array_equal(
                weights(ss.MLP(other, init=init, seed=2, dtype="float64"))[1], second
            )
        again = weights(ss.MLP((3, 5, 4), init=init, seed=3, dtype="float64"))[1]
        assert not np.isclose(again, second).any()
    square = weights(ss.MLP((5, 5, 5), init="he", dtype="float64"))
    assert not np.isclose(square[0], square[1]).any()


SHAPES = [(1, 1), (1, 7), (7, 1), (5, 5), (33, 40), (40, 33), (64, 64), (65, 97), (8, 200)]


@pytest.mark.parametrize(("fan_in", "fan_out"), SHAPES)
@pytest.mark.parametrize("gain", [None, 1.0, sqrt(2), 1e-3])
def test_orthogonal_weights(fan_in: int, fan_out: int, gain: float | None) -> None:
    net = ss.MLP(
        (fan_in, fan_out), loss="mse", init="orthogonal", init_scale=gain, dtype="float64", seed=4
    )
    [W] = weights(net)
    few, many = sorted((fan_in, fan_out))
    scale = 1.0 if gain is None else gain
    gram = W @ W.T if fan_out == few else W.T @ W
    # Householder's Q: rounding of a few reflections of length `many`
    np.testing.assert_allclose(gram, scale**2 * np.eye(few), atol=1e-14 * sqrt(many) * scale**2)
    # the Q of LAPACK, with the signs that make R's diagonal positive
    A = streams.normals("weights", 4, 1, few * many).reshape(few, many)
    Q, R = np.linalg.qr(A.T)
    Q = (Q * np.sign(np.diag(R))).T * scale
    # as far as R's condition tells: up to some 1e3 in the square ones
    np.testing.assert_allclose(W if fan_out == few else W.T, Q, atol=1e-11 * scale)


def test_orthogonal_weights_are_distributed_by_haars_measure() -> None:
    """The moments of the trace are those of a normal number: 0, 1, 0, 3 (n = 4), both signs.

    P. Diaconis, M. Shahshahani (1994), "On the eigenvalues of random matrices". With LAPACK's own
    signs the trace of Q is negative on average.
    """
    draws, n = 20_000, 4
    Q = np.stack([_core.random.orthonormal("weights", 0, i, n, n) for i in range(draws)])
    trace = np.trace(Q, axis1=1, axis2=2)
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs((trace**power).mean() - moment) < 4 * sqrt(variance / draws), power
    assert abs(np.sign(np.linalg.det(Q)).mean()) < 4 / sqrt(draws)
    # every entry: mean 0, variance 1 / n, fourth moment 3 / (n (n + 2))
    assert np.abs(Q.mean(axis=0)).max() < 4.5 * sqrt(1 / n / draws)
    assert np.abs((Q**2).mean(axis=0) - 1 / n).max() < 4.5 * sqrt(3 / (n * (n + 2)) / draws)


def test_a_deep_linear_network_keeps_lengths() -> None:
    """Saxe et al. (2014), section 3: all singular values are 1 at any depth; normals' spread."""
    sizes = (32,) * 11
    spread = {}
    for init in ("orthogonal", "lecun"):
        net = ss.MLP(sizes, "linear", "mse", init=init, bias=False, dtype="float64", seed=1)
        values = np.linalg.svd(np.linalg.multi_dot(weights(net)[::-1]), compute_uv=False)
        spread[init] = values.max() / values.min()
    assert spread["orthogonal"] == pytest.approx(1, abs=1e-13)
    assert spread["lecun"] > 1e5


def test_constant_weights() -> None:
    net = ss.MLP((3, 4, 2), init="constant", init_scale=-0.75, dtype="float64")
    assert all((W == -0.75).all() for W in weights(net))
    assert all(not b.any() for _, b in net.layers() if b is not None)
    # every unit of a layer gets the same gradient: they stay alike
    net = ss.MLP((3, 4, 1), loss="mse", init="constant", init_scale=-0.75, dtype="float64")
    gradient = net.gradient(np.eye(3), np.array([0.0, 1.0, 3.0]))[:12].reshape(4, 3)
    assert (gradient == gradient[0]).all()
    assert gradient.any()
    assert not ss.MLP((3, 4, 2), init="constant", init_scale=0).theta.any()


@pytest.mark.parametrize(("init", "scale"), ALL)
def test_kept_by_copies_and_files(tmp_path: Any, init: str, scale: float | None) -> None:
    net = ss.MLP((3, 4, 2), init=init, init_scale=scale, seed=9)
    for twin in (net.copy(), ss.MLP.load(net.save(tmp_path / "net"))):
        assert (twin.init, twin.init_scale, twin.seed) == (init, scale, 9)
        assert twin.theta.tobytes() == net.theta.tobytes()


POSITIVE = "a finite number > 0"
ONLY = "expected only with constant, normal, orthogonal"
REFUSED: list[tuple[dict[str, Any], type[Exception], str]] = [
    (
        {"init": "constant"},
        ValueError,
        "init_scale: left out, expected the weights' value (init 'constant')",
    ),
    ({"init": "constant", "init_scale": np.nan}, ValueError,
     "init_scale: nan, expected a finite number"),
    ({"init": "constant", "init_scale": np.inf}, ValueError,
     "init_scale: inf, expected a finite number"),
    ({"init": "constant", "init_scale": "1"}, TypeError,
     "init_scale: str, expected a finite number"),
    ({"init": "constant", "init_scale": True}, TypeError,
     "init_scale: bool, expected a finite number"),
    ({"init": "constant", "init_scale": 1e39}, ValueError,
     "init_scale: 1e+39, expected weights that float32 holds"),
    ({"init": "normal", "init_scale": 0}, ValueError, f"init_scale: 0, expected {POSITIVE}"),
    ({"init": "normal", "init_scale": -0.1}, ValueError, f"init_scale: -0.1, expected {POSITIVE}"),
    ({"init": "normal", "init_scale": [1]}, TypeError, f"init_scale: list, expected {POSITIVE}"),
    ({"init": "normal", "init_scale": 1e308, "dtype": "float64"}, ValueError,
     "init_scale: 1e+308, expected weights that float64 holds"),
    ({"init": "orthogonal", "init_scale": 0.0}, ValueError,
     f"init_scale: 0.0, expected {POSITIVE}"),
    ({"init": "orthogonal", "init_scale": -1}, ValueError, f"init_scale: -1, expected {POSITIVE}"),
    ({"init": "orthogonal", "init_scale": np.inf}, ValueError,
     f"init_scale: inf, expected {POSITIVE}"),
    ({"init": "orthogonal", "init_scale": 1e300}, ValueError,
     "init_scale: 1e+300, expected weights that float32 holds"),
    *(
        ({"init": init, "init_scale": 1.0}, ValueError,
         f"init_scale: given with init '{init}', {ONLY}")
        for init in ("he", "lecun", "xavier", "zeros")
    ),
    ({"init_scale": 0.1}, ValueError, f"init_scale: given with init 'he', {ONLY}"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "error", "text"), REFUSED)
def test_refused(arguments: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        ss.MLP((20, 30, 10), **arguments)
    assert type(caught.value) is error
    assert str(caught.value) == text
