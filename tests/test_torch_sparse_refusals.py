"""Sparse gradients that saddlescape.torch refuses, in what words, and that nothing has changed."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from saddlescape import torch as st  # noqa: E402
from torch_samples import (  # noqa: E402 - only where torch is there
    NAMES,
    OURS_ALONE,
    fingerprint,
    sparse,
)


def state_of(name, **arguments):
    params = [torch.ones(4, requires_grad=True), torch.ones(6, 3, requires_grad=True)]
    opt = getattr(st, name)(params, lr=0.1, **arguments)
    for p in params:
        p.grad = torch.ones_like(p)
    opt.step()
    params[1].grad = sparse(0, torch.float32, (6, 3))
    return opt, params


WITHOUT = [
    *((name, {}) for name in [*NAMES, *OURS_ALONE] if name not in {"SGD", "Adagrad", "Adam"}),
    ("SGD", {"momentum": 0.9}),
    ("Adam", {"amsgrad": True}),
]


@pytest.mark.parametrize(("name", "arguments"), WITHOUT)
def test_a_rule_without_rows_refuses_them(name, arguments):
    opt, params = state_of(name, **arguments)
    before = fingerprint(opt)
    with pytest.raises(TypeError) as caught:
        opt.step()
    message = str(caught.value)
    assert message.startswith("param_groups[0]['params'][1].grad: sparse with the rule '")
    assert message.endswith("only sgd, adagrad and adam move some rows alone")
    assert fingerprint(opt) == before
    params[1].grad = None
    opt.step()


@pytest.mark.parametrize("name", ["SGD", "Adagrad", "Adam"])
def test_decay_refuses_them(name):
    opt, _ = state_of(name, weight_decay=0.1)
    before = fingerprint(opt)
    with pytest.raises(ValueError, match=r"\[1\]\.grad: sparse with weight_decay, expected a den"):
        opt.step()
    assert fingerprint(opt) == before


def test_sparse_adam_refuses_a_dense_gradient():
    weight, table = torch.ones(3, requires_grad=True), torch.ones(6, 3, requires_grad=True)
    opt = st.SparseAdam([table, weight])
    table.grad, weight.grad = sparse(0, torch.float32, (6, 3)), torch.ones(3)
    with pytest.raises(TypeError, match=r"^param_groups\[0\]\['params'\]\[1\]\.grad: dense, exp"):
        opt.step()
    assert len(opt.state) == 0
    assert (table == 1).all()


def lying(rows, dtype=torch.float32, width=3):
    """A gradient that says it is coalesced."""
    values = torch.ones((len(rows), width), dtype=dtype)
    return torch.sparse_coo_tensor([rows], values, (6, width), is_coalesced=True)


BAD = [
    (lambda: lying([1, 1]), ValueError, ".indices(): not ascending though it says"),
    (lambda: lying([3, 1]), ValueError, ".indices(): not ascending though it says"),
    (lambda: lying([1]) * float("nan"), ValueError, ": NaN at (0, 0)"),
]


@pytest.mark.parametrize("name", ["SGD", "Adagrad", "Adam", "SparseAdam"])
@pytest.mark.parametrize(("make", "error", "text"), BAD, ids=[row[2] for row in BAD])
def test_a_refused_step_changes_nothing(name, make, error, text):
    params = [torch.ones(6, 3, requires_grad=True) for _ in range(2)]
    opt = getattr(st, name)(params, lr=0.1)
    for p in params:
        p.grad = sparse(0, torch.float32, (6, 3))
    opt.step()
    before = fingerprint(opt)
    params[1].grad = make()
    with pytest.raises(error) as caught:
        opt.step()
    assert str(caught.value).startswith(f"param_groups[0]['params'][1].grad{text}")
    assert fingerprint(opt) == before
    params[1].grad = None
    opt.step()
    assert fingerprint(opt) != before
