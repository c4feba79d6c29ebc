"""Numbers at the ends of their range: gradients that overflow when unscaled, or when squared."""

from __future__ import annotations

import math

import numpy as np
import pytest

from product_samples import everything
from saddlescape import optim
from storage_samples import bits, cast

pytest.importorskip("ml_dtypes", reason="NumPy's bfloat16 is that of ml_dtypes")

SHAPED = {"muon": (8, 9), "adafactor": (8, 9)}
AROUND = [
    {},
    {"clip_norm": 1.0},
    {"clip_value": 0.5},
    {"clip_norm": 1.0, "clip_value": 0.5, "statistics": True, "average": optim.EMA(0.9)},
]


def problem(name, sizes=(5, 3001), dtype="float32", seed=0):
    rng = np.random.default_rng(seed)
    shapes = [SHAPED.get(name, (n,)) for n in sizes]
    return [cast(rng.normal(size=shape), dtype) for shape in shapes]


def refused(opt, grads, text, **arguments):
    """The step raises, or is skipped, and not a bit has moved."""
    before = everything(opt)
    if text is None:
        skipped = opt.skipped
        opt.step(grads, **arguments)
        assert opt.skipped == skipped + 1
    else:
        with pytest.raises(ValueError, match="grad_scale") as caught:
            opt.step(grads, **arguments)
        assert str(caught.value) == text
    assert everything(opt) == before


@pytest.mark.parametrize("around", AROUND, ids=lambda a: "-".join(a) or "plain")
@pytest.mark.parametrize("name", optim.names())
def test_a_gradient_that_overflows_when_unscaled_moves_nothing(name, around):
    # 1e30 / 1e-9 is above the largest float32; 1e28 / 1e-9 is below it.
    text = (
        "grads[1]: infinite once divided by grad_scale (multiplied by 1e+09), expected "
        "finite numbers"
    )
    for mode, said in (("raise", text), ("skip", None)):
        opt = optim.create(name, problem(name), non_finite=mode, **around)
        opt.step(problem(name, seed=1))
        grads = problem(name, seed=2)
        grads[1].flat[-2] = -1e30
        refused(opt, grads, said, grad_scale=1e-9)
        grads[1].flat[-2] = -1e28
        opt.step(grads, grad_scale=1e-9)
        assert opt.steps == 2


@pytest.mark.parametrize("at", [0, 1023, 1024, 65_535, 65_536, 99_999])
@pytest.mark.parametrize("gradient", ["float32", "bfloat16", "float16", "float64"])
def test_wherever_it_is_and_however_it_is_kept(gradient, at):
    dtype = "float64" if gradient == "float64" else "float32"
    scale, number = {"float64": (1e-9, 1e300), "float16": (1e-35, 6e4)}.get(gradient, (1e-9, 1e30))
    opt = optim.SGD([np.ones(7, dtype), np.ones(100_000, dtype)], non_finite="skip")
    grads = [cast(np.zeros(7), gradient), cast(np.zeros(100_000), gradient)]
    opt.step(grads, grad_scale=scale)
    assert opt.skipped == 0
    for sign in (1, -1):
        grads[1][at] = sign * number
        refused(opt, grads, None, grad_scale=scale)
    opt.step(grads, grad_scale=1.0)
    assert opt.steps == 2


def test_a_factor_that_float32_does_not_hold_is_refused():
    # 0 times infinity is NaN.
    theta = np.ones(3, np.float32)
    opt = optim.SGD(theta)
    with pytest.raises(ValueError, match=r"^grads: infinite once divided by grad_scale"):
        opt.step(np.zeros(3, np.float32), grad_scale=1e-40)
    assert (theta == 1).all()
    optim.SGD(np.ones(3)).step(np.zeros(3), grad_scale=1e-40)


def test_rows_that_overflow_move_nothing():
    table = np.ones((4, 3), np.float32)
    opt = optim.Adam(table)
    rows = optim.Rows(np.array([1, 3]), np.full((2, 3), 1e30, np.float32))
    with pytest.raises(ValueError, match=r"^grads: infinite once divided by grad_scale"):
        opt.step(rows, grad_scale=1e-9)
    assert (table == 1).all()
    assert opt.steps == 0


def test_unchecked_they_go_through():
    theta = np.ones(2, np.float32)
    optim.SGD(theta, lr=1.0).step(
        np.array([1e30, 1], np.float32), grad_scale=1e-9, check_finite=False
    )
    assert theta[0] == -math.inf


SIZES = (1, 17, 1024, 1025, 5000)
# Powers of two move no bit; their squares are far outside of a double, or partly so.
SCALES = [2.0**-1060, 2.0**-700, 2.0**-540, 2.0**-500, 2.0**-470, 2.0**449, 2.0**512, 2.0**1000]


@pytest.mark.parametrize("scale", SCALES, ids=lambda s: f"{s:.0e}")
def test_norms_of_numbers_whose_squares_leave_the_range(scale):
    rng = np.random.default_rng(0)
    grads = [rng.integers(-50, 50, n).astype(np.float64) for n in SIZES]
    params = [rng.integers(-50, 50, n).astype(np.float64) * scale for n in SIZES]
    opt = optim.SGD(params, lr=0.0, statistics=True)
    opt.step([g * scale for g in grads])
    # Rounded once for each tile, and in the root; a denormal norm by up to 2^-1074.
    close = {"rel": 2e-15, "abs": 2.0**-1074 / scale}
    plain = [float(np.sqrt((g**2).sum())) for g in grads]
    assert opt.statistics.gradient_norm / scale == pytest.approx(plain, **close)
    assert opt.gradient_norm / scale == pytest.approx(math.hypot(*plain), **close)
    norms = [float(np.sqrt(((p / scale) ** 2).sum())) for p in params]
    assert opt.statistics.parameter_norm / scale == pytest.approx(norms, **close)
    assert (opt.statistics.update_norm == 0).all()


@pytest.mark.parametrize("scale", SCALES, ids=lambda s: f"{s:.0e}")
def test_clipping_by_such_a_norm(scale):
    # The factor is min(1, limit / (norm + 1e-6)).
    g = np.arange(-5.0, 2000.0)
    theta = np.zeros(g.size)
    opt = optim.SGD(theta, lr=1.0, clip_norm=3.0, statistics=True)
    opt.step(g * scale)
    norm = float(np.sqrt((g**2).sum())) * scale
    assert opt.gradient_norm == pytest.approx(norm, rel=2e-15, abs=2.0**-1074)
    assert opt.clip == pytest.approx(min(1.0, 3.0 / (norm + 1e-6)), rel=2e-15)
    assert opt.statistics.update_norm[0] == pytest.approx(min(norm, 3.0), rel=1e-12)


def test_tiles_of_all_sizes_add_up():
    # One tile for each power of ten, in any order; only the largest count.
    rng = np.random.default_rng(1)
    for low, high in ((-320, -160), (-170, -140), (-320, 300), (140, 300)):
        powers = rng.permutation(np.arange(low, high))
        g = np.repeat(10.0**powers, 1024)
        opt = optim.SGD(np.zeros(g.size), lr=0.0, statistics=True)
        opt.step(g)
        top = float(g.max())
        assert opt.gradient_norm / top == pytest.approx(np.sqrt(((g / top) ** 2).sum()), rel=1e-14)


def test_the_usual_sum_keeps_its_bits():
    # Sixteen lanes, then tiles of 1024 in order: nothing of the scaled sum shows.
    rng = np.random.default_rng(2)
    g = rng.normal(size=2500)
    opt = optim.SGD(np.zeros(g.size), lr=0.0, statistics=True)
    opt.step(g)
    total = 0.0
    for tile in (g[:1024], g[1024:2048], g[2048:]):
        lanes = np.zeros(16)
        for from_ in range(0, tile.size, 16):
            part = tile[from_ : from_ + 16]
            lanes[: part.size] += part * part
        total += sum(lanes.tolist())
    assert opt.gradient_norm == math.sqrt(total)


def test_layerwise_rules_scale_with_such_arrays():
    # LAMB and LARS are blind to the scale of the gradient, and follow that of the parameters.
    rng = np.random.default_rng(3)
    start, g = rng.normal(size=3000), rng.normal(size=3000)
    for name, eps in (("lamb", {"eps": 0.0}), ("lars", {})):
        usual = start.copy()
        optim.create(name, usual, **eps).step(g)
        for scale in (2.0**-600, 2.0**600):
            theta = start * scale
            optim.create(name, theta, **eps).step(g)
            moved, expected = theta / scale - start, usual - start
            assert moved == pytest.approx(expected, rel=1e-9, abs=1e-15), name
    theta, usual = start.copy(), start.copy()
    optim.Lars(theta).step(g * 2.0**600)
    optim.Lars(usual).step(g)
    assert theta == pytest.approx(usual, rel=1e-12)


def test_a_norm_beyond_the_largest_number_is_infinite():
    opt = optim.SGD(np.zeros(4), lr=0.0, statistics=True)
    opt.step(np.full(4, 1.7e308))
    assert opt.gradient_norm == math.inf


@pytest.mark.parametrize("name", ["adam", "lamb"])
def test_nothing_moves_where_the_norm_is_nan(name):
    theta = np.ones(3000)
    opt = optim.create(name, theta, clip_norm=1.0, statistics=True, non_finite="skip")
    g = np.full(3000, 1e200)
    g[1500] = np.nan
    before = bits(opt.state_dict())
    opt.step(g)
    assert opt.skipped == 1
    assert (theta == 1).all()
    assert bits(opt.state_dict()) == before
