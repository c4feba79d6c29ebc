"""Full batches in pieces: uneven ones weighted rightly, and memory that does not grow with N."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import saddlescape as ss
from saddlescape import critical, curvature, eig
from test_curvature import network

# Numbers of samples about the core's own chunks, powers of two, and primes
SAMPLES = [1, 2, 63, 64, 65, 127, 257, 1021, 2048, 2053]


def reference(net: ss.MLP, X: Any, Y: Any, v: Any) -> tuple[float, Any, Any]:
    """Loss, gradient and product as means over single samples."""
    one = [curvature.of(net, X[i : i + 1], Y[i : i + 1]) for i in range(len(X))]
    return (
        float(np.mean([H.loss() for H in one])),
        np.mean([H.gradient() for H in one], axis=0),
        np.mean([H @ v for H in one], axis=0),
    )


@pytest.mark.parametrize("n", SAMPLES)
@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_the_network_s_own_chunks_are_weighted_rightly(n: int, loss: str) -> None:
    net, X, Y = network((3, 4, 2), loss=loss, n=n)
    H = curvature.of(net, X, Y)
    v = np.random.default_rng(1).standard_normal(net.parameters)
    value, gradient, product = reference(net, X, Y, v)
    size = np.linalg.norm(H.dense()) * np.linalg.norm(v)
    # sums of up to 2,000 terms of one size: a few roundings
    assert H.loss() == pytest.approx(value, rel=1e-13)
    assert np.linalg.norm(H.gradient() - gradient) <= 1e-13 * max(1, np.linalg.norm(gradient))
    assert np.linalg.norm(H @ v - product) <= 1e-13 * size
    assert np.linalg.norm(H.dense() @ v - product) <= 1e-13 * size
    assert np.linalg.norm((H @ np.stack([v, v], axis=1))[:, 1] - product) <= 1e-13 * size


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("kept", [0, 1 << 25])
def test_memory_does_not_grow_with_the_samples(kept: int) -> None:
    """200,000 samples through 64 units: activations alone would take 100 MB a layer.

    Beside them stands what a product may keep for the next one.
    """
    code = """
import sys
import numpy as np, saddlescape as ss
from saddlescape import curvature
curvature.network._KEPT_BYTES = int(sys.argv[1])
def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
net = ss.MLP((4, 64, 2), dtype="float64")
X, y = np.zeros((200_000, 4)), np.zeros(200_000, int)
def work(H):
    H.gradient(), H @ np.ones((net.parameters, 2)), H.block("1").dense(), H.loss(H.theta)
work(curvature.of(net, X[:5000], y[:5000]))  # threads' stacks and a chunk's memory are there now
before = peak()
work(curvature.of(net, X, y))
assert peak() - before < 40_000 + int(sys.argv[1]) // 1024, peak() - before
"""
    command = [sys.executable, "-c", code, str(kept)]
    subprocess.run(command, check=True)  # noqa: S603 - our own code


CUTS = [[5], [1, 2], [3, 6, 8], [4]]


@pytest.mark.parametrize("cuts", CUTS, ids=str)
@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_a_mean_over_uneven_batches_is_the_full_batch(cuts: list[int], loss: str) -> None:
    net, X, Y = network((3, 4, 2), loss=loss, n=9)
    full = curvature.of(net, X, Y)
    batches = list(zip(np.split(X, cuts), np.split(Y, cuts), strict=True))
    H = curvature.mean_of([curvature.of(net, *b) for b in batches], [len(b[0]) for b in batches])
    assert isinstance(H, curvature.Curvature)
    size = float(np.linalg.norm(full.dense()))
    V = np.random.default_rng(0).standard_normal((net.parameters, 3))
    assert H.loss() == pytest.approx(full.loss(), rel=1e-14)
    assert H.loss(full.theta + 1) == pytest.approx(full.loss(full.theta + 1), rel=1e-14)
    assert H.lower_bound == pytest.approx(full.lower_bound, rel=1e-14)
    assert np.allclose(H.gradient(), full.gradient(), rtol=0, atol=1e-14)
    assert np.linalg.norm(H @ V - full @ V) <= 1e-14 * size * np.linalg.norm(V)
    assert np.linalg.norm(H @ V[:, 0] - full @ V[:, 0]) <= 1e-14 * size * np.linalg.norm(V)
    for block in ("1", "0.bias"):
        expected = full.block(block).dense()
        fresh = H.block(block)
        assert np.linalg.norm(fresh.dense() - expected) <= 1e-14 * size
    difference = float(np.linalg.norm(H.dense() - full.dense()))
    assert difference <= H.error() + full.error() <= 1e-11 * size
    assert np.linalg.norm(H.block("1").dense() - full.block("1").dense()) <= 1e-14 * size
    assert critical.classify(H).kind == critical.classify(full).kind
    ends = eig.lanczos(H, low=2, high=2).eigenvalues
    assert np.allclose(ends, eig.lanczos(full, low=2, high=2).eigenvalues, atol=1e-6 * size)
    even = curvature.mean_of([curvature.of(net, *b) for b in batches], [1] * len(batches))
    if len({len(b[0]) for b in batches}) > 1:
        assert np.linalg.norm(even.dense() - full.dense()) > 1e-3 * size


def test_sums_of_losses_and_their_terms() -> None:
    net, X, Y = network((3, 4, 2), n=9)
    full = curvature.of(net, X, Y)
    n = net.parameters
    penalty = curvature.from_functions(
        lambda t: 0.05 * float(t @ t), lambda t: 0.1 * t, lambda _: 0.1 * np.eye(n), full.theta, 0.0
    )
    H = curvature.sum_of([full, penalty])
    assert np.allclose(H.dense(), full.dense() + 0.1 * np.eye(n), rtol=0, atol=1e-15)
    assert H.loss() == full.loss() + penalty.loss()
    assert H.lower_bound == 0.0
    assert H.slices == full.slices
    mixed = curvature.sum_of([penalty, curvature.from_gradient(lambda t: 0 * t, full.theta)])
    assert mixed.lower_bound is None
    assert np.allclose(mixed.block([0, 1]).dense(), 0.1 * np.eye(2), atol=1e-9)


def test_what_parts_hide_is_said_once() -> None:
    net = ss.MLP((2, 3, 2), "relu")
    with pytest.warns(curvature.PiecewiseLinearWarning):
        parts = [curvature.of(net, np.eye(2), np.array([0, 1])) for _ in range(2)]
    assert curvature.mean_of(parts, [2, 2]).silent == parts[0].silent


def test_torch_batches() -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    model = model.double()
    x, y = torch.randn(11, 3, dtype=torch.float64), torch.arange(11) % 2

    def operator(of: slice, reduction: str) -> Any:
        def loss() -> Any:
            return torch.nn.functional.cross_entropy(model(x[of]), y[of], reduction=reduction)

        return curvature.from_torch(loss, model.named_parameters())

    cut = [slice(0, 4), slice(4, 8), slice(8, 11)]
    for reduction in ("mean", "sum"):
        full = operator(slice(0, 11), reduction)
        parts = [operator(of, reduction) for of in cut]
        sums = reduction == "sum"
        H = curvature.sum_of(parts) if sums else curvature.mean_of(parts, [4, 4, 3])
        assert np.allclose(H.dense(), full.dense(), rtol=0, atol=1e-14)
        assert np.allclose(H.gradient(), full.gradient(), rtol=0, atol=1e-14)
        assert H.loss_error() > 0
        assert H.layers == full.layers


H0 = curvature.from_matrix(np.eye(2))
MISUSE = [
    (lambda: curvature.mean_of([H0], [0]), ValueError, "sizes[0]: 0, expected a finite number > 0"),
    (lambda: curvature.mean_of([H0], [1, 2]), ValueError, "sizes: 2 numbers, expected 1"),
    (lambda: curvature.mean_of([H0], ["1"]), TypeError, "sizes[0]: str, expected a finite number"),
    (lambda: curvature.sum_of([]), ValueError, "parts: empty, expected at least one operator"),
    (lambda: curvature.sum_of([H0, np.eye(2)]), TypeError, "parts[1]: ndarray, expected an operat"),
    (
        lambda: curvature.sum_of([H0, curvature.from_gradient(lambda t: t, np.ones(2))]),
        ValueError,
        "parts[1]: at another point than parts[0]",
    ),
]


@pytest.mark.parametrize(("call", "error", "text"), MISUSE)
def test_misuse_is_refused(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value).startswith(text)
