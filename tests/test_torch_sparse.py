"""Sparse gradients in saddlescape.torch: torch's paths, and nothing moves but the rows."""

from __future__ import annotations

import copy
import inspect

import pytest

torch = pytest.importorskip("torch")

from saddlescape import torch as st  # noqa: E402
from torch_samples import (  # noqa: E402 - only where torch is there
    ROWS,
    WIDTH,
    Walk,
    fingerprint,
    same_bits,
    sparse,
    through_a_file,
)

CASES = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "maximize": True}),
    ("Adagrad", {"lr": 0.1}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.1, "initial_accumulator_value": 0.3, "eps": 1e-3}),
    ("Adagrad", {"lr": 0.1, "maximize": True}),
    ("SparseAdam", {}),
    ("SparseAdam", {"lr": 0.1, "betas": (0.7, 0.8), "eps": 1e-3}),
    ("SparseAdam", {"lr": 0.1, "maximize": True}),
]


def tables(dtype, count=2, shape=(ROWS, WIDTH)):
    generator = torch.Generator().manual_seed(0)
    table = torch.randn(shape, generator=generator, dtype=dtype)
    return [table.clone().requires_grad_() for _ in range(count)]


@pytest.mark.parametrize("coalesced", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_200_steps_as_torch(name, arguments, dtype, coalesced):
    ours, theirs = tables(dtype)
    a = getattr(st, name)([ours], **arguments)
    b = getattr(torch.optim, name)([theirs], **arguments)
    walk = Walk([ours])
    for step in range(200):
        ours.grad = sparse(step, dtype, coalesced=coalesced)
        theirs.grad = ours.grad.clone()
        before, touched = ours.detach().clone(), ours.grad.coalesce().indices()[0]
        a.step()
        b.step()
        walk.went([ours])
        assert walk.close([ours], [theirs])
        rest = torch.ones(ROWS, dtype=torch.bool)
        rest[touched] = False
        assert torch.equal(ours[rest], before[rest])
    assert a.state[ours].keys() == b.state[theirs].keys()
    for key, value in b.state[theirs].items():
        mine = a.state[ours][key]
        assert type(mine) is type(value)
        if isinstance(value, int):
            assert mine == value == 200
        else:
            # 200 roundings, of which 16 to a step as in Walk.
            atol = 200 * 16 * torch.finfo(dtype).eps * float(value.abs().max())
            assert torch.allclose(mine, value, rtol=0, atol=atol), key


@pytest.mark.parametrize("shape", [(ROWS,), (ROWS, 3, 5), (ROWS, 0), (1, 300)])
@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_other_shapes(name, arguments, shape):
    ours, theirs = tables(torch.float64, shape=shape)
    a = getattr(st, name)([ours], **arguments)
    b = getattr(torch.optim, name)([theirs], **arguments)
    walk = Walk([ours])
    for step in range(20):
        ours.grad = sparse(step, torch.float64, shape)
        theirs.grad = ours.grad.clone()
        a.step()
        b.step()
        walk.went([ours])
    assert ours.numel() == 0 or walk.close([ours], [theirs])


@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_more_sparse_dimensions_than_one(name, arguments):
    ours, theirs = tables(torch.float64, shape=(7, 5, 3))
    a = getattr(st, name)([ours], **arguments)
    b = getattr(torch.optim, name)([theirs], **arguments)
    walk = Walk([ours])
    for step in range(20):
        generator = torch.Generator().manual_seed(step)
        where = torch.stack([torch.randint(n, (9,), generator=generator) for n in (7, 5)])
        values = torch.randn((9, 3), generator=generator, dtype=torch.float64)
        ours.grad = torch.sparse_coo_tensor(where, values, (7, 5, 3), check_invariants=True)
        theirs.grad = ours.grad.clone()
        a.step()
        b.step()
        walk.went([ours])
    assert walk.close([ours], [theirs])


@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_an_embedding_trains_as_with_torch(name, arguments, in_double):
    # Gradients follow from the path here, so differences grow with it: twice what they may be.
    def model():
        torch.manual_seed(0)
        return torch.nn.Embedding(50, 8, sparse=True)

    models = [model(), model()]
    a = getattr(st, name)(models[0].parameters(), **arguments)
    b = getattr(torch.optim, name)(models[1].parameters(), **arguments)
    walk = Walk(models[0].parameters())
    generator = torch.Generator().manual_seed(1)
    sign = -1 if arguments.get("maximize") else 1
    for _ in range(50):
        words = torch.randint(50, (12,), generator=generator)
        for net, opt in zip(models, (a, b), strict=True):
            opt.zero_grad()
            (sign * (net(words) - 1).square().sum()).backward()
            assert net.weight.grad.is_sparse
            opt.step()
        walk.went(models[0].parameters())
    assert walk.ratio(models[0].parameters(), models[1].parameters()) <= 2


def test_adam_moves_rows_with_its_own_epsilon():
    # torch.optim.Adam refuses them; each row is an Adam that counts all steps.
    (ours,) = tables(torch.float64, 1)
    twin = ours.detach().clone()
    m, v = torch.zeros_like(twin), torch.zeros_like(twin)
    opt = st.Adam([ours], lr=0.1, eps=1e-3)
    for step in range(1, 21):
        ours.grad = sparse(step, torch.float64)
        opt.step()
        g = ours.grad.coalesce()
        i, g = g.indices()[0], g.values()
        m[i] = 0.9 * m[i] + 0.1 * g
        v[i] = 0.999 * v[i] + 0.001 * g * g
        root = (v[i] / (1 - 0.999**step)).sqrt()
        twin[i] -= 0.1 * (m[i] / (1 - 0.9**step)) / (root + 1e-3)
    # 20 steps of some ulp of numbers below 8.
    assert torch.allclose(ours, twin, rtol=0, atol=20 * 8 * 16 * 2.3e-16)
    assert opt.state[ours]["step"] == 20


@pytest.mark.parametrize("name", ["SGD", "Adagrad", "Adam"])
def test_dense_and_sparse_gradients_in_one_step(name):
    shapes = [(5, 3), (ROWS, WIDTH)]
    params = [torch.ones(s, requires_grad=True) for s in shapes]
    alone = [torch.ones(s, requires_grad=True) for s in shapes]
    opt = getattr(st, name)(params, lr=0.1)
    single = [getattr(st, name)([p], lr=0.1) for p in alone]
    for step in range(5):
        for table in (params, alone):
            table[0].grad = torch.full(shapes[0], 0.5 * step - 1)
            table[1].grad = sparse(step, torch.float32) if step != 2 else torch.ones(shapes[1])
        opt.step()
        for each in single:
            each.step()
    assert same_bits(params, alone)


@pytest.mark.parametrize("order", ["torch, ours, torch", "ours, torch, ours"])
@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_state_moves_in_mid_run(name, arguments, order):
    mixed, whole = tables(torch.float64)
    makers = [getattr({"torch": torch.optim, "ours": st}[who], name) for who in order.split(", ")]
    opt = makers[0]([mixed], **arguments)
    reference = getattr(torch.optim, name)([whole], **arguments)
    walk = Walk([mixed])
    for step in range(30):
        if step in (10, 20):
            saved = through_a_file(opt.state_dict())
            opt = makers[step // 10]([mixed], lr=0.3)
            opt.load_state_dict(saved)
        mixed.grad = sparse(step, torch.float64)
        whole.grad = mixed.grad.clone()
        opt.step()
        reference.step()
        walk.went([mixed])
    assert walk.close([mixed], [whole])


def test_the_gradient_stays_as_it_is():
    (table,) = tables(torch.float32, 1)
    table.grad = sparse(0, torch.float32)
    before = copy.deepcopy(table.grad)
    st.SGD([table], lr=0.1).step()
    assert not table.grad.is_coalesced()
    assert torch.equal(table.grad._values(), before._values())
    assert torch.equal(table.grad._indices(), before._indices())


def test_autograd_sees_the_change():
    (table,) = tables(torch.float32, 1)
    table.grad = sparse(0, torch.float32)
    version = table._version
    st.SGD([table], lr=0.1).step()
    assert table._version > version


def test_grad_scaler():
    (table,) = tables(torch.float32, 1)
    twin = table.detach().clone().requires_grad_()
    opt, plain = st.Adagrad([table], lr=0.1), st.Adagrad([twin], lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    scaler.scale(torch.ones(()))
    table.grad = sparse(0, torch.float32) * 8.0
    twin.grad = sparse(0, torch.float32)
    scaler.step(opt)
    scaler.update()
    plain.step()
    assert torch.equal(table, twin)
    before = fingerprint(opt)
    table.grad = sparse(1, torch.float32) * float("inf")
    scaler.step(opt)
    scaler.update()
    assert scaler.get_scale() == 4.0
    assert fingerprint(opt) == before


def test_same_signature_but_for_check_finite():
    ours = inspect.signature(st.SparseAdam).parameters
    assert list(ours) == [*inspect.signature(torch.optim.SparseAdam).parameters, "check_finite"]
