"""What people do round an optimizer of PyTorch: closures, hooks, scaling, clipping, averaging."""

from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch")

from torch.optim.optimizer import register_optimizer_step_post_hook  # noqa: E402

from saddlescape import optim  # noqa: E402
from saddlescape import torch as st  # noqa: E402
from torch_samples import (  # noqa: E402 - only where torch is there
    CASES,
    NAMES,
    OURS_ALONE,
    Walk,
    parameters,
    same_bits,
)


def network(seed=0, dtype=torch.float64):
    torch.manual_seed(seed)
    layers = [torch.nn.Linear(6, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1)]
    return torch.nn.Sequential(*layers).to(dtype)


def batches(count=20, dtype=torch.float64):
    generator = torch.Generator().manual_seed(5)
    for _ in range(count):
        x = torch.randn(16, 6, generator=generator, dtype=dtype)
        yield x, x[:, :1] * x[:, 1:2]


def loss_of(model, x, y):
    return torch.nn.functional.mse_loss(model(x), y)


@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_a_closure_is_evaluated_anew(name, arguments, in_double):
    # Here gradients follow from the path, so differences grow with it: twice what they may be.
    models = [network(), network()]
    a = getattr(st, name)(models[0].parameters(), **{**arguments, "lr": 1e-2})
    b = getattr(torch.optim, name)(models[1].parameters(), **{**arguments, "lr": 1e-2})
    walk = Walk(models[0].parameters())
    for x, y in batches():
        losses = []
        for opt, model in zip((a, b), models, strict=True):

            def closure(opt=opt, model=model, x=x, y=y):
                assert torch.is_grad_enabled()
                opt.zero_grad()
                loss = loss_of(model, x, y)
                loss.backward()
                return loss

            with torch.no_grad():
                losses.append(opt.step(closure).item())
        assert losses[0] == pytest.approx(losses[1], rel=1e-9)
        walk.went(models[0].parameters())
    assert walk.ratio(models[0].parameters(), models[1].parameters()) <= 2


def test_step_hooks():
    (weight,) = params = [torch.ones(3, requires_grad=True)]
    opt, seen = st.Adam(params, lr=0.5), []
    everywhere = register_optimizer_step_post_hook(lambda o, *_: seen.append(("everywhere", o)))
    opt.register_step_pre_hook(lambda _, *given: seen.append(("before", *given)))
    after = opt.register_step_post_hook(lambda *_: seen.append("after"))

    def closure():
        opt.zero_grad()
        assert weight.grad is None
        loss = (weight**2).sum()
        loss.backward()
        seen.append("closure")
        return loss

    try:
        assert opt.step(closure).item() == 3.0
        assert seen == [("before", (opt, closure), {}), "closure", "after", ("everywhere", opt)]
        after.remove()
        seen.clear()
        opt.step(closure=closure)
        assert seen == [("before", (opt,), {"closure": closure}), "closure", ("everywhere", opt)]
    finally:
        everywhere.remove()


def test_a_hook_may_replace_the_arguments_and_the_gradients():
    weight = torch.ones(3, requires_grad=True)
    opt = st.SGD([weight], lr=0.5)
    weight.grad = torch.ones(3)

    def double(*_):
        weight.grad.mul_(2)

    opt.register_step_pre_hook(lambda o, *_: ((o, lambda: 7), {}))
    opt.register_step_pre_hook(double)
    assert opt.step() == 7
    assert (weight == 0).all()


def test_hooks_run_once_in_a_subclass():
    class Mine(st.SGD):
        pass

    seen = []
    opt = Mine([torch.ones(1, requires_grad=True)])
    opt.register_step_pre_hook(lambda *_: seen.append(1))
    opt.step()
    assert seen == [1]


def test_zero_grad():
    weight = torch.ones(3, requires_grad=True)
    opt = st.AdamW([weight], lr=0.5)
    weight.grad = torch.ones(3)
    opt.zero_grad(set_to_none=False)
    assert (weight.grad == 0).all()
    opt.step()  # a gradient of 0 is one: it counts, and the decay acts
    assert opt.state[weight]["step"] == 1
    assert (weight == 1 - 0.5 * 0.01).all()
    opt.zero_grad()
    opt.step()
    assert opt.state[weight]["step"] == 1


def test_without_gradients_nothing_happens():
    params = parameters()
    before = [p.detach().clone() for p in params]
    opt = st.AdamW(params)
    opt.step()
    assert len(opt.state) == 0
    assert same_bits(params, before)


@pytest.mark.parametrize("fused", [None, True])
def test_grad_scaler(fused):
    weight = torch.ones(3, requires_grad=True)
    opt = st.Adam([weight], lr=0.5, fused=fused)
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0, growth_interval=1)
    scaler.scale((weight**2).sum()).backward()
    weight.grad[1] = torch.inf
    scaler.step(opt)
    scaler.update()
    assert (weight == 1).all()
    assert len(opt.state) == 0
    assert scaler.get_scale() == 4.0
    opt.zero_grad()
    scaler.scale((weight**2).sum()).backward()
    scaler.step(opt)
    scaler.update()
    assert scaler.get_scale() == 8.0
    assert torch.allclose(weight, torch.full((3,), 0.5))


@pytest.mark.parametrize("fused", [None, True])
@pytest.mark.parametrize("name", ["SGD", "Adagrad", "Adam", "AdamW"])
def test_grad_scaler_calls_the_step_when_it_calls_torchs(name, fused):
    seen = []
    for module in (st, torch.optim):
        weight = torch.ones(40, requires_grad=True)
        opt = getattr(module, name)([weight], fused=fused)
        calls = []
        opt.register_step_pre_hook(lambda *_, calls=calls: calls.append(weight.grad[1].item()))  # noqa: B023
        scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
        for bad in (False, True, False):
            weight.grad = None
            scaler.scale(weight.sum()).backward()
            weight.grad[3] *= torch.inf if bad else 1
            scaler.step(opt)
            scaler.update()
        seen.append(calls)
    assert seen[0] == seen[1]
    assert len(seen[0]) == (3 if fused else 2)


@pytest.mark.parametrize("name", NAMES)
def test_scaled_training_with_overflows_as_torch(name, in_double):
    models = [network(), network()]
    walk = Walk(models[0].parameters())
    opts = [getattr(of, name)(m.parameters()) for of, m in zip((st, torch.optim), models)]  # noqa: B905
    scalers = [torch.amp.GradScaler("cpu", init_scale=2.0**10, growth_interval=3) for _ in opts]
    for number, (x, y) in enumerate(batches()):
        for model, opt, scaler in zip(models, opts, scalers, strict=True):
            opt.zero_grad()
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=False):
                scaler.scale(loss_of(model, x, y)).backward()
            if number % 6 == 2:
                model[2].weight.grad[0, 3] = [torch.inf, torch.nan][number % 4 // 2]
            scaler.unscale_(opt)
            torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            scaler.step(opt)
            scaler.update()
        walk.went(models[0].parameters())
    assert scalers[0].state_dict() == scalers[1].state_dict()
    counts = [s["step"].item() for s in opts[0].state.values() if "step" in s]
    assert set(counts) <= {17}  # of 20 steps three were skipped
    assert walk.ratio(models[0].parameters(), models[1].parameters()) <= 2


def test_accumulated_gradients_are_those_of_the_whole_batch():
    models = [network(), network()]
    opts = [st.AdamW(m.parameters(), lr=1e-2) for m in models]
    walk = Walk(models[0].parameters())
    for x, y in batches():
        for opt in opts:
            opt.zero_grad()
        loss_of(models[0], x, y).backward()
        for part, target in zip(x.split(4), y.split(4), strict=True):
            (loss_of(models[1], part, target) / 4).backward()
        for opt in opts:
            opt.step()
        walk.went(models[0].parameters())
    assert walk.close(models[0].parameters(), models[1].parameters())


@pytest.mark.parametrize("clip", ["clip_grad_norm_", "clip_grad_value_"])
@pytest.mark.parametrize("name", ["SGD", "Adam", "Lion"])
def test_clipped_by_torch(name, clip):
    model = network()
    twins = [p.detach().numpy().copy() for p in model.parameters()]
    opt = getattr(st, name)(model.parameters(), lr=0.1)
    numpy_opt = getattr(optim, name)(twins, lr=0.1)
    for x, y in batches(5):
        opt.zero_grad()
        loss_of(model, x, y).backward()
        getattr(torch.nn.utils, clip)(model.parameters(), 0.05)
        opt.step()
        numpy_opt.step([p.grad.numpy() for p in model.parameters()])
    assert all((p.detach().numpy() == q).all() for p, q in zip(model.parameters(), twins))  # noqa: B905


def test_averaged_models_see_every_step():
    model = network()
    opt = st.SGD(model.parameters(), lr=0.05)
    mean = torch.optim.swa_utils.AveragedModel(model)
    running = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.9)
    )
    path = []
    for x, y in batches(10):
        opt.zero_grad()
        loss_of(model, x, y).backward()
        opt.step()
        mean.update_parameters(model)
        running.update_parameters(model)
        path.append(copy.deepcopy(list(model.parameters())))
    ema = path[0]
    for point in path[1:]:
        ema = [0.9 * e + 0.1 * p for e, p in zip(ema, point, strict=True)]
    for i, (m, r) in enumerate(zip(mean.parameters(), running.parameters(), strict=True)):
        # Ten additions of numbers below 2.
        assert torch.allclose(m, sum(p[i] for p in path) / 10, rtol=0, atol=1e-14)
        assert torch.allclose(r, ema[i], rtol=0, atol=1e-14)


@pytest.mark.parametrize(("name", "arguments"), [*CASES, *((n, {}) for n in OURS_ALONE)])
def test_in_backward_as_after_it(name, arguments):
    # One optimizer for each parameter, stepped as soon as its gradient is there.
    models = [network(), network()]
    whole = getattr(st, name)(models[0].parameters(), **arguments)
    single = {p: getattr(st, name)([p], **arguments) for p in models[1].parameters()}

    def step(p):
        single[p].step()
        single[p].zero_grad()

    for p in single:
        p.register_post_accumulate_grad_hook(step)
    for x, y in batches(5):
        whole.zero_grad()
        for model in models:
            loss_of(model, x, y).backward()
        whole.step()
    assert same_bits(models[0].parameters(), models[1].parameters())
    assert all(p.grad is None for p in single)


def test_autograd_sees_the_change():
    weight = torch.ones(3, requires_grad=True)
    opt = st.SGD([weight])
    loss = (weight * weight).sum()
    loss.backward(retain_graph=True)
    opt.step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()
