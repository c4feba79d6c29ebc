"""Gradients of some rows: the step of the full gradient where that leaves other rows alone."""

from __future__ import annotations

import numpy as np
import pytest

from saddlescape import optim

ROWS, WIDTH = 40, 7


def table(dtype=np.float32, seed=0, width=WIDTH):
    return np.random.default_rng(seed).normal(size=(ROWS, width)).astype(dtype)


def gradient(t, dtype=np.float32, width=WIDTH):
    """Return indices, some of them twice, values, and the same as a whole gradient."""
    rng = np.random.default_rng(100 + t)
    indices = rng.integers(0, ROWS, size=9)
    values = rng.normal(size=(9, width)).astype(dtype)
    whole = np.zeros((ROWS, width), dtype)
    for i in np.argsort(indices, kind="stable"):  # in the order in which rows are summed
        whole[indices[i]] += values[i]
    return indices, values, whole


RULES = [
    ("sgd", {"lr": 0.1}),
    ("adagrad", {"lr": 0.1}),
    ("adagrad", {"lr": 0.1, "convention": "keras", "initial_accumulator_value": 0.1}),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("name", "arguments"), RULES)
def test_sgd_and_adagrad_step_as_with_the_whole_gradient(name, arguments, dtype):
    some, whole = table(dtype), table(dtype)
    bias, same = np.ones(3, dtype), np.ones(3, dtype)
    a, b = (
        optim.create(name, [some, bias], **arguments),
        optim.create(name, [whole, same], **arguments),
    )
    for t in range(20):
        indices, values, g = gradient(t, dtype)
        a.step([optim.Rows(indices, values), np.full(3, 0.5, dtype)])
        b.step([g, np.full(3, 0.5, dtype)])
        assert some.tobytes() == whole.tobytes()
        assert bias.tobytes() == same.tobytes()
    assert a.state_dict()["steps"].tolist() == [20, 20]


def test_adam_is_lazy():
    theta = table(np.float64)
    start = theta.copy()
    opt = optim.Adam(theta, lr=0.1, convention="keras")
    m, v = np.zeros_like(theta), np.zeros_like(theta)
    expected = theta.copy()
    for t in range(1, 21):
        indices, values, g = gradient(t, np.float64)
        opt.step(optim.Rows(indices, values))
        rows = np.unique(indices)
        m[rows] = 0.9 * m[rows] + 0.1 * g[rows]
        v[rows] = 0.999 * v[rows] + 0.001 * g[rows] ** 2
        scale = 0.1 * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        expected[rows] -= scale * m[rows] / (np.sqrt(v[rows]) + 1e-8)
        np.testing.assert_allclose(theta, expected, rtol=0, atol=1e-13)
    opt.step(optim.Rows([], np.zeros((0, WIDTH))))  # no row at all is a step as well
    np.testing.assert_allclose(theta, expected, rtol=0, atol=1e-13)
    assert opt.steps == 21
    assert opt.state_dict()["steps"].tolist() == [21]
    assert (start != theta).any(axis=1).sum() > 30


def test_adam_is_torchs_sparse_adam():
    torch = pytest.importorskip("torch")
    theta = table()
    weight = torch.from_numpy(theta.copy()).requires_grad_()
    ours = optim.Adam(theta, lr=0.01, convention="keras")
    theirs = torch.optim.SparseAdam([weight], lr=0.01)
    for t in range(50):
        indices, values, _ = gradient(t)
        ours.step(optim.Rows(indices, values))
        weight.grad = torch.sparse_coo_tensor(
            torch.from_numpy(indices)[None],
            torch.from_numpy(values),
            weight.shape,
            check_invariants=True,
        )
        theirs.step()
    # 50 steps of at most 0.03, each off by some roundings of float32
    np.testing.assert_allclose(theta, weight.detach().numpy(), rtol=0, atol=3e-6)


def test_rows_are_clipped_scaled_and_checked_like_any_gradient():
    some, whole = table(), table()
    a, b = optim.SGD(some, clip_norm=0.5, lr=1.0), optim.SGD(whole, clip_norm=0.5, lr=1.0)
    indices, values, g = gradient(0)
    a.step(optim.Rows(indices, values), grad_scale=4.0)
    b.step(g, grad_scale=4.0)
    assert a.gradient_norm == pytest.approx(b.gradient_norm, rel=1e-12)
    assert a.clip < 1
    np.testing.assert_allclose(some, whole, rtol=0, atol=1e-6)
    before = some.copy()
    values[4, 2] = np.nan
    with pytest.raises(ValueError, match=r"^grads: NaN at \(\d+, 2\), expected finite numbers$"):
        a.step(optim.Rows(indices, values))
    assert some.tobytes() == before.tobytes()
    assert a.steps == 1


@pytest.mark.parametrize("storage", [{"state_dtype": "bfloat16"}, {"state_dtype": "8bit"}])
def test_rows_with_narrow_states(storage):
    # The largest numbers of a block of 64 are its own in both: the rows are blocks.
    some, whole = table(width=64), table(width=64)
    a, b = optim.Adagrad(some, lr=0.1, **storage), optim.Adagrad(whole, lr=0.1, **storage)
    for t in range(5):
        indices, values, g = gradient(t, width=64)
        a.step(optim.Rows(indices, values))
        b.step(g)
    # The dither of a row counts its own elements: other draws, the same mean.
    assert np.abs(some - whole).max() < 0.05
    assert np.abs(some - whole).mean() < 5e-4


REFUSED = [
    ("lion", {}, [0], (1, WIDTH), ValueError,
     "rows with the rule 'lion', expected a whole gradient"),
    ("momentum", {}, [0], (1, WIDTH), ValueError, "rows with the rule 'momentum'"),
    ("sgd", {"weight_decay": 0.1}, [0], (1, WIDTH), ValueError, "rows with weight_decay"),
    ("sgd", {"statistics": True}, [0], (1, WIDTH), ValueError, "rows with statistics"),
    ("sgd", {"average": optim.EMA()}, [0], (1, WIDTH), ValueError, "rows with average"),
    ("adam", {"state_dtype": "8bit"}, [0], (1, WIDTH), ValueError,
     "rows of 7 numbers with state_dtype='8bit', expected a multiple of 64"),
    ("sgd", {}, [ROWS], (1, WIDTH), ValueError, f"{ROWS}, expected 0 to {ROWS - 1}"),
    ("sgd", {}, [-1], (1, WIDTH), ValueError, f"-1, expected 0 to {ROWS - 1}"),
    ("sgd", {}, [0], (1, 3), ValueError, r"shape \(1, 3\), expected \(1, 7\)"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "arguments", "indices", "shape", "error", "text"), REFUSED)
def test_refused_rows_change_nothing(name, arguments, indices, shape, error, text):
    first, theta = np.ones(3, np.float32), table()
    before = theta.copy()
    opt = optim.create(name, [first, theta], **arguments)
    with pytest.raises(error, match=rf"^grads\[1\].*{text}"):
        opt.step([np.ones(3, np.float32), optim.Rows(indices, np.ones(shape, np.float32))])
    assert (first == 1).all()
    assert theta.tobytes() == before.tobytes()
    assert opt.steps == 0
    opt.step([np.ones(3, np.float32), None])  # nothing of the refused step is left
    assert opt.state_dict()["steps"].tolist() == [1, 0]


@pytest.mark.parametrize(
    ("indices", "values", "error", "text"),
    [
        ([0.5], np.ones((1, 2)), TypeError, "indices: dtype float64, expected whole numbers"),
        ([0], np.ones((1, 2), int), TypeError, "values: dtype int64, expected real numbers"),
        ([0, 1], np.ones((1, 2)), ValueError, "values: shape (1, 2) for indices of shape (2,)"),
        ([[0]], np.ones((1, 2)), ValueError, "values: shape (1, 2) for indices of shape (1, 1)"),
    ],
)
def test_refused_indices_and_values(indices, values, error, text):
    with pytest.raises(error) as caught:
        optim.Rows(indices, values)
    assert str(caught.value).startswith(text)
