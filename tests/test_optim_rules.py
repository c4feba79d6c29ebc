"""Every update rule against its independent trace, and the same bits wherever an element lies."""

from __future__ import annotations

import numpy as np
import pytest

import saddlescape as ss
from oracle.update_rules import RULES, trace
from saddlescape import _core, optim

DTYPES = [np.float32, np.float64]

# Arguments that reach every term of a rule's formula; a new rule adds its name and a line here.
ARGUMENTS = {
    "adadelta": [{}, {"lr": 0.3, "rho": 0.5, "eps": 1e-3}],
    "adagrad": [{}, {"lr": 0.1, "lr_decay": 0.05, "initial_accumulator_value": 0.1, "eps": 1e-3}],
    "adam": [{}, {"lr": 0.1, "betas": (0.5, 0.9), "eps": 1e-3}, {"betas": (0.0, 0.0)}],
    "adamax": [{}, {"lr": 0.1, "betas": (0.5, 0.9), "eps": 1e-3}],
    "adamw": [{}, {"lr": 0.1, "betas": (0.5, 0.9), "eps": 1e-3}],
    "adan": [{}, {"lr": 0.1, "betas": (0.5, 0.3, 0.9), "eps": 1e-3}, {"no_prox": True, "lr": 0.1}],
    "ademamix": [
        {},
        {"lr": 0.1, "betas": (0.5, 0.9, 0.99), "alpha": 2.0, "eps": 1e-3},
        {"lr": 0.1, "warmup": 60},
    ],
    "amsgrad": [{}, {"lr": 0.1, "betas": (0.5, 0.9), "eps": 1e-3}],
    "amsgradw": [{}, {"lr": 0.1, "betas": (0.5, 0.9), "eps": 1e-3}],
    "asgd": [{}, {"lr": 0.1, "lambd": 0.1, "alpha": 0.5}],
    "lion": [{}, {"lr": 0.1, "betas": (0.5, 0.7)}],
    "momentum": [{}, {"lr": 0.1, "momentum": 0.5, "dampening": 0.3}, {"dampening": 1.5}],
    "nadam": [
        {},
        {"lr": 0.1, "betas": (0.5, 0.9), "eps": 1e-3, "momentum_decay": 0.1},
        {"decoupled_weight_decay": True, "momentum_decay": 0},
    ],
    "nesterov": [{}, {"lr": 0.1, "momentum": 0.5}],
    "radam": [
        {},
        {"lr": 0.1, "betas": (0.5, 0.9), "eps": 1e-3},
        {"lr": 0.1, "decoupled_weight_decay": True, "betas": (0.9, 0.5)},
    ],
    "rmsprop": [{}, {"lr": 0.1, "alpha": 0.5, "eps": 1e-3}],
    "rmsprop_centered": [{}, {"lr": 0.1, "alpha": 0.5, "eps": 1e-3}],
    "rmsprop_centered_momentum": [{}, {"lr": 0.1, "alpha": 0.5, "eps": 1e-3, "momentum": 0.5}],
    "rmsprop_momentum": [{}, {"lr": 0.1, "alpha": 0.5, "eps": 1e-3, "momentum": 0.5}],
    "rprop": [{}, {"lr": 0.1, "etas": (0.4, 1.5), "step_sizes": (0.01, 0.3)}],
    "sgd": [{}, {"lr": 0.1}],
}
# Rules with norms or products have tests of their own: an element is not alone there.
COMPOSED = ["adafactor", "lamb", "lars", "muon", "schedule_free_adamw"]
# Rules that take an estimate of the Hessian's diagonal too: test_optim_curved.
CURVED = ["adahessian", "sophia"]
CASES = [(name, arguments) for name, rows in ARGUMENTS.items() for arguments in rows]


def decay(name, weight_decay):
    """The argument, for rules that take it."""
    return {} if name == "rprop" else {"weight_decay": weight_decay}


def numbers(n, dtype, seed=0):
    """Reals of many sizes, with zeros of both signs, denormals and numbers near overflow of g^2."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n) * np.exp(3 * rng.normal(size=n))
    x[::11] = 0.0
    x[5::13] = -0.0
    x[7::17] = np.finfo(dtype).smallest_subnormal * 5
    x[3::19] = np.sqrt(np.finfo(dtype).max) * 0.5
    return x.astype(dtype)


def same_bits(a, b):
    return a.tobytes() == b.tobytes()


def test_every_rule_has_an_oracle_and_a_row():
    assert optim.names() == sorted([*RULES, *COMPOSED])
    assert sorted([*optim.names(), *CURVED]) == _core.optim.rules()
    for name in optim.names(vectors=True):
        optim.create(name, np.zeros(3))
    for name in {*optim.names()} - {*optim.names(vectors=True)}:
        with pytest.raises(ValueError, match="params: shape \\(3,\\)"):
            optim.create(name, np.zeros(3))
    assert sorted(RULES) == sorted(ARGUMENTS)
    assert optim.names() == [
        "adadelta", "adafactor", "adagrad", "adam", "adamax", "adamw", "adan", "ademamix",
        "amsgrad", "amsgradw", "asgd", "lamb", "lars", "lion", "momentum", "muon", "nadam",
        "nesterov", "radam", "rmsprop",
        "rmsprop_centered", "rmsprop_centered_momentum", "rmsprop_momentum", "rprop",
        "schedule_free_adamw", "sgd",
    ]  # fmt: skip


@pytest.mark.parametrize("maximize", [False, True])
@pytest.mark.parametrize("weight_decay", [0, 0.01])
@pytest.mark.parametrize(("name", "arguments"), CASES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_follows_the_trace_for_100_steps(dtype, name, arguments, weight_decay, maximize):
    # The error stands relative to how far an element has come, |theta_0| + sum |theta_t -
    # theta_{t-1}|: the position itself may pass through zero, and every step rounds at the size of
    # the numbers it adds. 100 roundings of half an ulp (6e-8 in float32, 1.1e-16 in float64), added
    # like a random walk, are 6e-7 and 1.1e-15. Lion and Rprop move by the same few numbers all the
    # time and so round in the same direction: 100 times half an ulp is 6e-6.
    real, tolerance = (np.float64, 1e-6) if dtype == np.float32 else (np.longdouble, 1e-14)
    if name in ("lion", "rprop") and dtype == np.float32:
        tolerance = 6e-6
    rng = np.random.default_rng(0)
    theta = rng.normal(size=37).astype(dtype)
    grads = (rng.normal(size=(100, 37)) * np.exp(rng.normal(size=37))).astype(dtype)
    extra = {**decay(name, weight_decay), "maximize": maximize, **arguments}
    expected = trace(name, theta, grads, real, **extra)

    opt = optim.create(name, theta, **extra)
    travelled = np.abs(expected[0])
    for t, g in enumerate(grads, start=1):
        opt.step(g)
        travelled = travelled + np.abs(expected[t] - expected[t - 1])
        assert (np.abs(theta - expected[t]) / travelled).max() < tolerance, t
    assert opt.steps == 100


@pytest.mark.parametrize("name", RULES)
def test_lr_may_change_between_steps(name):
    rates = [0.1, 0.1, 0.02, 0.0, 0.3]
    rng = np.random.default_rng(1)
    start, grads = rng.normal(size=9), rng.normal(size=(5, 9))
    by_hand, by_function = start.copy(), start.copy()
    a = optim.create(name, by_hand)
    b = optim.create(name, by_function, lr=lambda step: rates[step])
    for rate, g in zip(rates, grads, strict=True):
        a.lr = rate
        assert a.lr == b.lr == rate
        before = by_hand.copy()
        a.step(g)
        b.step(g)
        assert same_bits(by_hand, by_function)
        # Rprop's lr is the size of the first step and nothing later.
        assert same_bits(by_hand, before) == (rate == 0 and name != "rprop")


def run(name, parts, gradients, **arguments):
    """Step over a list of arrays; each of `gradients` is cut as the parts are."""
    opt = optim.create(name, parts, **arguments)
    for grads in gradients:
        opt.step(grads)
    return [array for arrays in opt._core.buffers for array in arrays]


LONG = 100_003
WIDTHS = (4, 8, 16)  # floats in an SSE, AVX and AVX-512 register; half as many doubles
LENGTHS = sorted(
    {0, 1, 2, 3, LONG, 4095, 4096, 4097}
    | {m * w + d for w in WIDTHS for m in (1, 2, 8) for d in (-1, 0, 1)}
)


def placed(x, offset):
    """Copy `x` to `offset` elements behind a 64-byte boundary."""
    size = x.dtype.itemsize
    room = np.zeros(x.nbytes + 64 + 16 * size, np.uint8)
    start = -room.ctypes.data % 64 + offset * size
    view = room[start : start + x.nbytes].view(x.dtype)
    view[:] = x
    return view


@pytest.fixture(scope="module", params=[(n, d) for n in RULES for d in DTYPES], ids=str)
def reference(request):
    """A rule's result on a long array by the weakest instruction set on one thread."""
    name, dtype = request.param
    start, grads = numbers(LONG, dtype), [numbers(LONG, dtype, seed) for seed in (1, 2, 3)]
    grads[0][: LONG // 3] = 0
    arguments = decay(name, 0.01)
    isa, threads = _core.isa(), ss.info()["threads"]
    _core.force_isa(_core.available_isas()[0])
    ss.set_threads(1)
    theta = start.copy()
    states = run(name, theta, grads, **arguments)
    _core.force_isa(isa)
    ss.set_threads(threads)
    return name, arguments, start, grads, theta, states


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("isa", _core.available_isas())
def test_same_bits_for_every_isa_thread_count_and_length(reference, machine, isa, threads):
    name, arguments, start, grads, theta, states = reference
    _core.force_isa(isa)
    ss.set_threads(threads)
    for n in LENGTHS:
        part, part_grads = start[:n].copy(), [g[:n].copy() for g in grads]
        part_states = run(name, part, part_grads, **arguments)
        assert same_bits(part, theta[:n]), n
        for a, b in zip(part_states, states, strict=True):
            assert same_bits(a, b[:n]), n
        for a, b in zip(part_grads, grads, strict=True):
            assert same_bits(a, b[:n]), "the gradient was changed"


@pytest.mark.parametrize("isa", _core.available_isas())
def test_same_bits_at_every_alignment(reference, machine, isa):
    name, arguments, start, grads, theta, _ = reference
    _core.force_isa(isa)
    for n in (17, 67):
        for offset in range(16):
            part = placed(start[:n], offset)
            run(name, part, [placed(g[:n], 15 - offset) for g in grads], **arguments)
            assert same_bits(part, theta[:n]), offset


@pytest.mark.parametrize("threads", [1, 2])
def test_same_bits_however_the_numbers_are_cut_and_ordered(reference, machine, threads):
    name, arguments, start, grads, theta, _ = reference
    ss.set_threads(threads)
    n = 40_001  # enough bytes for two threads, whatever the rule
    cuts = [
        list(range(n // 2 - 3500, n // 2 + 3500, 7)),  # small ones where the threads part
        [0, 0, 1, 4097, 4097, n],  # empty tensors, one element, the rest
        [n // 2],
    ]
    for cut in cuts:
        for order in (1, -1):
            whole = start[:n].copy()
            parts = np.split(whole, cut)[::order]
            run(name, parts, [np.split(g[:n], cut)[::order] for g in grads], **arguments)
            assert same_bits(whole, theta[:n])


NO_EPS = {"asgd", "lion", "momentum", "nesterov", "rprop", "sgd"}


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_zero_gradients_move_nothing(name, dtype):
    theta = numbers(101, dtype)
    start = theta.copy()
    # eps = 0 is 0/0 in the formula: our rule stays, PyTorch's becomes NaN.
    extra = {} if name in NO_EPS else {"eps": 0}
    if name == "asgd":
        extra["lambd"] = 0
    if name.endswith("w"):
        extra["weight_decay"] = 0
    opt = optim.create(name, theta, **extra)
    for _ in range(3):
        opt.step(np.zeros(101, dtype))
    assert np.array_equal(theta, start)


@pytest.mark.parametrize("dtype", DTYPES)
def test_denormals_are_not_flushed(dtype):
    tiny = np.finfo(dtype).smallest_subnormal
    theta = np.full(35, 6 * tiny, dtype)
    optim.SGD(theta, lr=0.5).step(np.full(35, 4 * tiny, dtype))
    assert np.array_equal(theta, np.full(35, 4 * tiny, dtype))


@pytest.mark.parametrize("name", RULES)
def test_none_leaves_a_tensor_its_state_and_its_count(name):
    rng = np.random.default_rng(2)
    start, grads = rng.normal(size=(2, 50)), rng.normal(size=(6, 2, 50))
    both = [start[0].copy(), start[1].copy()]
    opt = optim.create(name, both)
    alone = [start[0].copy(), start[1].copy()]
    singles = [optim.create(name, theta) for theta in alone]
    for step, (first, second) in enumerate(grads):
        skip = step in (0, 3)  # its first step, with its bias correction, comes later
        opt.step([first, None if skip else second])
        singles[0].step(first)
        if not skip:
            singles[1].step(second)
    assert same_bits(both[0], alone[0])
    assert same_bits(both[1], alone[1])
    assert opt.steps == 6
    assert opt.state_dict()["steps"].tolist() == [6, 4]
    opt.step([None, None])
    assert same_bits(both[0], alone[0])
    assert opt.state_dict()["steps"].tolist() == [6, 4]


def test_shapes_are_free_and_params_are_the_same_objects():
    arrays = [np.ones((3, 4), np.float32), np.ones((), np.float32), np.ones((2, 0), np.float32)]
    opt = optim.SGD(arrays, lr=0.25)
    opt.step([np.ones_like(a) for a in arrays])
    assert all(a is b for a, b in zip(opt.params, arrays, strict=True))
    assert all((a == 0.75).all() for a in arrays)
    alone = np.ones(3)
    assert optim.SGD(alone).params is alone
    assert optim.SGD((alone,)).params[0] is alone
