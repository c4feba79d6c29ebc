"""What PyTorch's losses may do that makes a Hessian of them wrong: refused, or worked round."""
# ruff: noqa: PLW0108 - a loss has to be computed anew at every call, a bound method is not

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from saddlescape import curvature

torch = pytest.importorskip("torch")
from test_curvature_torch import bits, model, perceptron  # noqa: E402 - needs torch
from torch_samples import Once  # noqa: E402 - needs torch

F, nn = torch.nn.functional, torch.nn


def refused(loss_fn: Callable[[], Any], params: Any, *parts: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - looked at below
        curvature.from_torch(loss_fn, params)
    for part in parts:
        assert part in str(caught.value)


def test_dropout_is_refused() -> None:
    net, loss_fn = model()
    net.drop.train()
    net.norm.eval()
    before = bits(net)
    refused(loss_fn, net.parameters(), "draws random numbers (PyTorch)", "dropout", "model.eval()")
    assert bits(net) == before


def test_dropout_that_only_the_curvature_shows_is_refused() -> None:
    """With all weights zero, loss and gradient are the same whatever is dropped."""
    net, loss_fn = model()
    net.eval()
    net.drop.train()
    with torch.no_grad():
        for p in net.parameters():
            p.zero_()
    refused(loss_fn, net.parameters(), "draws random numbers", "dropout")


def test_seeded_dropout_is_a_function() -> None:
    net, loss_fn = model()
    net.drop.train()
    net.norm.eval()

    def seeded() -> Any:
        torch.manual_seed(3)
        return loss_fn()

    before = bits(net)
    H = curvature.from_torch(seeded, net.parameters())
    assert np.array_equal(H @ np.ones(H.shape[0]), H @ np.ones(H.shape[0]))
    assert bits(net) == before


def test_batch_norm_in_train_mode_is_refused() -> None:
    net, loss_fn = model()
    net.drop.eval()
    before = bits(net)
    refused(
        loss_fn, net.parameters(), "changes tensors outside itself", "(4,) float64", "model.eval()"
    )
    assert bits(net) == before
    net.norm.momentum = 0.0  # the count goes on
    refused(loss_fn, net.parameters(), "() int64")


def test_batch_norm_that_records_nothing_is_a_function() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4, track_running_stats=False))
    x = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    assert curvature.from_torch(lambda: net(x).tanh()[0].sum(), net.parameters()).silent is None


def test_changing_batches_are_refused() -> None:
    w = torch.ones(2, dtype=torch.float64, requires_grad=True)
    batches = iter(torch.arange(40.0, dtype=torch.float64).reshape(20, 2))
    refused(lambda: ((w * next(batches)) ** 2).sum(), [w], "the loss differs", "fix the batch")


def test_a_closure_that_goes_backward_itself_is_refused() -> None:
    net, loss_fn = model()
    net.eval()

    def closure() -> Any:
        loss = loss_fn()
        loss.backward(retain_graph=True)
        return loss

    before = bits(net)
    refused(closure, net.parameters(), "changes .grad (put back)", "backward()")
    loss_fn().backward()  # with gradients there already
    before = bits(net)
    refused(closure, net.parameters(), "changes .grad (put back)")
    assert bits(net) == before


def test_tensors_made_inside_may_be_written() -> None:
    _, _, _, params, loss_fn = perceptron()

    def accumulated() -> Any:
        total, parts = torch.tensor(0.0, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
        parts.view(-1)[1] = 2.0
        total += loss_fn()
        return total * parts.sum()

    double, plain = curvature.from_torch(accumulated, params), curvature.from_torch(loss_fn, params)
    assert np.allclose(double.dense(), 2 * plain.dense(), rtol=0, atol=1e-14)


def test_rounding_between_two_calls_is_a_warning() -> None:
    w = torch.ones(3, dtype=torch.float64, requires_grad=True)
    calls = []

    def noisy() -> Any:
        calls.append(0)
        return (w**3).sum() * (1 + 4e-16 * (len(calls) % 2))

    with pytest.warns(RuntimeWarning, match="sums in another order"):
        H = curvature.from_torch(noisy, [w])
    assert 1e-15 < H.error() < 1e-12


class Detached(torch.autograd.Function):
    """x^3 with a backward pass that PyTorch differentiates without a word, to zero."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.x = x.detach()
        return x**3

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g * 3 * ctx.x**2


def ctc(w: Any) -> Any:
    scores = w.reshape(4, 1, 3).log_softmax(2)
    return F.ctc_loss(scores, torch.tensor([[1, 2]]), torch.tensor([4]), torch.tensor([2]))


@pytest.mark.parametrize(
    ("function", "plain"),
    [
        (lambda w: Once.apply(w).sum(), lambda w: (w**3).sum()),
        (lambda w: Detached.apply(w).sum(), lambda w: (w**3).sum()),
        (lambda w: (Detached.apply(w) * w).sum(), lambda w: (w**4).sum()),
        (ctc, None),
    ],
    ids=["once", "detached", "in part", "ctc"],
)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_without_a_second_derivative_there_are_differences(
    function: Callable[[Any], Any], plain: Callable[[Any], Any] | None, dtype: Any
) -> None:
    start = torch.linspace(-1, 1.5, 12, dtype=dtype)
    w = start.clone().requires_grad_(True)
    H = curvature.from_torch(lambda: function(w), [w])
    assert "finite differences: " in repr(H)
    before = H.error()
    A = H.dense()
    size = float(np.linalg.norm(A))
    if plain is not None:
        u = start.double().requires_grad_(True)
        exact = curvature.from_torch(lambda: plain(u), [u]).dense()
        assert np.linalg.norm(A - exact) <= H.error()
    limit = 1e-6 if dtype is torch.float64 else 0.1
    assert 0 < before < limit * size
    assert 0 < H.error() < limit * size
    v = np.random.default_rng(0).standard_normal(12)
    assert np.linalg.norm(H @ v - A @ v) <= 10 * H.error() * np.linalg.norm(v)
    assert torch.equal(w, start)


def test_a_gradient_of_no_function_is_refused() -> None:
    B = torch.randn(3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return (x * x).sum()

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * (B @ ctx.saved_tensors[0])

    w = torch.ones(3, dtype=torch.float64, requires_grad=True)
    refused(lambda: Wrong.apply(w), [w], "the gradient is not that of loss_fn", "hooks on")


def test_under_no_grad_and_in_inference_mode() -> None:
    w = torch.ones(2, dtype=torch.float64, requires_grad=True)
    for mode in (torch.no_grad(), torch.inference_mode()):
        with mode, warnings.catch_warnings():
            H = curvature.from_torch(lambda: (w**3).sum(), [w])
            assert np.array_equal(H.dense(), 6 * np.eye(2))
            assert H.loss(np.zeros(2)) == 0


leaf = torch.ones(2, requires_grad=True)
twin = leaf.detach().requires_grad_(True)


def square() -> Any:
    return (leaf**2).sum()


REFUSALS = [
    (3, [leaf], TypeError, "loss_fn: int, expected a function loss_fn()"),
    (lambda: 3.0, [leaf], TypeError, "loss_fn(): float, expected a tensor with one element"),
    (lambda: leaf**2, [leaf], TypeError, "loss_fn(): shape (2,) of torch.float32, expected a real"),
    (lambda: (leaf.detach() ** 2).sum(), [leaf], ValueError, "depends on none of params"),
    (square, [twin], ValueError, "depends on none of params"),
    (lambda: (leaf / 0).sum(), [leaf], ValueError, "loss_fn: inf at params, expected a finite"),
    (lambda: leaf.sub(1).norm(), [leaf], ValueError, "expected a loss with second derivatives"),
    (square, [], ValueError, "params: no elements"),
    (square, "w", TypeError, "params: str, expected a list of tensors, or of pairs of a name and"),
    (square, {"w": 3}, TypeError, "params[0]: int, expected a tensor"),
    (square, [np.ones(2)], TypeError, "params[0]: ndarray, expected a tensor"),
    (square, [leaf, leaf], ValueError, "params[1]: given twice"),
    (square, [leaf, twin], ValueError, "params[1]: shares memory with params[0]"),
    (square, [leaf * 2], ValueError, "params[0]: is the result of other tensors"),
    (square, [torch.ones(2)], ValueError, "params[0]: does not require grad"),
    (square, [torch.ones(2, dtype=torch.int64)], TypeError, "params[0]: torch.in"),
    (
        square,
        [leaf, torch.full((2,), torch.nan, requires_grad=True)],
        ValueError,
        "params: nan at 2",
    ),
]


@pytest.mark.parametrize(("loss_fn", "params", "error", "text"), REFUSALS)
def test_misuse_is_refused(loss_fn: Any, params: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        curvature.from_torch(loss_fn, params)
    assert text in str(caught.value)
    assert leaf.grad is None
    assert torch.equal(leaf, torch.ones(2))


def test_operands_and_bounds_are_checked() -> None:
    H = curvature.from_torch(square, [leaf], lower_bound=0)
    assert H.lower_bound == 0.0
    with pytest.raises(ValueError, match=r"V: shape \(3,\), expected \(2,\) or \(2, k\)"):
        H @ np.ones(3)
    with pytest.raises(ValueError, match=r"theta: shape \(3,\), expected \(2,\)"):
        H.loss(np.ones(3))
    with pytest.raises(ValueError, match="lower_bound: 5, expected at most the loss, 2"):
        curvature.from_torch(square, [leaf], lower_bound=5)
    assert curvature.from_torch(square, leaf).shape == (2, 2)
