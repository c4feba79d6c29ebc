"""Samples count by their weight where a unit is flat, as they do in the loss."""

from __future__ import annotations

import re

import numpy as np
import pytest

import saddlescape as ss
from saddlescape.diagnosis import saturation

NET = ss.MLP((3, 2, 1), loss="mse", dtype="float64")


@pytest.mark.parametrize("samples", [1, 40, 1025])
@pytest.mark.parametrize("settings", [{}, {"normalisation": "batch", "residual": True}], ids=str)
def test_a_weight_counts_a_sample_as_often(settings, samples):
    rng = np.random.default_rng(samples)
    X, weight = rng.standard_normal((samples, 3)), rng.integers(0, 4, samples).astype(float)
    weight[0] = 2
    net = ss.MLP((3, 5, 5, 2), "tanh", "mse", dtype="float64", seed=1, **settings)
    net.theta += 4 * rng.standard_normal(net.parameters)
    found = saturation(net, X, sample_weight=weight)
    assert found.weighted
    assert found.samples == samples
    repeated = saturation(net, np.repeat(X, weight.astype(int), axis=0))
    for shares, expected in zip(found.shares, repeated.shares, strict=True):
        np.testing.assert_array_equal(shares, expected)
    scaled = saturation(net, X, sample_weight=weight / 7)
    for shares, expected in zip(scaled.shares, repeated.shares, strict=True):
        np.testing.assert_allclose(shares, expected, rtol=0, atol=1e-13)
        assert np.array_equal(shares == 1, expected == 1)
        assert np.array_equal(shares == 0, expected == 0)


def test_weights_that_are_none_are_refused():
    X = np.ones((2, 3))
    for given, message in (
        (np.ones(3), "sample_weight: shape (3,), expected (2,)"),
        (np.zeros(2), "sample_weight: all 0, expected at least one above 0"),
        (np.array([1.0, -1.0]), "sample_weight: -1 at (1,), expected numbers >= 0"),
    ):
        with pytest.raises(ValueError, match=re.escape(message)):
            saturation(NET, X, sample_weight=given)
    with pytest.raises(TypeError, match=r"^X: list, expected a NumPy array"):
        saturation(NET, [[1.0]], sample_weight=np.ones(2))


def test_a_diagnosis_counts_the_samples_by_their_weight():
    """A unit that is flat for all samples that were trained on, and for none of the others."""
    X = np.linspace(-1, 1, 40)[:, None]
    net = ss.MLP((1, 2, 1), "tanh", "mse", dtype="float64", init="zeros")
    net.layers()[0][0][:] = [[1000.0], [0.1]]
    given = {"optimizer": "sgd", "lr": 1e-9, "batch_size": "full", "epochs": 30}
    weight = (np.abs(X[:, 0]) > 0.1).astype(float)
    X[weight == 0] = 0
    run = ss.train(net, X, X[:, 0].copy(), sample_weight=weight, **given)
    found = ss.diagnose(run)
    assert found.saturation.shares[0].tolist() == [1.0, 0.0]
    text = " ".join(str(found).split())
    assert "1 of 2 tanh units saturated for at least 99 % of the samples' weight (row 0" in text
    (said,) = (f.evidence for f in found.findings if f.rule == "saturated_units")
    assert said[0].basis.endswith("for 99 % or more of 40 samples, by weight")
    even = ss.diagnose(ss.train(net, X, X[:, 0].copy(), **given)).saturation
    assert even.shares[0].tolist() == [0.9, 0.0]
    assert not even.weighted
