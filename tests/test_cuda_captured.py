"""Steps that a CUDA graph holds: launched again and again, they are the steps of the optimizer."""

from __future__ import annotations

import numpy as np
import pytest

from device_samples import (
    AROUND,
    HERE,
    KINDS,
    NEEDS_DEVICE,
    NEEDS_STAND_IN,
    SPLITS,
    arrays,
    everything,
    pair,
    to_device,
)
from saddlescape import _backend, optim

pytest.importorskip("ml_dtypes", reason="NumPy's bfloat16 is that of ml_dtypes")
pytestmark = NEEDS_DEVICE

NAMES = ["adamw", "lion", "momentum", "nadam", "rmsprop", "sgd"]


def number(value):
    return to_device(np.array(value, dtype=np.float32))


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_launches_are_steps(name, kind, around):
    here, there, gradients = pair(kind, name, **AROUND[around])
    own, theirs = gradients(1)
    here.step(own)
    there.step(theirs)  # one of its own before
    step = optim.capture(there, theirs)
    for _ in range(5):
        here.step(own)
        step.launch()
    assert step.read() == 6
    assert everything(there) == everything(here)
    assert there.gradient_norm == here.gradient_norm
    here.step(own)
    there.step(theirs)  # and one behind
    assert everything(there) == everything(here)


@pytest.mark.parametrize("name", sorted({*optim.names()} - {"adafactor", "lamb", "lars", "muon"}))
def test_every_elementwise_rule_can_be_launched(name):
    here, there, gradients = pair("float32", name)
    own, theirs = gradients(1)
    step = optim.capture(there, theirs)
    for _ in range(4):
        here.step(own)
        step.launch()
    assert step.read() == 4
    assert everything(there) == everything(here)


def test_numbers_that_the_device_holds():
    here, there, gradients = pair("float32", "adam")
    own, theirs = gradients(1)
    step = optim.capture(there, theirs, lr=number(0.25), grad_scale=number(8), found_inf=number(0))
    here.lr = 0.25
    for _ in range(3):
        here.step(own, grad_scale=8.0)
        step.launch()
    assert step.read() == 3
    assert everything(there)["state"] == everything(here)["state"]
    assert everything(there)["params"] == everything(here)["params"]


@pytest.mark.parametrize("way", ["found", "infinite"])
def test_a_step_that_must_not_happen_changes_nothing(way):
    _, there, gradients = pair("float32", "adam", statistics=False)
    _, theirs = gradients(1)
    before = everything(there)
    if way == "infinite":
        broken = arrays("float32", 1)
        broken[3][7] = np.inf
        theirs = [to_device(g) for g in broken]
    step = optim.capture(there, theirs, found_inf=number(way == "found"))
    for _ in range(3):
        step.launch()
    assert step.read() == 0
    assert everything(there) == before


@NEEDS_STAND_IN
def test_a_launch_sends_nothing_and_waits_for_nothing():
    hosted = _backend.cuda("a test").hosted
    _, there, gradients = pair("float32", "adamw", **AROUND["all"])
    step = optim.capture(there, gradients(1)[1])
    hosted.reset()
    step.launch()
    counts = hosted.counts()
    assert counts["launches"] > 1
    assert [counts[name] for name in ("uploads", "downloads", "waits", "follows")] == [0, 0, 0, 0]


def test_what_has_changed_since_is_refused():
    _, there, gradients = pair("float32", "adam")
    _, theirs = gradients(1)
    step = optim.capture(there, theirs)
    there.step(theirs)
    for call in (step.launch, step.read):
        with pytest.raises(
            RuntimeError, match=r"^the optimizer has stepped or loaded a state on its"
        ):
            call()
    step = optim.capture(there, theirs)
    there.load_state_dict(there.state_dict())
    with pytest.raises(RuntimeError, match=r"capture it anew$"):
        step.launch()


@pytest.mark.parametrize(
    ("where", "name", "common", "arguments", "error", "text"),
    [
        (HERE, "adam", {}, {}, TypeError, "optimizer: not all of its parameters are on a CUDA dev"),
        (SPLITS[0], "adam", {}, {}, TypeError, "optimizer: not all of its parameters are on a CUD"),
        (None, "lamb", {}, {}, ValueError, "rule: one that looks at norms or multiplies matrices "),
        (None, "adam", {"lr": abs}, {}, ValueError, "lr: None, and that of group 0 is a function "),
        (None, "adam", {}, {"lr": [0.1, 0.2]}, ValueError, "lr: 2 entries, expected 1, one for e"),
        (None, "adam", {}, {"lr": 0.1}, TypeError, "lr[0]: builtins.float, expected an array of f"),
        (None, "adam", {}, {"check_finite": 1}, TypeError, "check_finite: int, expected"),
    ],
)
def test_misuse_is_named(where, name, common, arguments, error, text):
    _, there, gradients = pair("float32", name, *([where] if where else []), **common)
    with pytest.raises(error) as caught:
        optim.capture(there, gradients(1)[1], **arguments)
    assert str(caught.value).startswith(text)


def test_what_is_no_optimizer_is_named():
    with pytest.raises(TypeError, match=r"^optimizer: list, expected one of saddlescape\.optim"):
        optim.capture([to_device(np.ones(3))], to_device(np.ones(3)))


def test_a_number_is_one_number():
    _, there, gradients = pair("float32", "adam")
    with pytest.raises(
        ValueError, match=r"^lr\[0\]: shape \(2,\) on device cuda:0, expected one num"
    ):
        optim.capture(there, gradients(1)[1], lr=to_device(np.ones(2, np.float32)))


def test_rules_that_take_more_than_gradients_are_refused():
    opt = optim.Sophia(to_device(np.ones(3)))
    with pytest.raises(
        TypeError, match=r"^optimizer: Sophia, whose steps take more than gradients"
    ):
        optim.capture(opt, to_device(np.ones(3)))
