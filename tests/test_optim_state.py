"""State dictionaries: a run continues bit for bit, and a wrong one changes nothing."""

from __future__ import annotations

import numpy as np
import pytest

from oracle.update_rules import RULES
from saddlescape import optim


def two_arrays(dtype=np.float32):
    rng = np.random.default_rng(3)
    return [rng.normal(size=(5, 7)).astype(dtype), rng.normal(size=19).astype(dtype)]


def gradients(seed, dtype=np.float32):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(5, 7)).astype(dtype), rng.normal(size=19).astype(dtype)]


def everything(opt):
    state = opt.state_dict()
    arrays = [*opt.params, *(array for arrays in state["state"].values() for array in arrays)]
    return [a.tobytes() for a in arrays], state["steps"].tolist(), state["step"], repr(opt)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", RULES)
def test_round_trip_in_mid_run_continues_bit_for_bit(name, dtype):
    decays = name != "rprop"
    opt = optim.create(name, two_arrays(dtype), **({"weight_decay": 0.02} if decays else {}))
    for t in range(5):
        opt.step(gradients(t, dtype))
    opt.step([None, gradients(5, dtype)[1]])
    opt.lr = 0.015
    saved = opt.state_dict()
    other = {"weight_decay": 0.5} if decays else {"etas": (0.1, 3.0)}
    resumed = optim.create(name, [p.copy() for p in opt.params], **other)
    for t in range(6, 9):  # what was saved is a copy: it stands still while the run goes on
        opt.step(gradients(t, dtype))
    resumed.load_state_dict(saved)
    assert resumed.steps == 6
    assert resumed.lr == 0.015
    for t in range(6, 9):
        resumed.step(gradients(t, dtype))
    assert everything(resumed) == everything(opt)


def test_names_are_torchs_and_zeros_are_the_start():
    expected = {
        "adadelta": ["square_avg", "acc_delta"],
        "adagrad": ["sum"],
        "adam": ["exp_avg", "exp_avg_sq"],
        "adamax": ["exp_avg", "exp_inf"],
        "adamw": ["exp_avg", "exp_avg_sq"],
        "adan": ["exp_avg", "exp_avg_diff", "exp_avg_sq", "prev"],
        "ademamix": ["exp_avg_fast", "exp_avg_slow", "exp_avg_sq"],
        "amsgrad": ["exp_avg", "exp_avg_sq", "max_exp_avg_sq"],
        "amsgradw": ["exp_avg", "exp_avg_sq", "max_exp_avg_sq"],
        "asgd": ["ax"],
        "lamb": ["exp_avg", "exp_avg_sq"],
        "lars": ["momentum_buffer"],
        "lion": ["exp_avg"],
        "momentum": ["momentum_buffer"],
        "nadam": ["exp_avg", "exp_avg_sq"],
        "nesterov": ["momentum_buffer"],
        "radam": ["exp_avg", "exp_avg_sq"],
        "rmsprop": ["square_avg"],
        "rmsprop_centered": ["square_avg", "grad_avg"],
        "rmsprop_centered_momentum": ["square_avg", "grad_avg", "momentum_buffer"],
        "rmsprop_momentum": ["square_avg", "momentum_buffer"],
        "rprop": ["prev", "step_size"],
        "schedule_free_adamw": ["z", "exp_avg_sq"],
        "sgd": [],
    }
    # Those two look at shapes: test_optim_products.
    assert sorted([*expected, "adafactor", "muon"]) == optim.names()
    for name, states in expected.items():
        state = optim.create(name, two_arrays()).state_dict()
        assert state["rule"] == name
        assert list(state["state"]) == states
        assert all((a == 0).all() for arrays in state["state"].values() for a in arrays)
        assert [a.shape for arrays in state["state"].values() for a in arrays] == [
            (5, 7),
            (19,),
        ] * len(states)
    filled = optim.Adagrad(np.zeros(3), initial_accumulator_value=0.25).state_dict()
    assert filled["state"]["sum"][0].tolist() == [0.25] * 3


def test_a_learning_rate_function_stays_where_it_is():
    constant, scheduled = (
        optim.Adam(np.zeros(2), lr=0.5),
        optim.Adam(np.zeros(2), lr=lambda _: 0.25),
    )
    assert scheduled.state_dict()["arguments"]["lr"] is None
    scheduled.load_state_dict(constant.state_dict())
    assert scheduled.lr == 0.25
    constant.load_state_dict(scheduled.state_dict())
    assert constant.lr == 0.5


def changed(**values):
    return lambda d: {**d, **values}


def in_state(name, i, array):
    def change(d):
        state = {key: list(arrays) for key, arrays in d["state"].items()}
        state[name][i] = array
        return {**d, "state": state}

    return change


def with_arguments(**values):
    return lambda d: {**d, "arguments": {**d["arguments"], **values}}


NAMES = "['arguments', 'rule', 'state', 'step', 'steps']"
BAD = [
    (lambda _: 3, TypeError, "state_dict: int, expected a mapping"),
    (lambda _: {}, ValueError, f"state_dict: names [], expected {NAMES}"),
    (changed(more=1), ValueError,
     "state_dict: names ['arguments', 'more', 'rule', 'state', 'step', 'steps'], "
     f"expected {NAMES}"),
    (changed(rule="sgd"), ValueError, "rule: 'sgd', expected 'adam'"),
    (changed(state={"exp_avg": []}), ValueError, "state: names ['exp_avg'], expected "
     "['exp_avg', 'exp_avg_sq']"),
    (changed(state=None), TypeError, "state: NoneType, expected a mapping"),
    (changed(state={"exp_avg": [], "exp_avg_sq": []}), ValueError,
     "state['exp_avg']: 0 arrays, expected 2, one for each of params"),
    (changed(state={"exp_avg": 3, "exp_avg_sq": []}), TypeError,
     "state['exp_avg']: int, expected a list or tuple of NumPy arrays"),
    (in_state("exp_avg_sq", 1, np.zeros(18, np.float32)), ValueError,
     "state['exp_avg_sq'][1]: shape (18,), expected (19,)"),
    (in_state("exp_avg_sq", 1, np.zeros(19)), TypeError,
     "state['exp_avg_sq'][1]: dtype float64, expected float32"),
    (in_state("exp_avg_sq", 1, np.full(19, np.nan, np.float32)), ValueError,
     "state['exp_avg_sq'][1]: NaN at (0,), expected finite numbers"),
    (changed(steps=np.array([1])), ValueError, "steps: 1 numbers, expected 2"),
    (changed(steps=np.array([1, -1])), ValueError, "steps[1]: -1, expected an integer >= 0"),
    (changed(steps=[1, 1.5]), TypeError, "steps[1]: float, expected an integer >= 0"),
    (changed(steps=[1, 7]), ValueError, "steps[1]: 7, expected 0 to 3, the number of steps"),
    (changed(step=-3), ValueError, "step: -3, expected an integer >= 0"),
    (changed(arguments={}), ValueError, "arguments: names [], expected "
     "['amsgrad', 'betas', 'convention', 'decoupled_weight_decay', 'eps', 'lr', 'maximize', "
     "'weight_decay']"),
    (with_arguments(amsgrad=True), ValueError, "arguments: those of 'amsgrad', expected those of "
     "'adam'"),
    (with_arguments(convention="caffe"), ValueError, "convention: 'caffe', expected one of torch, "
     "keras, optax, paper, lecture"),
    (with_arguments(betas=(0.9, 2)), ValueError, "betas[1]: 2, expected a number >= 0 and < 1"),
    (with_arguments(lr=-1.0), ValueError, "lr: -1.0, expected a finite number >= 0"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "error", "text"), BAD, ids=[row[2] for row in BAD])
def test_a_wrong_state_is_refused_whole(change, error, text):
    opt = optim.Adam(two_arrays(), lr=0.1)
    for t in range(3):
        opt.step(gradients(t))
    donor = optim.Adam(two_arrays(), lr=0.2, betas=(0.5, 0.5))
    for t in range(3):
        donor.step(gradients(t + 10))
    before = everything(opt)
    with pytest.raises(error) as caught:
        opt.load_state_dict(change(donor.state_dict()))
    assert str(caught.value) == text
    assert everything(opt) == before


def narrow_donor(name, state_dtype):
    opt = optim.create(name, two_arrays(), state_dtype=state_dtype)
    for t in range(3):
        opt.step(gradients(t))
    return opt.state_dict()


NO_RUN_LEAVES = [
    ("adam", None, "exp_avg_sq", 1, -1.0, "-1.0 at (2,), expected numbers >= 0"),
    ("adam", None, "exp_avg_sq", 0, np.inf, "infinite at (0, 2), expected finite numbers"),
    ("adagrad", None, "sum", 1, -1e-30, "-1.0000000031710769e-30 at (2,), expected numbers >= 0"),
    ("rprop", None, "step_size", 1, -0.5, "-0.5 at (2,), expected numbers >= 0"),
    ("rmsprop_centered", None, "square_avg", 1, -1.0, "-1.0 at (2,), expected numbers >= 0"),
    ("adafactor", None, "row_var", 0, -1.0, "-1.0 at (2, 0), expected numbers >= 0"),
    ("adafactor", None, "variance", 1, -1.0, "-1.0 at (2,), expected numbers >= 0"),
    # bfloat16 by its bits: NaN, -infinity, -1.
    ("adam", "bfloat16", "exp_avg", 1, 0x7FC0, "NaN at (2,), expected finite numbers"),
    ("adam", "bfloat16", "exp_avg", 0, 0xFF80, "-infinite at (0, 2), expected finite numbers"),
    ("adam", "bfloat16", "exp_avg_sq", 1, 0xBF80, "-1.0 at (2,), expected numbers >= 0"),
    ("adamax", "bfloat16", "exp_inf", 1, 0xFFFF, "NaN at (2,), expected finite numbers"),
    ("adam", "8bit", "exp_avg_scale", 1, np.nan, "NaN at (0,), expected finite numbers"),
    ("adam", "8bit", "exp_avg_scale", 0, -1.0, "-1.0 at (0,), expected numbers >= 0"),
    ("adam", "8bit", "exp_avg_sq_scale", 1, -2.0, "-2.0 at (0,), expected numbers >= 0"),
]


@pytest.mark.parametrize(("name", "state_dtype", "key", "i", "value", "text"), NO_RUN_LEAVES)
def test_numbers_that_no_run_leaves_are_refused(name, state_dtype, key, i, value, text):
    opt = optim.create(name, two_arrays(), state_dtype=state_dtype)
    opt.step(gradients(7))
    state = narrow_donor(name, state_dtype)
    array = state["state"][key][i]
    array.flat[min(2, array.size - 1)] = value
    before = everything(opt)
    with pytest.raises(ValueError, match="expected") as caught:
        opt.load_state_dict(state)
    assert str(caught.value) == f"state['{key}'][{i}]: {text}"
    assert everything(opt) == before


@pytest.mark.parametrize(("state_dtype", "key", "value"), [
    (None, "exp_avg", -1.0),
    (None, "exp_avg_sq", -0.0),
    ("bfloat16", "exp_avg", 0xBF80),
    ("bfloat16", "exp_avg_sq", 0x8000),
    ("8bit", "exp_avg", 0xFF),
    ("8bit", "exp_avg_sq", 0xFF),
])  # fmt: skip
def test_numbers_that_a_run_may_leave_are_taken(state_dtype, key, value):
    opt = optim.create("adam", two_arrays(), state_dtype=state_dtype)
    state = narrow_donor("adam", state_dtype)
    state["state"][key][1][2] = value
    opt.load_state_dict(state)
    assert opt.state_dict()["state"][key][1].tobytes() == state["state"][key][1].tobytes()


def test_arguments_of_another_rule_are_refused():
    opt = optim.SGD(np.zeros(3), momentum=0.9)
    state = opt.state_dict()
    state["arguments"]["nesterov"] = True
    with pytest.raises(ValueError, match="arguments") as caught:
        opt.load_state_dict(state)
    assert str(caught.value) == "arguments: those of 'nesterov', expected those of 'momentum'"
