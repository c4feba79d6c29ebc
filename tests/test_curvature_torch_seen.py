"""What is seen of a PyTorch loss while it is evaluated: kinks and narrow types."""
# ruff: noqa: PLW0108 - a loss has to be computed anew at every call, a bound method is not

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from saddlescape import curvature

torch = pytest.importorskip("torch")
F, nn = torch.nn.functional, torch.nn


def test_what_is_seen_of_kinks() -> None:
    w = torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)
    said = {
        "relu": lambda: (w.relu() ** 2).sum(),
        "abs": lambda: F.l1_loss(w, torch.zeros(2, dtype=torch.float64)),
        "hardtanh": lambda: F.relu6(w).pow(2).sum(),
        "max_pool": lambda: F.max_pool2d(w.reshape(1, 1, 2), (1, 2)).pow(2).sum(),
    }
    for name, loss_fn in said.items():
        with pytest.warns(curvature.PiecewiseLinearWarning, match=f"At the kinks of {name}, where"):
            H = curvature.from_torch(loss_fn, [w])
        assert f"{name} is piecewise linear: curvature at its kinks is not in H" in (H.silent or "")
        assert str(H.silent) in repr(H)
    data = torch.ones(2, dtype=torch.float64)
    assert curvature.from_torch(lambda: (w**2 * data.abs()).sum(), [w]).silent is None
    with pytest.warns(curvature.PiecewiseLinearWarning, match="At the kinks of where, "):
        hidden = curvature.from_torch(lambda: torch.where(w > 0, w, 0.1 * w).sum(), [w])
    assert "H v is exactly zero for a random v while the gradient is not" in (hidden.silent or "")


def test_autocast_is_seen_in_the_error() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    x = torch.randn(7, 3, generator=torch.Generator().manual_seed(0))

    def narrow() -> Any:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return net(x).float().pow(2).mean()

    exact = curvature.from_torch(lambda: net(x).pow(2).mean(), net.parameters()).dense()
    H = curvature.from_torch(narrow, net.parameters())
    assert 1e-3 < np.linalg.norm(H.dense() - exact) <= H.error() < np.linalg.norm(exact)
