"""What training refuses, before anything changes."""

from __future__ import annotations

import numpy as np
import pytest

import saddlescape as ss
from train_samples import N, make_data, make_net

F32, F64 = np.float32, np.float64

X20, Y20 = make_data()
LR = "a finite number >= 0, or a function of the step that returns one"


def with_nan():
    X = X20.copy()
    X[3, 1] = np.nan
    return X


REFUSED = {
    "net": ({"net": 3}, TypeError, "net: int, expected an MLP"),
    "X list": (
        {"X": X20.tolist()}, TypeError,
        "X: list, expected a NumPy array of float32 or float64",
    ),
    "X integers": (
        {"X": np.ones((N, 3), int)}, TypeError, "X: dtype int64, expected float32 or float64",
    ),
    "X width": ({"X": np.ones((N, 2))}, ValueError, f"X: shape ({N}, 2), expected (any, 3)"),
    "X strides": (
        {"X": X20[:, ::-1]}, ValueError,
        "X: strides (24, -8), expected a C-contiguous array; copy it with np.ascontiguousarray",
    ),
    "X empty": (
        {"X": X20[:0], "y": Y20[:0]}, ValueError, "X: shape (0, 3), expected at least one sample",
    ),
    "X NaN": (
        {"X": with_nan()}, ValueError, "X: nan at (3, 1), expected finite numbers of float64",
    ),
    "y length": ({"y": Y20[:4]}, ValueError, f"y: shape (4,), expected ({N},) or ({N}, 2)"),
    "y class": ({"y": Y20 + 1}, ValueError, None),
    "y floats": (
        {"y": np.ones(N)}, TypeError,
        f"y: float64 of shape ({N},), expected integer classes 0 to 1, "
        f"or targets of shape ({N}, 2)",
    ),
    "batch 0": (
        {"batch_size": 0}, ValueError, "batch_size: 0, expected an integer of at least 1",
    ),
    "batch half": (
        {"batch_size": "half"}, ValueError,
        "batch_size: 'half', expected an integer of at least 1 or 'full'",
    ),
    "batch float": (
        {"batch_size": 2.0}, TypeError, "batch_size: float, expected an integer of at least 1",
    ),
    "batch True": (
        {"batch_size": True}, TypeError, "batch_size: bool, expected an integer of at least 1",
    ),
    "epochs": ({"epochs": -1}, ValueError, "epochs: -1, expected an integer of at least 0"),
    "epochs float": (
        {"epochs": 1.5}, TypeError, "epochs: float, expected an integer of at least 0",
    ),
    "seed": ({"seed": -1}, ValueError, "seed: -1, expected an integer of at least 0"),
    "lr": ({"lr": -1.0}, ValueError, f"lr: -1.0, expected {LR}"),
    "lr nan": ({"lr": float("nan")}, ValueError, f"lr: nan, expected {LR}"),
    "lr text": ({"lr": "fast"}, TypeError, f"lr: str, expected {LR}"),
    "schedule": (
        {"lr": lambda _: -1.0}, ValueError, "lr(0): -1.0, expected a finite number >= 0",
    ),
    "optimizer": (
        {"optimizer": "adamx"}, ValueError,
        f"optimizer: 'adamx', expected one of {', '.join(ss.optim.names(vectors=True))}",
    ),
    "optimizer type": (
        {"optimizer": 3}, TypeError,
        "optimizer: int, expected a name of optim.names() or an optimizer",
    ),
    "optimizer of another": (
        {"optimizer": ss.optim.SGD(make_net().theta, lr=0.1)}, ValueError,
        "optimizer: made for other parameters, expected one made for this network's theta: "
        "SGD(net.theta, ...)",
    ),
    "unknown setting": (
        {"optimizer": "sgd", "speed": 3}, TypeError,
        "speed: no argument of 'sgd', expected one of momentum, dampening, weight_decay, "
        "nesterov, maximize, convention, state_dtype, master_weights, stochastic_rounding, "
        "clip_norm, clip_value, average, statistics, non_finite",
    ),
    "schedule's name": (
        {"optimizer": "sgd", "lr": 0.1, "schedule": "steep"}, ValueError,
        "schedule: 'steep', expected one of constant, cosine, linear, one_cycle",
    ),
    "schedule of a function": (
        {"optimizer": "sgd", "lr": lambda _: 0.1, "schedule": "cosine"}, ValueError,
        "schedule: 'cosine' with a function for lr, expected one of the two",
    ),
    "schedule's peak": (
        {"optimizer": "sgd", "lr": -0.1, "schedule": "cosine"}, ValueError,
        "lr: -0.1, expected a finite number >= 0",
    ),
    "clip": (
        {"optimizer": "sgd", "clip_norm": 0.0}, ValueError,
        "clip_norm: 0.0, expected a finite number > 0, or None",
    ),
    "setting": (
        {"optimizer": "sgd", "momentum": -0.5}, ValueError,
        "momentum: -0.5, expected a finite number >= 0",
    ),
    "callback": (
        {"callback": 3}, TypeError,
        "callback: int, expected a function of the run's state, or None",
    ),
    "epoch callback": (
        {"epoch_callback": "end"}, TypeError,
        "epoch_callback: str, expected a function of the run's state, or None",
    ),
    "validation list": (
        {"validation": [X20, Y20]}, TypeError,
        "validation: list, expected a tuple (X, y) or a fraction > 0 and < 1",
    ),
    "validation one": (
        {"validation": (X20,)}, ValueError, "validation: a tuple of 1, expected (X, y)",
    ),
    "validation y": (
        {"validation": (X20, Y20[:3])}, ValueError,
        f"validation: y: shape (3,), expected ({N},) or ({N}, 2)",
    ),
    "validation NaN": (
        {"validation": (with_nan(), Y20)}, ValueError,
        "validation: X: nan at (3, 1), expected finite numbers of float64",
    ),
    "validation empty": (
        {"validation": (X20[:0], Y20[:0])}, ValueError,
        "validation: X: shape (0, 3), expected at least one sample",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused_before_anything_changes(case):
    given, kind, text = REFUSED[case]
    net = make_net()
    before = net.theta.tobytes()
    arguments = {"net": net, "X": X20, "y": Y20, **given}
    with pytest.raises(kind) as caught:
        ss.train(arguments.pop("net"), arguments.pop("X"), arguments.pop("y"), **arguments)
    if text is not None:
        assert str(caught.value) == text
    assert net.theta.tobytes() == before


def test_settings_beside_an_optimizer_object_are_refused():
    net = make_net()
    opt = ss.optim.SGD(net.theta, lr=0.1)
    for given, names in (({"lr": 0.2}, "lr"), ({"lr": 0.2, "momentum": 0.9}, "lr, momentum")):
        with pytest.raises(ValueError, match=f"^{names}: given with an optimizer object, expected"):
            ss.train(net, X20, Y20, optimizer=opt, **given)
    assert opt.steps == 0


def test_values_beyond_float32_are_refused_by_a_float32_network():
    net = make_net("float32")
    with pytest.raises(ValueError, match=r"^X: .*e\+\d+ at \(0, 0\), expected finite .*float32$"):
        ss.train(net, X20 * 1e300, Y20)


def test_parameters_that_are_not_finite_are_refused():
    net = make_net()
    net.theta[2] = np.nan
    with pytest.raises(ValueError, match=r"^params: NaN at \(2,\), expected finite numbers$"):
        ss.train(net, X20, Y20)
