"""LARS and LAMB against their papers' equations and Optax: norms over each array, any storage."""

from __future__ import annotations

import numpy as np
import pytest

import saddlescape as ss
from oracle import layerwise
from saddlescape import _core, optim
from storage_samples import bits, cast

RULES = {"lamb": layerwise.lamb, "lars": layerwise.lars}
ARGUMENTS = [
    ("lamb", {}),
    ("lamb", {"lr": 0.05, "betas": (0.5, 0.9), "eps": 1e-3, "weight_decay": 0.1}),
    ("lamb", {"lr": 0.01, "weight_decay": 0.01, "maximize": True}),
    ("lars", {}),
    ("lars", {"lr": 0.3, "momentum": 0.5, "weight_decay": 0.1, "trust_coefficient": 0.1}),
    ("lars", {"eps": 0.5, "trust_coefficient": 0.1, "maximize": True}),
]
SHAPES = [(37,), (64, 33), (3, 5, 7), (2049,)]


def problem(dtype=np.float64, steps=100, seed=0):
    rng = np.random.default_rng(seed)
    starts = [rng.normal(size=shape).astype(dtype) for shape in SHAPES]
    grads = [[rng.normal(size=shape).astype(dtype) for shape in SHAPES] for _ in range(steps)]
    return starts, grads


@pytest.mark.parametrize(("name", "arguments"), ARGUMENTS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_follows_the_papers_for_100_steps(dtype, name, arguments):
    starts, grads = problem(dtype)
    params = [start.copy() for start in starts]
    opt = optim.create(name, params, **arguments)
    paths = [
        RULES[name](start, [g[i] for g in grads], **arguments) for i, start in enumerate(starts)
    ]
    travelled = [np.abs(start.astype(np.float64)) for start in starts]
    # As for the elementwise rules: 100 roundings of half a unit, relative to the way.
    tolerance = 1e-6 if dtype == np.float32 else 1e-14
    for t, step in enumerate(grads, start=1):
        opt.step(step)
        for i, p in enumerate(params):
            travelled[i] = travelled[i] + np.abs(paths[i][t] - paths[i][t - 1])
            assert (np.abs(p - paths[i][t]) / travelled[i]).max() < tolerance, (t, i)


@pytest.mark.parametrize("name", RULES)
def test_a_zero_norm_has_trust_1(name):
    g = np.full(70, 0.5)
    for start, gradient in ((np.zeros(70), g), (np.ones(70), 0 * g), (np.zeros(70), 0 * g)):
        theta = start.copy()
        optim.create(name, theta, lr=0.25).step(gradient)
        assert theta == pytest.approx(RULES[name](start, [gradient], lr=0.25)[-1], abs=1e-15)
        # A zero array moves by lr times the gradient (LARS) or its sign (LAMB), others stand.
        expected = start if not gradient.any() else -0.25 * (g if name == "lars" else np.sign(g))
        assert theta == pytest.approx(expected, rel=1e-5)
    empty = np.zeros((0, 3))
    optim.create(name, [empty, np.ones(1)]).step([empty.copy(), np.ones(1)])


def same_as_optax(made, rule):
    """Step both from the same start with the same gradients."""
    optax = pytest.importorskip("optax")
    starts, grads = problem(np.float32, steps=20)
    theirs, state = starts, rule.init(starts)
    ours = [start.copy() for start in starts]
    opt = made(ours)
    for step in grads:
        opt.step(step)
        updates, state = rule.update(step, state, theirs)
        theirs = optax.apply_updates(theirs, updates)
    for own, other in zip(ours, theirs, strict=True):
        # Both in float32: 20 steps, a few roundings in each, and those of Optax's norms.
        assert np.abs(own - np.asarray(other)).max() < 4e-6


def test_lamb_gives_optax_numbers():
    optax = pytest.importorskip("optax")
    same_as_optax(
        lambda ours: optim.Lamb(ours, lr=1e-2, betas=(0.9, 0.99), eps=1e-6, weight_decay=0.05),
        optax.lamb(1e-2, b1=0.9, b2=0.99, eps=1e-6, weight_decay=0.05),
    )


def test_lars_gives_optax_numbers_without_decay():
    # Optax divides by |g + wd theta|, the paper by |g| + wd |theta|: without decay the same.
    optax = pytest.importorskip("optax")
    same_as_optax(
        lambda ours: optim.Lars(ours, lr=0.5, trust_coefficient=0.01, momentum=0.9),
        optax.lars(0.5, weight_decay=0.0, trust_coefficient=0.01, momentum=0.9),
    )


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("name", RULES)
def test_same_bits_for_every_isa_and_thread_count(name, dtype, machine):
    pytest.importorskip("ml_dtypes")
    rng = np.random.default_rng(0)
    sizes = (100_003, 0, 2048, 5)
    starts = [cast(rng.normal(size=n), dtype) for n in sizes]
    grads = [[cast(rng.normal(size=n), dtype) for n in sizes] for _ in range(3)]
    results = set()
    for isa in _core.available_isas():
        for threads in (1, 2, 3):
            _core.force_isa(isa)
            ss.set_threads(threads)
            params = [start.copy() for start in starts]
            opt = optim.create(name, params, weight_decay=0.01, clip_norm=1.0)
            for step in grads:
                opt.step(step)
            results.add(repr(bits(params)) + repr(bits(opt.state_dict()["state"])))
    assert len(results) == 1


@pytest.mark.parametrize(("state_dtype", "bound"), [("bfloat16", 5e-3), ("8bit", 2e-2)])
@pytest.mark.parametrize("name", RULES)
def test_narrow_states_follow_the_papers(name, state_dtype, bound):
    starts, grads = problem(np.float32)
    params = [start.copy() for start in starts]
    opt = optim.create(name, params, state_dtype=state_dtype)
    for step in grads:
        opt.step(step)
    for i, (start, p) in enumerate(zip(starts, params, strict=True)):
        path = RULES[name](start, [g[i] for g in grads])
        way = np.abs(np.diff(path, axis=0)).sum(axis=0).mean()
        # A part of the way that was walked; see docs/storage.md.
        assert np.abs(p - path[-1]).mean() < bound * way


@pytest.mark.parametrize("name", RULES)
def test_trust_is_each_arrays_own(name):
    # Ten times the parameters: ten times the step; ten times the gradient: the same step.
    rng = np.random.default_rng(1)
    start, g = rng.normal(size=50), rng.normal(size=50)
    arrays = [start.copy(), 10 * start, start.copy()]
    eps = {"lamb": {"eps": 0}, "lars": {}}[name]
    optim.create(name, arrays, **eps).step([g, g, 10 * g])
    moved = arrays[0] - start
    assert (arrays[1] - 10 * start) == pytest.approx(10 * moved, rel=1e-9)
    assert (arrays[2] - start) == pytest.approx(moved, rel=1e-9)
