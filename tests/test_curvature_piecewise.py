"""The warning where second derivatives leave kinks out: when, where, how often, in which words."""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import saddlescape
import saddlescape as ss
from saddlescape import critical, curvature, eig
from saddlescape.curvature import PiecewiseLinearWarning, piecewise
from saddlescape.diagnosis.diagnose import diagnose
from saddlescape.diagnosis.investigate import Plan, investigate

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((40, 3)), RNG.integers(0, 2, 40)
ONES = np.ones(3)


def network(activation: str = "relu", loss: str = "cross_entropy", hidden: Any = (4, 5)) -> ss.MLP:
    return ss.MLP((3, *hidden, 2), activation, loss, dtype="float64", seed=1)


def caught(call: Callable[[], Any]) -> list[warnings.WarningMessage]:
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        call()
    return found


def torch_loss(name: str) -> Callable[[], Any]:
    torch = pytest.importorskip("torch")
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), getattr(torch.nn, name)()).double()
    x = torch.from_numpy(X)

    def loss_fn() -> Any:
        return (model(x) ** 2).mean()

    return lambda: curvature.from_torch(loss_fn, model.parameters())


def jax_loss(name: str) -> Callable[[], Any]:
    jax = pytest.importorskip("jax")
    f = getattr(jax.nn, name)
    return lambda: curvature.from_jax(lambda w: (f(w) ** 2).sum(), ONES)


# what asks for an operator, a line of its own each -> the names of the kinks
KINKED = {
    "relu": (lambda: lambda: curvature.of(network(), X, Y), "relu"),
    "leaky_relu": (lambda: lambda: curvature.of(network("leaky_relu"), X, Y), "leaky_relu"),
    "hard_sigmoid": (lambda: lambda: curvature.of(network("hard_sigmoid"), X, Y), "hard_sigmoid"),
    "hard_tanh": (lambda: lambda: curvature.of(network("hard_tanh"), X, Y), "hard_tanh"),
    "hard_swish": (lambda: lambda: curvature.of(network("hard_swish"), X, Y), "hard_swish"),
    "mae": (lambda: lambda: curvature.of(network("tanh", "mae"), X, Y), "mae"),
    "both": (lambda: lambda: curvature.of(network(loss="mae"), X, Y), "relu, mae"),
    "no hidden layer": (lambda: lambda: curvature.of(network("relu", "mae", ()), X, Y), "mae"),
    "find": (lambda: lambda: critical.find(network(), X, Y, max_steps=2), "relu"),
    "escape": (lambda: lambda: critical.escape(network(), X, Y), "relu"),
    "torch relu": (lambda: torch_loss("ReLU"), "relu"),
    "torch leaky relu": (lambda: torch_loss("LeakyReLU"), "leaky_relu"),
    "torch hard": (lambda: torch_loss("Hardswish"), "hardswish"),
    "jax relu": (lambda: jax_loss("relu"), "relu"),
    "jax hard swish": (lambda: jax_loss("hard_swish"), "hard_silu"),
    "jax hard": (lambda: jax_loss("hard_tanh"), "hard_tanh"),
}


@pytest.mark.parametrize("name", KINKED)
def test_once_and_at_the_line_that_asks(name: str) -> None:
    make, kinks = KINKED[name]
    call = make()
    found = caught(call)
    assert [each.category for each in found] == [PiecewiseLinearWarning]
    assert found[0].filename == __file__
    lines, first = inspect.getsourcelines(call)
    assert first <= found[0].lineno < first + len(lines)
    text = str(found[0].message)
    assert text.startswith(f"At the kinks of {kinks}, where the slope jumps, second derivatives ")
    region = "smooth" if kinks in ("hard_silu", "hard_swish", "hardswish") else "linear"
    assert f"hold within one {region} region of {kinks}" in text
    counted = name in piecewise.KINKS or name in ("both", "find", "escape")
    assert ("pre-activations" in text) == counted


def test_an_error_where_warnings_are() -> None:
    with pytest.raises(PiecewiseLinearWarning, match="second derivatives count as zero"):
        curvature.of(network(), X, Y)


SMOOTH = ("elu", "gelu", "linear", "sigmoid", "silu", "softplus", "tanh")


@pytest.mark.parametrize("activation", SMOOTH)
@pytest.mark.parametrize("loss", ["cross_entropy", "bce", "mse"])
def test_nothing_is_said_of_what_is_smooth(activation: str, loss: str) -> None:
    assert curvature.of(network(activation, loss), X, Y).kinks == ()
    assert curvature.of(network("relu", loss, ()), X, Y).kinks == ()  # no hidden layer, no kink


def test_nothing_is_said_of_smooth_losses_elsewhere() -> None:
    assert jax_loss("gelu")().kinks == ()


@pytest.mark.parametrize("name", ["GELU", "SiLU", "Softplus", "Tanh"])
def test_nothing_is_said_of_smooth_modules(name: str) -> None:
    assert torch_loss(name)().kinks == ()


def test_what_is_made_of_an_operator_says_no_more() -> None:
    with pytest.warns(PiecewiseLinearWarning):
        H = curvature.of(network(), X, Y)
    moved = H.at(H.theta + 1)
    curvature.mean_of([moved, H.at(moved.theta)], [1, 2]).block([0, 1]).dense()
    eig.lanczos(H)
    point = critical.classify(H)
    assert "relu is piecewise linear: curvature at its kinks is not in H" in point.not_checked
    critical.escape(H, point=point)
    critical.find(H, max_steps=2)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_how_many_are_near_a_kink(activation: str) -> None:
    """Exact zeros, just inside and just outside of a thousandth of the largest."""
    net = ss.MLP((1, 2, 1), activation, loss="mse", dtype="float64")
    (W, b), _ = net.layers()
    W[:], b[:] = [[1.0], [-2.0]], [0.0, 1.0]
    inputs = np.array([[0.0], [9.9e-3], [-9.9e-3], [1.01e-2], [10.0], [0.5], [0.504]])
    # first unit: x, largest 10; second: 1 - 2 x, largest 19
    count = 3 + 2
    with pytest.warns(PiecewiseLinearWarning, match=f"and {count} of 14 pre-activations lie wit"):
        curvature.of(net, inputs, np.zeros((7, 1)))


@pytest.mark.parametrize("activation", ["hard_sigmoid", "hard_swish", "hard_tanh"])
def test_how_many_are_near_one_of_two_kinks(activation: str) -> None:
    net = ss.MLP((1, 1, 1), activation, loss="mse", dtype="float64", bias=False)
    net.theta[:] = 1
    kink = piecewise.KINKS[activation][1]
    inputs = np.array([[-kink], [kink + 9e-3], [kink - 9e-3], [kink - 1.1e-2], [0.0], [10.0]])
    with pytest.warns(PiecewiseLinearWarning, match="and 3 of 6 pre-activations lie within"):
        H = curvature.of(net, inputs, np.zeros((6, 1)))
    kind = "quadratic" if activation == "hard_swish" else "linear"
    assert H.silent == (f"{activation} is piecewise {kind}: curvature at its kinks is not in H")


def test_all_layers_are_counted_and_none_where_it_takes_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    net = network()
    net.theta = np.zeros(net.parameters)
    with pytest.warns(PiecewiseLinearWarning, match="and 360 of 360 pre-activations"):
        curvature.of(net, X, Y)
    monkeypatch.setattr(piecewise, "_CHEAP", 40 * (4 * 4 + 4 * 4 + 5 * 5) - 1)
    with pytest.warns(PiecewiseLinearWarning) as found:
        curvature.of(net, X, Y)
    assert "pre-activations" not in str(found[0].message)


def test_what_it_says_of_silencing_it_is_true() -> None:
    with pytest.warns(PiecewiseLinearWarning) as found:
        curvature.of(network(loss="mae"), X, Y)
    text = str(found[0].message)
    assert "(gelu for relu, mse for mae)" in text
    advice = re.search(r"warnings\.filterwarnings\(.*?\)", text)
    assert advice is not None
    with warnings.catch_warnings():
        exec(advice.group(), {"warnings": warnings, "saddlescape": saddlescape})  # noqa: S102
        curvature.of(network(), X, Y)


def test_what_is_said_in_a_verdict_is_not_said_twice() -> None:
    """Warnings are errors here: neither a diagnosis nor an investigation lets one through."""
    said = "relu is piecewise linear: curvature at its kinks is not in H"
    net = network()
    run = ss.train(net, X, Y, optimizer="sgd", lr=0.05, epochs=30, batch_size="full")
    assert said in diagnose(run).not_checked
    story = investigate(network(), X, Y, Plan(lr=0.05, epochs=30), title="relu")
    assert said in story.diagnosis.not_checked
