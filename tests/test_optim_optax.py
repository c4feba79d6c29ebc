"""Optax itself over 200 steps: `convention="optax"`, and the rules that need no convention for it.

Where a rule of ours and Optax's of that name are two equations, the arguments here are those that
make them one; docs/conventions.md says which others do not.
"""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from oracle.conventions import CONVENTIONS
from saddlescape import optim

optax = pytest.importorskip("optax")
jax = pytest.importorskip("jax")
jax.config.update("jax_enable_x64", True)
contrib = optax.contrib

STEPS, SHAPES = 200, [(5, 7), (11,), ()]


def rate(step):
    """Change in every step: the form of momentum shows only then. For JAX's numbers too."""
    return 0.05 / (1 + 0.01 * step)


def decayed(decay, rule):
    """Coupled decay, which Optax's rules leave to a link before them."""
    return optax.chain(optax.add_decayed_weights(decay), rule)


def amsgrad(decay=0.0, lr=rate, **arguments):
    """Optax's amsgrad has no decay of its own."""
    links = (optax.add_decayed_weights(decay), optax.scale_by_learning_rate(lr))
    return optax.chain(optax.scale_by_amsgrad(**arguments), *links)


OPTAX = {"convention": "optax"}
BETAS = {"betas": (0.7, 0.8), "eps": 1e-3}
B = {"b1": 0.7, "b2": 0.8, "eps": 1e-3}
UNCORRECTED = {"bias_correction_mu": False, "bias_correction_nu": False}
# Our rule, our arguments, Optax's.
CASES = [
    ("SGD", OPTAX, optax.sgd(rate)),
    ("SGD", {**OPTAX, "momentum": 0.9}, optax.sgd(rate, 0.9)),
    ("SGD", {**OPTAX, "momentum": 0.9, "nesterov": True}, optax.sgd(rate, 0.9, nesterov=True)),
    ("SGD", {**OPTAX, "momentum": 0.5, "weight_decay": 0.1}, decayed(0.1, optax.sgd(rate, 0.5))),
    ("Adagrad", {**OPTAX, "eps": 1e-7, "initial_accumulator_value": 0.1}, optax.adagrad(rate)),
    ("Adagrad", {**OPTAX, "eps": 1e-2}, optax.adagrad(rate, 0.0, 1e-2)),
    ("Adadelta", {}, optax.adadelta(rate)),
    ("Adadelta", {"rho": 0.7, "eps": 1e-3, "weight_decay": 0.1},
     optax.adadelta(rate, 0.7, 1e-3, weight_decay=0.1)),
    ("RMSprop", {**OPTAX, "alpha": 0.9}, optax.rmsprop(rate)),
    ("RMSprop", {**OPTAX, "alpha": 0.7, "eps": 1e-3, "momentum": 0.5},
     optax.rmsprop(rate, 0.7, 1e-3, momentum=0.5)),
    ("RMSprop", {**OPTAX, "alpha": 0.7, "eps": 1e-3, "centered": True},
     optax.rmsprop(rate, 0.7, 1e-3, centered=True)),
    ("RMSprop", {**OPTAX, "alpha": 0.9, "eps": 1e-3, "centered": True, "momentum": 0.5},
     optax.rmsprop(rate, 0.9, 1e-3, centered=True, momentum=0.5)),
    ("Adam", OPTAX, optax.adam(rate)),
    ("Adam", {**OPTAX, **BETAS, "weight_decay": 0.1}, decayed(0.1, optax.adam(rate, **B))),
    ("Adam", {**OPTAX, **BETAS, "amsgrad": True}, optax.amsgrad(rate, **B)),
    ("Adam", {**BETAS, "convention": "paper", "amsgrad": True}, amsgrad(**B, **UNCORRECTED)),
    ("AdamW", {**OPTAX, "weight_decay": 1e-4}, optax.adamw(rate)),
    ("AdamW", {**OPTAX, **BETAS, "weight_decay": 0.1}, optax.adamw(rate, **B, weight_decay=0.1)),
    ("AdamW", {**OPTAX, **BETAS, "weight_decay": 0.1, "amsgrad": True}, amsgrad(0.1, **B)),
    ("Adamax", OPTAX, optax.adamax(rate)),
    ("Adamax", {**OPTAX, **BETAS, "weight_decay": 0.1}, decayed(0.1, optax.adamax(rate, **B))),
    ("NAdam", OPTAX, optax.nadam(rate)),
    ("NAdam", {**OPTAX, **BETAS}, optax.nadam(rate, **B)),
    ("NAdam", {**OPTAX, **BETAS, "weight_decay": 0.1, "decoupled_weight_decay": True},
     optax.nadamw(rate, **B, weight_decay=0.1)),
    ("RAdam", OPTAX, optax.radam(rate)),
    ("RAdam", {**OPTAX, "betas": (0.7, 0.9), "eps": 1e-3}, optax.radam(rate, 0.7, 0.9, 1e-3)),
    ("Lion", {}, optax.lion(rate, weight_decay=0.0)),
    ("Lion", {"betas": (0.7, 0.8), "weight_decay": 0.1},
     optax.lion(rate, 0.7, 0.8, weight_decay=0.1)),
    # Optax multiplies d by 1 - b2 where the authors have beta2: one equation with a half.
    ("Adan", {"no_prox": True, "betas": (0.98, 0.5, 0.99)}, optax.adan(rate, b2=0.5, eps_root=0.0)),
    ("Adan", {"no_prox": True, "betas": (0.7, 0.5, 0.8), "eps": 1e-3, "weight_decay": 0.1},
     optax.adan(rate, 0.7, 0.5, 0.8, 1e-3, 0.0, weight_decay=0.1)),
    ("AdEMAMix", {}, contrib.ademamix(rate)),
    ("AdEMAMix", {"betas": (0.7, 0.8, 0.99), "alpha": 2.0, "eps": 1e-3, "weight_decay": 0.1},
     contrib.ademamix(rate, 0.7, 0.8, 0.99, 2.0, 1e-3, weight_decay=0.1)),
    ("Lamb", {}, optax.lamb(rate)),
    ("Lamb", {**BETAS, "weight_decay": 0.1}, optax.lamb(rate, **B, weight_decay=0.1)),
    ("Lars", {}, optax.lars(rate)),
    ("Lars", {"momentum": 0.5, "trust_coefficient": 0.1, "eps": 0.5},
     optax.lars(rate, 0.0, trust_coefficient=0.1, eps=0.5, momentum=0.5)),
    ("ScheduleFreeAdamW", {"lr": 0.05}, contrib.schedule_free_adamw(0.05)),
    ("ScheduleFreeAdamW", {"lr": 0.05, **BETAS, "weight_decay": 0.1, "weight_lr_power": 1.0},
     contrib.schedule_free_adamw(0.05, **B, weight_decay=0.1, weight_lr_power=1.0)),
]  # fmt: skip


def problem(shapes=SHAPES, seed=0):
    """Gradients of different sizes, a tenth of their numbers 0."""
    rng = np.random.default_rng(seed)
    starts = [rng.normal(size=shape) for shape in shapes]
    grads = [rng.normal(size=(STEPS, *shape)) * np.exp(rng.normal(size=shape)) for shape in shapes]
    return starts, [np.where(rng.random(g.shape) < 0.1, 0.0, g) for g in grads]


def their_paths(rule, starts, grads):
    """Where Optax is after each step, one array for each of `starts`."""

    def step(carried, gradient):
        theta, state = carried
        updates, state = rule.update(gradient, state, theta)
        theta = optax.apply_updates(theta, updates)
        return (theta, state), theta

    return [np.asarray(p) for p in jax.lax.scan(step, (starts, rule.init(starts)), grads)[1]]


def follow(name, arguments, starts, grads, theirs, tolerance):
    """Step ours beside their paths; every number stays within a part of the way it has come."""
    params = [start.copy() for start in starts]
    opt = getattr(optim, name)(params, **{"lr": rate, **arguments})
    travelled = [np.abs(start) for start in starts]
    for t in range(STEPS):
        before = [p.copy() for p in params]
        opt.step([np.array(g[t], order="C") for g in grads])
        for i, p in enumerate(params):
            travelled[i] = travelled[i] + np.abs(p - before[i])
            assert (np.abs(p - theirs[i][t]) <= tolerance * travelled[i]).all(), (t, i)
    return opt


@pytest.mark.parametrize(
    ("name", "arguments", "rule"),
    CASES,
    ids=[f"{name}-{'-'.join(arguments)}" for name, arguments, _ in CASES],
)
def test_200_steps_as_optax(name, arguments, rule):
    # As for PyTorch in test_optim_torch.py: the same sums in another order, 200 steps of a few ulp.
    starts, grads = problem()
    opt = follow(name, arguments, starts, grads, their_paths(rule, starts, grads), 1e-12)
    if name == "ScheduleFreeAdamW":
        assert all(np.isfinite(x).all() for x in opt.evaluation)


@pytest.mark.parametrize("adjust", [None, "match_rms_adamw"])
def test_muon_as_optax_without_nesterov(adjust):
    # Optax's kernels are (in, out), so it sees our matrices transposed. It corrects the average's
    # bias, which the direction of B does not see; of (1 - mu) G + mu B it does.
    starts, grads = problem([(5, 7), (9, 4)])
    rule = contrib.muon(
        rate, weight_decay=0.1, nesterov=False, eps=0.0,
        consistent_rms=None if adjust is None else 0.2,
    )  # fmt: skip
    turned = their_paths(rule, [p.T for p in starts], [g.transpose(0, 2, 1) for g in grads])
    theirs = [path.transpose(0, 2, 1) for path in turned]
    arguments = {"weight_decay": 0.1, "nesterov": False, "eps": 0.0, "adjust_lr_fn": adjust}
    # Five rounds of Newton-Schulz multiply a rounding of a small singular value by 3.44^5 = 483.
    follow("Muon", arguments, starts, grads, theirs, 5e-10)


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ({"lr": 0.02}, optax.rprop(0.02)),
        ({"lr": 0.1, "etas": (0.4, 1.5), "step_sizes": (0.01, 0.3)},
         optax.rprop(0.1, 0.4, 1.5, 0.01, 0.3)),
    ],
)  # fmt: skip
def test_rprop_has_optax_step_sizes(arguments, rule):
    # Optax 0.2.8 moves by what it remembered of the step before, the first step by nothing: the
    # sizes of the steps are the same, the paths are not.
    starts, grads = problem()
    params = [start.copy() for start in starts]
    opt, state = optim.Rprop(params, **arguments), rule.init(starts)
    for t in range(STEPS):
        step = [np.array(g[t], order="C") for g in grads]
        opt.step(step)
        _, state = rule.update(step, state)
    sizes = opt.state_dict()["state"]["step_size"]
    for ours, theirs in zip(sizes, state[0].step_sizes, strict=True):
        assert ours == pytest.approx(np.asarray(theirs), rel=1e-12)


def test_schedule_free_evaluates_where_optax_does():
    starts, grads = problem()
    rule = contrib.schedule_free_adamw(0.05, weight_decay=0.1)
    theta, state = starts, rule.init(starts)
    params = [start.copy() for start in starts]
    opt = optim.ScheduleFreeAdamW(params, lr=0.05, weight_decay=0.1)
    for t in range(20):
        step = [np.array(g[t], order="C") for g in grads]
        updates, state = rule.update(step, state, theta)
        theta = optax.apply_updates(theta, updates)
        opt.step(step)
    points = contrib.schedule_free_eval_params(state, theta)
    for ours, other in zip(opt.evaluation, points, strict=True):
        assert ours == pytest.approx(np.asarray(other), rel=1e-12, abs=1e-13)


def test_every_rule_that_offers_the_convention_is_here():
    offered = {name for name, convention, _, _ in CONVENTIONS if convention == "optax"}
    tried = {name for name, arguments, _ in CASES if arguments.get("convention") == "optax"}
    assert offered == tried
    for name in offered:
        assert "convention" in inspect.signature(getattr(optim, name)).parameters
