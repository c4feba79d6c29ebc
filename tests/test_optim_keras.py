"""`convention="keras"` beside Keras itself: 200 steps of its own optimizers, in float64."""

from __future__ import annotations

import numpy as np
import pytest

from saddlescape import optim

STEPS = 200
# Ours by name, its arguments; Keras's class, its arguments where they are called otherwise.
TABLE = [
    ("SGD", {}, "SGD", {}),
    ("SGD", {"momentum": 0.9}, "SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.9, "nesterov": True}, "SGD", {"momentum": 0.9, "nesterov": True}),
    ("Adagrad", {"eps": 1e-3}, "Adagrad", {"epsilon": 1e-3, "initial_accumulator_value": 0.0}),
    (
        "Adagrad",
        {"initial_accumulator_value": 0.1, "eps": 1e-2},
        "Adagrad",
        {"initial_accumulator_value": 0.1, "epsilon": 1e-2},
    ),
    ("RMSprop", {"alpha": 0.9, "eps": 1e-2}, "RMSprop", {"rho": 0.9, "epsilon": 1e-2}),
    (
        "RMSprop",
        {"alpha": 0.95, "eps": 1e-2, "centered": True, "momentum": 0.8},
        "RMSprop",
        {"rho": 0.95, "epsilon": 1e-2, "centered": True, "momentum": 0.8},
    ),
    ("Adam", {"eps": 1e-2}, "Adam", {"epsilon": 1e-2}),
    (
        "Adam",
        {"betas": (0.8, 0.99), "eps": 1e-2, "amsgrad": True},
        "Adam",
        {"beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-2, "amsgrad": True},
    ),
    (
        "AdamW",
        {"weight_decay": 0.1, "eps": 1e-2},
        "AdamW",
        {"weight_decay": 0.1, "epsilon": 1e-2},
    ),
    ("Adamax", {"eps": 1e-2}, "Adamax", {"epsilon": 1e-2}),
    ("NAdam", {"eps": 1e-2}, "Nadam", {"epsilon": 1e-2}),
]
# Keras has one equation for these, which is PyTorch's.
ALIKE = [
    ("Adadelta", {"rho": 0.9, "eps": 1e-3}, "Adadelta", {"rho": 0.9, "epsilon": 1e-3}),
    ("Lion", {"betas": (0.9, 0.95)}, "Lion", {"beta_1": 0.9, "beta_2": 0.95}),
]


@pytest.fixture(scope="module")
def keras():
    """Keras on JAX: on NumPy its products of float64 arrays are float32."""
    jax = pytest.importorskip("jax")
    with pytest.MonkeyPatch.context() as patch, jax.enable_x64(True):
        patch.setenv("KERAS_BACKEND", "jax")
        module = pytest.importorskip("keras")
        before = module.config.floatx()
        module.config.set_floatx("float64")
        yield module
        module.config.set_floatx(before)


def gradients():
    rng = np.random.default_rng(0)
    return rng.normal(size=37), rng.normal(size=(STEPS, 37)) * np.exp(rng.normal(size=37))


def rate(step):
    return 0.05 / (1 + 0.1 * step)


def rows(table, common):
    return [pytest.param(*row, common, id=f"{row[0]}-{'-'.join(row[1])}") for row in table]


@pytest.mark.parametrize(
    ("ours", "arguments", "theirs", "keras_arguments", "common"),
    rows(TABLE, {"convention": "keras"}) + rows(ALIKE, {}),
)
def test_goes_where_keras_goes(keras, ours, arguments, theirs, keras_arguments, common):
    theta, grads = gradients()
    opt = getattr(optim, ours)(theta.copy(), lr=rate, **arguments, **common)
    variable = keras.Variable(theta, dtype="float64")
    other = getattr(keras.optimizers, theirs)(learning_rate=rate(0), **keras_arguments)
    for step, g in enumerate(grads):
        opt.step(g)
        other.learning_rate = rate(step)
        other.apply([keras.ops.convert_to_tensor(g)], [variable])
    # Most rules to the bit; 200 steps that are rounded in another order: up to 1.1e-14.
    travelled = np.abs(np.asarray(variable) - theta).max()
    assert np.abs(opt.params - np.asarray(variable)).max() < 1e-13 * travelled
    if common:
        torchs = getattr(optim, ours)(theta.copy(), lr=rate, **arguments)
        for g in grads:
            torchs.step(g)
        same = ours == "SGD" and not arguments
        assert (np.abs(torchs.params - opt.params).max() < 1e-6 * travelled) == same
