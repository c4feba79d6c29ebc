"""Muon: its trace, its singular values, PyTorch's."""

from __future__ import annotations

import numpy as np
import pytest

from oracle import product_rules
from product_samples import DTYPES, normal, same_bits, states_of
from saddlescape import optim

MUON = [
    {},
    {"momentum": 0.5, "nesterov": False, "weight_decay": 0},
    {"adjust_lr_fn": "match_rms_adamw", "maximize": True},
    {"adjust_lr_fn": "original", "ns_steps": 3, "ns_coefficients": (1.5, -0.5, 0.0)},
    {"ns_steps": 0, "eps": 100.0},
]
MATRICES = [(1, 1), (5, 7), (7, 5), (64, 64), (300, 41), (41, 300), (1, 2049), (2049, 1)]


@pytest.mark.parametrize("arguments", MUON, ids=str)
@pytest.mark.parametrize("shape", MATRICES, ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_muon_follows_its_trace(dtype, shape, arguments):
    # Newton-Schulz magnifies a rounding by up to 3.4445^5 = 485, and a step is lr s long: 20 steps
    # of half an ulp.
    steps, lr = 20, 0.1
    longer = max(np.sqrt(max(1, shape[0] / shape[1])), 0.2 * np.sqrt(max(shape)))
    tolerance = steps * lr * longer * 485 * np.finfo(dtype).eps / 2
    theta, grads = normal(shape, dtype), normal((steps, *shape), dtype, 1)
    expected = product_rules.muon(theta, grads, lr=lr, **arguments)
    opt = optim.Muon(theta, lr=lr, **arguments)
    for t, g in enumerate(grads, start=1):
        opt.step(g)
        assert np.abs(theta - expected[t]).max() < tolerance, t


@pytest.mark.parametrize("shape", [(20, 20), (20, 50), (50, 20)], ids=str)
def test_muon_brings_singular_values_near_1_and_leaves_their_vectors(shape):
    rng = np.random.default_rng(0)
    u, _ = np.linalg.qr(rng.normal(size=(shape[0], 20)))
    v, _ = np.linalg.qr(rng.normal(size=(shape[1], 20)))
    values = np.geomspace(0.005, 1, 20)
    values /= np.linalg.norm(values)
    theta = np.zeros(shape)
    optim.Muon(theta, lr=1.0, adjust_lr_fn="original").step((u * values) @ v.T)
    inside = u.T @ -theta @ v / np.sqrt(max(1, shape[0] / shape[1]))
    expected = values
    for _ in range(5):
        expected = 3.4445 * expected - 4.7750 * expected**3 + 2.0315 * expected**5
    assert np.diag(inside) == pytest.approx(expected, rel=1e-12)
    assert expected.min() > 0.68
    assert expected.max() < 1.21
    # 485 half ulps, as above, and what QR leaves
    assert np.abs(inside - np.diag(np.diag(inside))).max() < 485 * 1e-15
    outside = -theta - u @ (u.T @ -theta)
    assert np.abs(outside).max() < 485 * 1e-15


def test_muon_has_no_direction_without_a_gradient():
    theta = normal((4, 5), np.float32)
    start = theta.copy()
    optim.Muon(theta, weight_decay=0).step(np.zeros((4, 5), np.float32))
    assert same_bits(theta, start)


@pytest.mark.parametrize("state_dtype", ["bfloat16", "8bit"])
def test_muon_with_narrow_states_stays_near(state_dtype):
    a, b = normal((40, 30), np.float32), normal((40, 30), np.float32)
    start = a.copy()
    narrow, wide = optim.Muon(a, lr=0.02, state_dtype=state_dtype), optim.Muon(b, lr=0.02)
    for seed in range(20):
        g = normal((40, 30), np.float32, seed)
        narrow.step(g)
        wide.step(g)
    # The buffer is 2^-9 off in bfloat16 and about 1/127 of its block's largest in 8 bits; small
    # singular values feel it most.
    assert np.linalg.norm(a - b) < 0.1 * np.linalg.norm(b - start)
    again = optim.Muon(a, lr=0.02, state_dtype=state_dtype)
    again.load_state_dict(narrow.state_dict())
    assert states_of(again) == states_of(narrow)


@pytest.mark.parametrize("shape", MATRICES, ids=str)
def test_muon_goes_where_torchs_does(shape):
    torch = pytest.importorskip("torch")
    # torch's products are in bfloat16: 2^-9 for each rounding, of which each of the five rounds
    # adds three. So 2 % of the way, here over 20 steps.
    theta, grads = normal(shape, np.float32), normal((20, *shape), np.float32, 1)
    start, other = theta.copy(), torch.nn.Parameter(torch.tensor(theta))
    arguments = {"lr": 0.05, "weight_decay": 0.05, "momentum": 0.9}
    ours, theirs = optim.Muon(theta, **arguments), torch.optim.Muon([other], **arguments)
    for g in grads:
        ours.step(g)
        other.grad = torch.tensor(g)
        theirs.step()
    way = np.linalg.norm(theta - start)
    assert np.linalg.norm(theta - other.detach().numpy()) < 0.02 * way
    buffer = theirs.state[other]["momentum_buffer"].numpy()
    # 20 roundings of half an ulp of numbers of about 1
    assert np.abs(ours.state_dict()["state"]["momentum_buffer"][0] - buffer).max() < 1e-6


@pytest.mark.parametrize("shape", [(), (128,), (2, 3, 4)], ids=str)
def test_muon_takes_matrices_only(shape):
    with pytest.raises(ValueError, match="expected a matrix") as caught:
        optim.Muon([np.ones((3, 4)), np.ones(shape)])
    assert str(caught.value) == (
        f"params[1]: shape {shape}, expected a matrix: 'muon' takes no other arrays, give them to "
        "an optimizer of their own, such as AdamW"
    )
