"""Losses in JAX that once gave a wrong Hessian, or moved under the operator."""
# ruff: noqa: ARG005 - losses and Hessians that are the same everywhere

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from saddlescape import critical, curvature

jax = pytest.importorskip("jax")

pytestmark = pytest.mark.filterwarnings("ignore::saddlescape.curvature.PiecewiseLinearWarning")

jnp, nn = jax.numpy, jax.nn


@pytest.fixture(autouse=True)
def x64() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


@jax.custom_vjp
def cube(x: Any) -> Any:
    """x^3 whose derivative counts as a constant."""
    return x**3


cube.defvjp(lambda x: (x**3, x), lambda x, g: (g * 3 * jax.lax.stop_gradient(x) ** 2,))


def test_a_kink_elsewhere_does_not_hide_a_wrong_derivative() -> None:
    H = curvature.from_jax(
        lambda x: (cube(x) * x - 0.8 * x**4).sum() + nn.relu(x).sum() * 1e-9, np.array([1.0, 2.0])
    )
    assert "finite differences" in repr(H)
    assert np.linalg.norm(H.dense() - np.diag([2.4, 9.6])) <= H.error() < 1e-6


def test_a_rule_that_calls_its_function_is_taken_backward() -> None:
    """Forward mode fails on it."""

    @jax.custom_vjp
    def f(x: Any, y: Any) -> Any:
        return jnp.sin(x) * y

    f.defvjp(
        lambda x, y: (f(x, y), (jnp.cos(x), jnp.sin(x), y)),
        lambda kept, g: (kept[0] * g * kept[2], kept[1] * g),
    )

    def loss(p: Any, f: Any) -> Any:
        return (f(p, p[::-1]) ** 2).sum()

    p = np.array([0.3, 0.4])
    H = curvature.from_jax(lambda p: loss(p, f), p)
    assert H.differences is None
    R = jax.hessian(lambda p: loss(p, lambda x, y: jnp.sin(x) * y))(p)
    assert np.linalg.norm(H.dense() - R) <= H.error() < 1e-12


def test_a_callback_has_no_second_derivative() -> None:
    def outside(function: Any, x: Any) -> Any:
        shape = jax.ShapeDtypeStruct(x.shape, x.dtype)
        return jax.pure_callback(function, shape, x, vmap_method="expand_dims")

    @jax.custom_vjp
    def sine(x: Any) -> Any:
        return outside(np.sin, x)

    sine.defvjp(lambda x: (sine(x), x), lambda x, g: (g * outside(np.cos, x),))
    H = curvature.from_jax(lambda x: sine(x).sum(), np.array([1.0, 2.0]))
    assert "callback" in (H.differences or "").lower()
    assert np.linalg.norm(H.dense() + np.diag(np.sin([1.0, 2.0]))) <= H.error() < 1e-6


def test_the_operator_has_parameters_of_its_own() -> None:
    for _ in range(5):  # whether JAX takes over the memory depends on where it lies
        p = np.ones((128, 8))
        H = curvature.from_jax(lambda q: (q**3).sum(), p)
        p *= 5
        assert (H @ np.ones(1024))[0] == 6
    given = jnp.ones(4)
    H = curvature.from_jax(lambda q: (q**3).sum(), given)
    given.delete()
    assert np.array_equal(H @ np.ones(4), np.full(4, 6.0))


def test_the_loss_is_traced_once() -> None:
    scale, data, traces = {"by": 1.0}, np.ones(4), []

    def loss(p: Any) -> Any:
        traces.append(0)
        return scale["by"] * (data * p**3).sum()

    H = curvature.from_jax(loss, np.ones(4))
    count = len(traces)
    scale["by"], data[:] = 10.0, 3.0
    assert np.array_equal(H @ np.ones((4, 3)), np.full((4, 3), 6.0))
    assert np.array_equal(H.dense(), 6 * np.eye(4))
    assert len(traces) == count


@pytest.mark.parametrize(
    "loss", [lambda p: 3 * jnp.ones(()), lambda p: (jax.lax.stop_gradient(p) ** 2).sum()]
)  # fmt: skip
def test_a_loss_of_nothing_is_refused(loss: Any) -> None:
    with pytest.raises(ValueError, match="depends on none of params"):
        curvature.from_jax(loss, np.ones(2))


def test_a_gradient_of_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match="the gradient is not that of loss_fn"):
        curvature.from_jax(lambda p: (p * jax.lax.stop_gradient(p)).sum(), np.ones(2))


@jax.jit
def softplus(x: Any) -> Any:
    """Another one, made of straight lines."""
    return jnp.maximum(x, 0.0)


@jax.jit
def clip(x: Any) -> Any:
    """Another one, smooth."""
    return x**2


X = np.random.default_rng(0).standard_normal((6, 3))
SEEN = [
    (lambda w: jnp.max(X @ w) ** 2, "max"),
    (lambda w: jnp.sort(X @ w)[0] ** 2, "sort"),
    (lambda w: jnp.where(w > 0, w, 0.1 * w).sum() ** 2, "where"),
    (lambda w: (softplus(w) ** 2).sum(), "maximum"),
    (lambda w: clip(w).sum(), None),
    (lambda w: ((jnp.abs(X) @ w) ** 2).sum(), None),
    (lambda w: ((X / jnp.maximum(jnp.linalg.norm(X), 1e-6) @ w) ** 2).sum(), None),
    (lambda w: jnp.linalg.slogdet(jnp.outer(w, w) + jnp.eye(3))[1], None),
]


@pytest.mark.parametrize(("loss", "name"), SEEN)
def test_what_is_seen_of_kinks(loss: Any, name: str | None) -> None:
    silent = curvature.from_jax(lambda w: loss(w) + (w**2).sum(), np.array([1.0, 2.0, 4.0])).silent
    assert silent is None if name is None else f"{name} is piecewise linear" in (silent or "")


def test_narrow_types_inside_are_seen() -> None:
    """Sums in float32 that are larger than the loss: their rounding is no way down."""
    a = np.random.default_rng(0).standard_normal((50, 2)).astype(np.float32)

    def loss(w: Any) -> Any:
        narrow = w.astype(np.float32)
        rest = (np.float32(1.7) + narrow[2]) - narrow[2]
        return (((a @ narrow[:2]) ** 2).mean() + rest).astype(float)

    H = curvature.from_jax(loss, np.zeros(3))
    assert H.loss_error() > 1e-8
    assert critical.classify(H).kind is critical.Kind.DEGENERATE_MINIMUM


def test_without_compilation() -> None:
    with jax.disable_jit():
        H = curvature.from_jax(lambda p: (p**4).sum(), np.array([1.0, 2.0]))
        assert np.allclose(H.dense(), np.diag([12.0, 48.0]))
