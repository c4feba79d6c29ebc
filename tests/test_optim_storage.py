"""Narrow parameters, gradients and states: a step is expand, the rule in float32, round.

The rules themselves are compared with their papers elsewhere; here a twin in float32 starts each
step from the expanded numbers, and what the optimizer keeps has to be the twin's result, rounded as
`oracle.storage` writes it: the same bits, where no float32 rounding stands at a threshold.
"""

from __future__ import annotations

import numpy as np
import pytest

import saddlescape as ss
from oracle import storage
from saddlescape import _core, optim
from storage_samples import (
    ALLOWED,
    DTYPES,
    EXACT,
    NATURES,
    SHAPED,
    SIZES,
    bits,
    cast,
    narrow_run,
    numbers,
)

pytest.importorskip("ml_dtypes", reason="NumPy's bfloat16 is that of ml_dtypes")

MANY = (*SIZES, 20_011)
STATE_DTYPES = ["bfloat16", "8bit"]
# Away from the defaults where these hide a term: weight decay, and averages that move fast.
ARGUMENTS = {
    name: {} if name in ("rprop",) else {"weight_decay": 0.01} for name in optim.names()
} | {"lion": {"betas": (0.9, 0.95), "weight_decay": 0.1}, "momentum": {"dampening": 0.1}}


def samples(sizes, seed, scale=1.0):
    return [numbers(n, seed + 100 * i, scale) for i, n in enumerate(sizes)]


def as_float32(array):
    """What a state or parameter array stands for, 8 bits excepted."""
    array = np.asarray(array)
    if array.dtype == np.uint16:
        return storage_bfloat16(array)
    return array.astype(np.float32)


def storage_bfloat16(codes):
    import ml_dtypes

    return codes.view(ml_dtypes.bfloat16).astype(np.float32)


def expanded(state):
    """A saved state as float32 arrays, by the names of a float32 optimizer."""
    wide = {}
    for name, arrays in state.items():
        if name.endswith("_scale") or name in ("master", "average"):
            continue
        scales = state.get(f"{name}_scale", [None] * len(arrays))
        wide[name] = [
            as_float32(a)
            if s is None
            else _exactly(a, s, NATURES[name] == "square").reshape(a.shape)
            for a, s in zip(arrays, scales, strict=True)
        ]
    return wide


def _exactly(codes, scales, square):
    # Levels are numbers of float32; times the scale they are rounded once.
    signed = codes.ravel().astype(np.int64) if square else codes.ravel().view(np.int8)
    signed = signed.astype(np.int64)
    part = np.sign(signed) * storage.levels(square)[np.abs(signed)]
    assert (part.astype(np.float32) == part).all()
    return part.astype(np.float32) * np.repeat(scales, 64)[: codes.size]


class Twin:
    """The same rule in float32, put where a narrow optimizer stands."""

    def __init__(self, name, sizes, arguments):
        self.params = [np.zeros(n, np.float32) for n in sizes]
        self.opt = optim.create(name, self.params, **arguments)

    def step(self, before, params, grads):
        self.opt.load_state_dict({**before, "state": expanded(before["state"])})
        for own, p in zip(self.params, params, strict=True):
            own[:] = as_float32(p)
        self.opt.step([as_float32(g) for g in grads])
        return self.opt.state_dict()["state"]


def check_states(kept, wide, step):
    """Compare each state with the twin's, rounded; return how many codes float32 left open."""
    unsure = total = 0
    for slot, (name, arrays) in enumerate(wide.items()):
        for i, x in enumerate(arrays):
            if f"{name}_scale" not in kept:
                expected = storage.BFLOAT16.dithered(x, storage.dither(len(x), step, slot))
                assert np.array_equal(as_float32(kept[name][i]), expected), (name, i)
                continue
            nature = NATURES[name]
            square = nature == "square"
            random = None if nature == "nearest" else storage.dither(len(x), step, slot)
            codes, scales, open_ = storage.quantise(x, square, random)
            signed = kept[name][i] if square else kept[name][i].view(np.int8)
            difference = np.abs(signed.astype(np.int64) - codes)
            # The quotient of two float32 numbers.
            assert np.allclose(kept[f"{name}_scale"][i], scales, rtol=2e-7, atol=0), (name, i)
            assert not difference[~open_].any(), (name, i)
            assert difference.max(initial=0) <= 1
            unsure, total = unsure + open_.sum(), total + len(x)
    return unsure, total


@pytest.mark.parametrize("state_dtype", STATE_DTYPES)
@pytest.mark.parametrize("name", ALLOWED)
def test_states_are_the_float32_states_rounded(name, state_dtype):
    arguments = ARGUMENTS[name]
    params = samples(MANY, 0)
    opt = optim.create(name, params, state_dtype=state_dtype, **arguments)
    twin = Twin(name, MANY, arguments)
    unsure = total = 0
    for step in range(1, 5):
        before, start = opt.state_dict(), [p.copy() for p in params]
        grads = samples(MANY, step, scale=10.0 ** (step - 3))
        untouched = bits(grads)
        opt.step(grads)
        assert bits(grads) == untouched
        wide = twin.step(before, start, grads)
        counted = check_states(opt.state_dict()["state"], wide, step)
        unsure, total = unsure + counted[0], total + counted[1]
        if name == "lamb":  # its second pass sees the states as they are kept
            continue
        assert bits(params) == bits(twin.params)
    # Zeros in a block are sure, and few others stand within 1e-6 of a threshold.
    assert unsure <= 2e-3 * total


@pytest.mark.parametrize("state_dtype", STATE_DTYPES)
def test_dither_counts_the_steps_of_a_long_run(state_dtype):
    sizes = (65, 2049)
    params = samples(sizes, 0)
    opt = optim.AdamW(params, state_dtype=state_dtype)
    twin = Twin("adamw", sizes, {})
    opt.step(samples(sizes, 1))
    late = 10**10
    before = {**opt.state_dict(), "step": late, "steps": np.array([late, late])}
    opt.load_state_dict(before)
    start, grads = [p.copy() for p in params], samples(sizes, 2)
    opt.step(grads)
    check_states(opt.state_dict()["state"], twin.step(before, start, grads), late + 1)


@pytest.mark.parametrize("gradient", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("stochastic", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted({*optim.names()} - SHAPED))
def test_narrow_parameters_are_the_float32_parameters_rounded(name, dtype, stochastic, gradient):
    sizes = (0, 1, 65, 2049, 5001)
    grid = DTYPES[dtype].grid
    arguments = ARGUMENTS[name]
    params = [cast(p, dtype) for p in samples(sizes, 0)]
    opt = optim.create(name, params, stochastic_rounding=stochastic, **arguments)
    twin = Twin(name, sizes, arguments)
    for step in range(1, 4):
        before, start = opt.state_dict(), [p.copy() for p in params]
        grads = [cast(g, gradient) for g in samples(sizes, step)]
        untouched = bits(grads)
        opt.step(grads)
        assert bits(grads) == untouched
        wide = twin.step(before, start, grads)
        assert bits(expanded(opt.state_dict()["state"])) == bits(wide)
        for p, x in zip(params, twin.params, strict=True):
            random = storage.dither(len(x), step, 4)
            expected = grid.dithered(x, random) if stochastic else grid.nearest(x)
            assert np.array_equal(as_float32(p), expected)


@pytest.mark.parametrize("state_dtype", [None, *STATE_DTYPES])
@pytest.mark.parametrize("stochastic", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["adamw", "lamb", "momentum", "rmsprop"])
def test_parameters_are_the_master_weights_rounded(name, dtype, stochastic, state_dtype):
    sizes = (1, 65, 5001)
    grid = DTYPES[dtype].grid
    start = [cast(p, dtype) for p in samples(sizes, 0)]
    params, wide = [p.copy() for p in start], [p.astype(np.float32) for p in start]
    common = {"state_dtype": state_dtype, **ARGUMENTS[name]}
    opt = optim.create(name, params, master_weights=True, stochastic_rounding=stochastic, **common)
    float32 = optim.create(name, wide, **common)
    assert bits(opt.master_weights) == bits(wide)
    for step in range(1, 6):
        grads = [cast(g, dtype) for g in samples(sizes, step, 1e-3)]
        opt.step(grads)
        float32.step([g.astype(np.float32) for g in grads])
        # The steps are those of float32 parameters: nothing is lost to the narrow copies.
        assert bits(opt.master_weights) == bits(wide)
        for p, x in zip(params, wide, strict=True):
            random = storage.dither(len(x), step, 4)
            expected = grid.dithered(x, random) if stochastic else grid.nearest(x)
            assert np.array_equal(as_float32(p), expected)


VARIANTS = {
    "8bit": ("float32", "float32", {"state_dtype": "8bit"}),
    "bfloat16 state": ("float32", "bfloat16", {"state_dtype": "bfloat16"}),
    "all narrow": ("bfloat16", "bfloat16", {"state_dtype": "8bit", "stochastic_rounding": True}),
    "master": ("float16", "float16", {"state_dtype": "bfloat16", "master_weights": True}),
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", ALLOWED)
def test_same_bits_for_every_isa_thread_count_and_order(name, variant, machine):
    dtype, gradient, common = VARIANTS[variant]
    sizes = (100_003, 0, 1, 65, 2047, 4096)
    starts = [cast(p, dtype) for p in samples(sizes, 0)]
    gradients = [[cast(g, gradient) for g in samples(sizes, 1 + t)] for t in range(2)]
    arguments = {**ARGUMENTS[name], **common}
    results = set()
    for isa in _core.available_isas():
        for threads, order in ((1, 1), (2, 1), (2, -1)):
            _core.force_isa(isa)
            ss.set_threads(threads)
            params, opt = narrow_run(
                name, starts[::order], [g[::order] for g in gradients], **arguments
            )
            state = opt.state_dict()["state"]
            results.add(
                repr(bits(list(params[::order])))
                + repr(bits({key: arrays[::order] for key, arrays in state.items()}))
            )
            if len(results) > 1:
                pytest.fail(f"other bits with {isa}, {threads} threads, order {order}")


@pytest.mark.parametrize("variant", VARIANTS)
def test_same_bits_wherever_arrays_lie(variant):
    dtype, gradient, common = VARIANTS[variant]
    n = 2049
    start, grad = cast(numbers(n, 0), dtype), cast(numbers(n, 1), gradient)
    reference, _ = narrow_run("adamw", [start], [[grad]] * 3, **common)
    for offset in range(1, 20, 3):
        room, other = np.zeros(n + 32, start.dtype), np.zeros(n + 32, grad.dtype)
        placed, g = room[offset : offset + n], other[20 - offset : 20 - offset + n]
        placed[:], g[:] = start, grad
        opt = optim.AdamW([placed], **common)
        for _ in range(3):
            opt.step([g])
        assert bits([placed]) == bits(reference), offset


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", ALLOWED)
def test_a_saved_state_continues_bit_for_bit(name, variant):
    dtype, gradient, common = VARIANTS[variant]
    sizes = (1, 65, 2049)
    params = [cast(p, dtype) for p in samples(sizes, 0)]
    gradients = [[cast(g, gradient) for g in samples(sizes, 1 + t)] for t in range(6)]
    arguments = {**ARGUMENTS[name], **common, "average": optim.EMA(0.9)}
    opt = optim.create(name, params, **arguments)
    for grads in gradients[:3]:
        opt.step(grads)
    saved, copies = opt.state_dict(), [p.copy() for p in params]
    again = optim.create(name, copies, **arguments)
    again.load_state_dict(saved)
    for grads in gradients[3:]:
        opt.step(grads)
        again.step(grads)
    assert bits(copies) == bits(params)
    assert bits(again.state_dict()["state"]) == bits(opt.state_dict()["state"])
    assert all(np.isfinite(p.astype(np.float64)).all() for p in params)


@pytest.mark.parametrize("dtype", DTYPES)
def test_stochastic_rounding_keeps_steps_that_nearest_loses(dtype):
    # A thousand steps of 1e-5 from 1: 1 % of the way of a unit of bfloat16 in each.
    start = cast(np.ones(1000), dtype)
    nearest, dithered = start.copy(), start.copy()
    for params, stochastic in ((nearest, False), (dithered, True)):
        opt = optim.SGD(params, lr=1e-5, stochastic_rounding=stochastic)
        for _ in range(1000):
            opt.step(np.full(1000, -1.0, np.float32))
    assert bits(nearest) == bits(start)
    moved = dithered.astype(np.float64) - 1
    assert moved.mean() == pytest.approx(1e-2, rel=1e-2)
    # The sequence is spread evenly over the steps of one element too: within two units.
    assert np.abs(moved - 1e-2).max() < 2 * DTYPES[dtype].grid.unit(1.0)


@pytest.mark.parametrize("state_dtype", STATE_DTYPES)
@pytest.mark.parametrize("name", sorted(EXACT))
def test_rules_that_need_full_precision_refuse(name, state_dtype):
    with pytest.raises(ValueError, match="needs full precision"):
        optim.create(name, np.ones(3, np.float32), state_dtype=state_dtype)


def test_the_first_accumulator_is_kept_in_every_storage():
    # Adagrad's sum starts at 0.5: codes and bits have to stand for that, not to be it.
    for state_dtype in (None, *STATE_DTYPES):
        theta = np.ones(70, np.float32)
        opt = optim.Adagrad(theta, lr=1.0, initial_accumulator_value=0.5, state_dtype=state_dtype)
        kept = expanded(opt.state_dict()["state"])["sum"]
        # Two roundings of a scale.
        assert all(np.allclose(a, 0.5, rtol=2e-7, atol=0) for a in kept)
        opt.step(np.full(70, 0.5, np.float32))
        assert theta == pytest.approx(np.full(70, 1 - 0.5 / np.sqrt(0.75)), rel=1e-6)


@pytest.mark.parametrize(
    ("dtype", "state_dtype", "text"),
    [
        ("float32", "float64", "state_dtype: 'float64'"),
        ("float64", "float32", "state_dtype: 'float32'"),
        ("float64", "8bit", "state_dtype: '8bit'"),
        ("bfloat16", "float64", "state_dtype: 'float64'"),
    ],
)
def test_states_are_never_wider_nor_of_another_type(dtype, state_dtype, text):
    with pytest.raises(ValueError, match=text):
        optim.Adam(cast(np.ones(3), dtype), state_dtype=state_dtype)


@pytest.mark.parametrize("name", optim.names())
def test_the_native_type_may_be_named(name):
    for dtype, state_dtype in (
        ("float64", "float64"),
        ("float32", "float32"),
        ("float16", "float32"),
    ):
        params = [cast(np.ones((1, 3)), dtype)]
        optim.create(name, params, state_dtype=state_dtype).step([cast(np.ones((1, 3)), dtype)])
