"""Data, networks and runs for the tests of training."""

from __future__ import annotations

import numpy as np

import saddlescape as ss
from saddlescape import _core
from saddlescape.optim.ahead import Ahead
from saddlescape.train import History
from saddlescape.train.batches import order_of
from saddlescape.train.native import NativeSteps

N = 20
F64 = np.float64


def make_data(n=N, dtype=F64):
    rng = np.random.default_rng(7)
    return rng.standard_normal((n, 3)).astype(dtype), rng.integers(0, 2, n)


def make_net(dtype="float64", seed=1):
    return ss.MLP((3, 5, 2), dtype=dtype, seed=seed)


NAMES = _core.train.columns
SIZES, SAMPLES = (5, 19, 3), 37  # of the steps in the core


def data(dtype, n=SAMPLES, d=SIZES[0], classes=SIZES[-1]):
    rng = np.random.default_rng(3)
    return rng.standard_normal((n, d)).astype(dtype), rng.integers(0, classes, n)


def network(dtype, sizes=SIZES, **arguments):
    return ss.MLP(sizes, dtype=dtype, seed=2, **arguments)


def trained(kind, net, X, y, make, size=8, epochs=3, penalty=(0.0, 0.0), burst=None, weight=None):
    """Train by `kind` of steps: parameters, records, and the optimizer afterwards."""
    optimizer, history = make(net.theta), History(NAMES)
    inputs, targets = net.encode(X, y)
    size = min(size, len(X))
    handle = Ahead(optimizer) if kind is NativeSteps else optimizer
    steps = kind(net, inputs, targets, handle, history, size, penalty, weight=weight)
    if burst:
        steps._burst = burst
    for epoch in range(epochs):
        finite = taken(steps, history, order_of(len(X), size, epoch, 0), size, -(-len(X) // size))
        if not finite:
            break
    return net.theta, history, optimizer, finite


def taken(steps, history, order, size, count):
    """Take so many steps, burst by burst; whether all were finite."""
    start = history.steps
    while (done := history.steps - start) < count:
        if not steps.take(None if order is None else order[done * size :], count - done):
            return False
    return True
