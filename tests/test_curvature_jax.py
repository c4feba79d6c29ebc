"""JAX's losses as operators: the same Hessian as our network's, in its own width."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest

import saddlescape as ss
from curvature_samples import agrees, network, same_verdicts, to_its_minimum
from saddlescape import critical, curvature
from saddlescape.critical import Kind

jax = pytest.importorskip("jax")
from test_net_jax import ACTIVATIONS, LOSSES  # noqa: E402 - needs jax

pytestmark = pytest.mark.filterwarnings("ignore::saddlescape.curvature.PiecewiseLinearWarning")

jnp, nn = jax.numpy, jax.nn


@pytest.fixture(params=[True, False], ids=["x64", "x32"])
def x64(request: pytest.FixtureRequest) -> Iterator[bool]:
    with jax.enable_x64(request.param):
        yield request.param


def perceptron(
    activation: str = "tanh",
    loss: str = "mse",
    dtype: str = "float64",
    sizes: tuple[int, ...] = (3, 5, 4, 2),
    seed: int = 0,
) -> tuple[ss.MLP, Any, Any, Any, Callable[[Any], Any]]:
    """Our network, its data, and the same in JAX as a pytree."""
    net, X, Y = network(activation, loss, dtype, sizes, seed)

    def loss_fn(layers: Any) -> Any:
        a = X
        for i, (W, b) in enumerate(layers, 1):
            a = a @ W.T + b
            a = ACTIVATIONS[activation](a) if i < len(layers) else a
        return LOSSES[loss](a, Y)

    return net, X, Y, [(W.copy(), b.copy()) for W, b in net.layers()], loss_fn


CASES = [*product(ACTIVATIONS, ["cross_entropy"]), *product(["tanh", "relu"], LOSSES)]


@pytest.mark.parametrize(("activation", "loss"), dict.fromkeys(CASES))
def test_agrees_with_our_network(activation: str, loss: str) -> None:
    net, X, Y, params, loss_fn = perceptron(activation, loss)
    ours = curvature.of(net, X, Y)
    with jax.enable_x64(True):
        theirs = curvature.from_jax(loss_fn, params)
    # And from here on in whatever width is set: the operator keeps its own.
    kinked = {"relu", "leaky_relu", "hard_sigmoid", "hard_swish", "hard_tanh", "mae", "huber"}
    agrees(theirs, ours, bool(kinked & {activation, loss}))  # huber: its where is seen


@pytest.mark.parametrize("activation", ["tanh", "silu"])
def test_error_covers_the_rounding_of_the_width(activation: str, x64: bool) -> None:
    for seed in range(1 if activation == "silu" else 2):
        net, X, Y, params, loss_fn = perceptron(activation, "cross_entropy", "float32", seed=seed)
        H = curvature.from_jax(loss_fn, params)
        exact = curvature.of(net, X, Y)
        size, eps = float(np.linalg.norm(exact.dense())), 2.0**-52 if x64 else 2.0**-23
        assert ("float64" if x64 else "float32") in repr(H)
        before = H.error()
        difference = float(np.linalg.norm(H.dense() - exact.dense()))
        assert H.dense().dtype == (H @ np.ones(net.parameters)).dtype == np.float64
        for stated in (before, H.error()):
            assert difference <= stated + (exact.error() if x64 else 0.0)
            assert stated <= 300 * eps * size
        assert 8 * eps * H.loss() <= H.loss_error() * (1 + 1e-6) <= 100 * eps * H.loss()


@pytest.mark.parametrize("kind", [Kind.SADDLE, Kind.MINIMUM, Kind.NOT_CRITICAL])
def test_verdicts_are_those_of_our_network(kind: Kind, x64: bool) -> None:
    dtype = "float64" if x64 else "float32"
    sizes = {Kind.SADDLE: (3, 4, 2), Kind.MINIMUM: (3, 2), Kind.NOT_CRITICAL: (3, 5, 4, 2)}[kind]
    net, X, Y, _, loss_fn = perceptron("tanh", "mse", dtype, sizes)
    if kind == Kind.SADDLE:
        net.theta = 0 * net.theta
        net.layers()[-1][1][:] = Y.mean(axis=0)
    elif kind == Kind.MINIMUM:
        to_its_minimum(net, X, Y)
    ours = curvature.of(net, X, Y)
    theirs = curvature.from_jax(loss_fn, net.layers(), lower_bound=0)
    same_verdicts(theirs, ours, kind, 1e-10 if x64 else 1e-5)


def test_the_saddle_is_left(x64: bool) -> None:
    H = curvature.from_jax(lambda p: (1 - p["a"] * p["b"]) ** 2, {"b": 0.0, "a": jnp.zeros(())})
    out = critical.escape(H)
    assert out.outcome is critical.EscapeOutcome.ESCAPED
    assert out.loss_after < (1e-12 if x64 else 1e-6)


@pytest.mark.parametrize("k", [1, 2, 3, 7, 8, 9, 33])
def test_vectors_in_any_number(k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Padded to powers of two, and cut where memory ends."""
    net, X, Y, params, loss_fn = perceptron()
    V = np.random.default_rng(k).standard_normal((net.parameters, k)) * np.logspace(-100, 100, k)
    with jax.enable_x64(True):
        whole = curvature.from_jax(loss_fn, params)
        expected = curvature.of(net, X, Y) @ V
        size = np.linalg.norm(expected / np.linalg.norm(V, axis=0))
        assert np.linalg.norm((whole @ V - expected) / np.linalg.norm(V, axis=0)) <= 1e-14 * size
        monkeypatch.setattr("saddlescape.jax.curvature._MOST", 4)
        cut = curvature.from_jax(loss_fn, params)
        assert cut._engine._most() == 4  # type: ignore[attr-defined]
        assert np.linalg.norm((cut @ V - expected) / np.linalg.norm(V, axis=0)) <= 1e-14 * size
        monkeypatch.setattr("saddlescape.jax.curvature._BYTES", 1)
        assert curvature.from_jax(loss_fn, params)._engine._most() == 1  # type: ignore[attr-defined]


def test_parameters_out_of_reach_have_zero_rows() -> None:
    params = {"used": np.ones(2), "unused": np.ones((2, 1))}
    A = curvature.from_jax(lambda p: (p["used"] ** 3).sum(), params).dense()
    assert np.allclose(A, np.diag([0, 0, 6, 6]), rtol=0, atol=1e-5)  # keys are sorted


def test_a_loss_that_fixes_its_type_is_differentiated_in_it() -> None:
    rng = np.random.default_rng(0)
    images = rng.standard_normal((2, 1, 5, 5)).astype(np.float32)
    kernel = rng.standard_normal((3, 1, 2, 2)).astype(np.float32)

    def loss_fn(W: Any) -> Any:
        return jnp.tanh(jax.lax.conv(images, W, (1, 1), "SAME")).sum() ** 2

    with jax.enable_x64(True):
        H = curvature.from_jax(loss_fn, kernel)
        assert "float32" in repr(H)
        assert H.error() > 1e-8 * np.linalg.norm(H.dense())
        cast = curvature.from_jax(lambda W: (W.astype(jnp.float32) ** 4).sum(), kernel)
        exact = np.diag(12 * kernel.ravel().astype(float) ** 2)
        assert np.linalg.norm(cast.dense() - exact) <= cast.error() <= 1e-4 * np.linalg.norm(exact)


def test_a_derivative_that_is_taken_for_a_constant_is_noticed() -> None:
    @jax.custom_vjp
    def cube(x: Any) -> Any:
        return x**3

    cube.defvjp(
        lambda x: (x**3, x), lambda x, g: (g * 3 * jax.lax.stop_gradient(x) ** 2,)
    )  # fmt: skip
    with jax.enable_x64(True):
        H = curvature.from_jax(lambda x: cube(x).sum(), np.array([1.0, 2.0]))
        assert "finite differences" in repr(H)
        assert np.linalg.norm(H.dense() - np.diag([6.0, 12.0])) <= H.error() < 1e-8


KINKS = [
    (nn.relu, "relu"),
    (nn.leaky_relu, "leaky_relu"),
    (nn.relu6, "relu6"),
    (nn.hard_tanh, "hard_tanh"),
    (jnp.abs, "abs"),
    (lambda x: jnp.maximum(x, 0.1), "maximum"),
    (lambda x: jnp.clip(x, 0, 1), "clip"),
    (jax.jit(jax.checkpoint(nn.relu)), "relu"),
    (lambda x: jax.lax.scan(lambda c, t: (c, nn.relu(t)), 0.0, x)[1], "relu"),
]
SMOOTH = [nn.softplus, nn.gelu, nn.elu, nn.silu, nn.softmax, nn.log_softmax, nn.logsumexp, nn.selu,
          lambda x: x * jnp.abs(np.array([1.0, -2.0, 3.0])).max()]  # fmt: skip


def test_what_is_seen_of_kinks() -> None:
    x = np.array([0.3, -2.0, 1.5])
    for f, name in KINKS:
        H = curvature.from_jax(lambda x, f=f: (f(x) ** 2).sum(), x)
        assert f"{name} is piecewise linear: curvature at its kinks is not in H" in (H.silent or "")
    for f in SMOOTH:
        assert curvature.from_jax(lambda x, f=f: (f(x) ** 2).sum(), x).silent is None
    hidden = curvature.from_jax(lambda x: jnp.where(x > 0, x, 0.1 * x).sum(), x)
    assert "H v is exactly zero for a random v while the gradient is not" in (hidden.silent or "")


def square(x: Any) -> Any:
    return (x**2).sum()


REFUSALS = [
    (3, np.ones(2), TypeError, "loss_fn: int, expected a function loss_fn(params)"),
    (lambda x: x**2, np.ones(2), TypeError, "loss_fn(params): shape (2,) of float"),
    (lambda x: x.sum().astype(int), np.ones(2), TypeError, "loss_fn(params): shape () of int"),
    (square, np.arange(3), TypeError, "params: dtype int"),
    (square, {"w": ["text"]}, TypeError, "params['w'][0]: str, expected an array"),
    (square, {"w": 3}, TypeError, "params['w']: int, expected an array of real numbers"),
    (square, np.ones(2) + 1j, TypeError, "params: dtype complex128, expected real floating point"),
    (square, [], ValueError, "params: no elements"),
    (square, np.array([1.0, np.nan]), ValueError, "params: nan at 1, expected finite numbers"),
    (lambda x: square(x) / 0, np.ones(2), ValueError, "loss_fn: inf at params, expected a finite"),
    (lambda x: jnp.sqrt(square(x)), np.zeros(2), ValueError, "loss_fn's gradient: nan at 0"),
]


@pytest.mark.parametrize(("loss_fn", "params", "error", "text"), REFUSALS)
def test_misuse_is_refused(loss_fn: Any, params: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        curvature.from_jax(loss_fn, params)
    assert text in str(caught.value)
