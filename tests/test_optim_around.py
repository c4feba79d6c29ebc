"""What stands round a rule: clipping, scaling, skipped steps, averages, statistics."""

from __future__ import annotations

import numpy as np
import pytest

import saddlescape as ss
from saddlescape import _core, optim
from storage_samples import DTYPES, SHAPED, bits, cast, numbers

pytest.importorskip("ml_dtypes", reason="NumPy's bfloat16 is that of ml_dtypes")

SIZES = (2049, 1, 0, 65, 10_007)
# Storage types by name: parameters, gradients, arguments.
KINDS = {
    "float64": ("float64", "float64", {}),
    "float32": ("float32", "float32", {}),
    "8bit": ("float32", "bfloat16", {"state_dtype": "8bit"}),
    "bfloat16": ("bfloat16", "bfloat16", {"state_dtype": "bfloat16", "stochastic_rounding": True}),
    "float16": ("float16", "float16", {}),
    "master": ("bfloat16", "float16", {"master_weights": True, "state_dtype": "8bit"}),
}
kinds = pytest.mark.parametrize("kind", KINDS)
RULES = ["sgd", "momentum", "adamw", "rmsprop_momentum", "lion", "lamb", "lars"]


def arrays(dtype, seed, scale=1.0):
    return [cast(numbers(n, seed + 10 * i, scale), dtype) for i, n in enumerate(SIZES)]


def made(kind, name="adamw", **common):
    """Return parameters, an optimizer over them, and its gradients by seed."""
    dtype, gradient, own = KINDS[kind]
    params = arrays(dtype, 0)
    return params, optim.create(name, params, **own, **common), lambda seed: arrays(gradient, seed)


def flat64(many):
    return np.concatenate([np.asarray(each).astype(np.float64).ravel() for each in many])


def everything(params, opt):
    """All that a refused or skipped step has to leave alone."""
    return repr((bits(params), bits(opt.state_dict())))


# ---- Clipping and scaling --------------------------------------------------------------------


@kinds
@pytest.mark.parametrize("limit", [1e-3, 1.0, 1e6])
def test_clip_norm_is_a_step_with_shrunk_gradients(kind, limit):
    params, opt, gradients = made(kind, "lion", clip_norm=limit)
    others, plain, _ = made(kind, "lion")
    real = np.float64 if kind == "float64" else np.float32
    for seed in range(1, 4):
        grads = gradients(seed)
        untouched = bits(grads)
        norm = np.linalg.norm(flat64(grads))
        opt.step(grads)
        assert bits(grads) == untouched
        assert opt.gradient_norm == pytest.approx(norm, rel=1e-12)
        assert opt.clip == pytest.approx(min(1.0, limit / (norm + 1e-6)), rel=1e-12)
        # One factor, rounded to what is computed in.
        plain.step([g.astype(real) * real(opt.clip) for g in grads])
        assert bits(params) == bits(others)


@pytest.mark.parametrize("limit", [0.5, 1e3])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_clip_norm_is_torchs(dtype, limit):
    torch = pytest.importorskip("torch")
    starts, steps = arrays(dtype, 0), [arrays(dtype, seed) for seed in range(1, 6)]
    ours = [start.copy() for start in starts]
    opt = optim.SGD(
        [{"params": ours[:2]}, {"params": ours[2:], "lr": 0.1}], momentum=0.9, clip_norm=limit
    )
    theirs = [torch.from_numpy(start.copy()).requires_grad_() for start in starts]
    rule = torch.optim.SGD(
        [{"params": theirs[:2]}, {"params": theirs[2:], "lr": 0.1}], lr=1e-3, momentum=0.9
    )
    for grads in steps:
        opt.step([grads[:2], grads[2:]])
        for p, g in zip(theirs, grads, strict=True):
            p.grad = torch.from_numpy(g.copy())
        norm = torch.nn.utils.clip_grad_norm_(theirs, limit)
        # torch adds the squares in float32: 1e-6 for these lengths.
        assert opt.gradient_norm == pytest.approx(float(norm), rel=3e-6)
        rule.step()
    # The norm's error in each of five steps, relative to how far they go: 0.1 * 10^2 and more.
    tolerance = 1e-5 if dtype == "float32" else 1e-13
    for own, other in zip(ours, theirs, strict=True):
        assert np.allclose(own, other.detach().numpy(), rtol=tolerance, atol=tolerance)


@kinds
def test_scaled_then_clamped_then_shrunk(kind):
    params, opt, gradients = made(kind, "momentum", clip_value=0.3, clip_norm=2.0)
    others, plain, _ = made(kind, "momentum")
    real = np.float64 if kind == "float64" else np.float32
    for seed in range(1, 4):
        grads = gradients(seed)
        opt.step(grads, grad_scale=8.0)
        clamped = [np.clip(g.astype(real) * real(0.125), real(-0.3), real(0.3)) for g in grads]
        norm = np.linalg.norm(flat64(clamped))
        assert opt.gradient_norm == pytest.approx(norm, rel=1e-12)
        factor = real(min(1.0, 2.0 / (norm + 1e-6)))
        # The factor may differ by its last place where the norms do: NumPy adds in its own order.
        assert opt.clip == pytest.approx(float(factor), rel=1e-7)
        plain.step([g * real(opt.clip) for g in clamped])
        assert bits(params) == bits(others)


@pytest.mark.parametrize("name", RULES)
def test_grad_scale_by_a_power_of_two_changes_no_bit(name):
    params, opt, gradients = made("float32", name)
    others, plain, _ = made("float32", name)
    for seed in range(1, 4):
        opt.step([g * np.float32(1024) for g in gradients(seed)], grad_scale=1024.0)
        plain.step(gradients(seed))
    assert everything(params, opt) == everything(others, plain)
    opt.step(gradients(5))  # the scale was that step's alone
    plain.step(gradients(5))
    assert bits(params) == bits(others)


# ---- Steps that are left out -----------------------------------------------------------------


@kinds
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("clips", [{}, {"clip_norm": 1.0}, {"clip_norm": 1.0, "clip_value": 1.0}])
def test_a_non_finite_gradient_changes_nothing(kind, bad, clips):
    average = optim.EMA(0.9)
    params, opt, gradients = made(kind, non_finite="skip", average=average, **clips)
    others, strict, _ = made(kind, average=average, **clips)
    opt.step(gradients(1))
    strict.step(gradients(1))
    before = everything(params, opt)
    for place in (0, -1):
        grads = gradients(2)
        grads[place][-1] = bad
        opt.step(grads)
        assert everything(params, opt) == before
        with pytest.raises(ValueError, match=rf"grads\[{place % len(SIZES)}\].*(NaN|infinity|inf)"):
            strict.step(grads)
        assert everything(others, strict) == before
    assert (opt.skipped, opt.steps) == (2, 1)
    assert strict.skipped == 0
    opt.step(gradients(3))
    strict.step(gradients(3))
    assert everything(params, opt) == everything(others, strict)


def test_found_inf_leaves_a_step_out():
    params, opt, gradients = made("8bit", average=optim.SWA())
    opt.step(gradients(1))
    before = everything(params, opt)
    opt.step(gradients(2), found_inf=True, grad_scale=2.0)
    assert everything(params, opt) == before
    assert (opt.skipped, opt.steps) == (1, 1)


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
def test_grad_scale_is_refused_before_anything_changes(value):
    params, opt, gradients = made("8bit")
    before = everything(params, opt)
    with pytest.raises(ValueError, match=r"grad_scale: .*a finite number"):
        opt.step(gradients(1), grad_scale=value)
    assert everything(params, opt) == before


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"clip_norm": 0.0}, ValueError, "clip_norm: 0.0, expected a finite number > 0, or None"),
        ({"clip_norm": np.inf}, ValueError, "clip_norm: inf"),
        ({"clip_value": -1}, ValueError, "clip_value: -1"),
        ({"clip_value": "1"}, TypeError, "clip_value: str"),
        ({"average": 0.9}, TypeError, "average: float, expected optim.EMA, optim.SWA or None"),
        ({"statistics": 1}, TypeError, "statistics: int, expected True or False"),
        ({"non_finite": "ignore"}, ValueError, "non_finite: 'ignore', expected one of raise, skip"),
        ({"state_dtype": "int8"}, ValueError, "state_dtype: 'int8'"),
        ({"master_weights": True}, TypeError, "params: dtype float32 with master_weights=True"),
        ({"clipnorm": 1.0}, TypeError, "clipnorm: not an argument"),
    ],
)
def test_misuse_is_named(arguments, error, text):
    with pytest.raises(error, match=text):
        optim.Adam(np.ones(3, np.float32), **arguments)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: optim.EMA(1.0), "decay: 1.0"),
        (lambda: optim.EMA(-0.1), "decay: -0.1"),
        (lambda: optim.SWA(start=-1), "start: -1"),
        (lambda: optim.EMA(every=0), "every: 0"),
    ],
)
def test_misuse_of_averages_is_named(make, text):
    with pytest.raises(ValueError, match=text):
        make()


# ---- Averages --------------------------------------------------------------------------------


def averaged(paths, weight_of):
    """a <- a + w (theta - a) over the steps, from the start; w is None where nothing enters."""
    average = paths[0]
    for step, theta in enumerate(paths[1:], start=1):
        w = weight_of(step)
        average = average if w is None else average + w * (theta - average)
    return average


def entries(start, every):
    return lambda step: (
        (step - start - 1) // every if step > start and (step - start - 1) % every == 0 else None
    )


@kinds
@pytest.mark.parametrize(("start", "every"), [(0, 1), (3, 1), (2, 3), (30, 1)])
@pytest.mark.parametrize("rule", ["ema", "swa"])
def test_averages_are_those_of_the_parameters(kind, start, every, rule):
    make = optim.SWA if rule == "swa" else lambda **when: optim.EMA(0.8, **when)
    params, opt, gradients = made(kind, lr=0.05, average=make(start=start, every=every))

    def now():
        return flat64(opt.master_weights or params)

    path = [now()]
    assert np.array_equal(flat64(opt.average), path[0])
    for seed in range(1, 12):
        grads = gradients(seed)
        grads[seed % len(grads)] = None  # still averaged
        opt.step(grads)
        path.append(now())
    entry = entries(start, every)

    def weight(step):
        n = entry(step)
        if n is None:
            return None
        return 1.0 if n == 0 else (1 / (n + 1) if rule == "swa" else 0.2)

    expected = averaged(path, weight)
    # Twelve roundings of what is computed in.
    tolerance = 1e-14 if kind == "float64" else 1e-6
    assert np.abs(flat64(opt.average) - expected).max() < tolerance * np.abs(path).max()
    dtype = np.float64 if kind == "float64" else np.float32
    assert all(a.dtype == dtype for a in opt.average)


def test_averages_are_torchs():
    torch = pytest.importorskip("torch")
    from torch.optim import swa_utils

    starts = arrays("float64", 0)
    decay = swa_utils.get_ema_multi_avg_fn(0.9)
    for ours, theirs in ((optim.SWA(), None), (optim.EMA(0.9), decay)):
        params = [start.copy() for start in starts]
        opt = optim.SGD(params, lr=0.1, average=ours)
        model = torch.nn.ParameterList([torch.from_numpy(start.copy()) for start in starts])
        average = swa_utils.AveragedModel(model, multi_avg_fn=theirs)
        rule = torch.optim.SGD(model.parameters(), lr=0.1)
        for seed in range(1, 8):
            grads = arrays("float64", seed)
            opt.step(grads)
            for p, g in zip(model, grads, strict=True):
                p.grad = torch.from_numpy(g)
            rule.step()
            average.update_parameters(model)
        for own, other in zip(opt.average, average.module, strict=True):
            assert np.allclose(own, other.detach().numpy(), rtol=1e-13, atol=1e-15)


def test_an_average_changes_no_step():
    params, opt, gradients = made("8bit", average=optim.EMA(0.9), statistics=True)
    others, plain, _ = made("8bit")
    for seed in range(1, 5):
        opt.step(gradients(seed))
        plain.step(gradients(seed))
    assert bits(params) == bits(others)


# ---- Statistics ------------------------------------------------------------------------------


@kinds
@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("clips", [{}, {"clip_norm": 1e-3}])
def test_statistics_are_the_norms(kind, name, clips):
    params, opt, gradients = made(kind, name, statistics=True, **clips)

    def now():
        return [np.asarray(p).astype(np.float64) for p in (opt.master_weights or params)]

    assert opt.statistics.gradient_norm.tolist() == [0.0] * len(SIZES)
    for seed in range(1, 4):
        grads = gradients(seed)
        if seed == 3:
            grads[0] = None
        before = now()
        opt.step(grads)
        seen = [np.zeros(0) if g is None else g.astype(np.float64) for g in grads]
        moved = [after - b for after, b in zip(now(), before, strict=True)]
        norms = opt.statistics
        expected = [np.linalg.norm(g) for g in seen]
        assert norms.gradient_norm == pytest.approx(expected, rel=1e-12)
        assert opt.gradient_norm == pytest.approx(np.linalg.norm(expected), rel=1e-12)
        assert norms.update_norm == pytest.approx([np.linalg.norm(m) for m in moved], rel=1e-12)
        expected = [np.linalg.norm(p) for p in now()]
        if seed == 3:
            expected[0] = 0
        assert norms.parameter_norm == pytest.approx(expected, rel=1e-12)
    assert norms.update_ratio[3] == norms.update_norm[3] / norms.parameter_norm[3]
    assert np.isnan(norms.update_ratio[2])  # the empty array


def test_a_step_that_rounding_loses_shows_in_the_statistics():
    theta = cast(np.ones(100), "bfloat16")
    opt = optim.SGD(theta, lr=1e-6, statistics=True)
    opt.step(np.ones(100, np.float32))
    assert opt.statistics.update_norm.tolist() == [0.0]


@kinds
@pytest.mark.parametrize("statistics", [True, False])
@pytest.mark.parametrize("name", ["adamw", "lamb"])
def test_all_of_it_gives_the_same_bits_for_every_isa_and_thread_count(kind, name, statistics):
    isa, threads = _core.isa(), ss.info()["threads"]
    results = set()
    try:
        for each in _core.available_isas():
            for count in (1, 2, 3):
                _core.force_isa(each)
                ss.set_threads(count)
                common = {"clip_norm": 0.5, "clip_value": 1.0, "average": optim.EMA(0.9)}
                params, opt, gradients = made(kind, name, **common, statistics=statistics)
                for seed in range(1, 4):
                    opt.step(gradients(seed), grad_scale=3.0)
                norms = (
                    [opt.statistics.gradient_norm, opt.statistics.update_norm,
                     opt.statistics.parameter_norm] if statistics else []
                )  # fmt: skip
                results.add(everything(params, opt) + repr(bits(norms)) + repr(opt.gradient_norm))
    finally:
        _core.force_isa(isa)
        ss.set_threads(threads)
    assert len(results) == 1


@pytest.mark.parametrize("average", [None, optim.EMA(0.9)], ids=["alone", "average"])
@pytest.mark.parametrize("kind", ["float32", "float64"])
@pytest.mark.parametrize("name", sorted({*optim.names()} - SHAPED))
def test_one_loop_does_what_tiles_do(name, kind, average):
    """Statistics are taken tile by tile; without them a rule and all round it are one loop."""
    common = {"clip_norm": 0.5, "clip_value": 1.0, "average": average}
    params, opt, gradients = made(kind, name, **common)
    others, tiles, _ = made(kind, name, **common, statistics=True)
    for seed in range(1, 5):
        opt.step(gradients(seed), grad_scale=3.0)
        tiles.step(gradients(seed), grad_scale=3.0)
        assert opt.gradient_norm == tiles.gradient_norm
    assert bits(params) == bits(others)
    assert bits(opt.state_dict()["state"]) == bits(tiles.state_dict()["state"])


@kinds
def test_all_of_it_continues_bit_for_bit(kind):
    dtype, gradient, own = KINDS[kind]
    common = {**own, "clip_norm": 0.5, "average": optim.SWA(start=1, every=2), "statistics": True}
    params = arrays(dtype, 0)
    opt = optim.AdamW(params, lr=lambda t: 0.01 / (t + 1), **common)
    for seed in range(1, 4):
        opt.step(arrays(gradient, seed))
    copies = [p.copy() for p in params]
    again = optim.AdamW(copies, lr=lambda t: 0.01 / (t + 1), **common)
    again.load_state_dict(opt.state_dict())
    for seed in range(4, 8):
        opt.step(arrays(gradient, seed))
        again.step(arrays(gradient, seed))
    assert everything(params, opt) == everything(copies, again)
    assert set(DTYPES) == {"bfloat16", "float16"}
