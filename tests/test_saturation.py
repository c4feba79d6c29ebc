"""At which share of the samples each hidden unit is flat: counted by hand, said, drawn."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import saddlescape as ss
from oracle.network import ACTIVATIONS
from saddlescape import _core
from saddlescape.diagnosis import Saturation, saturation

RNG = np.random.default_rng(0)
# The largest |phi'|, by calculus; gelu's at sqrt 2, silu's where z tanh(z / 2) = 2.
STEEPEST = dict.fromkeys(
    ("elu", "hard_tanh", "leaky_relu", "linear", "relu", "softplus", "tanh"), 1.0
)
STEEPEST |= {"sigmoid": 0.25, "hard_sigmoid": 1 / 6, "hard_swish": 1.5}
STEEPEST |= {"gelu": 1.12890, "silu": 1.09984}


def by_hand(net, X):
    """Shares of flat samples, unit by unit, from the weights and the oracle's derivatives."""
    a, unit, shares = X, 0, []
    scales = iter(net.scales())
    for W, b in net.layers()[:-1]:
        u = a @ W.T + (0 if b is None else b)
        u = u if net.normalise_after else normal(net, u, unit, scales)
        unit += len(W)
        value, slope, _ = ACTIVATIONS[net.activation](u)
        shares.append((np.abs(slope) < 0.01 * STEEPEST[net.activation]).mean(axis=0))
        value = normal(net, value, unit - len(W), scales) if net.normalise_after else value
        a = value + a if net.residual and a.shape[1] == len(W) else value
    return shares


def normal(net, u, unit, scales):
    if net.normalisation is None:
        return u
    if net.normalisation == "batch":
        mean, var = net.running[:, unit : unit + u.shape[1]]
    else:
        mean, var = u.mean(axis=1, keepdims=True), u.var(axis=1, keepdims=True)
    gamma, beta = next(scales)
    return (u - mean) / np.sqrt(var + 1e-5) * gamma + beta


def wide(activation, seed=1, sizes=(3, 5, 5, 7, 2), **settings):
    """A network that has units of every kind."""
    net = ss.MLP(sizes, activation, "mse", dtype="float64", seed=seed, **settings)
    rng = np.random.default_rng(seed)
    net.theta += rng.standard_normal(net.parameters)
    for W, b in net.layers():
        W *= 4
        if b is not None:
            b *= 2
    if net.normalisation == "batch":
        net.running[:] = rng.uniform(0.1, 2, net.running.shape)
    return net


@pytest.mark.parametrize("samples", [1, 40, 1025])  # 1,024 are looked at in one go
@pytest.mark.parametrize(
    "settings",
    [{}, {"bias": False}, {"normalisation": "batch"}, {"normalisation": "layer"},
     {"normalisation": "batch", "normalise_after": True, "bias": False},
     {"normalisation": "layer", "normalise_after": True, "residual": True},
     {"residual": True, "normalisation": "batch"}, {"residual": True, "dropout": 0.5}],
    ids=str,
)  # fmt: skip
def test_every_share_is_the_one_counted_by_hand(settings, samples):
    X = np.random.default_rng(samples).standard_normal((samples, 3))
    net = wide("tanh", **settings)
    found = saturation(net, X)
    assert (found.activation, found.samples) == ("tanh", samples)
    expected = by_hand(net, X)
    assert [len(shares) for shares in found.shares] == [5, 5, 7]
    for shares, counted in zip(found.shares, expected, strict=True):
        np.testing.assert_array_equal(shares, counted)
    assert np.ptp(np.concatenate(expected)) > 0


@pytest.mark.parametrize("activation", _core.net.activations())
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_activation(activation, dtype):
    X = np.random.default_rng(0).standard_normal((300, 3))
    net = wide(activation)
    expected = by_hand(net, X)
    if dtype == "float32":
        narrow = ss.MLP(net.sizes, activation, "mse", dtype="float32")
        narrow.theta = net.theta
        net = narrow
    found = saturation(net, X)
    for shares, counted in zip(found.shares, expected, strict=True):
        # float32 may put a sample on the other side of the border, or two
        np.testing.assert_allclose(shares, counted, rtol=0, atol=0 if dtype == "float64" else 0.01)
    whole = np.concatenate(found.shares)
    if activation in ("leaky_relu", "linear"):
        assert not whole.any()
    else:
        assert whole.max() > 0.3


@pytest.mark.parametrize(
    ("activation", "z", "flat"),
    [("tanh", 2.9, False), ("tanh", 3.0, True), ("tanh", -3.0, True), ("sigmoid", 5.9, False),
     ("sigmoid", -6.0, True), ("relu", 1e-30, False), ("relu", 0.0, True), ("hard_tanh", 1.0, True),
     ("hard_tanh", 0.999, False), ("elu", -4.5, False), ("elu", -4.7, True), ("gelu", -0.75, True),
     ("gelu", -0.6, False), ("leaky_relu", -1e9, False)],
)  # fmt: skip
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_where_the_border_lies(activation, z, flat, dtype):
    net = ss.MLP((1, 1, 1), activation, "mse", init="zeros", dtype=dtype)
    net.layers()[0][0][:] = 1.0
    assert saturation(net, np.array([[z]])).shares[0][0] == float(flat)


def test_the_core_activates_as_the_oracle_does_and_changes_nothing():
    z = RNG.uniform(-9, 9, (3, 7))
    before = z.copy()
    for name in _core.net.activations():
        value, slope = _core.net.activate(ss.MLP((1, 2), name, "mse").network, z)
        expected = ACTIVATIONS[name](z)
        # the oracle's gelu is 9 times a difference of two numbers near 1
        np.testing.assert_allclose(value, expected[0], rtol=1e-13, atol=1e-14)
        np.testing.assert_allclose(slope, expected[1], rtol=1e-13, atol=1e-14)
        assert value.shape == slope.shape == z.shape
    np.testing.assert_array_equal(z, before)
    for z, message in (
        (np.zeros(3), r"z: shape \(3,\), expected \(any, any\)"),
        (np.array([[np.nan]]), r"z: NaN at"),
    ):
        with pytest.raises(ValueError, match=message):
            _core.net.activate(ss.MLP((1, 2), loss="mse").network, z)


def test_inputs_are_standardised_if_the_network_does_so():
    X = 1000 + RNG.standard_normal((50, 3))
    net = ss.MLP((3, 4, 1), "tanh", "mse", dtype="float64", seed=1)
    assert saturation(net, X).shares[0].max() == 1
    net.standardise(X)
    assert saturation(net, X).shares[0].max() < 0.5


def test_the_worst_come_first_and_ties_in_order():
    found = Saturation("tanh", 10, (np.array([0.2, 1.0]), np.array([0.0, 1.0, 0.995])))
    worst = [(unit.layer, unit.unit, unit.share) for unit in found.worst()]
    assert worst == [(1, 1, 1.0), (2, 1, 1.0), (2, 2, 0.995), (1, 0, 0.2), (2, 0, 0.0)]
    assert found.worst(2) == found.worst()[:2]
    assert found.stuck(1).tolist() == [1]
    assert found.stuck(2).tolist() == [1, 2]


def test_a_layer_is_a_line():
    shares = np.array([1.0, 0.0, 1.0, 0.99, 0.1])
    assert str(Saturation("sigmoid", 200, (shares, np.zeros(1)))).splitlines() == [
        "hidden layer 1: 3 of 5 sigmoid units saturated for at least 99 % of the samples (rows 0, "
        "2, 3 of W), 2 of them for all; median 99 %",
        "hidden layer 2: 0 of 1 sigmoid unit saturated for at least 99 % of the samples; median "
        "0 %",
    ]
    many = Saturation("relu", 9, (np.ones(8),))
    assert "8 of 8 relu units dead" in str(many)
    assert "(rows 0, 1, 2, 3, 4, 5, ... of W)" in str(many)
    assert str(Saturation("relu", 9, ())) == ""


NET = ss.MLP((3, 2, 1), loss="mse", dtype="float64")


@pytest.mark.parametrize(
    ("net", "X", "kind", "message"),
    [
        (3, np.ones((1, 3)), TypeError, "net: int, expected a saddlescape.MLP"),
        (NET, [[1.0]], TypeError, "X: list, expected a NumPy array of float32 or float64"),
        (NET, np.ones((2, 4)), ValueError, "X: shape (2, 4), expected (any, 3)"),
        (NET, np.ones((0, 3)), ValueError, "X: shape (0, 3), expected at least one sample"),
    ],
)
def test_misuse_is_refused(net, X, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        saturation(net, X)


@pytest.mark.parametrize("residual", [False, True])
def test_an_overflow_is_said_and_leaves_a_diagnosis_without(residual):
    net = ss.MLP((1, 1, 1, 1), "linear", "mse", dtype="float64", init="constant",
                 residual=residual, init_scale=1e200)  # fmt: skip
    X = np.full((2, 1), 1e9)
    with pytest.raises(ValueError, match="net: a hidden unit's value overflows"):
        saturation(net, X)
    small = net.copy()
    small.theta[:] = 1e-3
    run = ss.train(small, X, np.zeros(2), optimizer="sgd", lr=1e-30, epochs=2)
    run.net.theta[:] = net.theta
    assert ss.diagnose(run).saturation is None


# ---- In a diagnosis --------------------------------------------------------------------------


def diagnosed(stuck, activation="tanh", **settings):
    X = np.random.default_rng(0).standard_normal((60, 3))
    net = ss.MLP((3, 5, 6, 1), activation, "mse", dtype="float64", seed=2)
    for layer, units in enumerate(stuck):
        net.layers()[layer][1][:units] = -100.0
    run = ss.train(net, X, X[:, 0].copy(), optimizer="sgd", lr=1e-3, batch_size="full", epochs=30)
    return ss.diagnose(run, **settings)


@pytest.mark.parametrize("curvature", [True, False])
def test_a_diagnosis_has_the_shares_of_the_network_as_it_ended(curvature):
    found = diagnosed((1, 0), curvature=curvature)
    assert found.saturation.shares[0][0] == 1
    assert [len(shares) for shares in found.saturation.shares] == [5, 6]
    assert found.saturation.samples == 60


def test_few_of_a_layer_are_named_below_the_verdict():
    found = diagnosed((1, 2))
    assert "saturated_units" not in [finding.rule for finding in found.findings]
    text = " ".join(str(found).split())
    said = (
        "units hidden layer 1: 1 of 5 tanh units saturated for at least 99 % of the samples (row 0 "
        "of W), 1 of them for all; hidden layer 2: 2 of 6 tanh units"
    )
    assert said in text
    assert "Units: hidden layer 1: 1 of 5" in found._repr_html_()
    assert max(len(line) for line in str(found).splitlines()) <= 80


def test_half_of_a_layer_is_a_finding_and_said_once():
    found = diagnosed((0, 4), "relu")  # and a fifth by itself
    (finding,) = (finding for finding in found.findings if finding.rule == "saturated_units")
    assert finding.verdict == "dead units"
    assert finding.statement.startswith("Hidden layer 2: 5 of 6 relu units dead")
    assert finding.evidence[0].value == "5 of 6"
    assert "leaky_relu" in finding.remedy
    assert "standardise" not in finding.remedy  # the inputs are
    assert "also dead units: Hidden layer 2" in " ".join(str(found).split())
    assert str(found).count("dead for at least") == 1
    assert "\nunits" not in str(found)


@pytest.mark.parametrize("standardised", [False, True])
def test_inputs_are_to_be_standardised_where_they_are_not(standardised):
    X = 100 + 30 * np.random.default_rng(0).standard_normal((60, 3))
    net = ss.MLP((3, 5, 1), "sigmoid", "mse", dtype="float64", seed=2)
    net.layers()[0][1][:] = -1000.0
    if standardised:
        net.standardise(X)
    run = ss.train(net, X, X[:, 0] / 100, optimizer="sgd", lr=1e-3, batch_size="full", epochs=3)
    (finding,) = (f for f in ss.diagnose(run).findings if f.rule == "saturated_units")
    assert ("net.standardise(X)" in finding.remedy) != standardised
    assert "smaller weights" in finding.remedy


@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        ({}, "or normalise: normalisation='batch'"),
        ({"normalisation": "layer"}, "smaller scales (gamma)"),
        ({"normalisation": "layer", "normalise_after": True}, "before the activation"),
    ],
)
def test_no_remedy_is_one_that_is_there(settings, advice):
    net = ss.MLP((3, 4, 1), "tanh", "mse", dtype="float64", seed=0, **settings)
    net.layers()[0][1][:] = 40.0
    for _, beta in net.scales():
        beta[...] = 40.0
    X = RNG.standard_normal((50, 3))
    run = ss.train(net, X, np.zeros((50, 1)), batch_size="full", epochs=3, lr=1e-6)
    found = [each for each in ss.diagnose(run).findings if each.rule == "saturated_units"]
    assert len(found) == 1
    assert advice in found[0].remedy
    assert ("normalisation='batch'" in found[0].remedy) == (not settings)


def test_nothing_is_said_where_nothing_is_flat():
    found = diagnosed((0, 0))
    assert "units" not in str(found)
    assert "Units" not in found._repr_html_()
    linear = diagnosed((0, 0), "linear")
    assert not np.concatenate(linear.saturation.shares).any()


# ---- In the report ---------------------------------------------------------------------------


def squares(html):
    """The shares that are drawn, by layer, in their order: (unit, share)."""
    return [
        [
            (int(unit), float(share))
            for unit, share in re.findall(r"<title>unit (\d+): ([\d.]+) %", svg)
        ]
        for svg in re.findall(r"<svg.*?</svg>", html)
    ]


def test_the_map_has_a_square_for_each_unit_worst_first():
    report = pytest.importorskip("saddlescape.report.units")
    shares = np.array([0.25, 1.0, 0.5]), RNG.uniform(0, 0.9, 40)
    html = report.units_map(Saturation("tanh", 1234, shares))
    first, second = squares(html)
    assert first == [(1, 100.0), (2, 50.0), (0, 25.0)]
    assert [unit for unit, _ in second] == np.argsort(-shares[1], kind="stable").tolist()
    for svg in re.findall(r"<svg.*?</svg>", html):
        for square in ET.fromstring(svg):  # noqa: S314 (our own)
            title, whole, full = square
            share = float(re.search(r"([\d.]+) %", title.text)[1]) / 100
            height, side = float(full.get("height")), float(whole.get("height"))
            assert height == pytest.approx(share * side, abs=0.02)  # both are rounded
            top = float(whole.get("y"))
            assert float(full.get("y")) + height == pytest.approx(top + side, abs=0.011)
    assert "1,234 samples" in html


def test_of_a_wide_layer_the_worst_are_drawn_and_the_rest_counted():
    report = pytest.importorskip("saddlescape.report.units")
    shares = np.linspace(1, 0, 1000)
    html = report.units_map(Saturation("relu", 10, (shares,)))
    assert len(squares(html)[0]) == 256
    assert f"744 more, none above {100 * shares[255]:.0f} %" in html


@pytest.mark.parametrize("found", [None, Saturation("linear", 9, (np.zeros(3),)),
                                   Saturation("relu", 9, ())])  # fmt: skip
def test_no_map_of_nothing(found):
    report = pytest.importorskip("saddlescape.report.units")
    assert report.units_map(found) == ""


def test_the_page_has_the_map(tmp_path):
    pytest.importorskip("plotly")
    for name, there in (("tanh", True), ("linear", False)):
        page = diagnosed((1, 0), name).save(tmp_path / f"{name}.html")
        assert ("How often units are flat" in page.read_text(encoding="utf-8")) == there
