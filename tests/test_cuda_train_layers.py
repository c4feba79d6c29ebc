"""Training on the device with normalisation, residual connections and dropout."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

import saddlescape as ss
from cuda_train_samples import check, network, samples
from device_samples import NEEDS_DEVICE
from saddlescape.train import EarlyStopping, RunOutcome

pytestmark = NEEDS_DEVICE

DTYPES = ["float32", "float64"]
LAYERS = {
    "batch": {"normalisation": "batch"},
    "batch, after": {"normalisation": "batch", "normalise_after": True},
    "layer": {"normalisation": "layer"},
    "residual": {"sizes": (5, 7, 7, 3), "residual": True},
    "dropout": {"dropout": 0.2},
    "all": {"normalisation": "batch", "sizes": (5, 7, 7, 3), "residual": True, "dropout": 0.2},
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layers", LAYERS)
def test_layers(layers, dtype):
    # Deviations are divided by: what a sum's order makes grows with each of them. Adam would divide
    # by the gradient of a bias before batch normalisation, which is nothing but rounding.
    how = {"factor": 10, "net": LAYERS[layers], "optimizer": "sgd", "lr": 0.05}
    check(dtype, epochs=8, validation=0.2, metrics=("accuracy",), **how)
    check(dtype, epochs=20, batch_size="full", **how)


def test_layers_with_looks_and_standardisation():
    net = {"normalisation": "batch", "dropout": 0.2, "standardised": True}
    seen = []
    check(
        factor=10, net=net, epochs=3, optimizer="sgd",
        callback=lambda state: seen.append(state.net.running.copy()),
    )  # fmt: skip
    runs = np.array(seen).reshape(4, -1, *seen[0].shape)  # here, there, placed, there
    assert (runs[:, 1:] != runs[:, :-1]).any((-2, -1)).all()
    np.testing.assert_allclose(runs[1], runs[0], rtol=0, atol=1e-11)
    assert (runs[1] == runs[2]).all()


def test_averages_that_a_callback_moves_count():
    def move(state):
        state.net.running[0] += 0.1

    here, _ = check(
        factor=10, net=LAYERS["batch"], epochs=3, optimizer="sgd", callback=move, validation=0.2
    )
    assert (here.net.running[0] > 0.1).any()


def test_early_stopping_puts_averages_back():
    rule = EarlyStopping(patience=2, restore_best=True)
    here, there = check(
        factor=10, net=LAYERS["all"], epochs=30, optimizer="sgd", lr=0.5, validation=0.3,
        early_stopping=rule,
    )  # fmt: skip
    assert there.outcome is here.outcome is RunOutcome.EARLY


def test_checkpoints_go_on_with_masks_and_averages(tmp_path):
    X, y = samples()
    how = {"optimizer": "sgd", "batch_size": 32, "seed": 4}
    ends = {}
    for where in ("cpu", "cuda"):
        net = network(**LAYERS["all"])
        ends[where] = ss.train(net, X, y, epochs=6, device=where, **how)
        begun = network(**LAYERS["all"])
        ss.train(begun, X, y, epochs=3, device=where, checkpoint=tmp_path / where, **how)
    for first in ends:
        for then in ends:
            folder = shutil.copy(tmp_path / first, tmp_path / f"{first}-{then}")
            run = ss.resume(folder, X, y, epochs=6, device=then)
            exact = first == then
            for name in ("theta", "running"):
                own, whole = getattr(run.net, name), getattr(ends[then].net, name)
                np.testing.assert_allclose(own, whole, rtol=0, atol=0 if exact else 1e-11)


def test_averages_that_are_not_finite_are_refused():
    net = network(normalisation="batch").to("cuda")
    net.running[1, 0] = -np.inf
    with pytest.raises(ValueError, match="running"):
        ss.train(net, *samples(), epochs=1)
