"""Operations of PyTorch without a second backward pass: forward mode where it is there."""
# ruff: noqa: PLW0108 - a loss has to be computed anew at every call, a bound method is not

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from saddlescape import curvature

torch = pytest.importorskip("torch")
from torch_samples import Once, Raises  # noqa: E402 - needs torch


class Forward(Once):
    """x^3 with a derivative of its own for forward mode, and no second backward pass."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        ctx.save_for_forward(x)
        return x**3

    @staticmethod
    def jvp(ctx: Any, t: Any) -> Any:
        return 3 * ctx.saved_tensors[0] ** 2 * t


class Lost(Forward):
    """The same, but its backward pass reads a copy that lost its tangent: forward mode is wrong."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.x = torch.from_numpy(x.detach().numpy().copy())
        ctx.save_for_forward(x)
        return x**3

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, g: Any) -> Any:
        return g * 3 * ctx.x**2


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_forward_mode_where_there_is_no_second_backward_pass(dtype: Any) -> None:
    start = torch.linspace(-1, 1.5, 12, dtype=dtype)
    w, unused = (t.clone().requires_grad_(True) for t in (start, start[:2]))
    u = start.double().requires_grad_(True)
    graph, version = (w**3).sum(), w._version  # of the caller's, still to be used
    H = curvature.from_torch(lambda: (Forward.apply(w) * w.sum()).sum(), [w, unused])
    exact = curvature.from_torch(lambda: (u**3 * u.sum()).sum(), [u]).dense()
    assert H.differences is None
    assert repr(H).endswith("forward mode through the gradient, P = 14, exact)")
    eps = float(torch.finfo(dtype).eps)
    size = float(np.linalg.norm(exact))
    before = H.error()
    difference = float(np.linalg.norm(H.dense()[:12, :12] - exact))
    assert difference <= min(before, H.error()) <= 300 * eps * size
    assert not H.dense()[12:].any()
    V = np.random.default_rng(0).standard_normal((14, 2))
    assert np.linalg.norm(H @ V - H.dense() @ V) <= 100 * eps * size * np.linalg.norm(V)
    small = np.full(14, 1e-50)  # float32 could not hold it
    assert np.allclose(H @ small, 1e-50 * (H @ np.ones(14)), rtol=100 * eps)
    assert torch.equal(w, start)
    assert w._version == version
    graph.backward()


def test_forward_mode_that_loses_its_tangent_is_noticed() -> None:
    w = torch.linspace(-1, 1.5, 12, dtype=torch.float64).requires_grad_(True)
    H = curvature.from_torch(lambda: (Lost.apply(w) * w).sum(), [w])
    assert "exact products part from them" in str(H.differences)
    exact = np.diag(12 * H.theta**2)
    assert np.linalg.norm(H.dense() - exact) <= H.error() < 1e-6 * np.linalg.norm(exact)


def test_with_neither_there_are_differences() -> None:
    w = torch.linspace(-1, 1.5, 12, dtype=torch.float64).requires_grad_(True)
    version = w._version
    H = curvature.from_torch(lambda: Once.apply(w).sum(), [w])
    assert "exact products part from them by 100%" in str(H.differences)
    assert "forward mode" not in repr(H)
    exact = np.diag(6 * H.theta)
    assert np.linalg.norm(H.dense() - exact) <= H.error() < 1e-6 * np.linalg.norm(exact)
    assert w._version == version


def test_an_operation_that_says_so_itself() -> None:
    """A kernel of PyTorch's whose second backward pass raises, and whose forward mode is there."""
    w = torch.linspace(-1, 1.5, 12, dtype=torch.float64).requires_grad_(True)

    def loss() -> Any:
        return torch.nn.functional.gelu(Forward.apply(Raises.apply(w))).sum()

    H = curvature.from_torch(loss, [w])
    assert H.differences is None
    assert "forward mode" in repr(H)
    u = w.detach().clone().requires_grad_(True)
    exact = curvature.from_torch(lambda: torch.nn.functional.gelu(u**3).sum(), [u]).dense()
    assert np.linalg.norm(H.dense() - exact) <= 1e-13 * np.linalg.norm(exact)


def test_other_parameters_than_the_point_s() -> None:
    w = torch.linspace(-1, 1.5, 4, dtype=torch.float64).requires_grad_(True)
    H = curvature.from_torch(lambda: Forward.apply(w).sum(), [w])
    with torch.no_grad():
        w += 1
    moved = w.detach().clone()
    assert np.allclose(H @ np.ones(4), 6 * H.theta, rtol=1e-14)
    assert torch.equal(w, moved)
