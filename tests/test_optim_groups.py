"""Parameter groups: arrays with a learning rate, a schedule and arguments of their own."""

from __future__ import annotations

import numpy as np
import pytest

from saddlescape import optim
from storage_samples import bits, cast, numbers

pytest.importorskip("ml_dtypes", reason="NumPy's bfloat16 is that of ml_dtypes")

# An optimizer, its arguments for all, and those of two groups.
CASES = {
    "lr": ("sgd", {"lr": 0.1}, {}, {"lr": 0.01}),
    "schedules": ("adam", {}, {"lr": lambda t: 0.1 / (t + 1)}, {"lr": lambda t: 0.2 * t}),
    "decay": ("adamw", {"lr": 0.1}, {"weight_decay": 0.5}, {"weight_decay": 0.0}),
    "rules": ("sgd", {"lr": 0.1, "momentum": 0.0}, {}, {"momentum": 0.9, "nesterov": True}),
    "centered": ("rmsprop", {"lr": 0.1}, {"momentum": 0.9}, {"alpha": 0.5}),
    "amsgrad": ("adam", {"lr": 0.1}, {"amsgrad": True}, {"betas": (0.5, 0.9)}),
    "lamb": ("lamb", {"lr": 0.1}, {"weight_decay": 0.1}, {"lr": 0.5}),
}
STORAGE = {
    "float32": ("float32", {}),
    "8bit": ("float32", {"state_dtype": "8bit"}),
    "bfloat16": ("bfloat16", {"state_dtype": "bfloat16", "stochastic_rounding": True}),
    "master": ("float16", {"master_weights": True}),
}
SIZES = (65, 2049, 7, 130)


def samples(dtype, seed):
    return [cast(numbers(n, seed + 10 * i), dtype) for i, n in enumerate(SIZES)]


def grouped(case, storage, **more):
    """Return the arrays and the optimizer: two arrays in each of two groups."""
    name, common, first, second = CASES[case]
    dtype, own = STORAGE[storage]
    arrays = samples(dtype, 0)
    groups = [{"params": arrays[:2], **first}, {"params": arrays[2:], **second}]
    return arrays, optim.create(name, groups, **common, **own, **more)


def apart(case, storage):
    """Return the arrays and an optimizer for each group."""
    name, common, first, second = CASES[case]
    dtype, own = STORAGE[storage]
    arrays = samples(dtype, 0)
    return arrays, [
        optim.create(name, part, **{**common, **arguments}, **own)
        for part, arguments in ((arrays[:2], first), (arrays[2:], second))
    ]


@pytest.mark.parametrize("storage", STORAGE)
@pytest.mark.parametrize("case", CASES)
def test_groups_step_as_optimizers_of_their_own(case, storage):
    arrays, opt = grouped(case, storage)
    others, single = apart(case, storage)
    dtype = STORAGE[storage][0]
    for seed in range(1, 6):
        grads = samples(dtype, seed)
        grads[seed % 4] = None
        opt.step([grads[:2], grads[2:]])
        single[0].step(grads[:2])
        single[1].step(grads[2:])
        assert bits(arrays) == bits(others)
    assert [group.lr for group in opt.groups] == [each.lr for each in single]
    assert [group.rule for group in opt.groups] == [each.rule for each in single]
    assert all(a is b for a, b in zip(opt.params, arrays, strict=True))
    wholes = opt.state_dict()["state"]
    for each, part in zip(single, (slice(0, 2), slice(2, 4)), strict=True):
        for name, states in each.state_dict()["state"].items():
            assert bits(wholes[name][part]) == bits(states)


@pytest.mark.parametrize("storage", STORAGE)
@pytest.mark.parametrize("case", CASES)
def test_groups_are_saved_and_loaded_bit_for_bit(case, storage):
    more = {"average": optim.EMA(0.5), "clip_norm": 1.0}
    arrays, opt = grouped(case, storage, **more)
    dtype = STORAGE[storage][0]
    for seed in (1, 2):
        grads = samples(dtype, seed)
        opt.step([grads[:2], grads[2:]])
    saved = opt.state_dict()
    copies, again = grouped(case, storage, **more)
    for copy, array in zip(copies, arrays, strict=True):
        copy[:] = array
    again.load_state_dict(saved)
    for seed in (3, 4):
        grads = samples(dtype, seed)
        opt.step([grads[:2], grads[2:]])
        again.step([grads[:2], grads[2:]])
    assert bits(copies) == bits(arrays)
    assert bits(again.state_dict()) == bits(opt.state_dict())


def test_a_group_has_its_own_rate_to_set():
    arrays, opt = grouped("lr", "float32")
    for array in arrays:
        array[:] = 1
    assert [group.lr for group in opt.groups] == [0.1, 0.01]
    opt.groups[1].lr = lambda step: 1.0 / (step + 1)
    assert [group.lr for group in opt.groups] == [0.1, 1.0]
    before = [a.copy() for a in arrays]
    ones = [np.ones_like(a) for a in arrays]
    opt.step([ones[:2], ones[2:]])
    for k, (a, b) in enumerate(zip(arrays, before, strict=True)):
        assert np.allclose(b - a, 0.1 if k < 2 else 1.0, rtol=1e-5)
    assert opt.groups[1].lr == 0.5
    opt.lr = 0.25
    assert [group.lr for group in opt.groups] == [0.25, 0.25]


def test_a_group_may_be_one_array_or_empty():
    theta, other = np.ones(3), np.ones(2)
    opt = optim.SGD([{"params": theta}, {"params": [other], "lr": 0.5}, {"params": []}], lr=0.25)
    opt.step([np.ones(3), [np.ones(2)], []])
    assert theta.tolist() == [0.75] * 3
    assert other.tolist() == [0.5] * 2
    opt.step([None, [None], []])
    assert theta.tolist() == [0.75] * 3


def whole(arrays):
    return [np.ones_like(arrays[0]), np.ones_like(arrays[1])]


@pytest.mark.parametrize(
    ("grads", "error", "text"),
    [
        (whole, ValueError, r"grads\[0\]"),
        (lambda a: [whole(a)], ValueError, "grads: 1 entries, expected 2, one for each group"),
        (lambda a: [whole(a), a[2:3]], ValueError, r"grads\[1\]: 1 arrays, expected 2"),
        (lambda a: [whole(a), [a[2].copy(), np.ones(3, np.float32)]], ValueError,
         r"grads\[1\]\[1\]: shape \(3,\), expected \(130,\)"),
        (lambda a: [whole(a), [a[2].copy(), np.full(130, np.nan, np.float32)]], ValueError,
         r"grads\[1\]\[1\]"),
        (lambda _: np.ones(3), TypeError, "grads: ndarray, expected a list with an entry per"),
    ],
)  # fmt: skip
def test_a_wrong_gradient_is_named_and_changes_nothing(grads, error, text):
    arrays, opt = grouped("rules", "float32")
    before = bits(arrays), bits(opt.state_dict())
    with pytest.raises(error, match=text):
        opt.step(grads(arrays))
    assert (bits(arrays), bits(opt.state_dict())) == before


@pytest.mark.parametrize(
    ("groups", "error", "text"),
    [
        ([{"lr": 0.1}], ValueError, r"params\[0\]: has no 'params'"),
        ([{"params": []}, {"params": np.ones(2), "beta": 1}], TypeError,
         r"params\[1\]: 'beta' is no argument of this rule, expected some of params, lr, momentum"),
        ([{"params": np.ones(2), "lr": -1.0}], ValueError, r"params\[0\].*lr: -1.0"),
        ([{"params": np.ones(2)}, {"params": np.ones(2), "momentum": -1.0}], ValueError,
         r"params\[1\].*momentum: -1.0"),
        ([{"params": np.ones(2)}, {"params": [np.ones(2), np.ones(2, int)]}], TypeError,
         r"params\[1\]\[1\]: dtype int64"),
        ([{"params": []}], ValueError, "params: empty"),
        ([{"params": np.ones(2)}, np.ones(2)], TypeError, r"params\[0\]: .*dict, expected"),
    ],
)  # fmt: skip
def test_a_wrong_group_is_named(groups, error, text):
    with pytest.raises(error, match=text):
        optim.SGD(groups, lr=0.1)


def test_an_array_in_two_groups_is_refused():
    theta = np.ones(3)
    with pytest.raises(ValueError, match=r"params\[1\]\[0\]: .*params\[0\]\[0\]"):
        optim.SGD([{"params": theta}, {"params": [theta]}])


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        (lambda d: d.update(groups=d["groups"][:1]), ValueError, "groups: 1, expected 2"),
        (lambda d: d.update(groups=3), TypeError, "groups: int"),
        (lambda d: d["groups"][1].update(rule="adam"), ValueError, r"rule: 'adam', expected"),
        (lambda d: d["groups"][1]["arguments"].update(momentum=-1), ValueError, "momentum: -1"),
        (lambda d: d["groups"][1]["arguments"].pop("lr"), ValueError, "arguments: names"),
        (lambda d: d.update(steps=3), TypeError, "steps: int"),
        (lambda d: d.update(steps=[1]), ValueError, "steps: 1 numbers, expected 4"),
        (lambda d: d["state"]["momentum_buffer"].pop(), ValueError, "momentum_buffer"),
    ],
)
def test_a_wrong_state_of_groups_is_named_and_taken_not_at_all(change, error, text):
    arrays, opt = grouped("rules", "float32")
    saved = opt.state_dict()
    change(saved)
    before = bits(arrays), bits(opt.state_dict())
    with pytest.raises(error, match=text):
        opt.load_state_dict(saved)
    assert (bits(arrays), bits(opt.state_dict())) == before
