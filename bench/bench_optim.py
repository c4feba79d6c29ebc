"""Update steps beside their rivals: PyTorch's fused step, and a NumPy loop over the same bytes.

The work is memory traffic: a step reads the gradient and reads and writes the parameter and each
state, so ``bytes_per_element`` is ``itemsize * (3 + 2 * states)`` and its ratio to the machine's
bandwidth is the time to beat. Our step also reads the gradients once more to refuse NaN, which the
rivals do not; ``unchecked`` leaves that out.

`test_speed` has every row of `speed_cases`, which `speed_optim.py` measures as ratios; untimed, its
large tensors are small ones.
"""

from __future__ import annotations

import numpy as np
import pytest

import roofline
import saddlescape as ss
import speed_cases
from contestants import THREADS
from saddlescape import optim

STATES = {
    "sgd": 0,
    "momentum": 1,
    "nesterov": 1,
    "adagrad": 1,
    "rmsprop": 1,
    "rprop": 2,
    "lion": 1,
    "asgd": 1,
    "rmsprop_momentum": 2,
    "rmsprop_centered": 2,
    "adadelta": 2,
    "adam": 2,
    "adamw": 2,
    "adamax": 2,
    "nadam": 2,
    "radam": 2,
    "amsgrad": 3,
    "amsgradw": 3,
    "rmsprop_centered_momentum": 3,
    "ademamix": 3,
    "adan": 4,
}
SIZES = {
    "one-small": [10],
    "many-small": [1_000] * 100,
    "in-cache": [50_000],
    "memory": [4_000_000],
}
LR = 1e-3


def arrays(sizes):
    rng = np.random.default_rng(0)
    params = [rng.normal(size=n).astype(np.float32) for n in sizes]
    grads = [rng.normal(size=n).astype(np.float32) for n in sizes]
    return params, grads


def describe(benchmark, name, sizes):
    bytes_per_element = 4 * (3 + 2 * STATES[name])
    benchmark.extra_info["bytes_per_element"] = bytes_per_element
    benchmark.extra_info["bytes_per_step"] = bytes_per_element * sum(sizes)


def first_adam_step(params, grads):
    """Where Adam's first step must lead: its moments, corrected, are g and g^2."""
    return [p - LR * g / (np.abs(g) + 1e-8) for p, g in zip(params, grads, strict=True)]


class NumpyAdam:
    """The same formula with NumPy's own loops, in place and without temporaries it can avoid."""

    def __init__(self, params):
        self.params, self.t = params, 0
        self.m, self.v, self.d, self.e = ([np.zeros_like(p) for p in params] for _ in range(4))

    def step(self, grads):
        """Kingma & Ba 2015, algorithm 1."""
        self.t += 1
        scale = np.float32(1 / np.sqrt(1 - 0.999**self.t))
        size = np.float32(LR / (1 - 0.9**self.t))
        rows = zip(self.params, grads, self.m, self.v, self.d, self.e, strict=True)
        for p, g, m, v, d, e in rows:
            np.multiply(m, np.float32(0.9), out=m)
            np.multiply(g, np.float32(0.1), out=d)
            np.add(m, d, out=m)
            np.multiply(v, np.float32(0.999), out=v)
            np.multiply(g, g, out=d)
            np.multiply(d, np.float32(0.001), out=d)
            np.add(v, d, out=v)
            np.sqrt(v, out=d)
            np.multiply(d, scale, out=d)
            np.add(d, np.float32(1e-8), out=d)
            np.multiply(m, size, out=e)
            np.divide(e, d, out=e)
            np.subtract(p, e, out=p)


def ours(params):
    opt = optim.Adam(params, lr=LR)
    return opt.step


def unchecked(params):
    opt = optim.Adam(params, lr=LR)
    return lambda grads: opt.step(grads, check_finite=False)


def numpy_loop(params):
    return NumpyAdam(params).step


def torch_fused(params):
    torch = pytest.importorskip("torch")
    tensors = [torch.from_numpy(p).requires_grad_() for p in params]  # they share memory
    opt = torch.optim.Adam(tensors, lr=LR, fused=True)

    def step(grads):
        for tensor, g in zip(tensors, grads, strict=True):
            if tensor.grad is None:
                tensor.grad = torch.from_numpy(g)
        opt.step()

    return step


@pytest.mark.parametrize("make", [ours, unchecked, torch_fused, numpy_loop])
@pytest.mark.parametrize("size", SIZES)
def test_adam(benchmark, size, make):
    params, grads = arrays(SIZES[size])
    expected = first_adam_step(params, grads)
    step = make(params)
    step(grads)
    for p, q in zip(params, expected, strict=True):
        np.testing.assert_allclose(p, q, rtol=0, atol=1e-6)
    benchmark.group = f"adam {size}"
    describe(benchmark, "adam", SIZES[size])
    benchmark(step, grads)


@pytest.mark.parametrize("name", STATES)
def test_every_rule_from_memory(benchmark, name):
    params, grads = arrays(SIZES["memory"])
    grads[0][:2] = 1.0, -1.0
    opt = optim.create(name, params, lr=LR)
    before = params[0][:2].copy()
    opt.step(grads)
    assert (np.sign(params[0][:2] - before) == [-1, 1]).all()
    benchmark.group = "float32, 4 million elements"
    describe(benchmark, name, SIZES["memory"])
    benchmark(opt.step, grads)


@pytest.mark.parametrize("rival", ["ours", "numpy"])
def test_sgd_from_memory(benchmark, rival):
    params, grads = arrays(SIZES["memory"])
    expected = params[0] - np.float32(LR) * grads[0]
    scaled = np.empty_like(params[0])

    def numpy_step(grads):
        np.multiply(grads[0], np.float32(LR), out=scaled)
        np.subtract(params[0], scaled, out=params[0])

    step = optim.SGD(params, lr=LR).step if rival == "ours" else numpy_step
    step(grads)
    assert (params[0] == expected).all()
    benchmark.group = "sgd memory"
    describe(benchmark, "sgd", SIZES["memory"])
    benchmark(step, grads)


UNTIMED = 1 << 18


@pytest.fixture
def two_threads():
    before = ss.info()["threads"]
    ss.set_threads(THREADS)
    yield
    ss.set_threads(before)


@pytest.mark.parametrize(
    ("case", "who"),
    [(case, who) for case in speed_cases.CASES for who in case.contestants()],
    ids=lambda value: getattr(value, "name", value),
)
@pytest.mark.usefixtures("two_threads")
def test_speed(benchmark, case, who):
    if who == speed_cases.LOOP and roofline.compiler() is None:
        pytest.skip("no C++ compiler for the same-bytes loop")
    if who.startswith("torch"):
        pytest.importorskip("torch")
    n = speed_cases.LARGE if benchmark.enabled else UNTIMED
    step = case.make(who, n)  # compared with the oracle
    benchmark.group = f"speed: {case.name}"
    benchmark.extra_info["bytes_per_element"] = case.bytes_per_element
    benchmark.extra_info["bytes_per_step"] = case.bytes_per_element * case.elements(n)
    benchmark(step)
