"""What schedule-free AdamW, Muon and Adafactor share: states, bits, what stands round the rule."""

from __future__ import annotations

import numpy as np
import pytest

import saddlescape as ss
from product_samples import DTYPES, everything, normal, same_bits, states_of
from saddlescape import _core, optim

# Parameters' shapes that a rule takes, across the edges of tiles and panels.
SHAPES = {
    "adafactor": [(), (0,), (3, 0), (0, 3), (17,), (5, 7), (2, 9, 3), (300, 301), (70, 3001)],
    "muon": [(1, 1), (0, 3), (5, 7), (300, 41), (41, 300), (1, 2049), (320, 500)],
    "schedule_free_adamw": [(), (0,), (17,), (5, 7), (3, 2049)],
}
STATES = {
    "adafactor": ["row_var", "col_var", "variance"],
    "muon": ["momentum_buffer"],
    "schedule_free_adamw": ["z", "exp_avg_sq"],
}
CARRIES = {"schedule_free_adamw"}


def arrays_of(name, dtype, seed=0):
    shapes = SHAPES[name]
    return [normal(shape, dtype, 100 * seed + i).reshape(shape) for i, shape in enumerate(shapes)]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", SHAPES)
def test_round_trip_in_mid_run_continues_bit_for_bit(name, dtype):
    opt = optim.create(name, arrays_of(name, dtype), weight_decay=0.02)
    for t in range(4):
        opt.step(arrays_of(name, dtype, 1 + t))
    opt.step([None, *arrays_of(name, dtype, 5)[1:]])
    opt.lr = 0.015
    saved = opt.state_dict()
    assert list(saved["state"]) == STATES[name]
    assert ("carried" in saved) == (name in CARRIES)
    resumed = optim.create(name, [p.copy() for p in opt.params], weight_decay=0.5)
    for t in range(6, 9):  # what was saved is a copy: it stands still while the run goes on
        opt.step(arrays_of(name, dtype, t))
    resumed.load_state_dict(saved)
    for t in range(6, 9):
        resumed.step(arrays_of(name, dtype, t))
    assert everything(resumed) == everything(opt)


def run(name, dtype, **arguments):
    arrays = arrays_of(name, dtype)
    grads = [arrays_of(name, dtype, seed) for seed in (1, 2, 3)]
    kept = [[g.copy() for g in each] for each in grads]
    opt = optim.create(name, arrays, **arguments)
    for each in grads:
        opt.step(each)
    for each, before in zip(grads, kept, strict=True):
        assert all(same_bits(a, b) for a, b in zip(each, before, strict=True))
    return everything(opt)[0]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", SHAPES)
def test_same_bits_for_every_isa_and_thread_count(machine, name, dtype):
    arguments = {"clip_norm": 1.0, "average": optim.EMA(0.9)}
    ss.set_threads(1)
    _core.force_isa(_core.available_isas()[0])
    expected = run(name, dtype), run(name, dtype, **arguments)
    for isa in _core.available_isas():
        for threads in (1, 2, 3):
            _core.force_isa(isa)
            ss.set_threads(threads)
            assert (run(name, dtype), run(name, dtype, **arguments)) == expected


AROUND = ["adafactor", "muon"]
SHAPE = (60, 70)  # more than a tile


def pair(name, first, second):
    """Two optimizers from the same start, and gradients for three steps."""
    a, b = normal(SHAPE, np.float32), normal(SHAPE, np.float32)
    grads = [normal(SHAPE, np.float32, seed) for seed in (1, 2, 3)]
    return optim.create(name, a, lr=0.1, **first), optim.create(name, b, lr=0.1, **second), grads


@pytest.mark.parametrize("name", AROUND)
def test_a_narrow_gradient_is_its_widened_one(name):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    for dtype in (np.float16, ml_dtypes.bfloat16):
        a, b, grads = pair(name, {}, {})
        for g in grads:
            a.step(g.astype(dtype))
            b.step(g.astype(dtype).astype(np.float32))
        assert states_of(a) == states_of(b)
        assert same_bits(a.params, b.params)


@pytest.mark.parametrize("name", AROUND)
def test_clipping_and_scaling_are_those_of_the_gradient(name):
    a, b, grads = pair(name, {"clip_norm": 3.0, "clip_value": 0.5}, {})
    for g in grads:
        a.step(g * np.float32(8), grad_scale=8.0)
        assert a.clip < 1
        b.step(np.clip(g, np.float32(-0.5), np.float32(0.5)) * np.float32(a.clip))
    assert states_of(a) == states_of(b)
    assert same_bits(a.params, b.params)


@pytest.mark.parametrize("name", AROUND)
def test_averages_and_statistics_are_those_of_the_steps(name):
    a, b, grads = pair(name, {"average": optim.EMA(0.75), "statistics": True}, {})
    average = None
    for g in grads:
        before = b.params.astype(np.float64)
        a.step(g)
        b.step(g)
        assert same_bits(a.params, b.params)
        weight = optim.EMA(0.75).weight(b.steps)
        start = b.params if average is None else average
        average = start + np.float32(weight) * (b.params - start)
        # sums in float64 of 4,200 squares
        said = a.statistics
        assert said.gradient_norm[0] == pytest.approx(np.linalg.norm(g.astype(float)), rel=1e-12)
        assert said.update_norm[0] == pytest.approx(np.linalg.norm(b.params - before), rel=1e-12)
        assert said.parameter_norm[0] == pytest.approx(
            np.linalg.norm(b.params.astype(float)), rel=1e-12
        )
        assert a.gradient_norm == pytest.approx(said.gradient_norm[0], rel=1e-12)
    assert np.abs(a.average - average).max() < 1e-6


@pytest.mark.parametrize("name", AROUND)
def test_master_weights_go_as_float32_weights_do(name):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    narrow = normal(SHAPE, np.float32).astype(ml_dtypes.bfloat16)
    wide = narrow.astype(np.float32)
    a, b = optim.create(name, narrow, master_weights=True), optim.create(name, wide)
    for seed in range(3):
        g = normal(SHAPE, np.float32, seed)
        a.step(g)
        b.step(g)
    assert same_bits(a.master_weights, wide)
    assert same_bits(narrow, wide.astype(ml_dtypes.bfloat16))


@pytest.mark.parametrize("name", SHAPES)
def test_a_non_finite_gradient_changes_nothing(name):
    arrays = [normal(SHAPE, np.float32), normal(SHAPE, np.float32)]
    opt = optim.create(name, arrays, non_finite="skip")
    opt.step([np.ones(SHAPE, np.float32)] * 2)
    before = everything(opt)
    bad = np.ones(SHAPE, np.float32)
    bad[-1, -1] = np.nan
    opt.step([np.ones(SHAPE, np.float32), bad])
    assert opt.skipped == 1
    assert everything(opt) == before


@pytest.mark.parametrize("name", AROUND)
def test_arrays_in_a_list_go_as_they_go_alone(name):
    shapes = SHAPES[name][-3:]
    together = [normal(shape, np.float32, i) for i, shape in enumerate(shapes)]
    alone = [a.copy() for a in together]
    opt = optim.create(name, together, statistics=True)
    singles = [optim.create(name, a, statistics=True) for a in alone]
    for seed in range(1, 4):
        grads = [normal(shape, np.float32, 10 * seed + i) for i, shape in enumerate(shapes)]
        if seed == 2:
            grads[1] = None
        opt.step(grads)
        for single, g in zip(singles, grads, strict=True):
            if g is not None:
                single.step(g)
    assert all(same_bits(a, b) for a, b in zip(together, alone, strict=True))
    assert opt.statistics.update_norm.tolist() == [s.statistics.update_norm[0] for s in singles]


REFUSED = [
    (optim.Adafactor, {"beta2_decay": 0.1}, ValueError,
     "beta2_decay: 0.1, expected a finite number <= 0"),
    (optim.Adafactor, {"d": 0.5}, ValueError, "d: 0.5, expected a finite number >= 1"),
    (optim.Adafactor, {"eps": 1e-3}, TypeError,
     "eps: float, expected two numbers >= 0, the first or None"),
    (optim.Adafactor, {"eps": (1, 2, 3)}, ValueError, "eps: 3 numbers, expected two"),
    (optim.Adafactor, {"eps": (-1, 2)}, ValueError,
     "eps[0]: -1, expected a finite number >= 0 or None"),
    (optim.Adafactor, {"eps": (0, None)}, TypeError,
     "eps[1]: NoneType, expected a finite number >= 0"),
    (optim.Adafactor, {"state_dtype": "8bit"}, ValueError,
     "state_dtype: '8bit' with the rule 'adafactor', expected None: its 'row_var' needs full "
     "precision"),
    (optim.Muon, {"ns_coefficients": (1, 2)}, ValueError,
     "ns_coefficients: 2 numbers, expected three"),
    (optim.Muon, {"ns_coefficients": 1.0}, TypeError,
     "ns_coefficients: float, expected three numbers"),
    (optim.Muon, {"ns_steps": 100}, ValueError, "ns_steps: 100, expected less than 100"),
    (optim.Muon, {"adjust_lr_fn": "adam"}, ValueError,
     "adjust_lr_fn: 'adam', expected one of original, match_rms_adamw"),
    (optim.Muon, {"nesterov": 1}, TypeError, "nesterov: int, expected True or False"),
    (optim.ScheduleFreeAdamW, {"betas": (0, 0.9)}, ValueError,
     "betas[0]: 0, expected > 0: x is read from y and z, which would be one"),
    (optim.ScheduleFreeAdamW, {"warmup_steps": 1.5}, TypeError,
     "warmup_steps: float, expected an integer of at least 0"),
    (optim.ScheduleFreeAdamW, {"r": -1}, ValueError, "r: -1, expected a finite number >= 0"),
    (optim.ScheduleFreeAdamW, {"state_dtype": "bfloat16"}, ValueError,
     "state_dtype: 'bfloat16' with the rule 'schedule_free_adamw', expected None: its 'z' needs "
     "full precision"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "arguments", "error", "text"), REFUSED, ids=[row[3] for row in REFUSED]
)
def test_arguments_are_refused_by_name(rule, arguments, error, text):
    with pytest.raises(error) as caught:
        rule(np.ones((3, 4), np.float32), **arguments)
    assert str(caught.value) == text
