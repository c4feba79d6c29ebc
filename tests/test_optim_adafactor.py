"""Adafactor: its trace, its states' shapes, PyTorch's."""

from __future__ import annotations

import numpy as np
import pytest

from oracle import product_rules
from product_samples import DTYPES, normal, same_bits
from saddlescape import optim, schedule

ADAFACTOR = [
    {},
    {"lr": 0.1, "weight_decay": 0.02, "beta2_decay": -0.5},
    {"lr": 0.3, "eps": (1e-30, 0.5), "d": 2.0, "maximize": True},
    {"lr": schedule.cosine(0.1, 20), "eps": (0.3, 0.0), "weight_decay": 0.1},
]
ARRAYS = [(), (1,), (5000,), (5, 7), (7, 5), (300, 301), (41, 3000), (4, 3, 5, 6), (500, 3, 3)]


@pytest.mark.parametrize("arguments", ADAFACTOR, ids=str)
@pytest.mark.parametrize("shape", ARRAYS, ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_adafactor_follows_its_trace(dtype, shape, arguments):
    # A step is off by a few roundings of u and its factor, and a rounding of theta: 3 ulps of what
    # was travelled in all, as roundings add like a random walk. The element that goes farthest
    # tells the scale.
    theta = normal(shape, dtype).reshape(shape)
    grads = normal((20, *shape), dtype, 1)
    expected = product_rules.adafactor(theta, grads, **arguments)
    opt = optim.Adafactor(theta, **arguments)
    travelled = np.abs(expected[0]).max()
    for t, g in enumerate(grads, start=1):
        opt.step(np.asarray(g))
        travelled += np.abs(expected[t] - expected[t - 1]).max()
        assert np.abs(theta - expected[t]).max() < 3 * np.finfo(dtype).eps * travelled, t


def test_adafactor_keeps_the_means_of_rows_and_columns():
    shapes = [(6,), (4, 5), (2, 3, 4, 5)]
    arrays = [normal(shape, np.float64, i) for i, shape in enumerate(shapes)]
    grads = [normal(shape, np.float64, i + 9) for i, shape in enumerate(shapes)]
    opt = optim.Adafactor(arrays)
    opt.step(grads)
    state = opt.state_dict()["state"]
    assert [a.shape for a in state["row_var"]] == [(0,), (4, 1), (2, 3, 4, 1)]
    assert [a.shape for a in state["col_var"]] == [(0,), (1, 5), (2, 3, 1, 5)]
    assert [a.shape for a in state["variance"]] == [(6,), (0,), (0,)]
    for i in (1, 2):
        squares = grads[i] ** 2
        assert state["row_var"][i] == pytest.approx(squares.mean(-1, keepdims=True), rel=1e-14)
        assert state["col_var"][i] == pytest.approx(squares.mean(-2, keepdims=True), rel=1e-14)
    assert state["variance"][0] == pytest.approx(grads[0] ** 2, rel=1e-15)


def test_adafactors_first_epsilon_is_that_of_the_parameters_type():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    # Gradients so small that eps1 decides: u = g / eps1, alpha = rms(theta) / 10.
    for dtype, eps in (
        (np.float32, 2.0**-23),
        (np.float16, 2.0**-10),
        (ml_dtypes.bfloat16, 2.0**-7),
    ):
        theta = np.full((2, 2), 2.0).astype(dtype)
        g = np.full((2, 2), 0.5 * eps, np.float32)
        optim.Adafactor(theta, lr=0.1).step(g)
        assert (theta == np.float32(2.0 - 0.2 * 0.5).astype(dtype)).all()


@pytest.mark.parametrize("shape", [(9,), (3, 4)], ids=str)
def test_adafactor_with_eps_0_leaves_alone_what_has_no_gradient(shape):
    theta = normal(shape, np.float64)
    start = theta.copy()
    opt = optim.Adafactor(theta, eps=(0, 1e-3))
    for _ in range(3):
        opt.step(np.zeros(shape))
    assert same_bits(theta, start)


@pytest.mark.parametrize("arguments", ADAFACTOR[:3], ids=str)
@pytest.mark.parametrize("shape", ARRAYS, ids=str)
def test_adafactor_goes_where_torchs_does(shape, arguments):
    torch = pytest.importorskip("torch")
    theta = normal(shape, np.float64).reshape(shape)
    grads = normal((200, *shape) if theta.size < 1000 else (20, *shape), np.float64, 1)
    other = torch.nn.Parameter(torch.tensor(theta))
    ours, theirs = optim.Adafactor(theta, **arguments), torch.optim.Adafactor([other], **arguments)
    travelled = np.abs(theta).max()
    for g in grads:
        before = theta.copy()
        ours.step(np.asarray(g))
        other.grad = torch.tensor(g)
        theirs.step()
        travelled += np.abs(theta - before).max()
        # twice the bound above: both round
        assert np.abs(theta - other.detach().numpy()).max() < 6 * np.finfo(float).eps * travelled
    for name, value in theirs.state[other].items():
        if name != "step":
            mine = ours.state_dict()["state"][name][0]
            assert mine.shape == tuple(value.shape)
            assert mine == pytest.approx(value.numpy(), rel=1e-13)


def test_a_wrong_shape_of_a_factored_state_is_refused():
    opt = optim.Adafactor(np.ones((3, 4)))
    opt.step(np.ones((3, 4)))
    state = opt.state_dict()
    state["state"]["row_var"] = [np.ones((3, 4))]
    with pytest.raises(ValueError, match="row_var") as caught:
        opt.load_state_dict(state)
    assert str(caught.value) == "state['row_var'][0]: shape (3, 4), expected (3, 1)"
