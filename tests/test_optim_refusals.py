"""What an optimizer refuses, in which words, and that a refusal changes nothing."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from saddlescape import optim

F32, F64 = np.float32, np.float64


def ones(*shape, dtype=F32):
    return np.ones(shape, dtype)


def frozen(array):
    array.flags.writeable = False
    return array


def with_value(shape, position, value):
    array = ones(*shape)
    array[position] = value
    return array


def misaligned(n):
    return np.zeros(4 * n + 1, np.uint8)[1:].view(F32)


ROW = ones(12)

LIST = "expected a NumPy array, or a list or tuple of NumPy arrays"
DTYPES = "expected float32, float64, bfloat16 or float16"
NARROW = "expected float32, bfloat16 or float16"
NARROW_ARRAY = "expected a NumPy array of float32, bfloat16 or float16"
COPY = "expected a C-contiguous array; copy it with np.ascontiguousarray"
OWN = "expected an array of its own"
FINITE = "expected finite numbers"

PARAMS = [
    ([], ValueError, "params: empty, expected at least one array"),
    ([1.0, 2.0], TypeError,
     "params[0]: builtins.float, expected a NumPy array of float32, float64, bfloat16 or float16"),
    (3.0, TypeError, f"params: float, {LIST}"),
    (None, TypeError, f"params: NoneType, {LIST}"),
    ({"w": ROW}, TypeError, f"params: dict, {LIST}"),
    (np.ones(3, np.int64), TypeError, f"params: dtype int64, {DTYPES}"),
    (np.ones(3, np.longdouble), TypeError, f"params: dtype float128, {DTYPES}"),
    (np.ones(3, complex), TypeError, f"params: dtype complex128, {DTYPES}"),
    (np.ones(3, ">f4"), TypeError,
     "params: dtype >f4 is byte-swapped, expected this machine's byte order; convert with "
     "array.astype(array.dtype.newbyteorder('='))"),
    (ones(4, 4)[:, ::2], ValueError, f"params: strides (16, 8), {COPY}"),
    (np.asfortranarray(ones(2, 3)), ValueError, f"params: strides (4, 8), {COPY}"),
    (misaligned(4), ValueError,
     "params: its elements are not aligned in memory, expected an aligned array; copy it with "
     "np.array(array)"),
    ([ROW, frozen(ones(3))], ValueError,
     "params[1]: read-only, expected a writable array (it is updated in place)"),
    ([ROW, ROW], ValueError, f"params[1]: shares memory with params[0], {OWN}"),
    ([ROW[6:], ones(2), ROW[:7]], ValueError,
     f"params[2]: shares memory with params[0], {OWN}"),
    ([ROW, with_value((2, 3), (1, 2), np.nan)], ValueError,
     f"params[1]: NaN at (1, 2), {FINITE}"),
    (with_value((3,), 0, np.inf), ValueError, f"params: infinite at (0,), {FINITE}"),
]  # fmt: skip


@pytest.mark.parametrize(("params", "error", "text"), PARAMS, ids=[row[2] for row in PARAMS])
def test_params(params, error, text):
    before = copy.deepcopy(params)
    with pytest.raises(error) as caught:
        optim.Adam(params)
    assert str(caught.value) == text
    assert repr(before) == repr(params)


SHAPES = [(3, 4), (4,), (), (10, 128)]


def good():
    return [ones(*shape) for shape in SHAPES]


def last(bad):
    return [*good()[:-1], bad]


GRADS = [
    (ones(3, 4), TypeError, "grads: ndarray, expected a list or tuple of NumPy arrays"),
    (None, TypeError, "grads: NoneType, expected a list or tuple of NumPy arrays"),
    (good()[:3], ValueError, "grads: 3 arrays, expected 4, one for each of params"),
    ([*good(), ones(1)], ValueError, "grads: 5 arrays, expected 4, one for each of params"),
    ([], ValueError, "grads: 0 arrays, expected 4, one for each of params"),
    (last(ones(128, 10)), ValueError, "grads[3]: shape (128, 10), expected (10, 128)"),
    (last(ones(1280)), ValueError, "grads[3]: shape (1280,), expected (10, 128)"),
    ([good()[0], ones(5), *good()[2:]], ValueError, "grads[1]: shape (5,), expected (4,)"),
    ([*good()[:2], ones(1), good()[3]], ValueError, "grads[2]: shape (1,), expected ()"),
    (last(ones(10, 128, dtype=F64)), TypeError, f"grads[3]: dtype float64, {NARROW}"),
    (last(np.ones((10, 128), np.int32)), TypeError, f"grads[3]: dtype int32, {NARROW}"),
    (last([1.0]), TypeError, f"grads[3]: builtins.list, {NARROW_ARRAY}"),
    (last(1.0), TypeError, f"grads[3]: builtins.float, {NARROW_ARRAY}"),
    (last(np.asfortranarray(ones(10, 128))), ValueError, f"grads[3]: strides (4, 40), {COPY}"),
    (last(ones(10, 256)[:, ::2]), ValueError, f"grads[3]: strides (1024, 8), {COPY}"),
    (last(np.broadcast_to(F32(1), (10, 128))), ValueError, f"grads[3]: strides (0, 0), {COPY}"),
    (last(with_value((10, 128), (9, 127), np.nan)), ValueError,
     "grads[3]: NaN at (9, 127), expected finite numbers"),
    (last(with_value((10, 128), (0, 3), np.inf)), ValueError,
     "grads[3]: infinite at (0, 3), expected finite numbers"),
    ([with_value((3, 4), (2, 1), -np.inf), *good()[1:]], ValueError,
     "grads[0]: -infinite at (2, 1), expected finite numbers"),
]  # fmt: skip


def fingerprint(opt, params):
    state = opt.state_dict()
    arrays = [*params, *(array for arrays in state["state"].values() for array in arrays)]
    return [a.tobytes() for a in arrays], state["steps"].tolist(), state["step"], opt.lr


@pytest.mark.parametrize(("grads", "error", "text"), GRADS, ids=[row[2] for row in GRADS])
@pytest.mark.parametrize("name", ["adam", "momentum", "sgd"])
def test_refused_step_changes_nothing(name, grads, error, text):
    params = [np.full(shape, 0.5, F32) for shape in SHAPES]
    opt = optim.create(name, params)
    opt.step(good())
    before = fingerprint(opt, params)
    with pytest.raises(error) as caught:
        opt.step(grads)
    assert str(caught.value) == text
    assert fingerprint(opt, params) == before
    opt.step(good())  # and it still works
    assert opt.steps == 2


@pytest.mark.parametrize(
    ("owner", "make"),
    [
        (0, lambda params: [params[0], ones(4)]),
        (1, lambda params: [params[1][:3], ones(4)]),
    ],
)
def test_gradient_in_a_parameter(owner, make):
    params = [ones(3), ones(4)]
    opt = optim.SGD(params)
    with pytest.raises(ValueError, match="shares") as caught:
        opt.step(make(params))
    assert str(caught.value) == f"grads[0]: shares memory with params[{owner}], {OWN}"
    assert (params[0] == 1).all()


def test_gradient_in_a_state():
    theta = ones(3)
    opt = optim.Adam(theta)
    with pytest.raises(ValueError, match="shares") as caught:
        opt.step(opt._core.buffers[1][0])
    assert str(caught.value) == f"grads: shares memory with the optimizer's exp_avg_sq[0], {OWN}"


def test_params_that_were_frozen_or_resized_later():
    theta = ones(3)
    opt = optim.SGD([theta])
    theta.flags.writeable = False
    with pytest.raises(ValueError, match="read-only") as caught:
        opt.step([ones(3)])
    assert str(caught.value) == (
        "params[0]: read-only, expected a writable array (it is updated in place)"
    )
    theta.flags.writeable = True
    theta.resize(100_000, refcheck=False)
    with pytest.raises(ValueError, match="resized") as caught:
        opt.step([ones(3)])
    assert str(caught.value) == (
        "params[0]: was resized since the optimizer was made, make a new optimizer"
    )


def test_unchecked_gradients_go_through_and_show():
    for name in {*optim.names()} - {"muon"}:  # whose products spread it
        theta = ones(20)
        optim.create(name, theta).step(with_value((20,), 17, np.nan), check_finite=False)
        assert np.isnan(theta[17])
        assert np.isfinite(np.delete(theta, 17)).all()


NUMBER = "a finite number >= 0"
RATE = "a finite number >= 0, or a function of the step that returns one"
FRACTION = "a number >= 0 and < 1"

ARGUMENTS = [
    ("sgd", {"lr": -0.1}, ValueError, f"lr: -0.1, expected {RATE}"),
    ("sgd", {"lr": np.nan}, ValueError, f"lr: nan, expected {RATE}"),
    ("adam", {"lr": np.inf}, ValueError, f"lr: inf, expected {RATE}"),
    ("adam", {"lr": "1e-3"}, TypeError, f"lr: str, expected {RATE}"),
    ("adam", {"lr": True}, TypeError, f"lr: bool, expected {RATE}"),
    ("sgd", {"momentum": -0.9}, ValueError, f"momentum: -0.9, expected {NUMBER}"),
    ("sgd", {"dampening": np.inf}, ValueError, "dampening: inf, expected a finite number"),
    ("sgd", {"weight_decay": -1}, ValueError, f"weight_decay: -1, expected {NUMBER}"),
    ("sgd", {"nesterov": 1}, TypeError, "nesterov: int, expected True or False"),
    ("sgd", {"nesterov": True}, ValueError, "nesterov: True with momentum=0.0 and dampening=0.0, "
     "expected momentum > 0 and dampening == 0"),
    ("nesterov", {"dampening": 0.5}, ValueError, "nesterov: True with momentum=0.9 and "
     "dampening=0.5, expected momentum > 0 and dampening == 0"),
    ("sgd", {"maximize": None}, TypeError, "maximize: NoneType, expected True or False"),
    ("adagrad", {"lr_decay": -1}, ValueError, f"lr_decay: -1, expected {NUMBER}"),
    ("adagrad", {"initial_accumulator_value": -1}, ValueError,
     f"initial_accumulator_value: -1, expected {NUMBER}"),
    ("adagrad", {"eps": -1e-9}, ValueError, f"eps: -1e-09, expected {NUMBER}"),
    ("adadelta", {"rho": 1}, ValueError, f"rho: 1, expected {FRACTION}"),
    ("adadelta", {"rho": -0.1}, ValueError, f"rho: -0.1, expected {FRACTION}"),
    ("rmsprop", {"alpha": 1.0}, ValueError, f"alpha: 1.0, expected {FRACTION}"),
    ("rmsprop", {"alpha": np.nan}, ValueError, f"alpha: nan, expected {FRACTION}"),
    ("adam", {"betas": 0.9}, TypeError, "betas: float, expected two numbers >= 0 and < 1"),
    ("adam", {"betas": (0.9,)}, ValueError, "betas: 1 numbers, expected two"),
    ("adam", {"betas": (0.9, 1.0)}, ValueError, f"betas[1]: 1.0, expected {FRACTION}"),
    ("adam", {"betas": ("a", 0.9)}, TypeError, f"betas[0]: str, expected {FRACTION}"),
    ("adamw", {"amsgrad": 1}, TypeError, "amsgrad: int, expected True or False"),
    ("adam", {"amsgrad": True, "convention": "lecture"}, ValueError,
     "convention: 'lecture', expected one of torch, keras, optax, paper"),
    ("adam", {"decoupled_weight_decay": 0}, TypeError,
     "decoupled_weight_decay: int, expected True or False"),
    ("adamw", {"convention": "paper"}, ValueError,
     "convention: 'paper', expected one of torch, keras, optax"),
    ("adamax", {"betas": (1, 0.9)}, ValueError, f"betas[0]: 1, expected {FRACTION}"),
    ("adamax", {"convention": 3}, TypeError,
     "convention: int, expected one of torch, keras, optax"),
    ("adan", {"betas": (0.9, 0.9)}, ValueError, "betas: 2 numbers, expected three"),
    ("adan", {"no_prox": None}, TypeError, "no_prox: NoneType, expected True or False"),
    ("ademamix", {"betas": None}, TypeError,
     "betas: NoneType, expected three numbers >= 0 and < 1"),
    ("ademamix", {"alpha": -1}, ValueError, f"alpha: -1, expected {NUMBER}"),
    ("ademamix", {"warmup": -1}, ValueError, f"warmup: -1, expected {NUMBER}"),
    ("asgd", {"lambd": -1}, ValueError, f"lambd: -1, expected {NUMBER}"),
    ("asgd", {"t0": np.inf}, ValueError, "t0: inf, expected a finite number"),
    ("asgd", {"alpha": "a"}, TypeError, "alpha: str, expected a finite number"),
    ("lion", {"weight_decay": -1}, ValueError, f"weight_decay: -1, expected {NUMBER}"),
    ("nadam", {"momentum_decay": -1}, ValueError, f"momentum_decay: -1, expected {NUMBER}"),
    ("nadam", {"momentum_decay": 1, "convention": "optax"}, ValueError,
     "momentum_decay: 1.0 with convention='optax', which has its own schedule; leave it out"),
    ("radam", {"convention": "keras"}, ValueError,
     "convention: 'keras', expected one of torch, optax, paper"),
    ("rmsprop", {"momentum": -1}, ValueError, f"momentum: -1, expected {NUMBER}"),
    ("rmsprop", {"centered": 1}, TypeError, "centered: int, expected True or False"),
    ("rmsprop", {"centered": True, "convention": "lecture"}, ValueError,
     "centered: True with convention='lecture', expected False: a variance that starts at one "
     "gradient is 0"),
    ("rprop", {"etas": 0.5}, TypeError, "etas: float, expected two finite numbers >= 0"),
    ("rprop", {"etas": (0.5,)}, ValueError, "etas: 1 numbers, expected two"),
    ("rprop", {"etas": (0.5, 0.9)}, ValueError,
     "etas: (0.5, 0.9), expected 0 < etas[0] < 1 < etas[1]"),
    ("rprop", {"step_sizes": (2, 1)}, ValueError,
     "step_sizes: (2.0, 1.0), expected step_sizes[0] <= step_sizes[1]"),
    ("rprop", {"step_sizes": (-1, 1)}, ValueError, f"step_sizes[0]: -1, expected {NUMBER}"),
    ("sgd", {"convention": "caffe"}, ValueError,
     "convention: 'caffe', expected one of torch, keras, optax, lecture"),
    ("sgd", {"momentum": 0.9, "dampening": 0.1, "convention": "keras"}, ValueError,
     "dampening: 0.1 with convention='keras', expected 0"),
    ("adamm", {}, ValueError, f"name: 'adamm', expected one of {', '.join(optim.names())}"),
    (3, {}, TypeError, f"name: int, expected one of {', '.join(optim.names())}"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "arguments", "error", "text"), ARGUMENTS)
def test_arguments(name, arguments, error, text):
    with pytest.raises(error) as caught:
        optim.create(name, ones(3), **arguments)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("name", "argument"),
    [("adadelta", "convention"), ("adam", "fused"), ("rprop", "weight_decay"), ("sgd", "beta")],
)
def test_what_is_not_built_is_not_accepted(name, argument):
    with pytest.raises(TypeError, match=f"^{argument}: not an argument of this optimizer"):
        optim.create(name, ones(3), **{argument: 0.5})


def test_lr_property_and_function():
    theta = ones(3)
    opt = optim.Adam(theta, lr=0.1)
    with pytest.raises(ValueError, match=r"^lr: -1, expected"):
        opt.lr = -1
    assert opt.lr == 0.1
    opt.lr = lambda step: -1.0 if step else 0.5
    opt.step(ones(3))
    before = fingerprint_without_lr(opt, theta)
    with pytest.raises(ValueError, match="lr") as caught:
        opt.step(ones(3))
    assert str(caught.value) == "lr(1): -1.0, expected a finite number >= 0"
    opt.lr = lambda _: "much"
    with pytest.raises(TypeError, match="lr") as caught:
        opt.step(ones(3))
    assert str(caught.value) == "lr(1): str, expected a finite number >= 0"
    assert fingerprint_without_lr(opt, theta) == before


def fingerprint_without_lr(opt, theta):
    state = opt.state_dict()
    arrays = [theta, *(array for arrays in state["state"].values() for array in arrays)]
    return [a.tobytes() for a in arrays], state["steps"].tolist(), state["step"]
