"""The order of samples where nobody asked for another one."""

from __future__ import annotations

import numpy as np
import pytest

import saddlescape as ss
from train_samples import make_data, make_net


@pytest.mark.parametrize("size", [1, 3, 7, 19, 20, 21])
@pytest.mark.parametrize("dropout", [0.0, 0.5])  # in the core, and one by one
def test_without_shuffling_the_batches_are_slices(size: int, dropout: float) -> None:
    X, y = make_data()
    net = ss.MLP((3, 5, 2), dtype="float64", seed=1, dropout=dropout)
    losses = []
    run = ss.train(
        net, X, y, batch_size=size, epochs=2, lr=0.0, shuffle=False, optimizer="sgd", seed=3
    )
    for step in range(run.history.steps):
        start = step % -(-len(X) // size) * size
        mode = ss.net.Draw(3, step) if dropout else False
        losses.append(net.loss(X[start : start + size], y[start : start + size], mode))
    np.testing.assert_array_equal(run.history.loss, losses)


def test_shuffling_is_the_default() -> None:
    X, y = make_data()
    runs = [
        ss.train(make_net(), X, y, batch_size=4, epochs=2, **given).history.loss
        for given in ({}, {"shuffle": True}, {"shuffle": False})
    ]
    np.testing.assert_array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])


@pytest.mark.parametrize(("value", "kind"), [(1, "int"), ("no", "str"), (None, "NoneType")])
def test_refused(value: object, kind: str) -> None:
    X, y = make_data()
    net = make_net()
    before = net.theta.copy()
    with pytest.raises(TypeError) as refused:
        ss.train(net, X, y, shuffle=value)
    assert str(refused.value) == f"shuffle: {kind}, expected True or False"
    np.testing.assert_array_equal(net.theta, before)
