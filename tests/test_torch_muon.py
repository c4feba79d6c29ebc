"""saddlescape.torch.Muon against torch.optim.Muon, with and without PyTorch's rounding."""

from __future__ import annotations

import inspect
from itertools import combinations

import pytest

torch = pytest.importorskip("torch")

from saddlescape import torch as st  # noqa: E402
from torch_samples import (  # noqa: E402 - only where torch is there
    fingerprint,
    give_gradients,
    groups,
    parameters,
    same_bits,
    through_a_file,
)

SHAPES = [(5, 7), (7, 5), (16, 16), (1, 9), (33, 4), (64, 48)]
ARGUMENTS = {
    "lr": 0.1, "weight_decay": 0.3, "momentum": 0.5, "nesterov": False,
    "ns_coefficients": (2.0, -1.5, 0.5), "eps": 1e-3, "ns_steps": 3,
    "adjust_lr_fn": "match_rms_adamw",
}  # fmt: skip
CHOSEN = [(), *combinations(ARGUMENTS, 1), *combinations(ARGUMENTS, 2), tuple(ARGUMENTS)]
TABLE = [pytest.param({k: ARGUMENTS[k] for k in keys}, id="-".join(keys)) for keys in CHOSEN]
# The largest factor that five rounds multiply a small singular value by, and its errors.
GROWTH = 3.4445**5
# Each round adds terms of 3.4, 4.8 and 2.0 that leave 0.7 at least, and bfloat16 rounds each of
# them by up to 2^-9: 3 % of what is left. What the rounds before left counts as much again, and
# twice that for rounding the matrix, its norm and the product with it. The largest seen is 7 %.
ROUNDED = 4 * (3.4445 + 4.7750 + 2.0315) / 0.7 * 2**-9


@pytest.fixture
def in_full(monkeypatch):
    """Let torch take its products in the type of the gradient, as ours are."""
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)


class Path:
    """Each matrix's steps and their length together."""

    def __init__(self, params):
        self.params, self.steps = params, 0
        self.before = [p.detach().clone() for p in params]
        self.length = [torch.zeros((), dtype=p.dtype) for p in params]

    def went(self):
        moves = [p.detach() - q for p, q in zip(self.params, self.before, strict=True)]
        self.length = [n + d.norm() for n, d in zip(self.length, moves, strict=True)]
        self.before = [p.detach().clone() for p in self.params]
        self.steps += 1
        return moves

    def close(self, others):
        """As near as rounding lets them be: an ulp of a step grows, one of the parameter does not.

        The largest seen is a third of this.
        """
        ulp = torch.finfo(others[0].dtype).eps
        return all(
            (p - q).norm() <= ulp * (GROWTH * length + 2 * self.steps * p.norm())
            for p, q, length in zip(self.before, others, self.length, strict=True)
        )


def test_the_table_has_every_argument():
    theirs = inspect.signature(torch.optim.Muon).parameters
    assert set(theirs) == {"params", *ARGUMENTS}
    assert all(theirs[key].default != value for key, value in ARGUMENTS.items())


def test_same_signature_but_for_check_finite():
    ours = inspect.signature(st.Muon).parameters
    assert list(ours) == [*inspect.signature(torch.optim.Muon).parameters, "check_finite"]


@pytest.mark.parametrize("arguments", TABLE)
def test_200_steps_as_torch_without_its_rounding(arguments, in_full):
    ours, theirs = (parameters(torch.float64, shapes=SHAPES) for _ in range(2))
    a, b = st.Muon(groups(ours), **arguments), torch.optim.Muon(groups(theirs), **arguments)
    path = Path(ours)
    for step in range(200):
        give_gradients(step, ours, theirs)
        a.step()
        b.step()
        path.went()
        assert step % 20 or path.close(theirs)
    assert path.close(theirs)
    for p, q in zip(ours, theirs, strict=True):
        assert a.state[p].keys() == b.state[q].keys() == {"momentum_buffer"}
        mine, other = a.state[p]["momentum_buffer"], b.state[q]["momentum_buffer"]
        assert torch.allclose(mine, other, rtol=0, atol=1e-14)  # 200 ulp of gradients of 3


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    "arguments",
    [{}, {"lr": 0.1}, {"lr": 0.1, "nesterov": False, "adjust_lr_fn": "match_rms_adamw"}],
)
def test_200_steps_beside_torch_with_its_rounding(arguments, dtype):
    ours, theirs = (parameters(dtype, shapes=SHAPES) for _ in range(2))
    a, b = st.Muon(ours, **arguments), torch.optim.Muon(theirs, **arguments)
    path, other = Path(ours), Path(theirs)
    for step in range(200):
        give_gradients(step, ours, theirs)
        a.step()
        b.step()
        for mine, theirs_ in zip(path.went(), other.went(), strict=True):
            assert (mine - theirs_).norm() <= ROUNDED * mine.norm()
    for p, q, length in zip(ours, theirs, path.length, strict=True):
        # Errors of either sign: ten in a hundred steps do not add up to ten steps' worth.
        assert (p - q).norm() <= ROUNDED / 10**0.5 * length
        # What is not rounded there: momentum, in the type of the parameter.
        mine, theirs_ = a.state[p]["momentum_buffer"], b.state[q]["momentum_buffer"]
        assert torch.allclose(mine, theirs_, rtol=0, atol=50 * torch.finfo(dtype).eps)


@pytest.mark.parametrize("order", ["torch, ours, torch", "ours, torch, ours"])
def test_state_moves_in_mid_run(order, in_full):
    mixed, whole = (parameters(torch.float64, shapes=SHAPES) for _ in range(2))
    makers = [{"torch": torch.optim.Muon, "ours": st.Muon}[who] for who in order.split(", ")]
    opt, reference = makers[0](groups(mixed), lr=0.1), torch.optim.Muon(groups(whole), lr=0.1)
    path = Path(mixed)
    for step in range(60):
        if step in (20, 40):
            after = makers[step // 20](groups(mixed), lr=0.7)
            after.load_state_dict(through_a_file(opt.state_dict()))
            opt = after
        give_gradients(step, mixed, whole)
        opt.step()
        reference.step()
        path.went()
    assert path.close(whole)


def test_files_continue_bit_for_bit():
    ours, loaded = (parameters(shapes=SHAPES) for _ in range(2))
    opt, fresh = st.Muon(ours, lr=0.1), st.Muon(loaded)
    for step in range(5):
        give_gradients(step, ours)
        opt.step()
    for p, q in zip(loaded, ours, strict=True):
        p.data.copy_(q.data)
    fresh.load_state_dict(through_a_file(opt.state_dict()))
    for step in range(5, 9):
        give_gradients(step, ours, loaded)
        opt.step()
        fresh.step()
    assert same_bits(ours, loaded)
    assert fingerprint(opt) == fingerprint(fresh)


def test_other_arrays_are_refused():
    matrix = torch.ones(2, 3, requires_grad=True)
    opt = st.Muon([matrix])
    for shape in [(3,), (), (2, 3, 4)]:
        with pytest.raises(ValueError, match=r"^param_groups\[1\]\['params'\]\[0\]: shape \("):
            opt.add_param_group({"params": [torch.ones(shape, requires_grad=True)]})
    assert len(opt.param_groups) == 1
    matrix.grad = torch.ones(2, 3)
    opt.step()
    before = fingerprint(opt)
    flat = torch.ones(6)
    matrix.data, kept = flat, matrix.data
    matrix.grad = torch.ones(6)
    with pytest.raises(ValueError, match=r"^param_groups\[0\]\['params'\]\[0\]: shape \(6,\), exp"):
        opt.step()
    matrix.data = kept
    assert fingerprint(opt) == before
    assert (flat == 1).all()
