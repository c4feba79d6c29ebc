"""Parity with torch.optim.lr_scheduler, in use: the rate of each step of an optimizer."""

from __future__ import annotations

import math

import numpy as np
import pytest

from saddlescape import optim, schedule

torch = pytest.importorskip("torch")

# A few ulp for each of up to 50 steps, as most of torch's schedulers multiply the rate of the step
# before instead of using their closed form.
CLOSE = {"rel": 1e-12, "abs": 0}
# torch's 1 + cos(pi x) is off by an ulp of 1: an absolute error of 1e-16 of the peak.
COSINE = {"rel": 1e-12, "abs": 1e-14}

CASES = [
    ("StepLR", {"step_size": 7, "gamma": 0.3}, schedule.step(0.3, every=7, gamma=0.3), CLOSE),
    ("StepLR", {"step_size": 1}, schedule.step(0.3, every=1), CLOSE),
    ("MultiStepLR", {"milestones": [3, 4, 20], "gamma": 0.5},
     schedule.step(0.3, milestones=(3, 4, 20), gamma=0.5), CLOSE),
    ("ExponentialLR", {"gamma": 0.9}, schedule.exponential(0.3, 0.9), CLOSE),
    ("PolynomialLR", {"total_iters": 40}, schedule.polynomial(0.3, 40), CLOSE),
    ("PolynomialLR", {"total_iters": 30, "power": 2.5}, schedule.polynomial(0.3, 30, 2.5), CLOSE),
    ("LinearLR", {}, schedule.polynomial(0.3 / 3, 5, final=0.3), CLOSE),
    ("LinearLR", {}, schedule.warmup(0.3, 5, start=0.3 / 3), CLOSE),
    ("LinearLR", {"start_factor": 1.0, "end_factor": 0.2, "total_iters": 30},
     schedule.polynomial(0.3, 30, final=0.06), CLOSE),
    ("CosineAnnealingLR", {"T_max": 50}, schedule.cosine(0.3, 50), COSINE),
    ("CosineAnnealingLR", {"T_max": 60, "eta_min": 0.01}, schedule.cosine(0.3, 60, final=0.01),
     COSINE),
    ("CosineAnnealingWarmRestarts", {"T_0": 7, "eta_min": 0.01},
     schedule.cosine_restarts(0.3, 7, final=0.01), COSINE),
    ("CosineAnnealingWarmRestarts", {"T_0": 3, "T_mult": 2},
     schedule.cosine_restarts(0.3, 3, t_mult=2), COSINE),
    ("CosineAnnealingWarmRestarts", {"T_0": 1, "T_mult": 3},
     schedule.cosine_restarts(0.3, 1, t_mult=3), COSINE),
    *[("OneCycleLR",
       {"max_lr": 0.3, "total_steps": steps, "pct_start": pct, "three_phase": three, "div_factor":
        10.0, "final_div_factor": 100.0, "anneal_strategy": curve[:3] if curve == "cosine" else
        curve},
       schedule.one_cycle(0.3, steps, pct_start=pct, three_phase=three, div_factor=10.0,
                          final_div_factor=100.0, anneal=curve), COSINE)
      for curve in ("cosine", "linear") for three in (False, True)
      for steps, pct in ((50, 0.3), (51, 0.3), (53, 0.47), (50, 0.5), (60, 0.0), (50, 0.013))],
    ("OneCycleLR", {"max_lr": 0.3, "total_steps": 50}, schedule.one_cycle(0.3, 50), COSINE),
    ("OneCycleLR", {"max_lr": 0.3, "total_steps": 50, "pct_start": 1.0},
     schedule.one_cycle(0.3, 50, pct_start=1.0), COSINE),
]  # fmt: skip


@pytest.mark.parametrize(("name", "arguments", "lr", "close"), CASES)
def test_same_rates_as_torch(name, arguments, lr, close):
    weight = torch.ones(3, requires_grad=True, dtype=torch.float64)
    theirs = torch.optim.SGD([weight], lr=0.3, momentum=0.9)
    scheduler = getattr(torch.optim.lr_scheduler, name)(theirs, **arguments)
    theta = np.ones(3)
    ours = optim.Adam(theta, lr=lr)
    for t in range(50):
        rate = theirs.param_groups[0]["lr"]
        assert ours.lr == lr(t) == pytest.approx(rate, **close), t
        ours.step(np.ones(3))
        weight.grad = torch.ones(3, dtype=torch.float64)
        theirs.step()
        if t < 49:
            scheduler.step()


def test_sequential():
    theirs = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=0.3)
    parts = [
        torch.optim.lr_scheduler.LinearLR(theirs, start_factor=0.1, total_iters=10),
        torch.optim.lr_scheduler.ExponentialLR(theirs, gamma=0.9),
    ]
    scheduler = torch.optim.lr_scheduler.SequentialLR(theirs, parts, milestones=[10])
    after = schedule.exponential(0.3, 0.9)
    chained = schedule.chain((schedule.polynomial(0.03, 10, final=0.3), after), (10,))
    warmed = schedule.warmup(after, 10, start=0.03)
    for t in range(50):
        rate = theirs.param_groups[0]["lr"]
        assert chained(t) == pytest.approx(rate, **CLOSE), t
        assert warmed(t) == pytest.approx(rate, **CLOSE), t
        theirs.step()
        scheduler.step()


def walks():
    rng = np.random.default_rng(0)
    yield rng.normal(size=120)  # negative values too
    yield 1.0 / (1.0 + np.arange(120) // 20)  # stairs
    yield np.exp(-np.arange(120) / 30) + 0.02 * rng.random(120)
    yield np.where(rng.random(120) < 0.2, math.nan, rng.random(120))
    yield np.where(rng.random(120) < 0.2, math.inf, rng.random(120))


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("threshold_mode", ["rel", "abs"])
@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"patience": 0, "factor": 0.9},
        {"patience": 2, "factor": 0.5, "threshold": 0.1},
        {"patience": 1, "factor": 0.5, "cooldown": 3},
        {"patience": 1, "factor": 0.5, "min_lr": 0.01, "eps": 0.02},
        {"patience": 1, "factor": 0.5, "threshold": 1.0},
    ],
)
def test_plateau(mode, threshold_mode, arguments):
    arguments = {"mode": mode, "threshold_mode": threshold_mode, **arguments}
    for metrics in walks():
        theirs = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=0.3)
        scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(theirs, **arguments)
        lr = schedule.reduce_on_plateau(0.3, **arguments)
        ours = optim.SGD(np.ones(1), lr=lr)
        for metric in metrics:
            # The same multiplications in the same order: the same bits.
            assert ours.lr == theirs.param_groups[0]["lr"]
            ours.step(np.ones(1))
            lr.observe(metric)
            scheduler.step(metric)
            assert (lr.bad, lr.cooling) == (scheduler.num_bad_epochs, scheduler.cooldown_counter)
            assert lr.best == scheduler.best
